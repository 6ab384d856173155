from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from hrg_pipeline.learning.agent import build_model
from hrg_pipeline.learning.determinism import contained_randomness
from hrg_pipeline.learning.overlap import overlapping
from hrg_pipeline.learning.training import train
from hrg_pipeline.learning.vec_env import EngineVecEnv

from .fake_env import PointReachSpec, PointReachVectorEnv
from .test_training import SAC_PARAMS, policy_parameters


class Recorder(PointReachVectorEnv):
    """Writes down what happens in which thread."""

    def __init__(self, events):
        super().__init__(4)
        self.events = events
        self.updated = threading.Event()
        self.wait = False

    def step(self, actions):
        self.events.append("step begins")
        if self.wait:
            assert self.updated.wait(10.0), "no update came while the step was under way"
            self.updated.clear()
        result = super().step(actions)
        self.events.append("step ends")
        return result


def learn(n_steps, events):
    env = Recorder(events)
    vec_env = EngineVecEnv(env)
    model = build_model(SAC_PARAMS.model_copy(update={"learning_starts": 0}), vec_env)
    vec_env.seed(1)
    original = model.train

    def train_and_tell(gradient_steps, batch_size):
        events.append("update")
        original(gradient_steps=gradient_steps, batch_size=batch_size)
        env.updated.set()

    model.train = train_and_tell
    with overlapping(model, vec_env):
        model.learn(n_steps)
    return model


def test_every_update_is_made_one_step_later():
    events = []
    with contained_randomness():
        model = learn(4 * 4, events)
    assert events.count("update") == 4 and events[-1] == "update"
    assert events.index("update") > events.index("step ends")
    assert model._n_updates == 4 * SAC_PARAMS.gradient_steps


def test_something_else_can_be_done_while_the_environments_step():
    env = Recorder([])
    vec_env = EngineVecEnv(env)
    with vec_env.in_background(env.updated.set):
        vec_env.reset()
        env.wait = True  # the step can only end once the other thing was done
        vec_env.step(np.zeros((4, 2), dtype=np.float32))
    assert env.events == ["step begins", "step ends"]


def test_the_same_seed_gives_the_same_agent_with_as_many_updates():
    def trained(overlap):
        return train(PointReachSpec(), SAC_PARAMS, n_envs=4, n_steps=600, seed=1, overlap=overlap, verbose=False)

    first, second, plain = trained(True), trained(True), trained(False)
    a, b = policy_parameters(first), policy_parameters(second)
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert first.agent.model._n_updates == plain.agent.model._n_updates
    assert any(not torch.equal(a[k], v) for k, v in policy_parameters(plain).items())


def test_an_error_in_a_step_comes_through_and_leaves_no_thread():
    class Broken(PointReachVectorEnv):
        def step(self, actions):
            raise RuntimeError("broken")

    env = EngineVecEnv(Broken(2))
    with pytest.raises(RuntimeError, match="broken"), env.in_background(lambda: None):
        env.reset()
        env.step(np.zeros((2, 2), dtype=np.float32))
    assert not [t for t in threading.enumerate() if t.name.startswith("step")]
