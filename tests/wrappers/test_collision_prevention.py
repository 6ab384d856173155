"""Actions that would touch an obstacle or the arm are replaced, and no others."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.physics.contacts import N_ROBOT, N_STATIC
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams
from hrg_pipeline.wrappers import collision_prevention
from hrg_pipeline.wrappers.attach import attach_wrappers
from hrg_pipeline.wrappers.collision_prevention import CollisionPrevention
from hrg_pipeline.wrappers.params import WrapperParams

TASK = {"shield": {"type": "OFF"}, "human": {"motion": {"n_clips": 2}}}
SPEC = EnvSpec.create(RobotParams(), ReachHumanParams.model_validate(TASK))
GRAZE_M = 1e-3


@pytest.fixture(scope="module")
def env():
    one = CollisionPrevention(SPEC.make_vector(2))
    one.reset(seed=0)
    yield one
    one.close()


def with_replacement(vector, replace, **kwargs):
    return CollisionPrevention(vector, replace=replace, **kwargs)


def into_something(env):
    """A free configuration, and a step of all joints that leads into something."""
    robot, rng = env.unwrapped.engine.robot, np.random.default_rng(4)
    while True:
        q = rng.uniform(robot.q_min, robot.q_max)
        step = rng.uniform(-1.0, 1.0, len(q))
        if env.checker.gap(0, q) > env.checker.margin_m + GRAZE_M and env.checker.gap(0, q + 0.2 * step) < 0.0:
            return q, step


def stand_at(env, q):
    vector = env.unwrapped
    vector.engine.reset(0, q, np.random.default_rng(0))


def test_documented_example():
    result = doctest.testmod(collision_prevention)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_swept_check_agrees_with_looking_at_many_configurations(env):
    """Whatever is called free is so at each of 200 configurations; whatever is not comes within a millimetre."""
    robot, rng = env.unwrapped.engine.robot, np.random.default_rng(1)
    checker, seen = env.checker, {True: 0, False: 0}
    while min(seen.values()) < 30:
        start, end = rng.uniform(robot.q_min, robot.q_max, (2, len(robot.q_min)))
        end = start + rng.choice([0.1, 0.5]) * (end - start)
        if checker.gap(0, start) <= checker.margin_m + GRAZE_M:
            continue
        free = checker.is_free(0, start, end)
        seen[free] += 1
        least = min(checker.gap(0, start + share * (end - start)) for share in np.linspace(0.0, 1.0, 200))
        if free:
            assert least > checker.margin_m - 1e-9
        else:
            assert least < checker.margin_m + 2 * GRAZE_M


def test_the_way_out_is_free_and_further_in_is_not(env):
    q, step = into_something(env)
    touching = q + 0.2 * step
    assert env.checker.gap(0, touching) < 0.0
    assert not env.checker.is_free(0, touching, touching + 0.02 * step)
    assert env.checker.is_free(0, touching, touching - 0.02 * step)


def test_zero_stands_still_and_keeps_the_gripper_command(env):
    q, step = into_something(env)
    stand_at(env, q)
    action = np.zeros((2, 8))
    action[0] = (*step, 0.7)
    info = env.step(action)[4]
    assert info["action_replaced"].tolist() == [True, False]
    np.testing.assert_allclose(info["executed_action"][0], [*np.zeros(7), 0.7], rtol=1e-6)
    assert info["action_resamples"].tolist() == [1, 0]


@pytest.mark.parametrize("replace", ["resample", "nearest"])
def test_replacements_are_free_and_the_same_for_the_same_seed(env, replace):
    q, step = into_something(env)
    found = []
    for seed in (3, 3, 4):
        one = with_replacement(env.unwrapped, replace, n_resamples=50)
        one.reset(seed=seed)
        stand_at(one, q)
        action = np.zeros((2, 8))
        action[0, :7] = step
        executed = one.step(action)[4]["executed_action"][0].astype(np.float64)
        assert one.checker.is_free(0, q, q + 0.2 * executed[:7])
        assert np.abs(executed[:7]).max() > 0.0
        found.append(executed)
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).any()


def test_nearest_is_nearer_than_the_first(env):
    q, step = into_something(env)
    distance = {}
    for replace in ("resample", "nearest"):
        one = with_replacement(env.unwrapped, replace, n_resamples=50)
        one.reset(seed=3)
        stand_at(one, q)
        action = np.zeros((2, 8))
        action[0, :7] = step
        distance[replace] = np.linalg.norm(one.step(action)[4]["executed_action"][0, :7] - step)
    assert distance["nearest"] < distance["resample"]


def test_an_unshielded_arm_touches_nothing_with_it():
    counts = []
    for enabled in (False, True):
        params = WrapperParams.model_validate({"collision_prevention": {"enabled": enabled}})
        env = attach_wrappers(SPEC, params, ["goal_difference"]).make_vector(4)
        env.reset(seed=5)
        rng = np.random.default_rng(6)
        direction = rng.uniform(-1.0, 1.0, (4, 8))
        for step in range(60):
            if step % 12 == 0:
                direction = rng.uniform(-1.0, 1.0, (4, 8))
            env.step(direction)
        counts.append(env.unwrapped.engine.contact_counters[:, [N_STATIC, N_ROBOT]].sum())
        env.close()
    assert counts[0] > 0
    assert counts[1] == 0


def test_an_unknown_replacement_is_one_clear_error(env):
    with pytest.raises(ConfigError, match=r"'nearby'.*zero, resample, nearest"):
        CollisionPrevention(env.unwrapped, replace="nearby")
