from __future__ import annotations

import json

import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecNormalize

from hrg_pipeline.errors import HrgError
from hrg_pipeline.learning.agent import (
    ACTIVATIONS,
    Agent,
    ObservationNormalizer,
    action_fingerprint,
    algorithm_class,
    build_model,
    fingerprint_observations,
    normalized,
)
from hrg_pipeline.learning.determinism import contained_randomness
from hrg_pipeline.learning.params import PPOParams, PPOPolicyParams, SACParams, SACPolicyParams
from hrg_pipeline.learning.vec_env import EngineVecEnv

from .fake_env import PointReachVectorEnv

SMALL = {
    "sac": SACParams(policy_kwargs=SACPolicyParams(net_arch=(8,)), buffer_size=64, device="cpu"),
    "ppo": PPOParams(policy_kwargs=PPOPolicyParams(net_arch=(8,)), n_steps=8, batch_size=8, device="cpu"),
}


def make_agent(name, seed=0):
    params = SMALL[name].model_copy(update={"seed": seed})
    with contained_randomness():
        return Agent(name, build_model(params, EngineVecEnv(PointReachVectorEnv(2))))


@pytest.mark.parametrize("name", SMALL)
def test_parameters_reach_the_model(name):
    model = make_agent(name).model
    assert isinstance(model, algorithm_class(name))
    assert model.learning_rate == SMALL[name].learning_rate
    assert model.policy_kwargs["net_arch"] == [8]
    assert model.policy_kwargs["activation_fn"] is ACTIVATIONS[SMALL[name].policy_kwargs.activation_fn]


@pytest.mark.parametrize("name", SMALL)
def test_actions_have_a_row_per_observation_and_keep_the_bounds(name):
    actions = make_agent(name).predict(100.0 * np.ones((7, 4)))
    assert actions.shape == (7, 2)
    assert actions.dtype == np.float32
    assert np.all(np.abs(actions) <= 1.0)


@pytest.mark.parametrize("name", SMALL)
def test_fingerprint_tells_policies_apart(name):
    observations = fingerprint_observations(spaces.Box(-1.0, 1.0, (4,), np.float32))
    assert np.all(np.abs(observations) <= 1.0)
    same, again, other = (action_fingerprint(make_agent(name, seed), observations) for seed in (0, 0, 1))
    assert same["sha256"] == again["sha256"]
    np.testing.assert_array_equal(same["actions"], again["actions"])
    assert same["sha256"] != other["sha256"]


def test_an_unknown_algorithm_is_refused_with_the_choices():
    with pytest.raises(HrgError, match="'ddpg' is unknown; choose one of: ppo, sac"):
        algorithm_class("ddpg")


def test_counting_episodes_needs_one_env():
    params = SMALL["sac"].model_copy(update={"train_freq": (1, "episode")})
    with pytest.raises(HrgError, match=r"run\.n_envs=1, not 2"):
        build_model(params, EngineVecEnv(PointReachVectorEnv(2)))


def test_normalizer_does_what_the_wrapper_does_and_survives_json():
    params = SMALL["sac"].model_copy(update={"normalize_observations": True})
    wrapper = normalized(params, EngineVecEnv(PointReachVectorEnv(2)))
    assert isinstance(wrapper, VecNormalize)
    wrapper.reset()
    for _ in range(30):
        wrapper.step(np.full((2, 2), 0.3, dtype=np.float32))
    ours = ObservationNormalizer.from_vec_normalize(wrapper)
    back = ObservationNormalizer.from_dict(json.loads(json.dumps(ours.to_dict())))
    observations = np.random.default_rng(0).normal(0.0, 9.0, (50, 4)).astype(np.float32)
    expected = wrapper.normalize_obs(observations)
    assert expected.dtype == np.float32
    np.testing.assert_array_equal(ours(observations), expected)
    np.testing.assert_array_equal(back(observations), expected)
    assert back.count == ours.count == pytest.approx(62, abs=1e-3)


def test_normalisation_only_when_asked():
    env = EngineVecEnv(PointReachVectorEnv(2))
    assert normalized(SMALL["sac"], env) is env
