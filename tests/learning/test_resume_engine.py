"""Resuming on the real environment, with every wrapper that holds state."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.envs.states import get_states, set_states
from hrg_pipeline.errors import IntegrityError
from hrg_pipeline.learning.params import PPOParams, SACParams
from hrg_pipeline.learning.session import Checkpointing
from hrg_pipeline.learning.training import train
from hrg_pipeline.learning.tree import pack, unpack
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.registry import TASK_CLASSES, task_params_class
from hrg_pipeline.wrappers.attach import attach_wrappers
from hrg_pipeline.wrappers.params import WrapperParams

WRAPPERS = WrapperParams.model_validate({"collision_prevention": {"enabled": True, "replace": "resample"}})
SMALL = {"human": {"motion": {"n_clips": 2}}, "horizon": 25}


def spec_of(env_id, wrappers=WRAPPERS):
    task = task_params_class(env_id).model_validate({"env_id": env_id, **SMALL})
    return attach_wrappers(EnvSpec.create(RobotParams(), task), wrappers, ("object-state",))


def play(env, n_steps, seed):
    """Step with seeded actions, resetting what ends; returns all observations and rewards."""
    rng = np.random.default_rng(seed)
    seen = []
    for _ in range(n_steps):
        actions = rng.uniform(-1.0, 1.0, env.action_space.shape).astype(np.float32)
        observations, rewards, terminated, truncated, _ = env.step(actions)
        seen += [np.array(observations).tobytes(), np.array(rewards).tobytes()]
        done = terminated | truncated
        if done.any():
            observations, _ = env.reset(options={"reset_mask": done})
            seen.append(np.array(observations)[done].tobytes())
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("env_id", sorted(TASK_CLASSES))
def test_an_environment_goes_on_in_another_process_as_it_would_have_here(env_id):
    spec = spec_of(env_id)
    first = spec.make_vector(3, seed=4, n_threads=1)
    first.reset(seed=4)
    play(first, 40, 1)
    # What a file would hold of it: arrays and JSON.
    states = unpack(*pack(get_states(first)))
    # The same specification, so the same clips; but in another state.
    second = spec.make_vector(3, seed=4, n_threads=2)
    second.reset(seed=8)
    set_states(second, states)
    try:
        assert play(first, 40, 2) == play(second, 40, 2)
    finally:
        first.close()
        second.close()


def test_states_of_other_wrappers_are_refused():
    env, other = (spec_of("ReachHuman", one).make_vector(1, seed=0) for one in (WRAPPERS, WrapperParams()))
    with pytest.raises(IntegrityError, match="CollisionPrevention"):
        set_states(other, get_states(env))
    env.close()
    other.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "n_envs", "overlap"),
    [
        pytest.param("sac", 1, True, id="sac-1"),
        pytest.param("sac", 8, True, id="sac-8"),
        pytest.param("sac", 8, False, id="sac-8-without-overlap"),
        pytest.param("ppo", 1, True, id="ppo-1"),
        pytest.param("ppo", 8, True, id="ppo-8"),
    ],
)
def test_two_halves_are_the_whole_whatever_the_number_of_threads(algorithm, n_envs, overlap, tmp_path):
    small = {"batch_size": 32, "seed": 3, "device": "cpu", "policy_kwargs": {"net_arch": [16]}}
    params = {
        "sac": SACParams.model_validate({"learning_starts": 40, "buffer_size": 160, **small}),
        "ppo": PPOParams.model_validate({"n_steps": 32, "n_epochs": 2, **small}),
    }[algorithm]
    spec = spec_of("ReachHuman")

    def learn(n_steps, n_threads, **kwargs):
        return train(
            spec,
            params,
            n_envs=n_envs,
            n_steps=n_steps,
            seed=5,
            n_threads=n_threads,
            overlap=overlap,
            verbose=False,
            log_interval=40,
            **kwargs,
        )

    half = 160 if n_envs == 1 else 256
    whole = learn(2 * half, 1)
    learn(half, 2, checkpointing=Checkpointing(tmp_path, save_freq=60))
    halves = learn(2 * half, 1, checkpointing=Checkpointing(tmp_path, save_freq=60, resume="final"))
    first, second = (dict(result.agent.model.policy.state_dict()) for result in (whole, halves))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert whole.curve.drop(columns="time/fps").equals(halves.curve.drop(columns="time/fps"))
    buffers = [result.replay_buffer or {} for result in (whole, halves)]
    assert all(np.array_equal(buffers[0][name], buffers[1][name]) for name in buffers[0])
