from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hrg_pipeline.errors import HrgError
from hrg_pipeline.learning.agent import Agent
from hrg_pipeline.learning.episode_info import SAFETY_KEYS
from hrg_pipeline.learning.evaluation import episode_seed, evaluate
from hrg_pipeline.learning.random_policy import RandomPolicy

from .fake_env import PointReachVectorEnv, go_to_goal
from .test_agent import make_agent


def slowly(observations):
    return 0.2 * go_to_goal(observations)


@pytest.mark.parametrize("n_envs", [2, 5, 16])
@pytest.mark.parametrize("policy", [slowly, make_agent("sac"), make_agent("ppo")], ids=["function", "sac", "ppo"])
def test_episodes_do_not_depend_on_the_number_of_envs(policy, n_envs):
    alone = evaluate(policy, PointReachVectorEnv(1, seed=1), n_episodes=11, seed=5)
    together = evaluate(policy, PointReachVectorEnv(n_envs, seed=2), n_episodes=11, seed=5)
    pd.testing.assert_frame_equal(alone, together, check_exact=True)


def test_table_has_one_row_an_episode_with_everything_that_happened():
    table = evaluate(slowly, PointReachVectorEnv(3, horizon=8), n_episodes=20, seed=1)
    assert list(table.columns) == [
        *("episode", "seed", "return", "length", "success"),
        *("cost" if key == "episode_cost" else key for key in SAFETY_KEYS),
        *("truncated", "failure"),
    ]
    assert table["episode"].tolist() == list(range(20))
    assert table["seed"].tolist() == [episode_seed(1, k) for k in range(20)]
    assert table["success"].dtype == bool and table["truncated"].dtype == bool
    assert 0 < table["success"].sum() < 20, "both outcomes are needed for the next lines to mean anything"
    np.testing.assert_array_equal(table["truncated"], ~table["success"])
    assert (table["length"][table["truncated"]] == 8).all()
    assert (table["length"] <= 8).all()
    assert (table["failsafe_interventions"] == table["length"] // 2).all()


def test_return_is_the_sum_of_rewards():
    env = PointReachVectorEnv(1, horizon=4)
    observations, _ = env.reset(seed=[episode_seed(3, 0)], options={"reset_mask": np.array([True])})
    start = np.linalg.norm(observations[0, 2:])
    assert start > 0.25
    table = evaluate(lambda o: np.zeros((len(o), 2), dtype=np.float32), env, n_episodes=1, seed=3)
    assert table["return"][0] == pytest.approx(-4 * start, rel=1e-6)


def test_another_seed_gives_other_episodes_and_the_same_seed_the_same():
    first, again, other = (evaluate(slowly, PointReachVectorEnv(2), 5, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert set(first["seed"]).isdisjoint(other["seed"])
    assert not np.array_equal(first["return"], other["return"])


def test_fewer_episodes_than_envs():
    assert len(evaluate(go_to_goal, PointReachVectorEnv(6), n_episodes=2, seed=1)) == 2


def test_no_episode_is_refused():
    with pytest.raises(HrgError, match="n_episodes is 0"):
        evaluate(go_to_goal, PointReachVectorEnv(1), n_episodes=0, seed=1)


def test_the_env_stays_open():
    env = PointReachVectorEnv(1)
    evaluate(go_to_goal, env, n_episodes=1, seed=1)
    assert env.n_closed == 0


def test_an_agent_is_asked_for_its_mean_action():
    agent = make_agent("sac")
    calls = []

    class Recording(Agent):
        def predict(self, observations, deterministic=True):
            calls.append(deterministic)
            return super().predict(observations, deterministic)

    evaluate(Recording("sac", agent.model), PointReachVectorEnv(1), n_episodes=1, seed=1)
    assert calls and all(calls)


@pytest.mark.parametrize("n_envs", [1, 3])
def test_episodes_are_the_same_whichever_is_the_first(n_envs):
    all_of_them = evaluate(slowly, PointReachVectorEnv(2), n_episodes=9, seed=5)
    rest = evaluate(slowly, PointReachVectorEnv(n_envs), n_episodes=5, seed=5, start=4)
    pd.testing.assert_frame_equal(all_of_them.iloc[4:].reset_index(drop=True), rest, check_exact=True)
    with pytest.raises(HrgError, match="start is -1"):
        evaluate(slowly, PointReachVectorEnv(1), n_episodes=1, seed=5, start=-1)


def test_a_random_policy_depends_on_the_episode_alone_and_covers_the_range():
    alone = evaluate(RandomPolicy(2, 1), PointReachVectorEnv(1), n_episodes=7, seed=5)
    together = evaluate(RandomPolicy(2, 4), PointReachVectorEnv(4), n_episodes=7, seed=5)
    pd.testing.assert_frame_equal(alone, together, check_exact=True)
    policy = RandomPolicy(3, 1)
    policy.begin(0, 1)
    drawn = np.concatenate([policy.act(np.zeros((1, 4), dtype=np.float32)) for _ in range(500)])
    assert drawn.dtype == np.float32
    assert -1.0 <= drawn.min() < -0.98 and 0.98 < drawn.max() <= 1.0
    assert np.abs(drawn.mean(axis=0)).max() < 0.1
