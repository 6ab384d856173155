"""Where runs are kept, and how to find them again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from mlflow.store.db import utils

from hrg_pipeline.tracking import links
from hrg_pipeline.tracking.mlflow_run import MlflowRun, RunRef
from hrg_pipeline.tracking.store import experiment_id, open_client, tracking_uri

OLDER = "f5a4f2784254"
"""A revision of the tables from before MLflow 3."""
OPEN = """
import sys
from pathlib import Path
from hrg_pipeline.tracking.mlflow_run import MlflowRun
MlflowRun.create(Path(sys.argv[1]), "reach", sys.argv[2], {}).end("FINISHED")
"""


def test_the_store_is_an_absolute_file_of_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    assert tracking_uri(Path()) == f"sqlite:///{tmp_path}/mlflow.db"


def test_the_environment_variable_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    assert tracking_uri(tmp_path) == "http://tracking:5000"


def test_artifacts_are_beside_the_store(project: Path) -> None:
    client = open_client(project)
    experiment = client.get_experiment(experiment_id(client, "reach", project))
    assert experiment.artifact_location == f"file://{project}/mlartifacts"


def test_a_deleted_experiment_is_restored(project: Path) -> None:
    client = open_client(project)
    first = experiment_id(client, "reach", project)
    client.delete_experiment(first)
    assert experiment_id(client, "reach", project) == first
    assert client.get_experiment(first).lifecycle_stage == "active"


def test_the_newest_run_is_found(project: Path) -> None:
    assert links.newest_run_link(project) is None
    MlflowRun.create(project, "reach", "one", {}).end("FINISHED")
    newest = MlflowRun.create(project, "lift", "two", {})
    newest.end("FINISHED")
    assert newest.ref.run_id in (links.newest_run_link(project) or "")


def test_links_open_the_view_for_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HRG_UI_PORT", "6001")
    local = RunRef("r", "3", "sqlite:////x/mlflow.db").invitation
    assert local.startswith("http://127.0.0.1:6001/#/experiments/3/runs/r?workflowType=machine_learning ")
    assert "make ui" in local
    served = RunRef("r", "3", "https://mlflow.example.org/").invitation
    assert served == "https://mlflow.example.org/#/experiments/3/runs/r?workflowType=machine_learning"
    assert links.experiment_link("sqlite:///x", "3").endswith("&compareRunsMode=CHART")


@pytest.mark.slow
def test_processes_that_open_a_new_store_together_do_not_harm_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    names = ("a", "b", "c")
    started = [subprocess.Popen([sys.executable, "-c", OPEN, str(tmp_path), name]) for name in names]
    assert [process.wait(timeout=300) for process in started] == [0, 0, 0]
    runs = open_client(tmp_path).search_runs(["1"])
    assert sorted((run.info.run_name, run.info.status) for run in runs) == [(n, "FINISHED") for n in names]


def test_tables_of_an_older_mlflow_are_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    engine = utils.create_sqlalchemy_engine_with_retry(tracking_uri(tmp_path))
    utils.InitialBase.metadata.create_all(engine)
    config = utils._get_alembic_config(str(engine.url))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, OLDER)
    engine.dispose()
    assert open_client(tmp_path).search_experiments()[0].name == "Default"
