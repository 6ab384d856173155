"""What a Kedro run leaves in MLflow: status, parameters, metrics, artifacts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset
from kedro_datasets.text import TextDataset
from mlflow.entities import Run

from hrg_pipeline import tracking
from hrg_pipeline.errors import RunNotFoundError
from hrg_pipeline.hooks import TrackingHooks
from hrg_pipeline.tracking.store import open_client

PARAMETERS: dict[str, Any] = {
    "experiment": "tiny",
    "environment": {"env_id": "ReachHuman", "seed": 3},
    "run": {"id": "key-1", "seed": 1, "obs_keys": ["a", "b"]},
    "tracking": {"experiment_name": "reach", "tags": {"who": "me"}},
}
NODES = {
    "train": ("params:run", "policy"),
    "save_artifacts": ("policy", "manifest"),
    "evaluate": ("manifest", "evaluation_metrics"),
}


def train(run: dict[str, Any]) -> str:
    for step in range(3):
        tracking.current_sink().log({"rollout/ep_rew_mean": 10.0 * step}, step=100 * step)
    return "weights"


def save_artifacts(policy: str) -> dict[str, Any]:
    return {"policy": policy, "steps": 200}


def evaluate(manifest: dict[str, Any]) -> dict[str, float]:
    return {"success_rate": 0.96, "success_rate_low": 0.9, "success_rate_high": 1.0, "n_episodes": 50.0}


class Kedro:
    """Runs pipelines as a Kedro session does, with one hooks object for all of them."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.manager = _create_hook_manager()
        self.manager.register(TrackingHooks())
        self.functions: dict[str, Callable[..., Any]] = {
            "train": train,
            "save_artifacts": save_artifacts,
            "evaluate": evaluate,
        }

    def catalog(self, parameters: dict[str, Any]) -> DataCatalog:
        models = self.project / "models" / parameters["run"]["id"]

        def metadata(**wishes: str) -> dict[str, Any]:
            return {"mlflow": wishes}

        return DataCatalog(
            {
                "parameters": MemoryDataset(parameters),
                "params:run": MemoryDataset(parameters["run"]),
                "policy": TextDataset(filepath=str(models / "policy.zip"), metadata=metadata(artifact_path="model")),
                "manifest": JSONDataset(
                    filepath=str(models / "manifest.json"),
                    metadata=metadata(artifact_path="model", registers="policy"),
                ),
                "evaluation_metrics": JSONDataset(
                    filepath=str(models / "metrics.json"),
                    metadata=metadata(artifact_path="evaluation", metrics="evaluation"),
                ),
                "mlflow_run": JSONDataset(filepath=str(models / "mlflow_run.json")),
                "run_parameters": JSONDataset(filepath=str(models / "parameters.json")),
            }
        )

    def run(self, *names: str, **changes: Any) -> None:
        parameters = {
            name: {**value, **changes.get(name, {})} if isinstance(value, dict) else value
            for name, value in PARAMETERS.items()
        }
        catalog = self.catalog(parameters)
        pipeline = Pipeline([Node(self.functions[name], *NODES[name], name=name) for name in names])
        call = {
            "run_params": {"project_path": str(self.project), "pipeline_names": ["tiny"]},
            "pipeline": pipeline,
            "catalog": catalog,
        }
        self.manager.hook.before_pipeline_run(**call)
        try:
            result = SequentialRunner().run(pipeline, catalog, self.manager, run_id="s")
        except Exception as error:
            self.manager.hook.on_pipeline_error(error=error, **call)
            raise
        self.manager.hook.after_pipeline_run(run_result=result, **call)

    def stored(self) -> list[Run]:
        """Every run, oldest first."""
        client = open_client(self.project)
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        return list(client.search_runs(experiments, order_by=["attributes.start_time ASC"]))

    def artifacts(self, run: Run) -> list[str]:
        folder = self.project / "mlartifacts" / run.info.run_id / "artifacts"
        return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


@pytest.fixture
def kedro(project: Path) -> Kedro:
    return Kedro(project)


def test_a_finished_run_has_everything(kedro: Kedro, capsys: pytest.CaptureFixture[str]) -> None:
    kedro.run("train", "save_artifacts", "evaluate")
    (run,) = kedro.stored()
    assert (run.info.status, run.info.run_name) == ("FINISHED", "key-1")
    assert run.data.params["run.obs_keys"] == '["a", "b"]'
    assert run.data.params["environment.env_id"] == "ReachHuman"
    assert run.data.metrics["rollout/ep_rew_mean"] == 20.0
    assert run.data.metrics["evaluation/success_rate"] == 0.96
    assert kedro.artifacts(run) == [
        "config/parameters.yml",
        "evaluation/metrics.json",
        "model/manifest.json",
        "model/policy.zip",
    ]
    tags = run.data.tags
    assert tags["hrg.run_key"] == "key-1"
    assert tags["who"] == "me"
    assert tags["hrg.seed.environment.seed"] == "3"
    assert {
        "hrg.git_commit",
        "hrg.git_dirty",
        "hrg.lock_sha256",
        "hrg.command",
        "hrg.host",
        "hrg.pid",
    } <= set(tags)
    assert tags["hrg.version.mlflow"].startswith("3.")


