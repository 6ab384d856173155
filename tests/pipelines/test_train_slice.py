"""From a specification to evaluated episodes, with a toy environment and real files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset
from kedro_datasets.matplotlib import MatplotlibDataset
from kedro_datasets.pandas import ParquetDataset

from hrg_pipeline.config.params import RunParams
from hrg_pipeline.datasets import (
    CheckpointsDataset,
    FolderInventoryDataset,
    ReplayBufferDataset,
    SB3ModelDataset,
    Video,
    VideoDataset,
)
from hrg_pipeline.errors import IntegrityError
from hrg_pipeline.pipelines import evaluate, train
from tests.learning.fake_env import PointReachSpec

RUN = RunParams(
    id="key-1", n_envs=2, n_steps=120, n_test_episodes=4, log_interval=20, verbose=False, record_video=False
)
ALGORITHMS: dict[str, dict[str, Any]] = {
    "sac": {
        "name": "sac",
        "buffer_size": 200,
        "learning_starts": 20,
        "batch_size": 16,
        "normalize_observations": True,
        "policy_kwargs": {"net_arch": [8]},
        "device": "cpu",
    },
    "ppo": {
        "name": "ppo",
        "n_steps": 30,
        "batch_size": 30,
        "n_epochs": 1,
        "policy_kwargs": {"net_arch": [8]},
        "device": "cpu",
    },
}


@dataclass
class Spec(PointReachSpec):
    """What the nodes ask of a specification."""

    task: dict[str, Any] = field(default_factory=lambda: {"seed": 0})

    def sha256(self) -> str:
        return f"horizon {self.horizon}"


@dataclass
class Project:
    """A catalog like the project's, without an environment to simulate."""

    folder: Path
    algorithm: str = "sac"

    def catalog(self) -> DataCatalog:
        models = self.folder / "models"

        def json(name: str) -> JSONDataset:
            return JSONDataset(filepath=str(models / f"{name}.json"))

        return DataCatalog(
            {
                "params:run": MemoryDataset(RUN),
                "params:algorithm": MemoryDataset(ALGORITHMS[self.algorithm]),
                "wrapped_env_spec": MemoryDataset(Spec(), copy_mode="assign"),
                "policy": SB3ModelDataset(filepath=str(models / "policy.zip"), load_args={"device": "cpu"}),
                "replay_buffer": ReplayBufferDataset(filepath=str(models / "replay_buffer.npz")),
                "normalisation": json("normalisation"),
                "training_record": json("training_record"),
                "training_curve": ParquetDataset(filepath=str(models / "training_curve.parquet")),
                "stored_files": FolderInventoryDataset(path=str(models), exclude=["checkpoints"]),
                "checkpoints": CheckpointsDataset(path=str(models / "checkpoints")),
                "provenance": MemoryDataset({"lock_sha256": "0"}),
                "manifest": json("manifest"),
                "episodes": ParquetDataset(filepath=str(self.folder / "episodes.parquet")),
                "evaluation_metrics": json("metrics"),
                "learning_curve_plot": MatplotlibDataset(filepath=str(self.folder / "learning_curve.png")),
                "evaluation_plot": MatplotlibDataset(filepath=str(self.folder / "evaluation.png")),
                "episode_video": VideoDataset(filepath=str(self.folder / "episode.mp4")),
            }
        )

    def run(self, *nodes: str) -> None:
        pipeline = train.create_pipeline().only_nodes(*nodes)
        SequentialRunner().run(pipeline, self.catalog())

    def load(self, name: str) -> Any:
        return self.catalog()[name].load()


ALL = ("train", "save_artifacts", "evaluate")


