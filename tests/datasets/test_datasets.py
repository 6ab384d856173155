"""What is stored comes back as it was; what is not there, broken or foreign is refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kedro.io.core import DatasetError, Version
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm

from hrg_pipeline.datasets import (
    EnvSpecDataset,
    FolderInventoryDataset,
    ProvenanceDataset,
    ReplayBufferDataset,
    SB3ModelDataset,
    Video,
    VideoDataset,
)
from hrg_pipeline.datasets.base import FileDataset
from hrg_pipeline.learning.vec_env import EngineVecEnv
from tests.learning.fake_env import PointReachVectorEnv

FILE_DATASETS = (EnvSpecDataset, ReplayBufferDataset, SB3ModelDataset, VideoDataset)
ARRAYS = {"rewards": np.arange(6.0).reshape(3, 2), "full": np.array(True), "pos": np.array(3)}


@pytest.fixture
def sac() -> BaseAlgorithm:
    env = EngineVecEnv(PointReachVectorEnv(1))
    return SAC("MlpPolicy", env, seed=0, buffer_size=10, policy_kwargs={"net_arch": [8]}, device="cpu")


@pytest.mark.parametrize("dataset_class", FILE_DATASETS)
@pytest.mark.parametrize("version", [None, Version(None, None)])
def test_a_missing_file_is_an_error_and_does_not_exist(
    tmp_path: Path, dataset_class: Callable[..., FileDataset[Any]], version: Version | None
) -> None:
    dataset = dataset_class(filepath=str(tmp_path / "missing"), version=version)
    assert not dataset.exists()
    with pytest.raises(DatasetError):
        dataset.load()


def test_arrays_come_back_to_the_bit(tmp_path: Path) -> None:
    dataset = ReplayBufferDataset(filepath=str(tmp_path / "sub" / "buffer.npz"))
    dataset.save(ARRAYS)
    loaded = dataset.load()
    assert loaded.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype
    assert json.loads(dataset.preview())["rewards"] == "float64(3, 2)"


def test_no_replay_buffer_is_an_empty_one(tmp_path: Path) -> None:
    dataset = ReplayBufferDataset(filepath=str(tmp_path / "buffer.npz"))
    dataset.save({})
    assert dataset.exists()
    assert dataset.load() == {}


def test_arrays_of_objects_are_neither_written_nor_read(tmp_path: Path) -> None:
    dataset = ReplayBufferDataset(filepath=str(tmp_path / "buffer.npz"))
    with pytest.raises(DatasetError, match=r"[Oo]bject arrays"):
        dataset.save({"infos": np.array([{}, {}], dtype=object)})
    assert list(tmp_path.iterdir()) == [], "a write that failed leaves nothing"
    np.savez(tmp_path / "buffer.npz", infos=np.array([{}, {}], dtype=object))
    with pytest.raises(DatasetError, match=r"[Oo]bject arrays"):
        dataset.load()


def test_each_version_keeps_its_own_contents(tmp_path: Path) -> None:
    def dataset(load: str | None, save: str | None) -> ReplayBufferDataset:
        return ReplayBufferDataset(filepath=str(tmp_path / "b.npz"), version=Version(load, save))

    dataset(None, "v1").save({"a": np.array(1)})
    dataset(None, "v2").save({"a": np.array(2)})
    assert dataset("v1", None).load()["a"] == 1
    assert dataset(None, None).load()["a"] == 2
    assert (tmp_path / "b.npz" / "v1" / "b.npz").is_file()
    with pytest.raises(DatasetError, match="must not exist"):
        dataset(None, "v2").save({"a": np.array(3)})


def test_a_model_acts_the_same_after_a_round_trip(tmp_path: Path, sac: BaseAlgorithm) -> None:
    dataset = SB3ModelDataset(filepath=str(tmp_path / "policy.zip"), load_args={"device": "cpu"})
    dataset.save(sac)
    loaded = dataset.load()
    assert type(loaded) is SAC
    observations = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    actions = [model.predict(observations, deterministic=True)[0] for model in (sac, loaded)]
    np.testing.assert_array_equal(*actions)


def test_the_preview_of_a_model_says_what_it_is(tmp_path: Path, sac: BaseAlgorithm) -> None:
    dataset = SB3ModelDataset(filepath=str(tmp_path / "policy.zip"))
    dataset.save(sac)
    card = json.loads(dataset.preview())
    assert (card["algorithm"], card["class"], card["num_timesteps"]) == ("sac", "SAC", 0)
    assert card["n_parameters"] == sum(parameter.numel() for parameter in sac.policy.parameters())


def test_a_model_of_another_class_is_not_stored(tmp_path: Path, sac: BaseAlgorithm) -> None:
    class Other(PPO):
        pass

    dataset = SB3ModelDataset(filepath=str(tmp_path / "policy.zip"))
    with pytest.raises(DatasetError, match=r"'Other' are not stored; choose one of \['ppo', 'sac'\]"):
        dataset.save(Other("MlpPolicy", EngineVecEnv(PointReachVectorEnv(1)), n_steps=4, batch_size=4, device="cpu"))


def test_a_file_that_names_another_algorithm_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "policy.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hrg_model.json", json.dumps({"algorithm": "os.system"}))
    with pytest.raises(DatasetError, match=r"names algorithm 'os.system'; only \['ppo', 'sac'\] are loaded"):
        SB3ModelDataset(filepath=str(path)).load()


@pytest.mark.parametrize("contents", [b"no zip", None])
def test_a_foreign_file_is_no_model(tmp_path: Path, contents: bytes | None) -> None:
    path = tmp_path / "policy.zip"
    if contents is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data", "{}")
    else:
        path.write_bytes(contents)
    with pytest.raises(DatasetError, match="is not a model that this project stored"):
        SB3ModelDataset(filepath=str(path)).load()


def test_a_video_comes_back(tmp_path: Path) -> None:
    dataset = VideoDataset(filepath=str(tmp_path / "episode.mp4"))
    dataset.save(Video(mp4=b"frames"))
    assert dataset.load() == Video(mp4=b"frames")
    assert dataset.stored_path == str(tmp_path / "episode.mp4")


def test_where_there_is_no_video_there_is_a_note(tmp_path: Path) -> None:
    dataset = VideoDataset(filepath=str(tmp_path / "episode.mp4"))
    dataset.save(Video(mp4=b"frames"))
    dataset.save(Video(note="no display"))
    assert dataset.exists()
    assert dataset.load() == Video(note="no display")
    assert [path.name for path in tmp_path.iterdir()] == ["episode.txt"]
    dataset.save(Video(mp4=b"frames"))
    assert [path.name for path in tmp_path.iterdir()] == ["episode.mp4"]


def test_a_folder_lists_its_files(tmp_path: Path) -> None:
    dataset = FolderInventoryDataset(path=str(tmp_path / "run"))
    assert dataset.load() == {}
    (tmp_path / "run" / "v1").mkdir(parents=True)
    (tmp_path / "run" / "v1" / "a.txt").write_bytes(b"abc")
    assert dataset.load() == {
        "v1/a.txt": {
            "bytes": 3,
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        }
    }


@pytest.mark.parametrize("dataset_class", [FolderInventoryDataset, ProvenanceDataset])
def test_what_is_found_out_cannot_be_stored(tmp_path: Path, dataset_class: Callable[..., Any]) -> None:
    with pytest.raises(DatasetError, match="read-only"):
        dataset_class(path=str(tmp_path)).save({})


def test_provenance_names_commit_lock_and_machine(tmp_path: Path) -> None:
    assert ProvenanceDataset(path=str(tmp_path)).load().keys() == {
        "git",
        "lock_sha256",
        "versions",
        "command",
        "machine",
    }