def test_the_resolved_parameters_can_be_read_back(kedro: Kedro) -> None:
    kedro.run("train")
    (run,) = kedro.stored()
    text = (kedro.project / "mlartifacts" / run.info.run_id / "artifacts/config/parameters.yml").read_text()
    assert yaml.safe_load(text) == PARAMETERS


def test_metrics_keep_their_steps(kedro: Kedro) -> None:
    kedro.run("train")
    (run,) = kedro.stored()
    history = open_client(kedro.project).get_metric_history(run.info.run_id, "rollout/ep_rew_mean")
    assert [(point.step, point.value) for point in history] == [(0, 0.0), (100, 10.0), (200, 20.0)]


def test_the_summary_names_rate_places_and_link(kedro: Kedro, capsys: pytest.CaptureFixture[str]) -> None:
    kedro.run("train", "save_artifacts", "evaluate")
    (run,) = kedro.stored()
    text = capsys.readouterr().out
    assert "key-1 finished in" in text
    assert "0.96   95 % interval [0.90, 1.00], 50 episodes" in text
    assert "models/key-1/policy.zip" in text
    assert f"/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}?workflowType=machine_learning" in text


def test_an_error_fails_the_run_and_the_metrics_before_it_are_kept(kedro: Kedro) -> None:
    def fail(policy: str) -> None:
        raise ValueError("no good\nmore")

    kedro.functions["save_artifacts"] = fail
    with pytest.raises(ValueError, match="no good"):
        kedro.run("train", "save_artifacts")
    (run,) = kedro.stored()
    assert run.info.status == "FAILED"
    assert run.data.tags["error"] == "ValueError: no good"
    assert run.data.metrics["rollout/ep_rew_mean"] == 20.0


def test_an_interrupt_kills_the_run(kedro: Kedro) -> None:
    def interrupted(run: dict[str, Any]) -> None:
        tracking.current_sink().log({"a": 1.0}, 1)
        raise KeyboardInterrupt

    kedro.functions["train"] = interrupted
    with pytest.raises(KeyboardInterrupt):
        kedro.run("train")
    tracking.end_interrupted_run()
    (run,) = kedro.stored()
    assert run.info.status == "KILLED"
    assert run.data.metrics["a"] == 1.0


