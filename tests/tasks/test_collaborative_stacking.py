"""CollaborativeStacking: rewards, phases, states, a stack that is level and stays, one that topples."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.collaborative_stacking import (
    APART_M,
    BESIDE_STACK_M,
    CUBE_M,
    A,
    B,
    CollaborativeStackingParams,
)
from tests.tasks import handovers as h

APPROACH, PLACE_FIRST, WAIT_2, PLACE_THIRD, WAIT_4, RETREAT, COMPLETE = range(7)
STILL = np.zeros((1, 4), np.float32)


def make_params(**others):
    return CollaborativeStackingParams.model_validate({"human": {"motion": {"n_clips": 16}}, **others})


@pytest.fixture(scope="module")
def made():
    env, policy = h.make(make_params(), n=1)
    yield env, policy
    env.close()


@pytest.mark.parametrize(
    ("phase", "gripped", "distance", "toppled", "expected"),
    [
        (APPROACH, False, 0.0, False, -1.0),
        (WAIT_2, True, 0.3, False, -1.0 + 0.75),
        (WAIT_2, True, 0.02, False, 0.0 + 0.75),
        (PLACE_THIRD, False, 0.0, False, 0.0),
        (WAIT_4, False, 0.02, False, 1.0),
        (WAIT_4, True, 0.3, False, 0.0 + 0.75),
        (RETREAT, False, 0.0, False, 1.0),
        (COMPLETE, False, 0.0, False, 2.0),
        (WAIT_4, True, 0.02, True, -10.0),
        (COMPLETE, False, 0.0, True, -10.0),
    ],
)
def test_reward_table(made, phase, gripped, distance, toppled, expected):
    task = made[0].unwrapped.task
    achieved, desired = np.zeros((1, 3)), np.array([[0.0, distance, 0.0]])
    info = h.make_info(phase, object_gripped=gripped, stack_toppled=toppled)
    assert task.reward(achieved, desired, info)[0] == pytest.approx(expected)
    assert task.failed(achieved, desired, info)[0] == toppled


def test_phases_follow_each_other_and_every_one_can_be_saved(made):
    env, policy = made
    flat, _ = env.reset(seed=[3])
    saved = {}
    phases, successes, info = h.play(env, policy, flat, 1200, saved)
    assert phases == [APPROACH, PLACE_FIRST, WAIT_2, PLACE_THIRD, WAIT_4, RETREAT, COMPLETE]
    assert successes == 1
    assert info["stack_height"][0] == 4
    assert info["n_collisions_critical"][0] == 0
    assert info["weld_force_max_n"][0] < 10.0, "a cube weighs 0.9 N"
    objects, task = env.unwrapped.engine.objects, env.unwrapped.task
    stack = objects.pos[0, task._stack[0]]
    np.testing.assert_allclose(np.diff(stack[:, 2]), CUBE_M, atol=2e-3)
    assert np.abs(stack[:, :2] - stack[0, :2]).max() < 0.5 * CUBE_M
    ends = {
        h.future(env, policy, *saved[phase], steps=1200)
        for phase in (PLACE_FIRST, WAIT_2, PLACE_THIRD, WAIT_4, RETREAT)
    }
    assert len(ends) == 1


def test_the_person_puts_a_level_cube_where_the_stack_is_to_stand_and_waits(made):
    env, _ = made
    env.reset(seed=[5])
    inner = env.unwrapped
    task, objects = inner.task, inner.engine.objects
    place = task._place_of_stack(0)
    apart = np.linalg.norm(objects.pos[0, A, :2] - objects.pos[0, B, :2])
    beside = np.linalg.norm(objects.pos[0, [A, B], :2] - place[:2], axis=1)
    assert apart >= APART_M
    assert (beside >= BESIDE_STACK_M).all()
    for _ in range(250):
        *_, info = env.step(STILL)
    assert task.phase[0] == WAIT_2
    assert inner.engine.people.is_looping[0]
    assert info["stack_height"][0] == 1
    cube = task._stack[0, 0]
    np.testing.assert_allclose(objects.pos[0, cube], place + np.array([0.0, 0.0, 0.5 * CUBE_M]), atol=4e-3)
    assert abs(objects.quat[0, cube, 0]) > 0.999
    assert objects.on_table[0, cube]


def test_a_stack_that_topples_ends_the_episode(made):
    env, policy = made
    flat, _ = env.reset(seed=[3])
    inner = env.unwrapped
    while inner.task.phase[0] < PLACE_THIRD:
        flat, *_ = env.step(policy.act(flat))
    second = inner.task._stack[0, 1]
    inner.engine.objects.place(0, int(second), np.array([0.3, -0.6, 0.5 * CUBE_M + 0.82]))
    _, reward, terminated, _, info = env.step(STILL)
    assert info["stack_toppled"].tolist() == info["is_failure"].tolist() == terminated.tolist() == [True]
    assert info["is_success"].tolist() == [False]
    assert reward[0] == pytest.approx(-10.0)


def test_people_who_do_not_stack_are_refused():
    params = make_params(human={"motion": {"n_clips": 2, "families": ["reach"]}})
    with pytest.raises(ConfigError, match=r"nobody stacks cubes in clip .*\[collaborative_stacking\]"):
        EnvSpec.create(RobotParams(), params).make_vector(1, n_threads=1)
