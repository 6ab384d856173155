"""RobotHumanHandover: rewards, phases, states, the hammer's way from table to hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tasks import handovers as h

PARAMS = h.make_params("RobotHumanHandover", "robot_human_handover")
APPROACH, REACH_OUT, RETREAT, COMPLETE = range(4)


@pytest.fixture(scope="module")
def made():
    env, policy = h.make(PARAMS)
    yield env, policy
    env.close()


@pytest.mark.parametrize(
    ("phase", "gripped", "expected"),
    [
        (APPROACH, False, -1.0),
        (REACH_OUT, True, -0.25),
        (RETREAT, True, 0.0),
        (RETREAT, False, 0.0),
        (COMPLETE, False, 1.0),
    ],
)
def test_reward_table(made, phase, gripped, expected):
    task = made[0].unwrapped.task
    achieved, desired = np.zeros((1, 3)), np.array([[0.0, 0.3, 0.4]])
    info = h.make_info(phase, object_gripped=gripped, object_in_human_hand=phase >= RETREAT)
    assert task.reward(achieved, desired, info)[0] == pytest.approx(expected)
    terms = task.dense_terms(achieved, desired, info)
    assert {name: float(value[0]) for name, value in terms.items()} == pytest.approx(
        {"object_distance": -0.05, "gripper_distance": -0.01}
    )


def test_the_hammer_rests_on_the_table_until_it_is_gripped(made):
    env, _ = made
    env.reset(seed=5)
    objects = env.unwrapped.engine.objects
    before = objects.pos[:, 0].copy()
    np.testing.assert_allclose(before[:, 2], 0.84)
    for _ in range(5):
        env.step(np.zeros((2, 4), np.float32))
    assert np.abs(objects.pos[:, 0] - before).max() < 1e-3
    assert objects.on_table[:, 0].all()


def test_goals_have_equal_shapes_and_quaternions_are_of_unit_length(made):
    env, _ = made
    env.reset(seed=1)
    task = env.unwrapped.task
    observation = task.observe()
    assert task.achieved_goal(observation).shape == task.desired_goal(observation).shape == (2, 3)
    for name in ("object_quat", "quat_eef_to_object"):
        np.testing.assert_allclose(np.linalg.norm(observation[name], axis=1), 1.0)
        assert (observation[name][:, 0] >= 0.0).all()
    assert set(task.observation_groups["object-state"]) | set(task.observation_groups["goal-state"]) <= set(observation)


def test_phases_follow_each_other_and_every_one_can_be_saved(made):
    env, policy = made
    flat, _ = env.reset(seed=3)
    saved = {}
    phases, successes, _ = h.play(env, policy, flat, 600, saved)
    assert phases == [APPROACH, REACH_OUT, RETREAT, COMPLETE]
    assert successes == 1
    ends = {h.future(env, policy, *saved[phase]) for phase in (APPROACH, REACH_OUT, RETREAT)}
    assert len(ends) == 1


def test_the_hand_takes_the_hammer_without_a_jerk_and_keeps_it(made):
    env, policy = made
    flat, _ = env.reset(seed=3)
    inner = env.unwrapped
    objects, task = inner.engine.objects, inner.task
    while task.phase[0] < RETREAT:
        before = objects.pos[0, 0].copy()
        flat, *_ = env.step(policy.act(flat))
    assert np.linalg.norm(objects.pos[0, 0] - before) < 0.03
    assert objects.is_attached(0, task.hand(0))
    place = None
    while task.phase[0] < COMPLETE:
        flat, _, terminated, *_ = env.step(policy.act(flat))
        assert objects.weld_force[0] < 120.0, "fingers and hand hold it at once"
        if objects.held[0] < 0:
            assert place is None or objects.weld_force[0] < 30.0, "the hammer weighs 2.4 N"
            hand, turn = objects.hand_pose(0, ("L_Hand", "R_Hand")[task.hand(0)])
            now = turn.inv().apply(objects.pos[0, 0] - hand)
            assert place is None or np.linalg.norm(now - place) < 0.05
            place = now
    assert place is not None
    assert terminated[0]


def test_the_person_waits_for_the_gripper_to_let_go(made):
    """Who holds on has the hammer in both hands, and the person stays."""
    env, policy = made
    flat, _ = env.reset(seed=3)
    task, engine = env.unwrapped.task, env.unwrapped.engine
    while task.phase[0] < RETREAT:
        flat, *_ = env.step(policy.act(flat))
    for _ in range(150):
        env.step(np.tile(np.array([0.0, 0.0, 0.0, 1.0], np.float32), (2, 1)))
    assert task.phase[0] == RETREAT
    assert engine.people.is_looping[0]
    assert engine.objects.held[0] == 0


def test_one_handover_after_the_other():
    env, policy = h.make(h.make_params("RobotHumanHandover", "robot_human_handover", done_at_success=False), n=1)
    flat, _ = env.reset(seed=[3])
    inner = env.unwrapped
    phases, successes, info = h.play(env, policy, flat, 500)
    assert successes >= 2
    assert phases[:5] == [APPROACH, REACH_OUT, RETREAT, COMPLETE, APPROACH]
    assert info["assumption/human_speed"][0] == 0
    assert info["n_collisions_critical"][0] == 0
    assert inner.engine.failure[0] == 0
    env.close()
