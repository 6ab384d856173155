from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from hrg_pipeline.errors import HrgError
from hrg_pipeline.learning.episode_info import SAFETY_KEYS
from hrg_pipeline.learning.vec_env import EngineVecEnv

from .fake_env import PointReachVectorEnv, go_to_goal


def stay(n):
    return np.zeros((n, 2), dtype=np.float32)


def run_until_done(env, observations, act):
    while True:
        previous = observations
        observations, rewards, dones, infos = env.step(act(observations))
        if dones.any():
            return previous, observations, rewards, dones, infos


def test_a_lane_that_ran_out_of_time_is_marked_as_truncated():
    env = EngineVecEnv(PointReachVectorEnv(3, horizon=5))
    env.seed(1)
    first = env.reset()
    assert np.all(np.linalg.norm(first[:, 2:], axis=1) > 0.25), "no lane may start at its goal"
    _, _, _, dones, infos = run_until_done(env, first, lambda o: stay(3))
    assert dones.all()
    for i, info in enumerate(infos):
        assert info["TimeLimit.truncated"] is True
        assert info["is_success"] is False
        assert info["episode"]["l"] == 5
        np.testing.assert_array_equal(info["terminal_observation"], first[i])


def test_success_is_terminal_even_at_the_horizon():
    probe = PointReachVectorEnv(1)
    vec = EngineVecEnv(probe)
    vec.seed(0)
    _, _, _, _, infos = run_until_done(vec, vec.reset(), go_to_goal)
    steps = infos[0]["episode"]["l"]
    vec = EngineVecEnv(PointReachVectorEnv(1, horizon=steps))
    vec.seed(0)
    _, _, _, _, infos = run_until_done(vec, vec.reset(), go_to_goal)
    assert infos[0]["episode"]["l"] == steps
    assert infos[0]["TimeLimit.truncated"] is False
    assert infos[0]["is_success"] is True


def test_terminal_observation_belongs_to_the_old_episode_and_the_returned_one_to_the_next():
    env = EngineVecEnv(PointReachVectorEnv(4))
    env.seed(3)
    before, after, _, dones, infos = run_until_done(env, env.reset(), go_to_goal)
    assert 0 < dones.sum() < 4
    for i in range(4):
        if dones[i]:
            terminal = infos[i]["terminal_observation"]
            np.testing.assert_allclose(terminal[:2], before[i, :2] + 0.2 * go_to_goal(before)[i], rtol=1e-5)
            assert np.linalg.norm(terminal[2:]) < 0.25
            assert not np.array_equal(after[i], terminal)
        else:
            assert infos[i] == {}
            np.testing.assert_allclose(after[i, :2], before[i, :2] + 0.2 * go_to_goal(before)[i], rtol=1e-5)


def test_episode_statistics_are_the_sums_over_the_episode():
    env = EngineVecEnv(PointReachVectorEnv(2, horizon=7))
    observations = env.reset()
    totals, lengths, checked = np.zeros(2), np.zeros(2, dtype=int), 0
    for _ in range(40):
        observations, rewards, dones, infos = env.step(0.3 * go_to_goal(observations))
        totals += rewards
        lengths += 1
        for i in np.flatnonzero(dones):
            episode = infos[i]["episode"]
            assert episode["r"] == pytest.approx(totals[i], rel=1e-5)
            assert episode["l"] == lengths[i]
            assert episode["time_slowed_s"] == pytest.approx(0.1 * lengths[i])
            assert set(SAFETY_KEYS) <= episode.keys()
            totals[i], lengths[i] = 0.0, 0
            checked += 1
    assert checked > 4


def test_what_was_returned_is_not_changed_by_later_steps():
    env = EngineVecEnv(PointReachVectorEnv(2))
    first = env.reset()
    kept = first.copy()
    second, rewards, *_ = env.step(np.ones((2, 2), dtype=np.float32))
    kept_second, kept_rewards = second.copy(), rewards.copy()
    env.step(np.ones((2, 2), dtype=np.float32))
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(second, kept_second)
    np.testing.assert_array_equal(rewards, kept_rewards)


def test_the_same_seed_gives_the_same_episodes():
    runs = []
    for _ in range(2):
        env = EngineVecEnv(PointReachVectorEnv(3, seed=np.random.default_rng().integers(1000)))
        env.seed(11)
        observations = [env.reset()]
        observations += [env.step(np.full((3, 2), 0.1, dtype=np.float32))[0] for _ in range(30)]
        runs.append(np.stack(observations))
    np.testing.assert_array_equal(runs[0], runs[1])


def test_a_seed_is_used_once():
    inner = PointReachVectorEnv(1)
    env = EngineVecEnv(inner)
    env.seed(5)
    env.reset()
    env.reset()
    assert inner.reset_seeds == [5, None]


def test_an_env_that_resets_itself_is_refused():
    env = PointReachVectorEnv(1)
    env.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
    with pytest.raises(HrgError, match="DISABLED"):
        EngineVecEnv(env)


def test_single_lanes_have_no_methods_or_wrappers_of_their_own():
    env = EngineVecEnv(PointReachVectorEnv(3))
    assert env.env_is_wrapped(object) == [False] * 3
    assert env.get_attr("horizon", indices=[0, 2]) == [20, 20]
    with pytest.raises(HrgError, match="one vector env"):
        env.env_method("reset")
    with pytest.raises(HrgError, match="horizon"):
        env.set_attr("horizon", 3)
