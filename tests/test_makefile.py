"""The commands that the README promises."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _make(*words: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    # Flags and variables of a `make test` around us must not reach the make that is tested.
    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "EXP", "SEED", "ARGS", "TORCH", "PORT", "WORKERS")
    env = {name: value for name, value in os.environ.items() if name not in outer} | variables
    return subprocess.run(["make", *words], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_menu_lists_every_command():
    words = "setup train test test-nightly lint format lock ui viz bench soak clean".split()
    lines = _make("help").stdout.splitlines()
    assert [name for name in words if not any(line.startswith(f"  make {name} ") for line in lines)] == []
    assert _make().stdout == _make("help").stdout


@pytest.mark.parametrize(
    ("words", "params"),
    [
        ([], ""),
        (["EXP=human_reach_ppo_parallel"], " --params 'experiment=human_reach_ppo_parallel'"),
        (["SEED=3", "ARGS=run.n_envs=4,a=[1, 2]"], " --params 'run.seed=3,run.n_envs=4,a=[1, 2]'"),
        (["EXP=a", "SEED=3"], " --params 'experiment=a,run.seed=3'"),
        (["ARGS=a.b=c"], " --params 'a.b=c'"),
    ],
)
def test_train_runs_the_pipeline_with_the_parameters(words, params):
    last = _make("-n", "train", *words, "-o", ".venv/.setup").stdout.splitlines()[-1]
    assert last == f".venv/bin/kedro run --pipelines train{params}"


def test_test_runs_every_check_with_pytest_last():
    commands = _make("-n", "test", "-o", ".venv/.setup").stdout.splitlines()
    assert [command.removeprefix(".venv/bin/").split()[0] for command in commands] == [
        "ruff",
        "ruff",
        "mypy",
        "lint-imports",
        "python",
    ]
    assert commands[-1] == '.venv/bin/python -m pytest -n 2 --dist loadfile --durations=15 -m "not nightly"'


@pytest.fixture
def bare(tmp_path):
    """The files that setup reads, with no environment yet."""
    (tmp_path / "requirements").mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements/lock.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


@pytest.mark.parametrize("command", ["train", "test"])
def test_both_commands_install_first(bare, command):
    lines = _make("-n", command, cwd=bare, PIP_FIND_LINKS="").stdout
    assert "pip install --python .venv/bin/python --no-deps --require-hashes -r requirements/lock.txt" in lines
    assert lines.index("torch==") < lines.index("pip install --python .venv/bin/python --no-deps -e .")


@pytest.mark.parametrize(
    ("variables", "source"),
    [
        ({"PIP_FIND_LINKS": "/a /b"}, "--find-links /a --find-links /b torch=="),
        ({"PIP_FIND_LINKS": "/a", "TORCH": "cpu"}, "--torch-backend cpu --reinstall-package torch torch=="),
        ({"TORCH": "auto"}, "--torch-backend auto --reinstall-package torch torch=="),
    ],
)
def test_torch_comes_from_where_it_was_asked_for(bare, variables, source):
    assert f"--no-config {source}" in _make("-n", "setup", cwd=bare, **variables).stdout


def test_a_machine_without_python_311_is_told_so(bare):
    tools = bare / "tools"
    tools.mkdir()
    for name in ("python3.11", "python3", "python"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
        (tools / name).chmod(0o755)
    outcome = _make("train", cwd=bare, PATH=f"{tools}:{os.environ['PATH']}")
    assert outcome.returncode != 0
    assert "Python 3.11 not found" in outcome.stderr
    assert not (bare / ".venv").exists()
