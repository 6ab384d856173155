"""Cartesian actions move the end effector where they say, and hold its orientation."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.robots.ik import forward
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human_cart import ReachHumanCartParams
from hrg_pipeline.wrappers import ik_position_delta
from hrg_pipeline.wrappers.attach import attach_wrappers
from hrg_pipeline.wrappers.ik_position_delta import IkPositionDelta
from hrg_pipeline.wrappers.params import IkParams, WrapperParams

PARAMS = ReachHumanCartParams.model_validate(
    {"human": {"motion": {"n_clips": 2}}, "shield": {"type": "OFF"}, "done_at_success": False}
)
SPEC = EnvSpec.create(RobotParams(initialization_noise=0.0), PARAMS)


@pytest.fixture(scope="module")
def vector():
    made = SPEC.make_vector(1, n_threads=1)
    yield made
    made.close()


def go(env, place, steps=25):
    """Steer the end effector to a place for some steps."""
    engine = env.unwrapped.engine
    for _ in range(steps):
        error = (place - engine.eef_pos[0]) / env.action_limit
        env.step(np.append(np.clip(error, -1, 1), 0.0)[None].astype(np.float32))
    return engine.eef_pos[0]


def test_documented_example():
    result = doctest.testmod(ik_position_delta)
    assert result.attempted > 0
    assert result.failed == 0


def test_a_square_is_followed_with_the_gripper_pointing_down(vector):
    env = IkPositionDelta(vector, action_limit=0.1)
    env.reset(seed=0)
    engine = env.unwrapped.engine
    start = engine.eef_pos[0]
    for corner in ([0.0, 0.15, 0.0], [0.0, 0.15, -0.15], [0.0, 0.0, -0.15], [0.0, 0.0, 0.0]):
        reached = go(env, start + corner)
        assert np.linalg.norm(reached - start - corner) < 0.004
        assert forward(engine.arm, engine.q).rot[0, 2, 2] < -0.999


def test_the_joint_step_is_the_commanded_displacement(vector):
    env = IkPositionDelta(vector, action_limit=0.02)
    env.reset(seed=0)
    engine = env.unwrapped.engine
    joints = env.actions(np.array([[0.5, -1.0, 0.25, 1.0]]))
    moved = forward(engine.arm, engine.q + 0.2 * joints[:, :-1]).pos - engine.eef_pos
    np.testing.assert_allclose(moved[0], [0.01, -0.02, 0.005], atol=2e-4)
    assert joints[0, -1] == 1.0


def test_a_long_step_is_shortened_without_turning(vector):
    env = IkPositionDelta(vector, action_limit=0.5)
    env.reset(seed=0)
    joints = env.actions(np.array([[0.0, 1.0, 0.0, 0.0]]))
    assert np.abs(joints[:, :-1]).max() == pytest.approx(1.0)


def test_gain_and_workspace(vector):
    vector.reset(seed=0)
    full, fifth = IkPositionDelta(vector, 0.02), IkPositionDelta(vector, 0.02, gain=0.2)
    action = np.array([[1.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(fifth.actions(action)[:, :-1], 0.2 * full.actions(action)[:, :-1])
    boxed = IkPositionDelta(vector, 0.1, workspace=[[0.2, 0.4], [-0.1, 0.1], [1.0, 1.3]])
    boxed.reset(seed=0)
    assert go(boxed, np.array([0.35, 0.5, 1.2]))[1] < 0.11


def test_it_stands_between_time_limit_and_chosen_observations():
    params = WrapperParams(ik_position_delta=IkParams(enabled=True, action_limit=0.05))
    spec = attach_wrappers(SPEC, params, ["goal_difference"])
    assert [w.name for w in spec.wrappers] == ["time_limit", "ik_position_delta", "select_observations"]
    assert spec.wrappers[1].kwargs == {"action_limit": 0.05, "gain": 1.0, "workspace": None}
