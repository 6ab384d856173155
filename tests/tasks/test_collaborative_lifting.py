"""CollaborativeLifting: rewards, phases, states, who is drawn, the board between gripper and hands."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.tasks.registry import task_params_class
from tests.tasks import handovers as h

PARAMS = task_params_class("CollaborativeLifting").model_validate({"human": {"motion": {"n_clips": 12}}})
CARRY, COMPLETE = range(2)
STILL = np.tile(np.array([0.0, 0.0, 0.0, 1.0], np.float32), (2, 1))


@pytest.fixture(scope="module")
def made():
    env, policy = h.make(PARAMS)
    yield env, policy
    env.close()


def goals(tilt_deg, gripped=1.0):
    return np.array([[np.cos(np.radians(tilt_deg)), gripped]]), np.ones((1, 2))


def make_info(phase=CARRY, loose=0):
    return {
        "phase": np.array([phase]),
        "board_loose_steps": np.array([loose]),
        "board_gripped": np.array([loose == 0]),
        "illegal_collision": np.array([False]),
        "failure": np.array([0]),
    }


@pytest.mark.parametrize(
    ("phase", "tilt_deg", "loose", "expected"),
    [
        (CARRY, 0.0, 0, 1.0),
        (CARRY, 30.0, 0, 1.0),
        (CARRY, 40.0, 0, -10.0),
        (CARRY, 0.0, 1, -10.0),
        (COMPLETE, 0.0, 0, 1.0),
        (COMPLETE, 40.0, 0, -10.0),
    ],
)
def test_sparse_reward_table(made, phase, tilt_deg, loose, expected):
    task = made[0].unwrapped.task
    reward = task.reward(*goals(tilt_deg, float(loose == 0)), make_info(phase, loose))
    assert reward[0] == pytest.approx(expected)


@pytest.mark.parametrize(("tilt_deg", "share"), [(0.0, 1.0), (10.0, 0.729), (20.0, 0.458), (30.0, 0.186), (36.87, 0.0)])
def test_shaped_reward_is_the_share_of_the_tilt_that_is_left(made, tilt_deg, share):
    task = made[0].unwrapped.task
    achieved, desired = goals(tilt_deg - 1e-6)
    dense = task.dense_terms(achieved, desired, make_info())["balance"]
    assert 2.0 + dense[0] == pytest.approx(share, abs=1e-3)


def test_success_and_failure_are_told_apart(made):
    task = made[0].unwrapped.task
    assert task.success(*goals(5.0), make_info(COMPLETE))[0]
    assert not task.success(*goals(5.0), make_info(CARRY))[0]
    assert not task.success(*goals(40.0), make_info(COMPLETE))[0]
    limit = task.params.loose_steps
    assert not task.failed(*goals(5.0, 0.0), make_info(loose=limit))[0]
    assert task.failed(*goals(5.0, 0.0), make_info(loose=limit + 1))[0]


def test_the_board_begins_in_the_gripper_and_in_both_hands_without_a_jerk(made):
    env, _ = made
    env.reset(seed=1)
    engine = env.unwrapped.engine
    objects = engine.objects
    assert objects.gripped[:, 0].all()
    assert (objects.held == 0).all()
    before = objects.pos[:, 0].copy()
    assert np.abs(before - engine.eef_pos).max() < 1e-9
    for _ in range(5):
        env.step(STILL)
        assert (objects.weld_force < 5.0).all(), "the board weighs 3.2 N"
        assert objects.gripped[:, 0].all()
    assert np.abs(objects.pos[:, 0] - before).max() < 5e-3


def test_only_the_near_part_of_the_board_is_part_of_the_robot(made):
    env, _ = made
    env.reset(seed=1)
    engine = env.unwrapped.engine
    assert engine.shields.n_capsules[0] == engine.shields.capsule_radius.shape[1]
    assert engine.shields.capsule_radius[0, -1] < 0.2, "a capsule around the whole board has a radius of half a metre"
    assert engine.shield_info()["min_human_distance"][0] > 0.3


def test_phases_follow_each_other_and_every_one_can_be_saved(made):
    env, policy = made
    flat, _ = env.reset(seed=3)
    saved = {}
    phases, successes, info = h.play(env, policy, flat, 300, saved)
    assert phases == [CARRY, COMPLETE]
    assert successes == 1
    assert info["n_collisions_critical"][0] == 0
    assert info["weld_force_max_n"][0] < 100.0
    ends = []
    for _ in range(2):
        env.unwrapped.set_state(0, saved[CARRY][0])
        ends.append([env.step(STILL)[0][0].tobytes() for _ in range(5)])
    assert ends[0] == ends[1]


def test_a_board_that_is_let_go_of_is_lost(made):
    env, _ = made
    env.reset(seed=2)
    terminated = np.zeros(2, dtype=bool)
    for _ in range(40):
        *_, terminated, _, info = env.step(np.tile(np.array([0.0, 0.0, 0.0, -1.0], np.float32), (2, 1)))
        if terminated[0]:
            break
    assert terminated[0]
    assert info["is_failure"][0]
    assert not info["is_success"][0]


def test_one_person_after_the_other():
    params = PARAMS.model_copy(update={"done_at_success": False})
    env, policy = h.make(params, n=1)
    flat, _ = env.reset(seed=[3])
    phases, successes, info = h.play(env, policy, flat, 300)
    assert successes >= 1
    assert phases[:3] == [CARRY, COMPLETE, CARRY]
    assert info["assumption/human_speed"][0] == 0
    env.close()
