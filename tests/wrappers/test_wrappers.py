"""Wrappers keep their documented examples and their order."""

from __future__ import annotations

import doctest

import numpy as np

from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams
from hrg_pipeline.wrappers import select_observations, time_limit
from hrg_pipeline.wrappers.attach import attach_wrappers
from hrg_pipeline.wrappers.params import WrapperParams

SPEC = EnvSpec.create(RobotParams(), ReachHumanParams.model_validate({"human": {"motion": {"n_clips": 2}}}))


def test_documented_examples():
    for module in (time_limit, select_observations):
        result = doctest.testmod(module)
        assert result.attempted > 0
        assert result.failed == 0


def test_each_switch_attaches_its_wrapper_in_order():
    both = attach_wrappers(SPEC, WrapperParams(), ["goal_difference"])
    assert [w.name for w in both.wrappers] == ["time_limit", "select_observations"]
    none = attach_wrappers(SPEC, WrapperParams(time_limit=False, select_observations=False), ["goal_difference"])
    assert none.wrappers == ()


def test_clocks_restart_with_their_episode():
    env = attach_wrappers(SPEC.with_task(horizon=3), WrapperParams(), ["goal_difference"]).make_vector(2)
    env.reset(seed=0)
    still = np.zeros((2, 8), np.float32)
    env.step(still)
    env.reset(options={"reset_mask": np.array([True, False])})
    assert env.step(still)[3].tolist() == [False, False]
    assert env.step(still)[3].tolist() == [False, True]
    assert env.step(still)[3].tolist() == [True, True]
    env.close()


def test_selected_entries_are_the_sensors_in_order():
    keys = ["goal_difference", "robot0_proprio-state"]
    plain, chosen = SPEC.make_vector(2), attach_wrappers(SPEC, WrapperParams(), keys).make_vector(2)
    sensors, _ = plain.reset(seed=1)
    flat, _ = chosen.reset(seed=1)
    names = ("goal_difference", "robot0_joint_pos", "robot0_joint_vel", "robot0_eef_pos")
    np.testing.assert_array_equal(flat, np.concatenate([sensors[n] for n in names], axis=1))
    plain.close()
    chosen.close()
