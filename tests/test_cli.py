"""The project's commands: what they print, how they fail, what they leave behind."""

from __future__ import annotations

import os
import shutil
import signal
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from kedro.framework.project import settings
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DatasetError

from hrg_pipeline import cli
from hrg_pipeline.config import loader
from hrg_pipeline.errors import ConfigError, ModelError

ROOT = Path(__file__).parents[1]
# Kedro looks at typed parameters in a way that pydantic no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_fields' attribute:DeprecationWarning")
WORDS = "experiment=human_reach_ppo_parallel,run.n_envs=4,environment.horizon=50,run.n_steps=5000"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, with the shipped configuration, as the working folder."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf", ignore=shutil.ignore_patterns("local"))
    (tmp_path / "conf" / "local").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "src" / "hrg_pipeline").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    with warnings.catch_warnings():
        # Warnings of Kedro's own start-up are not what is tested here.
        warnings.simplefilter("ignore")
        bootstrap_project(ROOT)
        assert settings.CONFIG_LOADER_CLASS is loader.GroupedConfigLoader
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Take the place of Kedro's own ``run``; remember the options it was called with."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(cli.kedro_run, "callback", lambda **options: calls.append(options))
    return calls


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli.cli, list(words))


def files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


@pytest.mark.parametrize("pipeline", ["--pipeline", "--pipelines"])
@pytest.mark.parametrize(
    ("params", "part"),
    [
        ("run.sede=3", "'seed'"),
        ("robot=ur5", "panda"),
        ("robot=panda,robot.name=panda", "select.robot=panda,robot.name"),
        ("run.n_envs=four", "valid integer"),
        ("run.obs_keys=[a,b", "never closed"),
        ("run.obs_keys=a", "[a,b]"),
        ("experiment=nobody", "human_reach_sac"),
        ("environment.seed=${run.sed}", "run.sed"),
        ("run.seed=1,run.seed=2", "twice"),
    ],
)
def test_a_wrong_configuration_is_one_line_and_leaves_nothing(
    project: Path, pipeline: str, params: str, part: str
) -> None:
    before = files(project)
    result = invoke("run", pipeline, "train", "--params", params)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    assert part in result.output
    assert files(project) == before


def test_an_unknown_pipeline_names_the_known_ones(project: Path) -> None:
    result = invoke("run", "--pipelines", "trian")
    assert result.exit_code == 1
    assert (
        result.output == "Error: no pipeline 'trian'; "
        "choose one of ['__default__', 'demonstrate', 'evaluate', 'import_motion', 'reproduce', 'train']\n"
    )


@pytest.mark.parametrize("words", [[], ["--params", "run.id=nobody"]])
def test_evaluating_what_is_not_stored_leaves_nothing(project: Path, words: list[str]) -> None:
    before = files(project)
    result = invoke("run", "--pipelines", "evaluate", *words)
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert "run.id" in result.output
    assert files(project) == before


def test_training_into_a_stored_run_leaves_it_alone(project: Path) -> None:
    (project / "data" / "06_models" / "mine" / "policy.zip").mkdir(parents=True)
    before = files(project)
    result = invoke("run", "--params", "run.id=mine")
    assert result.exit_code == 1
    assert "already has a trained model" in result.output
    assert files(project) == before


@pytest.mark.parametrize("words", [["--pipeline", "train"], ["--pipelines", "train"], ["-p", "train"]])
def test_both_spellings_of_pipeline_run_it_without_a_warning(
    project: Path, started: list[dict[str, Any]], words: list[str]
) -> None:
    result = invoke("run", *words, "--params", "run.obs_keys=[a,b],robot=panda", "--env", "base", "-t", "x")
    assert result.exit_code == 0, result.output
    (options,) = started
    assert options["pipelines"] == ["train"]
    assert options["pipeline"] is None
    assert options["params"] == {"run.obs_keys": ["a", "b"], "robot": "panda"}
    assert (options["env"], options["tags"]) == ("base", ["x"])


@pytest.mark.parametrize("word", ["run.test_only=true", "run.eval=true"])
def test_only_to_test_means_the_pipeline_evaluate(project: Path, started: list[dict[str, Any]], word: str) -> None:
    for words in ([], ["--pipeline", "train"]):
        assert invoke("run", *words, "--params", f"run.id=mine,{word}").exit_code == 0
    assert invoke("run", "--pipeline", "demonstrate", "--params", word).exit_code == 0
    assert [options["pipelines"] for options in started] == [["evaluate"], ["evaluate"], ["demonstrate"]]


def test_both_spellings_at_once_are_an_error(project: Path, started: list[dict[str, Any]]) -> None:
    assert invoke("run", "--pipeline", "train", "--pipelines", "train").exit_code == 2
    assert not started


def test_run_takes_its_options_from_a_file(project: Path, started: list[dict[str, Any]]) -> None:
    Path("run.yml").write_text("run: {pipelines: train, params: {run: {obs_keys: [a, b]}}}")
    result = invoke("run", "--config", "run.yml")
    assert result.exit_code == 0, result.output
    assert started[0]["params"] == {"run": {"obs_keys": ["a", "b"]}}