@pytest.fixture(scope="module", params=sorted(ALGORITHMS))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after a whole run; only to be looked at."""
    project = Project(tmp_path_factory.mktemp(request.param), request.param)
    project.run(*ALL)
    return project


@pytest.fixture
def stored(trained: Project, tmp_path: Path) -> Project:
    """A copy of it that may be damaged."""
    shutil.copytree(trained.folder, tmp_path, dirs_exist_ok=True)
    return Project(tmp_path, trained.algorithm)


def test_every_episode_is_in_the_table(trained: Project) -> None:
    episodes = trained.load("episodes")
    assert len(episodes) == RUN.n_test_episodes
    assert {"return", "length", "success", "failsafe_interventions", "min_human_distance"} <= set(episodes)


def test_metrics_have_intervals(trained: Project) -> None:
    metrics = trained.load("evaluation_metrics")
    assert metrics["n_episodes"] == RUN.n_test_episodes
    assert metrics["success_rate_low"] <= metrics["success_rate"] <= metrics["success_rate_high"]


def test_pictures_are_drawn_and_a_video_that_is_not_wanted_is_explained(trained: Project) -> None:
    for name in ("learning_curve.png", "evaluation.png"):
        assert (trained.folder / name).read_bytes().startswith(b"\x89PNG")
    assert trained.load("episode_video") == Video(note="No video: run.record_video is false.\n")


def test_the_manifest_lists_what_is_stored(trained: Project) -> None:
    manifest = trained.load("manifest")
    assert manifest["run_key"] == "key-1"
    assert manifest["lock_sha256"] == "0"
    assert manifest["seeds"] == {"run": 0, "environment": 0, "algorithm": 0, "evaluation": 100}
    policy = trained.folder / "models" / "policy.zip"
    assert manifest["files"]["policy.zip"]["bytes"] == policy.stat().st_size
    assert {"replay_buffer.npz", "normalisation.json"} <= set(manifest["files"])


def test_the_transitions_are_stored_where_there_are_any(trained: Project) -> None:
    record, arrays = trained.load("training_record"), trained.load("replay_buffer")
    assert record["n_transitions"] == (record["steps"] if trained.algorithm == "sac" else 0)
    assert (arrays == {}) == (trained.algorithm == "ppo")


def test_metrics_go_to_the_tracked_run_while_it_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []

    class Sink:
        def log(self, metrics: dict[str, float], step: int) -> None:
            steps.append(step)

    monkeypatch.setattr("hrg_pipeline.tracking.current_sink", Sink)
    Project(tmp_path, "ppo").run("train")
    assert steps == sorted(steps)
    assert len(steps) >= RUN.n_steps // RUN.log_interval


def test_the_same_seed_gives_the_same_run(trained: Project, tmp_path: Path) -> None:
    again = Project(tmp_path, trained.algorithm)
    again.run(*ALL)
    assert again.load("training_record")["action_sha256"] == trained.load("training_record")["action_sha256"]
    pd.testing.assert_frame_equal(again.load("episodes"), trained.load("episodes"))


def test_what_was_stored_can_be_checked_and_evaluated_later(stored: Project) -> None:
    before = stored.load("evaluation_metrics")
    stored.run("save_artifacts")
    SequentialRunner().run(evaluate.create_pipeline(), stored.catalog())
    assert stored.load("evaluation_metrics") == before


@pytest.fixture
def tampered(stored: Project) -> Project:
    """A run whose policy was changed by the smallest possible amount after training."""
    policy = stored.load("policy")
    weight = next(parameter for name, parameter in policy.policy.named_parameters() if parameter.ndim == 2)
    weight.data[0, 0] += 1e-3
    (stored.folder / "models" / "policy.zip").unlink()
    stored.catalog()["policy"].save(policy)
    return stored


def test_a_policy_that_acts_otherwise_is_refused(tampered: Project) -> None:
    (tampered.folder / "models" / "manifest.json").unlink()
    with pytest.raises(IntegrityError, match="does not act as train recorded"):
        tampered.run("save_artifacts")
    assert not (tampered.folder / "models" / "manifest.json").exists()


def test_a_policy_that_was_changed_later_is_not_evaluated(tampered: Project) -> None:
    with pytest.raises(IntegrityError, match="does not act as save_artifacts recorded"):
        tampered.run("evaluate")


def test_a_lost_transition_is_noticed(stored: Project) -> None:
    arrays = stored.load("replay_buffer") or {"rewards": np.zeros((3, 2))}
    arrays["rewards"] = arrays["rewards"][1:]
    stored.catalog()["replay_buffer"].save(arrays)
    with pytest.raises(IntegrityError, match="stored number of transitions"):
        stored.run("save_artifacts")


def test_another_environment_is_noticed(stored: Project) -> None:
    record = stored.load("training_record") | {"spec_sha256": "horizon 21"}
    stored.catalog()["training_record"].save(record)
    with pytest.raises(IntegrityError, match="stored environment specification"):
        stored.run("save_artifacts")
