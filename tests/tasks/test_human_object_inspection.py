"""HumanObjectInspection: rewards, phases, states, a person who waits for the cube and goes on while they see it."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.human_object_inspection import HumanObjectInspectionParams
from tests.tasks import handovers as h

APPROACH, READY, INSPECTION, RETREAT, COMPLETE = range(5)
AWAY = np.array([0.3, 0.0, 0.84])


def make_params(**others):
    return HumanObjectInspectionParams.model_validate({"human": {"motion": {"n_clips": 8}}, **others})


@pytest.fixture(scope="module")
def made():
    env, policy = h.make(make_params())
    yield env, policy
    env.close()


@pytest.mark.parametrize(
    ("phase", "gripped", "distance", "expected"),
    [
        (APPROACH, False, 0.5, -1.0),
        (READY, True, 0.5, -0.5),
        (INSPECTION, True, 0.05, 0.25),
        (APPROACH, False, 0.05, 0.25),
        (COMPLETE, True, 0.05, 1.0),
        (COMPLETE, False, 0.5, 1.0),
    ],
)
def test_reward_table(phase, gripped, distance, expected):
    params = make_params(object_gripped_reward=-0.5, object_at_target_reward=0.25)
    env = EnvSpec.create(RobotParams(), params).make_vector(1, n_threads=1)
    task = env.unwrapped.task
    achieved, desired = np.zeros((1, 3)), np.array([[0.0, distance, 0.0]])
    info = h.make_info(phase, object_gripped=gripped)
    assert task.reward(achieved, desired, info)[0] == pytest.approx(expected)
    assert task.dense_terms(achieved, desired, info)["object_distance"][0] == pytest.approx(-0.1 * distance)
    env.close()


def test_phases_follow_each_other_and_every_one_can_be_saved(made):
    env, policy = made
    flat, _ = env.reset(seed=3)
    saved = {}
    phases, successes, info = h.play(env, policy, flat, 600, saved)
    assert phases == [APPROACH, READY, INSPECTION, RETREAT, COMPLETE]
    assert successes == 1
    assert info["n_collisions_critical"][0] == 0
    ends = {h.future(env, policy, *saved[phase]) for phase in (APPROACH, READY, INSPECTION, RETREAT)}
    assert len(ends) == 1


def test_the_person_waits_and_goes_back_to_waiting_when_the_cube_leaves(made):
    env, _ = made
    env.reset(seed=4)
    inner = env.unwrapped
    task, people, objects = inner.task, inner.engine.people, inner.engine.objects
    first, last = people.facts(0).keyframes_s
    still = np.zeros((2, 4), np.float32)
    for _ in range(150):
        env.step(still)
    assert task.phase[0] == READY
    assert people.is_looping[0]

    def hold(place, steps):
        times = []
        for _ in range(steps):
            objects.place(0, 0, place)
            env.step(still)
            times.append(people.time[0])
        return np.array(times)

    seen = hold(task._target[0], 30)
    assert task.phase[0] == INSPECTION
    assert not people.is_looping[0]
    assert np.diff(seen)[5:].min() > 0.0
    back = hold(AWAY, 60)
    assert task.phase[0] == READY
    assert np.abs(np.diff(np.concatenate([seen[-1:], back]))).max() < 0.15, "the motion jumps"
    assert abs(back[-1] - first) < 1.5
    hold(task._target[0], 200)
    assert task.phase[0] >= RETREAT
    assert people.time[0] > last


def test_the_cube_is_wanted_where_the_person_looks(made):
    env, _ = made
    env.reset(seed=6)
    inner = env.unwrapped
    low, high = np.array([inner.params.target_x_m, inner.params.target_y_m]).T
    for i in range(2):
        people, place = inner.engine.people, inner.task._target[i]
        looked_at = people.point(i, np.array(people.facts(i).target))
        assert np.linalg.norm(place - looked_at) == pytest.approx(np.hypot(0.1, 0.1))
        assert place[0] < looked_at[0]
        assert ((place[:2] >= low) & (place[:2] <= high)).all()


def test_one_inspection_after_the_other():
    env, policy = h.make(make_params(done_at_success=False), n=1)
    flat, _ = env.reset(seed=[5])
    phases, successes, info = h.play(env, policy, flat, 500)
    assert successes >= 2
    assert phases[:6] == [APPROACH, READY, INSPECTION, RETREAT, COMPLETE, APPROACH]
    assert info["assumption/human_speed"][0] == 0
    env.close()


def test_people_who_do_not_inspect_are_refused():
    params = make_params(human={"motion": {"n_clips": 2, "families": ["reach"]}})
    with pytest.raises(ConfigError, match=r"nobody inspects anything in clip .*\[object_inspection\]"):
        EnvSpec.create(RobotParams(), params).make_vector(1, n_threads=1)
