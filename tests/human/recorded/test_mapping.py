"""A recording on our body: limbs point the same way, feet are on the floor, the place is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hrg_pipeline.human.body import BODY_INDEX, make_skeleton
from hrg_pipeline.human.recorded.animations import read_animation
from hrg_pipeline.human.recorded.legs import plan_feet
from hrg_pipeline.human.recorded.mapping import DEFAULT_PLACE_XY, heading, lowest_point, map_to_body
from hrg_pipeline.human.recorded.recording import Recording, place_joints, step_speeds
from tests.human.recorded.files import FACING_THE_ROBOT, animation, write_pickle

ARMS = [(f"{side}_{a}", f"{side}_{b}") for side in "LR" for a, b in (("Shoulder", "Elbow"), ("Elbow", "Wrist"))]
LEGS = [(f"{side}_{a}", f"{side}_{b}") for side in "LR" for a, b in (("Hip", "Knee"), ("Knee", "Ankle"))]


def recorded(tmp_path: Path, **kinds: object) -> Recording:
    return read_animation(write_pickle(tmp_path / "A" / "0.pkl", animation(**kinds)))


def directions(joints: np.ndarray, bones: list[tuple[str, str]]) -> np.ndarray:
    lines = np.stack([joints[:, BODY_INDEX[b]] - joints[:, BODY_INDEX[a]] for a, b in bones], axis=1)
    return np.asarray(lines / np.linalg.norm(lines, axis=2, keepdims=True))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), size=st.floats(0.0, 1.5), stature=st.floats(1.5, 2.0), legs=st.booleans())
def test_limbs_point_where_the_recorded_ones_do(
    tmp_path: Path, seed: int, size: float, stature: float, legs: bool
) -> None:
    recording = recorded(tmp_path, seed=seed, size=size, legs=legs)
    skeleton = make_skeleton(stature)
    root, rotations = map_to_body(recording, skeleton)
    joints, _ = place_joints(skeleton.offset, root, rotations)
    bones = ARMS + LEGS if recording.has_legs else ARMS
    np.testing.assert_allclose(directions(joints, bones), directions(recording.joints(), bones), atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(rotations, axis=2), 1.0, atol=1e-12)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), stature=st.floats(1.5, 2.0), legs=st.booleans())
def test_feet_are_on_the_floor(tmp_path: Path, seed: int, stature: float, legs: bool) -> None:
    recording = recorded(tmp_path, seed=seed, size=0.3, legs=legs)
    skeleton = make_skeleton(stature)
    root, rotations = map_to_body(recording, skeleton)
    joints, frames = place_joints(skeleton.offset, root, rotations)
    lowest = lowest_point(joints, frames, skeleton)
    assert -0.03 < lowest.min() <= lowest.max() < 0.03
    if not legs:
        assert np.abs(lowest).max() < 0.006, "posed feet stand exactly"


def test_feet_without_recorded_legs_stand_still_and_step(tmp_path: Path) -> None:
    arrays = animation(n=800, size=0.2)
    arrays["Pelvis_pos_x"] *= 0.0
    arrays["Pelvis_quat"][:] = (0.0, 0.0, 0.0, 1.0)
    arrays["Pelvis_pos_z"] = 1.5 + 0.9 * np.clip((np.arange(800) - 200) / 300, 0.0, 1.0)  # 0.9 m in 3 s
    recording = read_animation(write_pickle(tmp_path / "A" / "0.pkl", arrays))
    skeleton = make_skeleton(1.75)
    root, rotations = map_to_body(recording, skeleton)
    joints, _ = place_joints(skeleton.offset, root, rotations)
    toes = joints[:, [BODY_INDEX["L_Toe"], BODY_INDEX["R_Toe"]]]
    speeds = np.linalg.norm(np.diff(toes, axis=0), axis=2) * 100.0
    standing = speeds < 1e-6
    assert standing[:120].all() and standing[-120:].all(), "who stands does not shuffle"
    assert speeds.min(axis=1).max() < 0.1, "one foot is always on the floor"
    assert speeds.max() < 2.5
    assert np.linalg.norm(toes[-1] - toes[0], axis=1).min() > 0.8, "both feet walked along"
    assert step_speeds(joints, 100.0)[:, BODY_INDEX["L_Knee"]].max() < 2.5


def test_steps_are_scaled_with_the_legs(tmp_path: Path) -> None:
    recording = recorded(tmp_path, seed=8)
    way = {}
    for stature in (1.5, 2.0):
        root, _ = map_to_body(recording, make_skeleton(stature))
        way[stature] = np.ptp(root[:, :2], axis=0)
    np.testing.assert_allclose(way[2.0] / way[1.5], 2.0 / 1.5, rtol=0.05)


@pytest.mark.parametrize("hand", ["left", "right"])
def test_the_deciding_hand_is_where_it_was_on_average(tmp_path: Path, hand: str) -> None:
    info = {**FACING_THE_ROBOT, "object_holding_hand": hand, "keyframes": [100, 200]}
    recording = read_animation(write_pickle(tmp_path / "A" / "0.pkl", animation(seed=9), info))
    skeleton = make_skeleton(1.9)
    root, rotations = map_to_body(recording, skeleton)
    body = BODY_INDEX[f"{hand[0].upper()}_Hand"]
    ours = place_joints(skeleton.offset, root, rotations)[0][[100, 200], body]
    theirs = recording.joints()[[100, 200], body]
    np.testing.assert_allclose(ours[:, :2].mean(axis=0), theirs[:, :2].mean(axis=0), atol=1e-9)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000))
def test_who_has_no_place_is_put_in_front_of_the_robot(tmp_path: Path, seed: int) -> None:
    recording = replace(recorded(tmp_path, seed=seed, size=0.3), placed=False)
    root, rotations = map_to_body(recording, make_skeleton(1.75))
    np.testing.assert_allclose(root[:, :2].mean(axis=0), DEFAULT_PLACE_XY, atol=0.15)
    yaw = heading(rotations[:, 0])
    assert np.cos(yaw).mean() < -0.9, "faces the robot"


def test_planned_feet_follow_a_turn_on_the_spot() -> None:
    n = 600
    yaw = np.pi * np.clip((np.arange(n) - 100) / 300, 0.0, 1.0)
    feet = plan_feet(np.zeros((n, 2)), yaw, 100.0, 1.75)
    for foot, sign in ((feet.left, 1.0), (feet.right, -1.0)):
        assert abs(foot[-1, 3] - np.pi - sign * 0.10) < 0.25
        assert np.linalg.norm(foot[-1, :2] - (0.0, -sign * 0.052 * 1.75)) < 0.06
    both_up = (feet.left[:, 2] > 1e-9) & (feet.right[:, 2] > 1e-9)
    assert not both_up.any()