def test_an_error_while_the_run_opens_fails_it(kedro: Kedro, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hrg_pipeline.tracking.recorder.PARAMETERS_ARTIFACT", "../outside")
    with pytest.raises(Exception, match="artifact path"):
        kedro.run("train")
    (run,) = kedro.stored()
    assert run.info.status == "FAILED"


def test_a_model_is_registered_once_its_manifest_is_stored(kedro: Kedro) -> None:
    kedro.run("train")
    client = open_client(kedro.project)
    assert client.search_registered_models() == []
    kedro.run("train", "save_artifacts", run={"id": "key-2"})
    kedro.run("train", "save_artifacts", run={"id": "key-3"})
    versions = client.search_model_versions("name='tiny'")
    assert sorted((int(version.version), version.tags["hrg.run_key"]) for version in versions) == [
        (1, "key-2"),
        (2, "key-3"),
    ]
    assert all(version.source.endswith("artifacts/model/policy.zip") for version in versions)


def test_no_model_is_registered_when_it_is_not_wanted(kedro: Kedro) -> None:
    kedro.run("train", "save_artifacts", tracking={"register_model": False})
    assert open_client(kedro.project).search_registered_models() == []


def test_evaluating_a_stored_run_leaves_it_alone(kedro: Kedro) -> None:
    kedro.run("train", "save_artifacts", "evaluate")
    kedro.functions["evaluate"] = lambda manifest: {"success_rate": 0.5}
    kedro.run("evaluate")
    kedro.run("evaluate")
    trained, first, second = kedro.stored()
    assert trained.data.metrics["evaluation/success_rate"] == 0.96
    assert first.data.metrics == {"evaluation/success_rate": 0.5}
    assert [run.info.run_name for run in (first, second)] == ["key-1/evaluate-1", "key-1/evaluate-2"]
    assert {run.data.tags["mlflow.parentRunId"] for run in (first, second)} == {trained.info.run_id}


def test_runs_of_a_group_are_nested_under_one_run_and_still_evaluated_under_their_own(kedro: Kedro) -> None:
    for key in ("key-1", "key-2"):
        kedro.run("train", "save_artifacts", run={"id": key}, tracking={"group": "sweep"})
    kedro.run("evaluate", tracking={"group": "sweep"})
    runs = {run.info.run_name: run for run in kedro.stored()}
    assert set(runs) == {"sweep", "key-1", "key-2", "key-1/evaluate-1"}
    parents = {name: run.data.tags.get("mlflow.parentRunId") for name, run in runs.items()}
    ids = {name: run.info.run_id for name, run in runs.items()}
    assert parents == {
        "sweep": None,
        "key-1": ids["sweep"],
        "key-2": ids["sweep"],
        "key-1/evaluate-1": ids["key-1"],
    }


def test_going_on_with_a_run_goes_on_in_its_mlflow_run(kedro: Kedro) -> None:
    kedro.run("train")
    kedro.run("save_artifacts", run={"seed": 2})
    (run,) = kedro.stored()
    assert run.info.status == "FINISHED"
    assert "model/manifest.json" in kedro.artifacts(run)
    assert run.data.params["run.seed"] == "1"
    assert run.data.tags["resumed.run.seed"] == "2"


def test_two_runs_in_one_process_do_not_meet(kedro: Kedro) -> None:
    kedro.run("train")
    kedro.run("train", run={"id": "key-2", "seed": 7})
    first, second = kedro.stored()
    assert (first.data.params["run.seed"], second.data.params["run.seed"]) == ("1", "7")
    assert first.info.status == second.info.status == "FINISHED"


def test_without_backends_nothing_is_tracked_but_parameters_are_kept(
    kedro: Kedro, capsys: pytest.CaptureFixture[str]
) -> None:
    kedro.run("train", tracking={"backends": []})
    assert kedro.stored() == []
    assert (kedro.project / "models/key-1/parameters.json").is_file()
    assert not (kedro.project / "models/key-1/mlflow_run.json").exists()
    assert "MLflow" not in capsys.readouterr().out


def test_what_a_run_starts_from_must_be_stored(kedro: Kedro) -> None:
    with pytest.raises(RunNotFoundError, match="run 'key-1' has no stored manifest"):
        kedro.run("evaluate")
    assert kedro.stored() == []


def test_a_group_and_a_name_of_a_model_can_be_chosen(kedro: Kedro) -> None:
    kedro.run("train", "save_artifacts", tracking={"group": "mine", "model_name": "arm"})
    group, run = kedro.stored()
    assert group.info.run_name == run.data.tags["hrg.group"] == "mine"
    assert [model.name for model in open_client(kedro.project).search_registered_models()] == ["arm"]


def test_debugging_writes_nothing_at_all(kedro: Kedro, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(kedro.project.rglob("*"))
    kedro.run("train", "save_artifacts", "evaluate", tracking={"backends": [], "store": False})
    assert sorted(kedro.project.rglob("*")) == before
    assert "0.96" in capsys.readouterr().out, "the summary is told nevertheless"


def test_a_run_can_be_tracked_in_two_places(kedro: Kedro, capsys: pytest.CaptureFixture[str]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    kedro.run("train", "save_artifacts", "evaluate", tracking={"backends": ["tensorboard", "mlflow"]})
    (run,) = kedro.stored()
    assert run.data.metrics["rollout/ep_rew_mean"] == 20.0
    events = EventAccumulator(str(kedro.project / "data/08_reporting/key-1/tensorboard"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("rollout/ep_rew_mean")] == [(0, 0.0), (100, 10.0), (200, 20.0)]
    (evaluated,) = events.Scalars("evaluation/success_rate")
    assert (evaluated.value, evaluated.step) == (pytest.approx(0.96), 200)
    assert "parameters/text_summary" in events.Tags()["tensors"]
    assert "tensorboard --logdir data/08_reporting" in capsys.readouterr().out


def test_a_place_that_fails_does_not_end_the_run(
    kedro: Kedro, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("hrg_pipeline.tracking.tensorboard_run.TensorBoardRun.log", fail)
    kedro.run("train", tracking={"backends": ["tensorboard", "mlflow"]})
    (run,) = kedro.stored()
    assert (run.info.status, run.data.metrics["rollout/ep_rew_mean"]) == ("FINISHED", 20.0)
    assert [r.getMessage() for r in caplog.records if r.levelname == "WARNING"] == [
        "TensorBoard does not take everything, the run goes on: no space left"
    ]
