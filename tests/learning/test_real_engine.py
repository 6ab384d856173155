"""What learning promises, on the real environment."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.learning.evaluation import evaluate
from hrg_pipeline.learning.params import PPOParams, SACParams
from hrg_pipeline.learning.training import train
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams
from hrg_pipeline.wrappers.attach import attach_wrappers
from hrg_pipeline.wrappers.params import WrapperParams

KEYS = ("object-state", "goal_difference")


@pytest.fixture(scope="module")
def spec():
    params = ReachHumanParams.model_validate({"human": {"motion": {"n_clips": 3}}, "reward_shaping": True})
    return attach_wrappers(EnvSpec.create(RobotParams(), params), WrapperParams(), KEYS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "algorithm",
    [
        SACParams(name="sac", learning_starts=200, buffer_size=2000, gradient_steps=1, seed=3, device="cpu"),
        PPOParams(name="ppo", n_steps=64, batch_size=64, n_epochs=2, seed=3, device="cpu"),
    ],
    ids=["sac", "ppo"],
)
def test_the_same_seed_learns_the_same_whatever_the_number_of_threads(spec, algorithm):
    results = [
        train(spec, algorithm, n_envs=4, n_steps=600, seed=5, n_threads=threads, verbose=False) for threads in (1, 2)
    ]
    first, second = (dict(result.agent.model.policy.state_dict()) for result in results)
    assert all(torch.equal(first[name], second[name]) for name in first)
    tables = [_evaluate(spec, result.agent, 2) for result in results]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


@pytest.mark.slow
def test_an_evaluation_episode_does_not_depend_on_its_neighbours(spec):
    def act(observations):
        return np.clip(np.tile(observations[:, :1], (1, 8)), -1, 1).astype(np.float32)

    pd.testing.assert_frame_equal(_evaluate(spec, act, 1), _evaluate(spec, act, 3), check_exact=True)


def _evaluate(spec, policy, n_envs):
    env = spec.make_vector(n_envs, seed=9)
    table = evaluate(policy, env, n_episodes=4, seed=9)
    env.close()
    return table
