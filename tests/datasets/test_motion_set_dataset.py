"""A folder of clips as one dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kedro.io.core import DatasetError

from hrg_pipeline.datasets import MotionSetDataset
from hrg_pipeline.human.clip import Clip


def clip(name: str, height: float = 1.0) -> Clip:
    return Clip(
        name=name,
        family="test",
        root_position=np.tile((1.0, 0.0, height), (5, 1)),
        rotations=np.tile((1.0, 0.0, 0.0, 0.0), (5, 24, 1)),
        rate_hz=50.0,
        stature_m=1.75,
    )


def test_clips_come_back_by_name(tmp_path: Path) -> None:
    dataset = MotionSetDataset(path=str(tmp_path / "set"))
    assert not dataset.exists()
    dataset.save({name: clip(name) for name in ("b/1", "a/2")})
    assert dataset.exists()
    assert list(dataset.load()) == ["a/2", "b/1"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["set"], "nothing is left beside it"


def test_saving_replaces_the_set(tmp_path: Path) -> None:
    dataset = MotionSetDataset(path=str(tmp_path / "set"))
    dataset.save({"a/1": clip("a/1"), "a/2": clip("a/2")})
    dataset.save({"a/1": clip("a/1", 0.9)})
    assert list(dataset.load()) == ["a/1"]
    assert dataset.load()["a/1"].root_position[0, 2] == 0.9


def test_an_empty_set_and_a_path_out_of_it_are_errors(tmp_path: Path) -> None:
    dataset = MotionSetDataset(path=str(tmp_path / "set"))
    with pytest.raises(DatasetError, match="no clips"):
        dataset.load()
    dataset.save({"a/1": clip("a/1")})
    with pytest.raises(DatasetError, match="path below its folder"):
        dataset.save({"../x": clip("x")})
    assert list(dataset.load()) == ["a/1"], "a failed save leaves the set as it was"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["set"]
