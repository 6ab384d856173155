"""Registered policies: found by alias, promoted when better, taken elsewhere as they were registered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import hrg_pipeline
from hrg_pipeline.commands.model import model
from hrg_pipeline.errors import IntegrityError, RunNotFoundError
from hrg_pipeline.learning.agent import Agent
from hrg_pipeline.tracking.mlflow_run import MlflowRun, RunRef
from hrg_pipeline.tracking.provenance import sha256_of
from hrg_pipeline.tracking.registry import Registry
from hrg_pipeline.tracking.store import ARTIFACTS
from tests.learning.test_policy import OBSERVATIONS, store
from tests.learning.test_storage import tiny_training


@pytest.fixture(scope="session")
def agent() -> Agent:
    return tiny_training("sac").agent


@pytest.fixture(scope="session")
def folder(agent: Agent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run stores of its policy."""
    return store(tmp_path_factory.mktemp("policy"), agent)


def register(project: Path, folder: Path, key: str, success: float | None, n: int = 100) -> RunRef:
    """Track a run as a training does, evaluated with some success."""
    run = MlflowRun.create(project, "experiments", key, {"hrg.run_key": key})
    run.log_params({"environment": {"env_id": "ReachHuman"}, "run": {"seed": 1}})
    for name in ("policy.zip", "normalisation.json", "manifest.json"):
        run.log_file(folder / name, "model")
    run.log_file(folder / "wrapped_env_spec.json", "config")
    digest = sha256_of(folder / "policy.zip")
    run.register_model("tiny", "model/policy.zip", {"hrg.run_key": key, "sha256": digest})
    if success is not None:
        log_evaluation(run, success, n)
    run.end("FINISHED")
    return run.ref


def log_evaluation(run: MlflowRun, success: float, n: int) -> None:
    half = 1.96 * np.sqrt(success * (1 - success) / n)
    metrics = {"success_rate": success, "success_rate_low": success - half, "success_rate_high": success + half}
    metrics |= {"return": success, "return_low": success - half, "return_high": success + half}
    run.log({f"evaluation/{name}": float(value) for name, value in metrics.items()}, 0)


@pytest.fixture
def kedro(project: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(project)

    def run(*words: str) -> Result:
        return CliRunner().invoke(model, words)

    return run


def test_a_champion_is_promoted_only_by_a_better_one(project: Path, folder: Path, kedro: Any) -> None:
    register(project, folder, "key-1", 0.5)
    register(project, folder, "key-2", 0.52)
    register(project, folder, "key-3", 0.9)
    register(project, folder, "key-4", None)
    assert kedro("promote", "tiny/1").exit_code == 0
    refused = kedro("promote", "tiny/2")
    assert refused.exit_code == 1 and "intervals do not tell" in refused.output and "--force" in refused.output
    refused = kedro("promote", "tiny/4")
    assert refused.exit_code == 1 and "it was not evaluated" in refused.output
    assert Registry(project).find("tiny@champion").version == 1
    promoted = kedro("promote", "tiny/3")
    assert promoted.exit_code == 0 and "it is better: success_rate" in promoted.output
    assert Registry(project).find("tiny@champion").version == 3
    assert kedro("promote", "tiny/4", "--force").exit_code == 0
    assert Registry(project).find("tiny@champion").run_key == "key-4"
    listed = kedro("list").output
    assert "tiny" in listed and "key-4  @champion" in listed and "0.9 [0.841, 0.959]" in listed


def test_a_later_evaluation_counts_where_the_run_has_none(project: Path, folder: Path) -> None:
    ref = register(project, folder, "key-1", None)
    child = MlflowRun.create(project, "experiments", "key-1/evaluate-1", {}, parent=ref)
    log_evaluation(child, 0.7, 50)
    child.end("FINISHED")
    registry = Registry(project)
    assert registry.evaluation(registry.find("tiny"))["success_rate"] == 0.7


def test_a_registered_policy_is_loaded_by_alias_version_and_name(
    project: Path, folder: Path, agent: Agent, kedro: Any
) -> None:
    register(project, folder, "key-1", 0.5)
    kedro("promote", "tiny")
    for reference in ("models:/tiny@champion", "models:/tiny/1", "models:/tiny"):
        policy = hrg_pipeline.load_policy(reference, project=project)
        np.testing.assert_array_equal(policy.predict(OBSERVATIONS), agent.predict(OBSERVATIONS))


def test_a_downloaded_policy_needs_no_registry(
    project: Path, folder: Path, agent: Agent, kedro: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    register(project, folder, "key-1", 0.5)
    out = tmp_path_factory.mktemp("elsewhere") / "arm"
    assert kedro("download", "tiny", "--out", str(out)).exit_code == 0
    names = sorted(file.name for file in out.iterdir())
    assert names == ["manifest.json", "normalisation.json", "policy.zip", "wrapped_env_spec.json"]
    policy = hrg_pipeline.load_policy(out, project=out)
    np.testing.assert_array_equal(policy.predict(OBSERVATIONS), agent.predict(OBSERVATIONS))
    again = kedro("download", "tiny", "--out", str(out))
    assert again.exit_code == 1 and "choose another folder" in again.output
    exported = kedro("export", str(out), "--out", str(out / "network"))
    assert exported.exit_code == 0 and (out / "network.pt").is_file()


def test_a_model_that_was_swapped_in_the_store_is_refused(project: Path, folder: Path) -> None:
    ref = register(project, folder, "key-1", 0.5)
    (stored,) = (project / ARTIFACTS / ref.run_id).rglob("policy.zip")
    stored.write_bytes(stored.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match="is not the one that was registered"):
        hrg_pipeline.load_policy("models:/tiny", project=project)


def test_what_is_not_registered_is_named_with_what_is(project: Path, folder: Path, kedro: Any) -> None:
    assert "no model is registered yet" in kedro("list").output
    register(project, folder, "key-1", 0.5)
    for reference, words in (
        ("other", "there are: tiny"),
        ("tiny@champion", "versions of tiny: 1"),
        ("tiny/7", "versions of tiny: 1"),
    ):
        with pytest.raises(RunNotFoundError, match=words):
            hrg_pipeline.load_policy(f"models:/{reference}", project=project)
    odd = kedro("show", "tiny@a@b")
    assert odd.exit_code == 1 and "write <name>" in odd.output


def test_a_version_is_shown_as_words_and_as_json(project: Path, folder: Path, kedro: Any) -> None:
    register(project, folder, "key-1", 0.5)
    text = kedro("show", "tiny").output
    assert "models:/tiny/1" in text and "0.5 [0.402, 0.598]" in text and "ReachHuman" in text
    shown = json.loads(kedro("show", "tiny", "--json").output)
    assert shown["run_key"] == "key-1" and shown["evaluation"]["success_rate"] == 0.5
