"""Damaged and hostile files: what is loaded is whole, everything else is one clear error."""

from __future__ import annotations

import base64
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kedro.io.core import DatasetError
from kedro_datasets.json import JSONDataset
from kedro_datasets.pandas import ParquetDataset

from hrg_pipeline.datasets import ClipDataset, EnvSpecDataset, ReplayBufferDataset, SB3ModelDataset
from hrg_pipeline.envs.spec import EnvSpec
from hrg_pipeline.errors import HrgError
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams
from tests.human.test_motion_set import waving
from tests.learning.test_agent import make_agent

few = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LOADERS: dict[str, tuple[type[Any], Callable[[], Any]]] = {
    "policy.zip": (SB3ModelDataset, lambda: make_agent("ppo").model),
    "replay_buffer.npz": (ReplayBufferDataset, lambda: {"rewards": np.arange(60.0).reshape(30, 2)}),
    "normalisation.json": (JSONDataset, lambda: {"mean": [0.0, 1.0], "var": [1.0, 1.0], "count": 3.0}),
    "env_spec.json": (EnvSpecDataset, lambda: EnvSpec.create(RobotParams(), ReachHumanParams())),
    "episodes.parquet": (ParquetDataset, lambda: pd.DataFrame({"return": [1.0, 2.0], "success": [True, False]})),
    "clip.npz": (ClipDataset, lambda: waving("wave/1")),
}
names = pytest.mark.parametrize("name", LOADERS)


@cache
def whole(name: str) -> bytes:
    """The bytes of a file that is whole."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        dataset_class, make = LOADERS[name]
        dataset_class(filepath=str(file)).save(make())
        return file.read_bytes()


def load(folder: Path, name: str, content: bytes) -> str:
    """Load a file; returns what the error says, empty if there is none."""
    file = folder / name
    file.write_bytes(content)
    try:
        LOADERS[name][0](filepath=str(file)).load()
    except (DatasetError, HrgError) as error:
        assert str(error)
        return str(error)
    return ""


@names
def test_a_file_that_is_whole_is_loaded(tmp_path, name):
    assert load(tmp_path, name, whole(name)) == ""


@names
@few
@given(share=st.floats(0.0, 0.98))
def test_a_file_that_was_cut_off_is_refused(tmp_path, name, share):
    content = whole(name)
    assert load(tmp_path, name, content[: int(share * len(content))])


@names
@few
@given(junk=st.binary(max_size=200))
def test_a_file_of_anything_is_refused(tmp_path, name, junk):
    load(tmp_path, name, junk)
    assert load(tmp_path, name, b"\x93" + junk)


@names
@few
@given(data=st.data())
def test_a_file_with_changed_bytes_is_loaded_or_refused(tmp_path, name, data):
    content = bytearray(whole(name))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    load(tmp_path, name, bytes(content))


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


@names
def test_no_code_of_a_hostile_file_is_run(tmp_path, name):
    mark = tmp_path / "ran"
    stream = io.BytesIO()
    np.savez(stream, header=np.array([Bomb(mark)], dtype=object), rewards=np.array([Bomb(mark)], dtype=object))
    for content in (pickle.dumps(Bomb(mark)), stream.getvalue()):
        assert load(tmp_path, name, content)
    assert not mark.exists()


@pytest.mark.parametrize("member", ["data", "policy.pth", "policy.optimizer.pth", "pytorch_variables.pth"])
def test_no_code_inside_a_model_is_run(tmp_path, member):
    mark = tmp_path / "ran"
    bomb = pickle.dumps(Bomb(mark))
    # The pickled attributes of stable-baselines3 are base64 inside JSON, weights are pickles inside torch's own zip.
    as_data = json.dumps({"bomb": {":type:": "Bomb", ":serialized:": base64.b64encode(bomb).decode()}}).encode()
    tensors = io.BytesIO()
    torch.save({"weight": Bomb(mark)}, tensors)
    for hostile in (as_data, tensors.getvalue(), bomb):
        stream = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(whole("policy.zip"))) as source, zipfile.ZipFile(stream, "w") as archive:
            assert member in source.namelist()
            for name in source.namelist():
                archive.writestr(name, hostile if name == member else source.read(name))
        refused = load(tmp_path, "policy.zip", stream.getvalue())
        assert refused or member == "data", "only the part that is not read may be anything"
    assert not mark.exists()


def test_a_model_that_names_another_format_is_refused(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("hrg_model.json", json.dumps(["ppo"]))
    assert load(tmp_path, "policy.zip", stream.getvalue())


@pytest.mark.parametrize("content", ["[]", "null", '{"robot": {"name": "nobody"}, "task": {}}', '{"robot": 1}', "1e9"])
def test_a_specification_that_is_json_and_nothing_else_is_refused(tmp_path, content):
    assert load(tmp_path, "env_spec.json", content.encode())
