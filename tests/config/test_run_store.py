"""Run keys, stored runs, and what keeps them from being overwritten."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from hrg_pipeline.config.params import RUN_ID_PATTERN
from hrg_pipeline.config.run_guard import check_repetition, check_resume, check_run
from hrg_pipeline.config.run_store import RunStore, new_run_key
from hrg_pipeline.errors import ConfigError, RunNotFoundError

MLFLOW_ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """Three trained runs, ``run-2`` the newest, and one that never got a model."""
    store = RunStore(tmp_path)
    for number in (0, 1, 2):
        folder = store.folder / f"run-{number}"
        (folder / "policy.zip").mkdir(parents=True)
        (folder / "parameters.yml").write_text("{}")
        os.utime(folder / "policy.zip", (number, number))
    (store.folder / "run-1" / "mlflow_run.json").write_text(f'{{"run_id": "{MLFLOW_ID}"}}')
    (store.folder / "failed").mkdir()
    (store.folder / "failed" / "parameters.yml").write_text("{}")
    return store


def test_a_new_key_says_what_it_is_and_names_a_folder() -> None:
    key = new_run_key("reach human/quick", 7)
    assert re.fullmatch(r"reach_human_quick-seed7-\d{8}-\d{6}-[0-9a-f]{3}", key)
    assert re.match(RUN_ID_PATTERN, key)
    assert new_run_key(None, 0).startswith("custom-seed0-")


def test_a_run_is_found_by_key_and_by_mlflow_id(store: RunStore) -> None:
    assert store.find("run-1") == "run-1"
    assert store.find(MLFLOW_ID) == "run-1"
    assert store.find("f" * 32) is None
    assert store.find("nobody") is None
    assert store.find("../06_models/run-1") is None


def test_the_newest_version_of_the_stored_parameters_counts(store: RunStore) -> None:
    folder = store.folder / "versioned" / "parameters.yml"
    for version in ("2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"):
        (folder / version).mkdir(parents=True)
        (folder / version / "parameters.yml").write_text("{}")
    assert store.parameters_file("versioned").parent.name.startswith("2026-01-02")


def test_the_newest_trained_runs_come_first(store: RunStore, tmp_path: Path) -> None:
    assert store.newest(2) == ["run-2", "run-1"]
    assert RunStore(tmp_path / "empty").newest() == []


@pytest.mark.parametrize("run_id", ["nobody", "failed"])
def test_only_a_trained_run_can_be_evaluated(store: RunStore, run_id: str) -> None:
    check_run(store, "run-1", ["evaluate"])
    with pytest.raises(RunNotFoundError, match=rf"'{run_id}'.*run-2, run-1, run-0"):
        check_run(store, run_id, ["evaluate"])


def test_evaluating_without_naming_a_run_says_so(store: RunStore) -> None:
    with pytest.raises(RunNotFoundError, match=r"run\.id is not set.*run-2"):
        check_run(store, "brand-new-key", ["evaluate"], given=False)


@pytest.mark.parametrize("pipelines", [[], ["train"], ["__default__"], ["train", "evaluate"]])
def test_a_training_never_overwrites_a_model(store: RunStore, pipelines: list[str]) -> None:
    with pytest.raises(ConfigError, match="run-1 already has a trained model"):
        check_run(store, "run-1", pipelines)
    check_run(store, "run-1", pipelines, sliced=True)
    check_run(store, "failed", pipelines)
    check_run(store, "new", pipelines)


def _begun(store: RunStore, key: str, steps: int) -> None:
    """Give a run stored parameters and a checkpoint."""
    folder = store.folder / key
    (folder / "checkpoints" / f"step-{steps:012d}").mkdir(parents=True)
    (folder / "checkpoints" / f"step-{steps:012d}" / "manifest.json").write_text("{}")
    (folder / "parameters.yml").write_text(
        "{run: {n_steps: 100, seed: 1}, algorithm: {gamma: 0.9}, tracking: {run_name: a}}"
    )


def _resumed(key: str, n_steps: int = 100, gamma: float = 0.9) -> dict[str, dict[str, object]]:
    run = {"id": key, "resume": key, "n_steps": n_steps, "seed": 1}
    return {"run": run, "algorithm": {"gamma": gamma}, "tracking": {"run_name": "b"}}


def test_an_unfinished_training_is_resumed_and_nothing_else(store: RunStore) -> None:
    _begun(store, "killed", 60)
    check_resume(store, _resumed("killed"), ["train"])
    with pytest.raises(ConfigError, match=r"run\.resume=killed"):
        check_run(store, "killed", ["train"])
    with pytest.raises(RunNotFoundError):
        check_run(store, "killed", ["evaluate"])
    with pytest.raises(ConfigError, match="not for evaluate"):
        check_resume(store, _resumed("killed"), ["evaluate"])
    with pytest.raises(ConfigError, match=r"algorithm\.gamma was 0\.9"):
        check_resume(store, _resumed("killed", gamma=0.8), [])
    with pytest.raises(RunNotFoundError, match=r"no complete checkpoint.*killed"):
        check_resume(store, _resumed("failed"), ["train"])


def test_a_finished_training_is_extended_only(store: RunStore) -> None:
    _begun(store, "run-1", 100)
    with pytest.raises(ConfigError, match=r"finished its training of 100 steps; set run\.n_steps"):
        check_resume(store, _resumed("run-1"), ["train"])
    check_resume(store, _resumed("run-1", n_steps=200), ["train"])


def test_a_repetition_is_of_what_was_stored(store: RunStore) -> None:
    _begun(store, "run-1", 100)
    check_repetition(store, _resumed("run-1"))
    with pytest.raises(ConfigError, match=r"run\.n_steps was 100"):
        check_repetition(store, _resumed("run-1", n_steps=200))
