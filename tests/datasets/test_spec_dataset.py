"""Environment specifications are stored as readable JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kedro.io.core import DatasetError

from hrg_pipeline.datasets import EnvSpecDataset
from hrg_pipeline.envs.spec import EnvSpec
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams


@pytest.fixture
def spec() -> EnvSpec:
    return EnvSpec.create(RobotParams(), ReachHumanParams(horizon=17))


def test_a_spec_comes_back_the_same(tmp_path: Path, spec: EnvSpec) -> None:
    dataset = EnvSpecDataset(filepath=str(tmp_path / "spec.json"))
    dataset.save(spec)
    loaded = dataset.load()
    assert loaded == spec
    assert loaded.sha256() == spec.sha256()
    assert json.loads(dataset.preview())["task"]["horizon"] == 17


def test_a_spec_with_a_key_too_many_is_refused(tmp_path: Path, spec: EnvSpec) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec.model_dump(mode="json") | {"colour": "red"}))
    with pytest.raises(DatasetError, match="colour"):
        EnvSpecDataset(filepath=str(path)).load()
