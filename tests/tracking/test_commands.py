"""``kedro compare`` and ``kedro runs`` on stored runs, with a real store."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hrg_pipeline import cli
from hrg_pipeline.tracking.mlflow_run import MlflowRun
from hrg_pipeline.tracking.store import DATABASE, open_client
from tests.commands.projects import VERSION, store_run

SHORT = "2025-01-01T00.00.00.000Z"


@pytest.fixture
def stored(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two experiments of two seeds, as the working folder."""
    for k in range(4):
        store_run(project, f"{'sac' if k < 2 else 'ppo'}-seed{k % 2}", "sac" if k < 2 else "ppo", k % 2)
    monkeypatch.chdir(project)
    return project


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli.cli, list(words))


def track(project: Path, key: str, pid: int, host: str | None = None) -> str:
    """Open an MLflow run as a process would that is going on."""
    tags = {"hrg.run_key": key, "hrg.pid": str(pid), "hrg.host": host or socket.gethostname()}
    run = MlflowRun.create(project, "hrg", key, tags)
    (project / "data/06_models" / key / "mlflow_run.json").write_text(f'{{"run_id": "{run.ref.run_id}"}}')
    return run.ref.run_id


@pytest.fixture
def dead_pid() -> int:
    """The number of a process that lived."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_a_comparison_is_stored_and_recorded_once(stored: Path) -> None:
    result = invoke("compare", "sac", "ppo", "--name", "both")
    assert result.exit_code == 0, result.output
    folder = stored / "data/08_reporting/compare/both"
    assert {"report.html", "report.png", "groups.csv", "runs.csv", "differences.csv"} == names(folder)
    client = open_client(stored)
    (run,) = client.search_runs([client.get_experiment_by_name("hrg").experiment_id])
    assert (run.info.run_name, run.info.status) == ("compare/both", "FINISHED")
    assert set(run.data.tags["hrg.compare_runs"].split()) == {"sac-seed0", "sac-seed1", "ppo-seed0", "ppo-seed1"}
    files = {Path(file.path).name for file in client.list_artifacts(run.info.run_id, "compare")}
    assert files == names(folder)
    again = invoke("compare", "sac", "--name", "both")
    assert (again.exit_code, again.output.count("\n")) == (1, 1)
    assert "exists already" in again.output
    assert names(folder.parent) == {"both", *(f"both/{name}" for name in files)}


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("nobody",), "experiments: ppo, sac"),
        (("sac", "--name", "../x"), "expected letters"),
        (("sac", "--by", "algorithm.gama"), "no run has a parameter"),
    ],
)
def test_a_comparison_that_cannot_be_is_one_line_and_leaves_nothing(stored: Path, words: Any, part: str) -> None:
    before = names(stored / "data")
    result = invoke("compare", *words)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert part in result.output
    assert names(stored / "data") - before <= {"08_reporting/compare"}


def test_runs_are_listed_with_state_and_size(stored: Path, dead_pid: int) -> None:
    track(stored, "sac-seed0", os.getpid())
    track(stored, "sac-seed1", dead_pid)
    lines = invoke("runs", "list").output.splitlines()
    told = {line.split()[0]: line for line in lines[:4]}
    assert "RUNNING" in told["sac-seed0"] and "ORPHANED" in told["sac-seed1"] and "not tracked" in told["ppo-seed0"]
    assert all("kB" in line and "model, evaluation" in line for line in told.values())
    assert "1 are marked as running, but their process is gone" in lines[-1]
    assert len(invoke("runs", "list", "ppo").output.splitlines()) == 3


def test_one_run_is_shown_file_by_file(stored: Path) -> None:
    output = invoke("runs", "show", "sac-seed0").output
    assert f"policy.zip/{VERSION}/policy.zip" in output and "1.0 kB" in output
    many = invoke("runs", "show", "sac")
    assert many.exit_code == 1 and "means 2 runs" in many.output


def test_only_runs_of_this_host_whose_process_is_gone_are_reaped(stored: Path, dead_pid: int) -> None:
    alive = track(stored, "sac-seed0", os.getpid())
    gone = track(stored, "sac-seed1", dead_pid)
    elsewhere = track(stored, "ppo-seed0", dead_pid, host="another")
    client = open_client(stored)
    assert "1 runs would be marked" in invoke("runs", "reap", "--dry-run").output
    assert client.get_run(gone).info.status == "RUNNING"
    assert "1 runs marked as KILLED" in invoke("runs", "reap").output
    assert [client.get_run(run).info.status for run in (alive, gone, elsewhere)] == ["RUNNING", "KILLED", "RUNNING"]
    assert "no orphaned runs" in invoke("runs", "reap").output


def test_nothing_is_removed_without_yes_and_only_what_was_asked_for_with_it(stored: Path) -> None:
    checkpoint = stored / "data/06_models/sac-seed0/checkpoints/step-000000001000"
    checkpoint.mkdir(parents=True)
    (checkpoint / "networks.pt").write_bytes(b"0" * 5000)
    older = stored / f"data/08_reporting/ppo-seed0/episodes.parquet/{SHORT}"
    older.mkdir()
    (older / "episodes.parquet").write_bytes(b"0")
    before = names(stored / "data")
    dry = invoke("runs", "clean", "--checkpoints", "--versions")
    assert "2 folders, 5.0 kB would be removed" in dry.output
    assert names(stored / "data") == before
    assert invoke("runs", "clean", "--checkpoints", "--yes").exit_code == 0
    assert before - names(stored / "data") == {
        "06_models/sac-seed0/checkpoints",
        "06_models/sac-seed0/checkpoints/step-000000001000",
        "06_models/sac-seed0/checkpoints/step-000000001000/networks.pt",
    }
    assert invoke("runs", "clean", "--versions", "--yes").exit_code == 0
    assert not older.exists() and (older.parent / VERSION / "episodes.parquet").is_file()
    assert "nothing to remove" in invoke("runs", "clean", "--checkpoints", "--versions", "--yes").output


def test_what_goes_on_or_can_be_gone_on_with_stays(stored: Path, dead_pid: int) -> None:
    for key in ("sac-seed0", "sac-seed1", "ppo-seed0"):
        (stored / "data/06_models" / key / f"policy.zip/{VERSION}/policy.zip").unlink()
        (stored / "data/08_reporting" / key / f"episodes.parquet/{VERSION}/episodes.parquet").unlink()
    (stored / "data/06_models/sac-seed1/checkpoints").mkdir()
    track(stored, "sac-seed0", os.getpid())
    result = invoke("runs", "clean", "--unfinished", "--checkpoints", "--yes")
    assert result.exit_code == 0, result.output
    kept = {folder.name for folder in (stored / "data/06_models").iterdir()}
    assert kept == {"sac-seed0", "sac-seed1", "ppo-seed1"}


def test_whole_runs_go_only_when_they_are_named(stored: Path) -> None:
    nothing = invoke("runs", "clean", "--whole", "--yes")
    assert nothing.exit_code == 1 and "needs the runs" in nothing.output
    assert invoke("runs", "clean", "sac-seed0", "--yes").exit_code == 1
    assert invoke("runs", "clean", "sac-seed0", "--whole", "--yes").exit_code == 0
    assert {folder.name for folder in (stored / "data/06_models").iterdir()} == {"sac-seed1", "ppo-seed0", "ppo-seed1"}
    assert not (stored / "data/08_reporting/sac-seed0").exists()


def test_looking_makes_no_database(stored: Path) -> None:
    (stored / DATABASE).unlink()
    assert invoke("runs", "list").exit_code == 0
    assert invoke("runs", "reap").exit_code == 0
    assert not (stored / DATABASE).exists()
