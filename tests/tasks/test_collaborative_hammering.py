"""CollaborativeHammering: rewards, phases, states, the board's way to the table and back, the nail's into the board."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import ConfigError
from hrg_pipeline.tasks.registry import task_params_class
from tests.tasks import handovers as h

PARAMS = task_params_class("CollaborativeHammering").model_validate({"human": {"motion": {"n_clips": 4}}})
APPROACH, PRESENT, RETREAT, COMPLETE = range(4)
HAMMER, BOARD = 0, 1
HOLD = np.tile(np.array([0.0, 0.0, 0.0, 1.0], np.float32), (2, 1))
BOARD_N = 32.0
"""Weight of the board."""


@pytest.fixture(scope="module")
def made():
    env, policy = h.make(PARAMS)
    yield env, policy
    env.close()


def goals(progress, gripped=1.0):
    return np.array([[gripped, progress]]), np.ones((1, 2))


def make_info(phase=PRESENT, loose=0):
    others = {"hammer_gripped": loose == 0, "hammer_loose_steps": loose, "hammer_to_nail_m": 0.5}
    return h.make_info(phase, **others)


@pytest.mark.parametrize(
    ("phase", "progress", "loose", "expected"),
    [
        (APPROACH, 0.0, 0, -0.9),
        (PRESENT, 0.5, 0, -0.9),
        (PRESENT, 0.5, 1, -1.0),
        (RETREAT, 0.96, 0, -0.4),
        (RETREAT, 0.96, 1, -0.5),
        (PRESENT, 0.5, 6, -10.0),
        (COMPLETE, 1.0, 0, 1.0),
        (COMPLETE, 1.0, 6, -10.0),
    ],
)
def test_sparse_reward_table(made, phase, progress, loose, expected):
    task = made[0].unwrapped.task
    before = task.params
    task.params = before.model_copy(update={"nail_hammered_in_reward": -0.5, "hammer_gripped_reward_bonus": 0.1})
    reward = task.reward(*goals(progress, float(loose == 0)), make_info(phase, loose))
    task.params = before
    assert reward[0] == pytest.approx(expected)


def test_dense_reward_falls_with_the_way_that_is_left(made):
    terms = made[0].unwrapped.task.dense_terms(*goals(0.6), make_info())
    assert {name: float(value[0]) for name, value in terms.items()} == pytest.approx(
        {"progress": -0.2, "hammer_distance": -0.05}
    )


def test_success_and_failure_are_told_apart(made):
    task = made[0].unwrapped.task
    assert task.success(*goals(1.0), make_info(COMPLETE))[0]
    assert not task.success(*goals(1.0), make_info(RETREAT))[0]
    limit = task.params.loose_steps
    assert not task.failed(*goals(0.5, 0.0), make_info(loose=limit))[0]
    assert task.failed(*goals(0.5, 0.0), make_info(loose=limit + 1))[0]


def test_nobody_hammers_with_people_who_hold_no_board():
    with pytest.raises(ConfigError, match="nobody holds a board"):
        h.make(PARAMS.model_validate({"human": {"motion": {"families": ["walk"], "n_clips": 1}}}))


def test_hammer_and_board_begin_in_gripper_and_hands_without_a_jerk(made):
    env, _ = made
    env.reset(seed=1)
    engine = env.unwrapped.engine
    objects = engine.objects
    assert objects.gripped[:, HAMMER].all()
    assert (objects.held == HAMMER).all()
    before = objects.pos[:, HAMMER] - engine.eef_pos
    for _ in range(5):
        env.step(HOLD)
        assert (objects.weld_force < 2.0 * BOARD_N).all()
        assert objects.gripped[:, HAMMER].all()
    assert np.abs(objects.pos[:, HAMMER] - engine.eef_pos - before).max() < 3e-3


def test_nails_stick_elsewhere_in_every_episode_and_the_board_lies_otherwise_in_the_hands(made):
    env, _ = made
    inner = env.unwrapped
    places, grips = [], []
    for seed in range(4):
        env.reset(seed=seed)
        objects = inner.engine.objects
        turn = Rotation.from_quat(objects.quat[:, BOARD], scalar_first=True)
        place = turn.inv().apply(inner.engine.nails.pos[:, 0] - objects.pos[:, BOARD])
        low, high = np.array([inner.task.params.nail_x_m, inner.task.params.nail_y_m]).T
        assert ((place[:, :2] >= low) & (place[:, :2] <= high)).all()
        places.append(place)
        hand, hand_turn = objects.hand_pose(0, "R_Hand")
        grips.append(hand_turn.inv().apply(objects.pos[0, BOARD] - hand))
    assert np.ptp(np.concatenate(places)[:, :2], axis=0).min() > 0.05
    assert 1e-3 < np.ptp(grips, axis=0).max() < 0.1
    assert (inner.engine.nails.depth == 0.0).all()


def test_the_person_lays_the_board_flat_on_the_table_and_holds_it_there(made):
    env, _ = made
    env.reset(seed=2)
    inner = env.unwrapped
    objects, task = inner.engine.objects, inner.task
    while task.phase[0] == APPROACH:
        env.step(HOLD)
    for _ in range(5):
        env.step(HOLD)
    before = objects.pos[0, BOARD].copy()
    for _ in range(30):
        env.step(HOLD)
        assert objects.weld_force[0] < 10.0, "the table carries it"
    assert objects.on_table[0, BOARD]
    assert objects.pos[0, BOARD, 2] == pytest.approx(0.82 + 0.015, abs=1e-3)
    assert np.abs(objects.pos[0, BOARD] - before).max() < 1e-3
    hands = inner.engine.human_positions(np.array([22, 23]))[0]
    top = inner.engine.nails.pos[0, 0]
    assert np.linalg.norm(hands - top, axis=1).min() > task.params.hand_clearance_m - 0.03
    assert task.phase[0] == PRESENT
    assert inner.engine.people.is_looping[0]


def test_phases_follow_each_other_and_every_one_can_be_saved(made):
    env, policy = made
    flat, _ = env.reset(seed=3)
    saved = {}
    phases, successes, info = h.play(env, policy, flat, 600, saved)
    assert phases == [APPROACH, PRESENT, RETREAT, COMPLETE]
    assert successes == 1
    assert info["n_collisions_critical"][0] == 0
    assert info["assumption/tracking"][0] == 0
    assert info["nail_hammering_progress"][0] > 0.99
    ends = {h.future(env, policy, *saved[phase]) for phase in (APPROACH, PRESENT, RETREAT)}
    assert len(ends) == 1


def test_the_person_waits_until_the_hammer_is_off_the_board(made):
    env, policy = made
    flat, _ = env.reset(seed=3)
    task, engine = env.unwrapped.task, env.unwrapped.engine
    while task.phase[0] < RETREAT:
        flat, *_ = env.step(policy.act(flat))
    for _ in range(60):
        env.step(HOLD)
    assert task.phase[0] == RETREAT
    assert engine.people.is_looping[0]
    assert engine.objects.on_table[0, BOARD]


def test_a_hammer_that_is_let_go_of_is_lost(made):
    env, _ = made
    env.reset(seed=2)
    for _ in range(40):
        *_, terminated, _, info = env.step(-HOLD)
        if terminated[0]:
            break
    assert terminated[0]
    assert info["is_failure"][0]
    assert not info["is_success"][0]


def test_one_board_after_the_other_with_the_same_hammer():
    env, policy = h.make(PARAMS.model_copy(update={"done_at_success": False}), n=1)
    flat, _ = env.reset(seed=[3])
    phases, successes, info = h.play(env, policy, flat, 420)
    assert successes >= 2
    assert phases[:5] == [APPROACH, PRESENT, RETREAT, COMPLETE, APPROACH]
    assert info["assumption/human_speed"][0] == 0
    assert info["hammer_gripped"][0]
    env.close()
