"""The first two nodes turn parameters into a specification, and prove it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hrg_pipeline.config.params import RunParams
from hrg_pipeline.envs.spec import EnvSpec
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.pipelines.train import nodes
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.wrappers.params import WrapperParams


@pytest.fixture(autouse=True)
def proven(monkeypatch: pytest.MonkeyPatch) -> list[EnvSpec]:
    """Notes what is to be proven instead of simulating it."""
    specs: list[EnvSpec] = []

    def prove(spec: EnvSpec) -> EnvSpec:
        specs.append(spec)
        return spec

    monkeypatch.setattr("hrg_pipeline.envs.spec.prove", prove)
    return specs


def test_the_environment_has_its_parameters(proven: list[EnvSpec]) -> None:
    spec = nodes.build_env(RobotParams(initialization_noise=0.1), {"env_id": "ReachHuman", "horizon": 50})
    assert spec.task["horizon"] == 50
    assert spec.task["goal_dist"] == 0.1
    assert spec.robot.initialization_noise == 0.1
    assert proven == [spec]


def test_an_unknown_task_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'Reach'; choose one of \[.*'ReachHuman', "):
        nodes.build_env(RobotParams(), {"env_id": "Reach"})


def test_a_wrong_parameter_is_refused() -> None:
    with pytest.raises(ValidationError, match="horizont"):
        nodes.build_env(RobotParams(), {"env_id": "ReachHuman", "horizont": 50})


def test_the_wrapped_environment_is_another_one(proven: list[EnvSpec]) -> None:
    spec = nodes.build_env(RobotParams(), {"env_id": "ReachHuman", "horizon": 50})
    wrapped = nodes.attach_wrappers(spec, WrapperParams(), RunParams(obs_keys=("goal_difference",)))
    assert [wrapper.name for wrapper in wrapped.wrappers] == ["time_limit", "select_observations"]
    assert wrapped.sha256() != spec.sha256()
    assert proven == [spec, wrapped]
