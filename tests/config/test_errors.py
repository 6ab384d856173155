"""Everything that cannot be is one line that helps."""

from __future__ import annotations

import pytest

from hrg_pipeline.errors import ConfigError

from .conftest import Compose, Write

CASES = {
    "unknown key": ("run.sede=3", ["'run.sede'", "command line", "'seed'", "n_envs"]),
    "unknown nested key": ("environment.shield.typ=SSM", ["environment.shield.typ", "'type'"]),
    "unknown section": ("rnu.seed=3", ["'rnu'", "'run'", "environment"]),
    "key below a value": ("run.seed.x=1", ["run.seed", "one value"]),
    "unknown choice": ("robot=ur5", ["'ur5'", "groups/robot", "panda"]),
    "null choice": ("robot=null", ["'null'", "panda"]),
    "unknown group": ("select.robto=panda", ["'select.robto'", "'robot'"]),
    "unknown experiment": ("experiment=plian", ["'plian'", "'plain'", "ppo_short"]),
    "choice and values": (
        "robot=panda,robot.initialization_noise=0",
        ["select.robot=panda,robot.initialization_noise=…"],
    ),
    "one choice twice": ("robot=panda,select.robot=panda", ["robot=panda", "select.robot=panda"]),
    "one key twice": ("run.seed=1,run.seed=2", ["run.seed", "twice"]),
    "wrong type": ("run.n_envs=four", ["run.n_envs = 'four'", "command line", "valid integer"]),
    "boolean for a number": ("run.n_envs=true", ["run.n_envs = True", "type int"]),
    "out of bounds": ("run.n_envs=0", ["run.n_envs = 0", "greater than or equal to 1"]),
    "a crowd": ("environment.human.count=5", ["environment.human.count = 5", "less than or equal to 4"]),
    "not a member": ("environment.shield.type=SOFT", ["environment.shield.type = 'SOFT'", "'OFF', 'SSM' or 'PFL'"]),
    "value for a section": ("environment.shield=OFF", ["environment.shield", "keys of its own"]),
    "open list": ("run.obs_keys=[a,b", ["'['", "never closed", "run.obs_keys=[a,b"]),
    "broken list": ("run.obs_keys=[a,,b]", ["run.obs_keys=[a,,b]"]),
    "no list": ("run.obs_keys=a", ["run.obs_keys = 'a'", "[a,b]"]),
    "empty list": ("run.obs_keys=[]", ["run.obs_keys = []", "at least 1"]),
    "list too short": ("environment.human.human_rand=[1,2]", ["environment.human.human_rand = [1, 2]"]),
    "wrong list item": ("algorithm.train_freq=[1,week]", ["train_freq.1 = 'week'", "'step' or 'episode'"]),
    "no member of a union": (
        "algorithm.ent_coef=auto_x",
        ["algorithm.ent_coef = 'auto_x'", "valid number", "or match pattern"],
    ),
    "unknown task": ("environment.env_id=Reach", ["'Reach'", "ReachHuman"]),
    "unknown algorithm": ("algorithm.name=td3", ["'td3'", "ppo", "sac"]),
    "unknown target": ("environment.seed=${run.sed}", ["environment.seed", "run.sed", "not found"]),
    "circle": ("run.seed=${environment.seed}", ["environment.seed", "${run.seed}"]),
    "bad interpolation": ("run.seed=${run.seed", ["never closed"]),
    "no value": ("run.seed=", ["run.seed="]),
    "no key=value": ("robot", ["'robot'", "key=value"]),
    "empty key": ("run..seed=1", ["'run..seed'"]),
    "new key without plus": ("tracking.tags.note=x", ["tracking.tags.note", "+tracking.tags.note=…"]),
    "plus on a known key": ("+run.seed=1", ["+run.seed"]),
    "plus on a closed section": ("+run.extra=1", ["'run.extra'"]),
    "bad run id": ("run.id=../other", ["run.id = '../other'"]),
}


@pytest.mark.parametrize(("params", "parts"), CASES.values(), ids=CASES.keys())
def test_command_line(composed: Compose, params: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        composed(params)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


FILE_CASES = {
    "unknown key": ("experiments/plain.yml", "run: {sede: 3}", ["run.sede", "plain.yml", "'seed'"]),
    "unknown section": ("experiments/plain.yml", "rnu: {seed: 3}", ["'rnu'", "plain.yml", "extends"]),
    "key of another algorithm": ("experiments/plain.yml", "algorithm: {n_epochs: 3}", ["algorithm.n_epochs"]),
    "unknown parent": ("experiments/plain.yml", "extends: nobody", ["'nobody'", "extends in", "plain.yml"]),
    "select is no mapping": ("experiments/plain.yml", "select: sac", ["select", "'sac'"]),
    "duplicate key": (
        "experiments/plain.yml",
        "run:\n  seed: 1\n  seed: 2",
        ["line 3", "duplicate key 'seed'"],
    ),
    "no YAML": ("experiments/plain.yml", "run: [1, 2", ["plain.yml"]),
    "no mapping": ("experiments/plain.yml", "- run", ["plain.yml", "list"]),
    "wrong type": ("groups/run/one.yml", "n_envs: x", ["run.n_envs = 'x'", "groups/run/one.yml"]),
    "section without keys": ("experiments/plain.yml", "robot: panda", ["robot = 'panda'", "plain.yml"]),
    "nothing selected": ("parameters.yml", "select: {robot: panda}", ["select.environment", "reach"]),
}


@pytest.mark.parametrize(("name", "text", "parts"), FILE_CASES.values(), ids=FILE_CASES.keys())
def test_files(composed: Compose, write: Write, name: str, text: str, parts: list[str]) -> None:
    write(f"base/{name}", text)
    with pytest.raises(ConfigError) as caught:
        composed()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_only_the_cause_is_named_not_what_follows_from_it(composed: Compose) -> None:
    with pytest.raises(ConfigError) as caught:
        composed("run.seed=x")
    assert str(caught.value).startswith("run.seed = 'x'")
    assert "environment.seed" not in str(caught.value)


def test_all_wrong_values_are_named_at_once(composed: Compose) -> None:
    with pytest.raises(ConfigError, match=r"environment\.horizon.*; run\.n_steps"):
        composed("run.n_steps=0,environment.horizon=0")
