from __future__ import annotations

import zipfile

import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer

from hrg_pipeline.errors import HrgError, IntegrityError
from hrg_pipeline.learning.agent import Agent, action_fingerprint, fingerprint_observations
from hrg_pipeline.learning.storage import load_agent, replay_buffer_arrays, restore_replay_buffer, save_model
from hrg_pipeline.learning.training import train

from .fake_env import PointReachSpec
from .test_agent import SMALL, make_agent

OBSERVATIONS = np.random.default_rng(2).normal(size=(64, 4)).astype(np.float32)


def tiny_training(name, **changes):
    params = SMALL[name].model_copy(update={"learning_starts": 10} | changes if name == "sac" else changes)
    return train(PointReachSpec(), params, n_envs=2, n_steps=64, seed=4, verbose=False)


def filled_buffer(n):
    model = make_agent("sac").model
    buffer = ReplayBuffer(10, model.observation_space, model.action_space, device="cpu", n_envs=2)
    rng = np.random.default_rng(1)
    for k in range(n):
        obs, next_obs = rng.normal(size=(2, 2, 4))
        infos = [{"TimeLimit.truncated": k % 3 == 0}, {}]
        buffer.add(obs, next_obs, rng.uniform(-1, 1, (2, 2)), rng.normal(size=2), np.array([True, False]), infos)
    return buffer


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("normalize", [False, True])
def test_a_stored_agent_acts_as_before(tmp_path, name, normalize):
    agent = tiny_training(name, normalize_observations=normalize).agent
    assert (agent.normalizer is not None) == normalize
    path = save_model(agent, tmp_path / "folder" / "model")
    back = load_agent(name, path, agent.normalizer)
    assert path == tmp_path / "folder" / "model.zip"
    before, after = action_fingerprint(agent, OBSERVATIONS), action_fingerprint(back, OBSERVATIONS)
    assert before["sha256"] == after["sha256"]
    without = action_fingerprint(Agent(name, back.model), OBSERVATIONS)
    assert (without["sha256"] != before["sha256"]) == normalize


@pytest.mark.parametrize("name", SMALL)
def test_the_same_seed_twice_writes_the_same_model_file(tmp_path, name):
    files = [save_model(tiny_training(name).agent, tmp_path / run) for run in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()
    with zipfile.ZipFile(files[0]) as file:
        assert {member.date_time for member in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b" at 0x" not in file.read("data"), "addresses differ from process to process"


def test_loading_leaves_the_global_random_state_alone(tmp_path):
    path = save_model(make_agent("sac"), tmp_path / "model.zip")
    before = np.random.get_state()[1].copy()
    load_agent("sac", path)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_a_missing_model_file_is_named(tmp_path):
    with pytest.raises(HrgError, match="no model file at"):
        load_agent("sac", tmp_path / "nothing.zip")


@pytest.mark.parametrize("n", [0, 3, 5, 8], ids=["empty", "part", "just full", "wrapped"])
def test_replay_buffer_comes_back_as_it_was(n):
    buffer = filled_buffer(n)
    arrays = replay_buffer_arrays(buffer)
    assert arrays["obs"].shape == (min(n, 5), 2, 4)
    agent = make_agent("sac")
    back = restore_replay_buffer(agent, arrays)
    assert agent.model.replay_buffer is back
    assert (back.pos, back.full, back.size()) == (buffer.pos, buffer.full, buffer.size())
    for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
        np.testing.assert_array_equal(getattr(back, name), getattr(buffer, name))


def test_copied_arrays_do_not_follow_the_buffer():
    buffer = filled_buffer(3)
    arrays = replay_buffer_arrays(buffer)
    buffer.rewards[:] = 99.0
    assert not np.any(arrays["rewards"] == 99.0)


def test_replay_buffers_that_do_not_fit_are_refused():
    arrays = replay_buffer_arrays(filled_buffer(3))
    with pytest.raises(HrgError, match="'ppo' has no replay buffer"):
        restore_replay_buffer(make_agent("ppo"), arrays)
    with pytest.raises(IntegrityError, match="lacks dones"):
        restore_replay_buffer(make_agent("sac"), {k: v for k, v in arrays.items() if k != "dones"})
    with pytest.raises(IntegrityError, match=r"obs of shape \(3, 2, 5\)"):
        restore_replay_buffer(make_agent("sac"), arrays | {"obs": np.zeros((3, 2, 5))})


def test_a_fingerprint_needs_flat_observations():
    with pytest.raises(HrgError, match="flat Box"):
        fingerprint_observations(spaces.Dict({"a": spaces.Box(0, 1, (2,))}))