def _raise_signal(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(5)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_is_closed(
    project: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    closed: list[bool] = []
    monkeypatch.setattr(cli, "end_interrupted_run", lambda: closed.append(True))
    monkeypatch.setattr(cli.kedro_run, "callback", lambda **_: _raise_signal(number))
    before = signal.getsignal(signal.SIGTERM)
    # A shell that starts the tests in the background makes them ignore Ctrl-C.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = invoke("run")
    finally:
        signal.signal(signal.SIGINT, inherited)
    assert result.exit_code == code
    assert closed == [True]
    assert "Traceback" not in result.output
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_expected_failure_of_a_node_is_one_line(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise ModelError("the arm has\ntwo elbows")

    monkeypatch.setattr(cli.kedro_run, "callback", fail)
    result = invoke("run")
    assert (result.exit_code, result.output) == (1, "Error: the arm has two elbows\n")


def test_a_stored_file_that_cannot_be_read_is_one_line(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise DatasetError("Failed while loading data from dataset X.\nno zip file")

    monkeypatch.setattr(cli.kedro_run, "callback", fail)
    result = invoke("run")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "dataset X. no zip file" in result.output


def test_config_show_prints_what_would_run(project: Path) -> None:
    result = invoke("config", "show", "--params", WORDS)
    assert result.exit_code == 0, result.output
    parameters = yaml.safe_load(result.output)
    assert (parameters["run"]["n_envs"], parameters["run"]["n_steps"]) == (4, 5000)
    assert parameters["environment"]["horizon"] == 50
    assert parameters["algorithm"]["name"] == "ppo"


def test_config_show_names_the_origin_of_every_value(project: Path) -> None:
    Path("conf/local/parameters.yml").write_text("run: {verbose: false}\n")
    result = invoke("config", "show", "--origin", "--params", WORDS)
    plain = invoke("config", "show", "--params", WORDS)
    assert yaml.safe_load(result.output) == yaml.safe_load(plain.output)
    for line in (
        "  n_envs: 4  # command line",
        "  name: ppo  # conf/base/groups/algorithm/ppo.yml",
        "  reward_shaping: true  # conf/base/experiments/human_reach_sac.yml",
        "  verbose: false  # conf/local/parameters.yml",
        "  seed: 0  # conf/base/parameters.yml: ${run.seed}",
        "  task_reward: 1.0  # default (hrg_pipeline.tasks.reach_human.ReachHumanParams)",
    ):
        assert line in result.output.splitlines()


def test_config_show_reads_another_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("conf/local/parameters.yml").write_text("run: {seed: 1}\n")
    Path("conf/cluster").mkdir()
    Path("conf/cluster/parameters.yml").write_text("run: {n_envs: 64}\n")
    run = yaml.safe_load(invoke("config", "show", "--env", "cluster").output)["run"]
    assert (run["n_envs"], run["seed"]) == (64, 0)
    monkeypatch.setenv("KEDRO_ENV", "cluster")
    assert yaml.safe_load(invoke("config", "show").output)["run"]["n_envs"] == 64


def test_config_show_fails_in_one_line(project: Path) -> None:
    result = invoke("config", "show", "--params", "run.sede=1")
    assert result.exit_code == 1
    assert result.output.startswith("Error: unknown key 'run.sede'")
    assert result.output.count("\n") == 1


def test_config_list_names_every_choice(project: Path) -> None:
    Path("conf/local/experiments").mkdir()
    Path("conf/local/experiments/mine.yml").write_text("# My own\nextends: human_reach_sac\n")
    lines = [line.split(maxsplit=1) for line in invoke("config", "list").output.splitlines()]
    assert ["mine", "My own"] in lines
    assert {"panda", "reach_human", "sac", "ppo", "human_reach_sac"} <= {line[0] for line in lines}


def test_a_python_caller_gets_the_same_errors(project: Path) -> None:
    with KedroSession.create(project, runtime_params={"run": {"sede": 1}}) as session:
        with pytest.raises(ConfigError, match=r"run\.sede"):
            session.load_context()


def test_a_python_caller_may_nest_and_write_dots(project: Path) -> None:
    given = {"experiment": "human_reach_sac", "run": {"n_envs": 3}, "environment.horizon": 9}
    with KedroSession.create(project, runtime_params=given) as session:
        parameters = session.load_context().config_loader["parameters"]
    assert (parameters["run"]["n_envs"], parameters["environment"]["horizon"]) == (3, 9)


def test_inspecting_an_unknown_run_is_one_line_and_leaves_nothing(project: Path) -> None:
    before = files(project)
    result = invoke("shield", "inspect", "--run", "nobody")
    assert result.exit_code == 1
    assert result.output == "Error: no trained run 'nobody' here; give --run a stored one, the newest: none\n"
    assert files(project) == before
