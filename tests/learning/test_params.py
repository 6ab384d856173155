from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from hrg_pipeline.learning.agent import algorithm_class
from hrg_pipeline.learning.params import AlgorithmParams, PPOParams, PPOPolicyParams, SACParams

ADAPTER: TypeAdapter[SACParams | PPOParams] = TypeAdapter(AlgorithmParams)


def test_the_name_chooses_the_algorithm():
    assert isinstance(ADAPTER.validate_python({"name": "sac"}), SACParams)
    assert isinstance(ADAPTER.validate_python({"name": "ppo"}), PPOParams)


@pytest.mark.parametrize(
    ("section", "names"),
    [
        ({"name": "ddpg"}, "'sac', 'ppo'"),
        ({"name": "sac", "n_epochs": 3}, "n_epochs"),
        ({"name": "sac", "policy_kwargs": {"ortho_init": True}}, "ortho_init"),
        ({"name": "sac", "ent_coef": "automatic"}, "ent_coef"),
        ({"name": "sac", "train_freq": [1, "minute"]}, "train_freq"),
        ({"name": "ppo", "policy_kwargs": {"squash_output": True}}, "use_sde"),
        ({"name": "ppo", "learning_rate": 0}, "learning_rate"),
    ],
)
def test_a_bad_value_is_refused_and_named(section, names):
    with pytest.raises(ValidationError, match=names):
        ADAPTER.validate_python(section)


def test_yaml_lists_and_plain_numbers_are_read():
    params = SACParams.model_validate({"train_freq": [100, "step"], "policy_kwargs": {"net_arch": [64, 64]}})
    assert params.train_freq == (100, "step")
    assert params.policy_kwargs.net_arch == (64, 64)
    assert SACParams.model_validate({"train_freq": 3}).train_freq == (3, "step")


def test_parameters_survive_json():
    for params in (SACParams(ent_coef="auto_0.2"), PPOParams(use_sde=True, policy_kwargs=PPOPolicyParams())):
        assert ADAPTER.validate_python(json.loads(params.model_dump_json())) == params


def test_defaults_are_those_of_stable_baselines3():
    for params in (SACParams(), PPOParams()):
        arguments = inspect.signature(algorithm_class(params.name)).parameters
        ours = params.model_dump(exclude={"name", "normalize_observations", "policy_kwargs", "policy", "seed"})
        for name, value in ours.items():
            theirs = arguments[name].default
            assert value == ((theirs, "step") if name == "train_freq" else theirs), name


def test_importing_the_parameters_stays_light():
    code = (
        "import sys, hrg_pipeline.learning.params;"
        "print([m for m in ('torch', 'stable_baselines3', 'pandas', 'gymnasium') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
