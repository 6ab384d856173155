"""After the import every joint keeps the shield's bounds at every millisecond, and the poses are as recorded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_INDEX, BODY_NAMES, Skeleton, make_shield_bodies, make_skeleton
from hrg_pipeline.human.motion import SAMPLE_RATE_HZ, library_from_rotations, pose_at
from hrg_pipeline.human.recorded.recording import place_joints
from hrg_pipeline.human.recorded.retime import Fitted, keep_bounds
from tests.human.recorded.files import waves

RATE = 100.0


def moving(seed: int, size: float, fastest_hz: float, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """A person who waves both arms while swaying."""
    rotations = np.tile((1.0, 0.0, 0.0, 0.0), (n, len(BODY_NAMES), 1))
    for k, name in enumerate(("Torso", "L_Shoulder", "R_Shoulder", "L_Elbow", "R_Elbow", "Pelvis")):
        vectors = np.column_stack([waves(n, RATE, seed + 10 * k + i, size, fastest_hz) for i in range(3)])
        rotations[:, BODY_INDEX[name]] = Rotation.from_rotvec(vectors).as_quat(scalar_first=True)
    root = np.array([1.2, 0.0, 0.95]) + np.column_stack([waves(n, RATE, seed + 90 + i, 0.2, 0.5) for i in range(3)])
    return root, rotations


def peaks_by_differences(fitted: Fitted, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Greatest speed and acceleration of each joint, from positions a millisecond apart as the library plays them."""
    library = library_from_rotations([fitted.root_position], [fitted.rotations], [SAMPLE_RATE_HZ])
    times = np.arange(-0.05, library.length_s[0] + 0.05, 0.001)
    pos, quat = np.empty((24, 3)), np.empty((24, 4))
    path = np.empty((len(times), 24, 3))
    for k, t in enumerate(times):
        pose_at(library, skeleton, 0, float(t), np.zeros(3), pos, quat)
        path[k] = pos
    speed = np.linalg.norm(np.diff(path, axis=0), axis=2) * 1e3
    acceleration = np.linalg.norm(np.diff(path, 2, axis=0), axis=2) * 1e6
    return speed.max(axis=0), acceleration.max(axis=0)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.floats(0.05, 1.2), cycles=st.floats(0.1, 0.5))
def test_every_joint_keeps_the_bounds(seed: int, size: float, cycles: float) -> None:
    skeleton = make_skeleton(1.75)
    fitted = keep_bounds(*moving(seed, size, cycles / size), RATE, skeleton, 1.6)
    bodies = make_shield_bodies(skeleton)
    speed, acceleration = peaks_by_differences(fitted, skeleton)
    assert (speed <= bodies.v_max).all()
    assert speed[[BODY_INDEX["L_Hand"], BODY_INDEX["R_Hand"]]].max() <= 1.6
    assert (acceleration <= bodies.a_max).all(), "the held ends included"


def test_slowing_down_changes_when_and_not_where() -> None:
    skeleton = make_skeleton(1.75)
    root, rotations = moving(3, 0.8, 1.2)
    fitted = keep_bounds(root, rotations, RATE, skeleton, 1.6)
    assert fitted.slowest > 1.05
    assert fitted.smoothed_s == 0.0
    original = place_joints(skeleton.offset, root, rotations)[0]
    played = place_joints(skeleton.offset, fitted.root_position, fitted.rotations)[0]
    shown = fitted.timing.recorded_s
    for axis in range(3):
        expected = np.stack([np.interp(shown, np.arange(400) / RATE, original[:, b, axis]) for b in range(24)], axis=1)
        assert np.abs(played[:, :, axis] - expected).max() < 2e-3
    assert (np.diff(shown) >= 0.0).all()
    assert (shown[0], shown[-1]) == (0.0, pytest.approx(3.99))


def test_a_time_of_the_recording_is_found_in_the_clip() -> None:
    skeleton = make_skeleton(1.75)
    fitted = keep_bounds(*moving(3, 0.8, 1.2), RATE, skeleton, 1.6)
    for instant in (0.0, 0.5, 2.0, 3.7, 3.99):
        at = fitted.timing.to_clip(instant)
        assert np.interp(at, fitted.timing.clip_s, fitted.timing.recorded_s) == pytest.approx(instant, abs=1e-9)
    assert 0.0 < fitted.timing.to_clip(0.0) < fitted.timing.to_clip(3.99) < fitted.timing.clip_s[-1]


def test_what_is_slow_and_at_rest_stays_as_it_is() -> None:
    skeleton = make_skeleton(1.75)
    n = 301
    rotations = np.tile((1.0, 0.0, 0.0, 0.0), (n, 24, 1))
    u = np.clip((np.arange(n) - 50) / 200, 0.0, 1.0)
    turn = u**3 * (10 - 15 * u + 6 * u * u)
    rotations[:, BODY_INDEX["L_Shoulder"]] = Rotation.from_euler("Z", 0.8 * turn[:, None]).as_quat(scalar_first=True)
    root = np.tile((1.2, 0.0, 0.95), (n, 1))
    fitted = keep_bounds(root, rotations, RATE, skeleton, 2.0)
    assert (fitted.slowest, fitted.smoothed_s) == (1.0, 0.0)
    np.testing.assert_allclose(fitted.timing.recorded_s, fitted.timing.clip_s, atol=1e-12)
    np.testing.assert_allclose(fitted.rotations, rotations[::2], atol=1e-12)


def test_noise_is_filtered_instead_of_slowed_down() -> None:
    skeleton = make_skeleton(1.75)
    root, rotations = moving(5, 0.2, 0.4)
    noise = np.random.default_rng(0).normal(0.0, 0.004, (400, 3))
    arm = BODY_INDEX["R_Shoulder"]
    noisy = Rotation.from_quat(rotations[:, arm], scalar_first=True) * Rotation.from_rotvec(noise)
    rotations[:, arm] = noisy.as_quat(scalar_first=True)
    fitted = keep_bounds(root, rotations, RATE, skeleton, 1.6)
    assert fitted.smoothed_s > 3.0
    assert fitted.slowest < 1.3
    played = place_joints(skeleton.offset, fitted.root_position, fitted.rotations)[0]
    assert np.isfinite(played).all()


def test_what_cannot_be_slowed_enough_is_refused() -> None:
    skeleton = make_skeleton(1.75)
    root, rotations = moving(1, 0.1, 0.5)
    root[200:] += (30.0, 0.0, 0.0)  # thirty metres within a hundredth of a second
    with pytest.raises(MotionError, match=r"near .* s of the recording it would have .* more than 12 times"):
        keep_bounds(root, rotations, RATE, skeleton, 1.6)
