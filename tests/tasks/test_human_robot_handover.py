"""HumanRobotHandover: rewards, phases, states, the hammer's way from hand to table."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tasks import handovers as h

PARAMS = h.make_params("HumanRobotHandover", "human_robot_handover")
APPROACH, PRESENT, WAIT, RETREAT, COMPLETE = range(5)


@pytest.fixture(scope="module")
def made():
    env, policy = h.make(PARAMS)
    yield env, policy
    env.close()


@pytest.mark.parametrize(
    ("phase", "gripped", "distance", "expected"),
    [
        (APPROACH, False, 0.5, -1.0),
        (PRESENT, False, 0.05, -1.0),
        (PRESENT, True, 0.5, -0.25),
        (WAIT, True, 0.5, -0.25),
        (RETREAT, True, 0.05, 0.0),
        (RETREAT, False, 0.05, 0.0),
        (COMPLETE, False, 0.05, 1.0),
    ],
)
def test_reward_table(made, phase, gripped, distance, expected):
    task = made[0].unwrapped.task
    achieved, desired = np.zeros((1, 3)), np.array([[0.0, distance, 0.0]])
    info = h.make_info(phase, object_gripped=gripped, object_handed_over=phase >= WAIT)
    assert task.reward(achieved, desired, info)[0] == pytest.approx(expected)
    terms = task.dense_terms(achieved, desired, info)
    assert {name: float(value[0]) for name, value in terms.items()} == pytest.approx(
        {"object_distance": -0.1 * distance, "gripper_distance": -0.01}
    )


def test_the_hammer_starts_in_the_hand_and_is_held_out_level(made):
    env, _ = made
    env.reset(seed=5)
    inner = env.unwrapped
    objects, task = inner.engine.objects, inner.task
    for i in range(2):
        hand, turn = objects.hand_pose(i, ("L_Hand", "R_Hand")[task.hand(i)])
        place, _ = task.place_in_hand(i)
        np.testing.assert_allclose(objects.pos[i, 0], hand + turn.apply(place), atol=1e-12)
        assert np.linalg.norm(task.palm(i) - objects.pos[i, 0]) < 0.3
    levels = []
    for _ in range(110):
        env.step(np.tile(np.array([0.0, 0.0, 0.0, -1.0], np.float32), (2, 1)))
        assert objects.weld_force.max() < 30.0, "the hammer weighs 2.4 N"
        levels += [abs(objects.quat[i, 0, 0]) for i in range(2) if inner.engine.people.is_looping[i]]
    assert min(levels) > np.cos(0.5 * 0.15), "its frame is that of the world, but for a little swaying"


def test_phases_follow_each_other_and_every_one_can_be_saved(made):
    env, policy = made
    flat, _ = env.reset(seed=3)
    saved = {}
    phases, successes, info = h.play(env, policy, flat, 600, saved)
    assert phases == [APPROACH, PRESENT, WAIT, RETREAT, COMPLETE]
    assert successes == 1
    assert info["n_object_handed_over"][0] == 1
    assert env.unwrapped.engine.objects.on_table[0, 0]
    ends = {h.future(env, policy, *saved[phase]) for phase in (APPROACH, PRESENT, WAIT, RETREAT)}
    assert len(ends) == 1


def test_the_person_waits_until_the_hammer_is_at_its_target(made):
    env, policy = made
    flat, _ = env.reset(seed=3)
    task, engine = env.unwrapped.task, env.unwrapped.engine
    while task.phase[0] < WAIT:
        flat, *_ = env.step(policy.act(flat))
    assert not engine.objects.is_attached(0, task.hand(0))
    for _ in range(150):
        env.step(np.tile(np.array([0.0, 0.0, 0.0, 1.0], np.float32), (2, 1)))
    assert task.phase[0] == WAIT
    assert engine.people.is_looping[0]
    assert engine.objects.held[0] == 0, "nothing is dropped"


def test_one_handover_after_the_other():
    env, policy = h.make(h.make_params("HumanRobotHandover", "human_robot_handover", done_at_success=False), n=1)
    flat, _ = env.reset(seed=[3])
    phases, successes, info = h.play(env, policy, flat, 500)
    assert successes >= 2
    assert phases[:6] == [APPROACH, PRESENT, WAIT, RETREAT, COMPLETE, APPROACH]
    assert info["n_object_handed_over"][0] >= 2
    assert info["assumption/human_speed"][0] == 0
    env.close()
