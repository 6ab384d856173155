"""The commands of the README on the real environment, small."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from hrg_pipeline.reporting.video import video_available

PROJECT = Path(__file__).parents[1]
SMALL = ",".join(
    (
        "run.n_steps=400,run.n_envs=2,run.n_test_episodes=2",
        "environment.horizon=20,environment.human.motion.n_clips=2,algorithm.learning_starts=100",
    )
)


ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"} | {"NO_COLOR": "1"}


def start(project: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kedro", *words],
        cwd=project,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kedro(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kedro", *words],
        cwd=project,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    copy = tmp_path_factory.mktemp("project")
    shutil.copytree(PROJECT / "conf", copy / "conf", ignore=shutil.ignore_patterns("local"))
    (copy / "conf/local").mkdir()
    shutil.copytree(PROJECT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    (copy / "requirements").mkdir()
    shutil.copy(PROJECT / "requirements/lock.txt", copy / "requirements")
    shutil.copy(PROJECT / "pyproject.toml", copy)
    return copy


@pytest.fixture(scope="module")
def trained(project):
    done = kedro(project, "run", "--pipeline", "train", "--params", SMALL)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_training_ends_with_a_summary_and_a_link(trained):
    for words in ("success rate", "95 % interval", "critical contacts", "workflowType=machine_learning"):
        assert words in trained


@pytest.mark.slow
def test_everything_is_stored(project, trained):
    (models,) = (project / "data/06_models").iterdir()
    (report,) = (project / "data/08_reporting").iterdir()
    assert models.name == report.name
    (table,) = report.glob("episodes.parquet/*/episodes.parquet")
    episodes = pd.read_parquet(table)
    assert len(episodes) == 2
    assert {"return", "length", "success", "failsafe_interventions", "min_human_distance"} <= set(episodes.columns)
    assert list(models.glob("policy.zip/*/policy.zip"))
    assert list(models.glob("replay_buffer.npz/*/replay_buffer.npz"))
    assert (report / "learning_curve.png").stat().st_size > 10_000
    video = report / "episode.mp4"
    assert video.exists() or not video_available()[0]


@pytest.mark.slow
def test_mlflow_has_the_run_with_parameters_metrics_and_model(project, trained):
    with sqlite3.connect(project / "mlflow.db") as store:
        ((run_id, status),) = store.execute("select run_uuid, status from runs").fetchall()
        parameters = dict(store.execute("select key, value from params"))
        metrics = {key for (key,) in store.execute("select distinct key from metrics")}
        tags = dict(store.execute("select key, value from tags"))
        versions = store.execute("select count(*) from model_versions").fetchone()[0]
        evaluated_at = store.execute("select distinct step from metrics where key like 'evaluation/%'").fetchall()
    assert status == "FINISHED"
    assert parameters["run.n_steps"] == "400"
    assert parameters["environment.shield.type"] == "SSM"
    assert any(key.startswith("rollout/") for key in metrics)
    assert any(key.startswith("safety/") for key in metrics)
    assert any(key.startswith("evaluation/") for key in metrics)
    assert evaluated_at == [(400,)]
    assert versions == 1
    assert any("git" in key for key in tags)
    artifacts = {path.name for path in (project / "mlartifacts").rglob("*")}
    assert {"parameters.yml", "policy.zip", "learning_curve.png", "metrics.json"} <= artifacts
    link = json.loads(next((project / "data/06_models").glob("*/mlflow_run.json")).read_text())
    assert link["run_id"] == run_id


@pytest.mark.slow
def test_an_earlier_run_is_evaluated_by_its_id(project, trained):
    link = json.loads(next((project / "data/06_models").glob("*/mlflow_run.json")).read_text())
    words = f"run.id={link['run_id']},run.n_test_episodes=3,run.record_video=false"
    done = kedro(project, "run", "--pipelines", "evaluate", "--params", words)
    assert done.returncode == 0, done.stderr
    tables = sorted((project / "data/08_reporting").glob("*/episodes.parquet/*/episodes.parquet"))
    assert [len(pd.read_parquet(table)) for table in tables] == [2, 3]


@pytest.mark.slow
def test_a_decision_of_the_shield_is_drawn(project, trained):
    (models,) = (project / "data/06_models").iterdir()
    done = kedro(project, "shield", "inspect", "--run", models.name, "--episode", "1", "--step", "3")
    assert done.returncode == 0, done.stderr
    assert "episode 1, step 3, cycle" in done.stdout
    (picture,) = (project / "data/08_reporting" / models.name).glob("decision_1_3_*.png")
    assert picture.stat().st_size > 10_000
    for words, part in ((("--episode", "9"), "episodes 0 to"), (("--step", "20"), "steps 0 to 19")):
        done = kedro(project, "shield", "inspect", "--run", models.name, *words)
        assert done.returncode == 1
        assert part in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_run_comes_out_the_same_again_and_a_difference_is_told(project, trained):
    (models,) = (project / "data/06_models").iterdir()
    curve = models / "training_curve.parquet"
    whole = curve.read_bytes()
    table = pd.read_parquet(curve)
    reports = project / "data/08_reporting" / models.name / "reproduction/report.json"
    for stored in (table, table.assign(**{"rollout/ep_rew_mean": 1.0})):
        stored.to_parquet(curve)
        done = kedro(project, "run", "--pipeline", "reproduce", "--params", f"run.id={models.name}")
        report = json.loads(max(reports.glob("*/report.json")).read_text())
        assert done.returncode == (0 if report["equal"] else 1), done.stderr
        told = {name: text for name, text in report["differences"].items() if text}
        assert report["equal"] == (stored is table) == (not told)
        assert not told or (list(told) == ["curve"] and "rollout/ep_rew_mean" in told["curve"])
        assert not told or (told["curve"] in done.stderr and "Traceback" not in done.stderr)
    curve.write_bytes(whole)


@pytest.mark.slow
def test_policy_expert_and_chance_are_evaluated_under_several_conditions(project, trained):
    (models,) = (project / "data/06_models").iterdir()
    conditions = ("--shield", "OFF,SSM", "--stature", "1.6", "--baseline", "expert", "--baseline", "random")
    tables = []
    for workers in ("1", "2"):
        size = ("--episodes", "2", "--workers", workers, "--name", f"by{workers}", "--no-mlflow")
        done = kedro(project, "evaluate", models.name, *conditions, *size)
        assert done.returncode == 0, done.stderr
        folder = project / f"data/08_reporting/evaluation/by{workers}"
        assert {file.name for file in folder.iterdir()} == {"episodes.parquet", "episodes.csv", "table.csv", "table.md"}
        tables.append(pd.read_parquet(folder / "episodes.parquet"))
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    rows = pd.read_csv(folder / "table.csv")
    assert rows["condition"].tolist() == ["shield=OFF, stature=1.6"] * 3 + ["shield=SSM, stature=1.6"] * 3
    assert rows["policy"].tolist() == ["reach_human_quick", "expert", "random"] * 2
    assert (tables[0].loc[tables[0]["shield"] == "OFF", "failsafe_interventions"] == 0).all()
    for words, part in (
        (("--robot", "schunk"), "a policy fits the robot"),
        (("--step", "300"), "no checkpoint '300'"),
    ):
        before = sorted(path for path in (project / "data").rglob("*"))
        done = kedro(project, "evaluate", models.name, *words, "--episodes", "1", "--no-mlflow")
        assert done.returncode == 1
        assert part in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
        assert sorted(path for path in (project / "data").rglob("*")) == before


@pytest.mark.slow
def test_an_unknown_run_is_one_line_and_stores_nothing(project, trained):
    before = sorted(path for path in (project / "data").rglob("*"))
    done = kedro(project, "run", "--pipelines", "evaluate", "--params", "run.id=nobody-knows-me")
    assert done.returncode != 0
    assert "nobody-knows-me" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    assert sorted(path for path in (project / "data").rglob("*")) == before


@pytest.mark.slow
def test_two_runs_at_once_never_mix(project, trained):
    before = set((project / "data/06_models").iterdir())
    started = [start(project, "run", "--params", f"{SMALL},run.seed={seed}") for seed in (1, 2)]
    for process in started:
        output, _ = process.communicate(timeout=900)
        assert process.returncode == 0, output
    folders = sorted(set((project / "data/06_models").iterdir()) - before)
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in folders]
    assert [manifest["seeds"]["run"] for manifest in manifests] == [1, 2]
    assert manifests[0]["action_sha256"] != manifests[1]["action_sha256"]
    references = []
    for folder, manifest in zip(folders, manifests, strict=True):
        assert manifest["run_key"] == folder.name
        for name, entry in manifest["files"].items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == entry["sha256"], name
        (table,) = (project / "data/08_reporting" / folder.name).glob("episodes.parquet/*/episodes.parquet")
        assert len(pd.read_parquet(table)) == 2
        references.append(json.loads((folder / "mlflow_run.json").read_text())["run_id"])
    assert not list((project / "data").rglob("*.part"))
    with sqlite3.connect(project / "mlflow.db") as store:
        for folder, run_id in zip(folders, references, strict=True):
            query = "select key, value from {} where run_uuid = ?"
            parameters = dict(store.execute(query.format("params"), (run_id,)).fetchall())
            tags = dict(store.execute(query.format("tags"), (run_id,)).fetchall())
            ((status,),) = store.execute("select status from runs where run_uuid = ?", (run_id,)).fetchall()
            assert (parameters["run.id"], tags["hrg.run_key"], status) == (folder.name, folder.name, "FINISHED")
