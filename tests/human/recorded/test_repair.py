"""What no person can have done is found and put right; everything else stays as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_INDEX
from hrg_pipeline.human.recorded.animations import read_animation
from hrg_pipeline.human.recorded.recording import Recording, step_speeds
from hrg_pipeline.human.recorded.repair import JUMP_SPEED, repair
from tests.human.recorded.files import FACING_THE_ROBOT, animation, write_pickle


def recorded(tmp_path: Path, arrays: dict[str, np.ndarray], **info: object) -> Recording:
    return read_animation(write_pickle(tmp_path / "A" / "0.pkl", arrays, {**FACING_THE_ROBOT, **info}))


def top_speed(recording: Recording) -> float:
    return float(step_speeds(recording.joints(), recording.rate_hz).max())


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), size=st.floats(0.0, 0.9))
def test_a_real_motion_is_left_alone(tmp_path: Path, seed: int, size: float) -> None:
    original = recorded(tmp_path, animation(seed=seed, size=size))
    repaired, repairs = repair(original)
    assert repaired is original
    assert repairs == []


def test_t_pose_at_the_start_is_cut_off_and_keyframes_follow(tmp_path: Path) -> None:
    arrays = animation()
    blend = np.minimum(np.arange(300) / 5.0, 1.0)
    for name in arrays:
        if not name.startswith("Pelvis"):
            arrays[name] = arrays[name] * blend + (0.9 * blend if "Shoulder_z" in name else 0.0)
    original = recorded(tmp_path, arrays, keyframes=[2, 100], loop_amplitudes=[30], loop_speeds=[1])
    assert top_speed(original) > 2 * JUMP_SPEED
    repaired, repairs = repair(original)
    (found,) = repairs
    assert (found.kind, found.first) == ("T-pose start", 0)
    assert 3 <= found.last <= 5
    cut = found.last + 1
    assert len(repaired.root_position) == 300 - cut
    assert repaired.keyframes == (0, 100 - cut)
    assert repaired.loops["ready"].anchor == 0.0
    np.testing.assert_array_equal(repaired.rotations[50], original.rotations[50 + cut])
    assert top_speed(repaired) < JUMP_SPEED


@pytest.mark.parametrize("joint", ["L_Shoulder", "R_Elbow", "Pelvis", "Torso"])
def test_a_spin_of_a_full_turn_is_taken_for_a_wrap(tmp_path: Path, joint: str) -> None:
    original = recorded(tmp_path, animation(seed=4))
    turn = np.zeros(300)
    turn[150:] = 2.0 * np.pi
    turn[145:155] = np.linspace(0.0, 2.0 * np.pi, 10)  # a filter ran over the wrap of an angle
    body = BODY_INDEX[joint]
    spun = original.rotations.copy()
    spin = Rotation.from_euler("Z", turn[:, None])
    spun[:, body] = (Rotation.from_quat(spun[:, body], scalar_first=True) * spin).as_quat(scalar_first=True)
    repaired, repairs = repair(replace(original, rotations=spun))
    assert {item.kind for item in repairs} == {"Euler wrap"}
    assert {item.where for item in repairs} == {joint}
    assert all(135 <= item.first < item.last <= 165 for item in repairs)
    untouched = np.r_[0:135, 166:300]
    same = np.abs(np.sum(repaired.rotations[untouched] * original.rotations[untouched], axis=2))
    np.testing.assert_allclose(same, 1.0, atol=1e-9)
    error = np.linalg.norm(repaired.joints() - original.joints(), axis=2)
    assert error.max() < 0.06, "the gap is filled by nearly what was there before the wrap"
    assert top_speed(repaired) < JUMP_SPEED


def test_a_jump_of_the_whole_person_is_bridged(tmp_path: Path) -> None:
    original = recorded(tmp_path, animation(seed=5))
    place = original.root_position.copy()
    place[120:123] += (0.0, 0.0, 0.8)
    repaired, repairs = repair(replace(original, root_position=place))
    assert [(item.kind, item.where) for item in repairs] == [("jump", "root position")]
    assert np.abs(repaired.root_position - original.root_position).max() < 0.02


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1000),
    joint=st.sampled_from(["L_Shoulder", "R_Shoulder", "L_Elbow", "Torso", "Neck", "Pelvis"]),
    first=st.integers(20, 250),
    length=st.integers(1, 20),
    angle=st.floats(1.0, 3.1),
)
def test_no_jump_is_left_after_the_repair(
    tmp_path: Path, seed: int, joint: str, first: int, length: int, angle: float
) -> None:
    original = recorded(tmp_path, animation(seed=seed))
    body = BODY_INDEX[joint]
    hit = original.rotations.copy()
    frames = slice(first, first + length)
    turn = Rotation.from_rotvec((0.3 * angle, 0.2 * angle, 0.93 * angle))
    hit[frames, body] = (Rotation.from_quat(hit[frames, body], scalar_first=True) * turn).as_quat(scalar_first=True)
    repaired, repairs = repair(replace(original, rotations=hit))
    assert repairs
    assert top_speed(repaired) < JUMP_SPEED
    np.testing.assert_allclose(np.linalg.norm(repaired.rotations, axis=2), 1.0, atol=1e-9)
    assert len(repaired.rotations) == len(original.rotations)


def test_a_recording_that_only_jumps_is_refused(tmp_path: Path) -> None:
    original = recorded(tmp_path, animation(n=12))
    place = original.root_position.copy()
    place[::2] += 1.0
    with pytest.raises(MotionError, match=r"only \d+ frames are left"):
        repair(replace(original, root_position=place))
