"""Where a run comes from."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from hrg_pipeline.tracking import provenance


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    (tmp_path / "a.txt").write_text("a")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)
    return tmp_path


def test_a_clean_commit(repository: Path) -> None:
    state = provenance.git_state(repository)
    assert len(state["commit"]) == 40
    assert state["dirty"] == "false"


def test_an_untracked_file_makes_it_dirty(repository: Path) -> None:
    (repository / "b.txt").write_text("b")
    assert provenance.git_state(repository)["dirty"] == "true"


def test_no_repository_is_unknown(tmp_path: Path) -> None:
    assert provenance.git_state(tmp_path) == {"commit": "unknown", "dirty": "unknown"}


def test_no_git_is_unknown(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert provenance.git_state(repository) == {"commit": "unknown", "dirty": "unknown"}


def test_the_lock_file_is_hashed(tmp_path: Path) -> None:
    assert provenance.lock_hash(tmp_path) == "unknown"
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "lock.txt").write_text("numpy==2.0\n")
    assert provenance.lock_hash(tmp_path) == hashlib.sha256(b"numpy==2.0\n").hexdigest()


def test_versions_name_what_shapes_the_numbers() -> None:
    found = provenance.versions()
    assert {"python", "mujoco", "robosuite", "stable-baselines3", "torch", "numpy", "numba", "kedro"} <= set(found)
    assert "unknown" not in found.values()


def test_seeds_are_found_at_any_depth() -> None:
    parameters = {
        "run": {"seed": 1, "eval_seed": 2, "n_envs": 3},
        "task": {"motion": {"seed": 4}},
        "seed": None,
    }
    assert provenance.seeds(parameters) == {"run.seed": 1, "run.eval_seed": 2, "task.motion.seed": 4}
