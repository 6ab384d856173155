"""The order of the layers, resolving, inheritance, stored runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hrg_pipeline.config.schema import Parameters
from hrg_pipeline.config.show import to_yaml
from hrg_pipeline.errors import ConfigError, RunNotFoundError
from hrg_pipeline.tasks.reach_human import ReachHumanParams

from .conftest import Compose, Write


def test_each_layer_wins_over_the_one_below(composed: Compose, write: Write) -> None:
    def episodes(params: str = "experiment=null") -> object:
        return composed(params).parameters["run"]["n_test_episodes"]

    assert episodes() == 3  # base over the choice of the group, which says 2
    write("base/experiments/four.yml", "run: {n_test_episodes: 4}")
    assert episodes("experiment=four") == 4
    write("local/parameters.yml", "run: {n_test_episodes: 5}")
    assert episodes("experiment=four") == 5
    assert episodes("experiment=four,run.n_test_episodes=6") == 6


def test_defaults_of_the_models_are_filled_in(composed: Compose) -> None:
    parameters = composed().parameters
    assert parameters["environment"]["distance_weight"] == ReachHumanParams().distance_weight
    assert parameters["algorithm"]["policy_kwargs"] == {
        "net_arch": [8, 8],
        "activation_fn": "relu",
        "log_std_init": -3.0,
        "use_expln": False,
        "clip_mean": 2.0,
        "n_critics": 2,
    }


def test_the_result_is_plain_and_validates_as_a_whole(composed: Compose) -> None:
    parameters = composed("experiment=ppo").parameters
    assert yaml.safe_load(to_yaml(parameters)) == parameters
    checked = Parameters.model_validate(parameters)
    assert isinstance(checked.environment, ReachHumanParams)
    assert checked.algorithm.name == "ppo"
    assert checked.model_dump(mode="json") == parameters


@pytest.mark.parametrize("where", ["command line", "experiment", "local"])
def test_seeds_follow_the_run_wherever_it_was_set(composed: Compose, write: Write, where: str) -> None:
    params = ""
    if where == "command line":
        params = "run.seed=7"
    elif where == "experiment":
        write("base/experiments/plain.yml", "run: {seed: 7}")
    else:
        write("local/parameters.yml", "run: {seed: 7}")
    parameters = composed(params).parameters
    assert parameters["environment"]["seed"] == parameters["algorithm"]["seed"] == 7


def test_a_seed_that_is_set_does_not_follow(composed: Compose) -> None:
    parameters = composed("run.seed=7,environment.seed=3").parameters
    assert (parameters["environment"]["seed"], parameters["algorithm"]["seed"]) == (3, 7)


def test_interpolation_reaches_defaults(composed: Compose) -> None:
    parameters = composed("run.log_interval=${run.n_envs}").parameters
    assert parameters["run"]["log_interval"] == parameters["run"]["n_envs"] == 1


def test_experiments_extend_each_other(composed: Compose) -> None:
    parameters = composed("experiment=ppo_short").parameters
    assert parameters["environment"]["goal_dist"] == 0.2
    assert parameters["environment"]["horizon"] == 7
    assert parameters["select"]["algorithm"] == "ppo"
    assert (parameters["run"]["n_envs"], parameters["run"]["n_steps"]) == (10, 99)


def test_choices_of_a_group_extend_each_other(composed: Compose) -> None:
    algorithm = composed("algorithm=sac_big").parameters["algorithm"]
    assert algorithm["batch_size"] == 128
    assert algorithm["policy_kwargs"]["net_arch"] == [8, 8]
    assert algorithm["policy_kwargs"]["n_critics"] == 3


def test_a_circle_of_extends_is_an_error(composed: Compose, write: Write) -> None:
    write("base/experiments/a.yml", "extends: b")
    write("base/experiments/b.yml", "extends: a")
    with pytest.raises(ConfigError, match="in a circle: a -> b -> a"):
        composed("experiment=a")


def test_own_choices_and_experiments_stand_in_for_those_of_base(composed: Compose, write: Write) -> None:
    write("local/groups/environment/reach.yml", "{env_id: ReachHuman, horizon: 12}")
    write("local/experiments/mine.yml", "{extends: plain, select: {run: many}}")
    parameters = composed("experiment=mine").parameters
    assert parameters["environment"]["horizon"] == 12
    assert parameters["environment"]["goal_dist"] == 0.2
    assert parameters["run"]["n_envs"] == 10


def test_the_command_line_chooses_over_local_over_experiment(composed: Compose, write: Write) -> None:
    write("local/parameters.yml", "select: {algorithm: sac_big}")
    assert composed("experiment=ppo").parameters["select"]["algorithm"] == "sac_big"
    assert composed("experiment=ppo,algorithm=sac").parameters["select"]["algorithm"] == "sac"


def test_env_is_read_instead_of_local(composed: Compose, write: Write) -> None:
    write("local/parameters.yml", "run: {seed: 1}")
    write("cluster/parameters.yml", "run: {n_envs: 64}")
    run = composed(env="cluster").parameters["run"]
    assert (run["seed"], run["n_envs"]) == (0, 64)
    assert composed(env="base").parameters["run"]["seed"] == 0
    with pytest.raises(ConfigError, match=r"no environment 'clutser'.*'cluster'"):
        composed(env="clutser")


def test_parameters_may_be_spread_over_files_but_not_set_twice(composed: Compose, write: Write) -> None:
    write("local/parameters.yml", "run: {seed: 1}")
    write("local/parameters_size.yml", "run: {n_envs: 2}")
    run = composed().parameters["run"]
    assert (run["seed"], run["n_envs"]) == (1, 2)
    write("local/parameters_size.yml", "run: {seed: 2}")
    with pytest.raises(ConfigError, match=r"run\.seed is set in both .*parameters\.yml and .*_size\.yml"):
        composed()


def test_origin_of_every_value(composed: Compose, write: Write) -> None:
    write("local/parameters.yml", "robot: {initialization_noise: 0.0}")
    origin_of = composed("experiment=ppo_short,run.n_envs=4").origin_of
    assert origin_of(("experiment",)) == "command line"
    assert origin_of(("select", "algorithm")) == "conf/base/experiments/ppo.yml"
    assert origin_of(("robot", "name")) == "conf/base/groups/robot/panda.yml"
    assert origin_of(("robot", "initialization_noise")) == "conf/local/parameters.yml"
    assert origin_of(("environment", "horizon")) == "conf/base/experiments/ppo_short.yml"
    assert origin_of(("environment", "seed")) == "conf/base/parameters.yml: ${run.seed}"
    assert origin_of(("run", "n_envs")) == "command line"
    assert origin_of(("environment", "safe_vel")) == "default (hrg_pipeline.tasks.reach_human.ReachHumanParams)"
    assert origin_of(("environment", "shield", "type")) == "default (hrg_pipeline.shield.params.ShieldParams)"
    assert origin_of(("wrappers", "time_limit")).startswith("default (")


def _store_run(project: Path, parameters: dict[str, object], key: str = "old-run") -> None:
    folder = project / "data" / "06_models" / key
    folder.mkdir(parents=True)
    (folder / "parameters.yml").write_text(yaml.safe_dump(parameters))
    (folder / "mlflow_run.json").write_text('{"run_id": "0123456789abcdef0123456789abcdef"}')


@pytest.mark.parametrize("run_id", ["old-run", "0123456789abcdef0123456789abcdef"])
def test_a_stored_run_brings_its_own_configuration(
    composed: Compose, write: Write, tmp_path: Path, run_id: str
) -> None:
    old = composed("experiment=ppo,run.seed=5,environment.horizon=33").with_run_id("old-run").parameters
    _store_run(tmp_path, old)
    write("local/parameters.yml", "run: {seed: 6}")
    write("base/experiments/ppo.yml", "environment: {horizon: 1}")
    now = composed(f"run.id={run_id},run.n_test_episodes=50").parameters
    assert now["run"].pop("n_test_episodes") == 50
    assert old["run"].pop("n_test_episodes") != 50
    assert now == old
    origin_of = composed(f"run.id={run_id}").origin_of
    assert origin_of(("environment", "horizon")) == "data/06_models/old-run/parameters.yml"


@pytest.mark.parametrize("choice", ["algorithm=sac", "experiment=ppo", "select.run=many"])
def test_choices_of_a_stored_run_stay(composed: Compose, tmp_path: Path, choice: str) -> None:
    _store_run(tmp_path, composed().with_run_id("old-run").parameters)
    with pytest.raises(ConfigError, match="stored configuration"):
        composed(f"run.id=old-run,{choice}")


def test_an_id_that_is_not_stored_names_a_new_run(composed: Compose) -> None:
    assert composed("run.id=mine").parameters["run"]["id"] == "mine"
    assert composed().parameters["run"]["id"] is None


@pytest.mark.parametrize("run_id", ["old-run", "0123456789abcdef0123456789abcdef"])
def test_a_run_is_resumed_with_its_own_configuration_and_key(composed: Compose, tmp_path: Path, run_id: str) -> None:
    old = composed("experiment=ppo,run.seed=5").with_run_id("old-run").parameters
    old["run"] |= {"resume": "old-run", "load_step": 7}
    _store_run(tmp_path, old)
    now = composed(f"run.resume={run_id},run.n_steps=123").parameters
    assert now["run"]["id"] == now["run"]["resume"] == "old-run"
    assert (now["run"]["n_steps"], now["run"]["seed"], now["run"]["load_step"]) == (123, 5, None)
    assert composed("run.id=old-run").parameters["run"]["resume"] is None, "how it was resumed once is no part of it"


def test_what_cannot_be_resumed_is_told(composed: Compose, tmp_path: Path) -> None:
    _store_run(tmp_path, composed().with_run_id("old-run").parameters)
    with pytest.raises(RunNotFoundError, match=r"run\.resume=nobody"):
        composed("run.resume=nobody")
    with pytest.raises(ConfigError, match="two runs"):
        composed("run.resume=old-run,run.id=another")
