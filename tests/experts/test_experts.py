"""Experts decide from their observations alone."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.errors import ConfigError
from hrg_pipeline.experts.pick_place_human import PickPlaceHumanExpert, PickPlaceHumanExpertParams
from hrg_pipeline.experts.policy import ExpertPolicy
from hrg_pipeline.experts.reach_human_cart import ReachHumanCartExpert, ReachHumanCartExpertParams
from hrg_pipeline.experts.registry import EXPERTS, expert_params_class, make_expert
from hrg_pipeline.tasks.registry import TASKS

OPEN, CLOSE = -1.0, 1.0


@pytest.mark.parametrize(
    ("cube", "target", "gripped", "aperture", "direction", "gripper"),
    [
        ([0.1, 0.2, -0.3], [0.1, -0.4, -0.3], 0, 1.0, [0.1, 0.2, -0.142], OPEN),  # hover above the cube
        ([0.0, 0.0, -0.1], [0.1, -0.4, -0.1], 0, 1.0, [0.0, 0.0, -0.092], OPEN),  # go down
        ([0.0, 0.0, -0.1], [0.1, -0.4, -0.1], 0, 0.5, [0.0, 0.0, 0.058], OPEN),  # open first
        ([0.0, 0.0, -0.008], [0.1, -0.4, 0.0], 0, 1.0, [0.0, 0.0, 0.0], CLOSE),  # grip
        ([0.0, 0.0, -0.008], [0.1, -0.4, 0.0], 1, 0.5, [0.1, -0.4, 0.158], CLOSE),  # carry
        ([0.0, 0.0, -0.008], [0.0, 0.0, -0.1], 1, 0.5, [0.0, 0.0, -0.092], CLOSE),  # lower
        ([0.0, 0.0, -0.008], [0.0, 0.0, -0.008], 1, 0.5, [0.0, 0.0, 0.0], OPEN),  # let go
        ([0.0, 0.0, -0.008], [0.0, 0.0, -0.008], 0, 1.0, [0.0, 0.0, 0.15], OPEN),  # leave
    ],
)
def test_the_order_of_picking_and_placing(cube, target, gripped, aperture, direction, gripper):
    expert = PickPlaceHumanExpert(PickPlaceHumanExpertParams(), action_limit=1.0)
    observation = {
        "object_gripped": np.array([[float(gripped)]]),
        "vec_eef_to_object": np.array([cube]),
        "vec_eef_to_target": np.array([target]),
        "vec_object_to_target": np.array([target]) - np.array([cube]),
        "gripper_aperture": np.array([[aperture]]),
    }
    np.testing.assert_allclose(expert.motion(observation)[0], direction, atol=1e-9)
    assert expert.gripper(observation)[0] == gripper


def test_long_moves_keep_their_direction():
    expert = ReachHumanCartExpert(ReachHumanCartExpertParams(), action_limit=0.1)
    motion = expert.motion({"goal_difference": np.array([[0.4, -0.2, 0.0], [0.05, 0.0, 0.0]])})
    np.testing.assert_allclose(motion, [[1.0, -0.5, 0.0], [0.5, 0.0, 0.0]])


def policy(signal_to_noise, lanes=2):
    params = ReachHumanCartExpertParams(signal_to_noise=signal_to_noise)
    return ExpertPolicy(ReachHumanCartExpert(params, 0.2), [3], 3, lanes)


def test_noise_belongs_to_the_episode_and_not_to_the_lane():
    flat = np.full((2, 3), 0.1, np.float32)
    one, other = policy(0.5), policy(0.5)
    for lane, seed in ((0, 3), (1, 4)):
        one.begin(lane, seed)
        other.begin(1 - lane, seed)
    for _ in range(3):
        assert (one.act(flat) == other.act(flat)[::-1]).all()


def test_without_noise_the_expert_acts_alone_and_the_gripper_never_has_any():
    flat = np.full((1, 3), 0.1, np.float32)
    clean, noisy = policy(1.0, 1), policy(0.5, 1)
    clean.begin(0, 0)
    noisy.begin(0, 0)
    np.testing.assert_allclose(clean.act(flat)[0, :3], 0.5)
    seen = np.array([noisy.act(flat)[0] for _ in range(20)])
    assert seen[:, :3].std() > 0.05
    assert (seen[:, 3] == 0.0).all()


def test_every_task_has_its_expert():
    assert set(EXPERTS) == set(TASKS)
    for name in EXPERTS:
        expert = make_expert(expert_params_class(name)(), name, 0.1)
        assert expert.obs_keys


def test_the_expert_of_another_task_is_refused():
    with pytest.raises(ConfigError, match="the task is ReachHuman"):
        make_expert(PickPlaceHumanExpertParams(), "ReachHuman", 0.1)
    with pytest.raises(ConfigError, match="PickPlaceHuman"):
        expert_params_class("Juggle")
