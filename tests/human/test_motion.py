from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import make_skeleton
from hrg_pipeline.human.curves import make_records, place_pose
from hrg_pipeline.human.derivatives import SCRATCH, bound_shares, motion_peaks, motion_state_at
from hrg_pipeline.human.ik import min_jerk
from hrg_pipeline.human.kinematics import forward_kinematics, rotations_of
from hrg_pipeline.human.motion import (
    MotionLibrary,
    check_library,
    library_from_postures,
    library_from_rotations,
    motion_frame,
    pose_at,
)
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Rows

SKELETON = make_skeleton()
NOWHERE = np.zeros(3)


@kernel
def _place(records: Rows, clip: int, t: float, frame: np.ndarray, pos: np.ndarray, quat: np.ndarray) -> None:
    place_pose(records[clip], t, frame, pos, quat)


@kernel
def _state(
    records: Rows,
    clip: int,
    t: float,
    frame: np.ndarray,
    scratch: np.ndarray,
    p: np.ndarray,
    v: np.ndarray,
    a: np.ndarray,
) -> None:
    motion_state_at(records[clip], t, frame, scratch, p, v, a)


def _swaying(n: int, seed: int = 0) -> np.ndarray:
    """Smooth random postures that are at rest over the first and last ten samples."""
    u = np.clip((np.arange(n) - 10) / (n - 21), 0.0, 1.0)
    hill = 64.0 * (u * (1.0 - u)) ** 3
    rng = np.random.default_rng(seed)
    return rng.normal(size=75) + hill[:, None] * rng.normal(size=75) * np.cos(3 * u)[:, None]


def _at(library: MotionLibrary, t: float, clip: int = 0, offset: np.ndarray = NOWHERE) -> np.ndarray:
    """Positions and rotation matrices of all bodies (24, 12)."""
    pos, quat = np.zeros((24, 3)), np.zeros((24, 4))
    pose_at(library, SKELETON, clip, t, offset, pos, quat)
    np.testing.assert_allclose(np.linalg.norm(quat, axis=1), 1.0, atol=1e-14)
    turned = Rotation.from_quat(quat, scalar_first=True).as_matrix().reshape(24, 9)
    return np.concatenate((pos, turned), axis=1)


def _posed(posture: np.ndarray) -> np.ndarray:
    pos, quat = np.zeros((24, 3)), np.zeros((24, 4))
    forward_kinematics(SKELETON, posture, pos, quat)
    return np.concatenate((pos, Rotation.from_quat(quat, scalar_first=True).as_matrix().reshape(24, 9)), axis=1)


def test_passes_through_the_samples_and_matches_normalised_cubic_splines_between() -> None:
    samples = _swaying(101)
    library = library_from_postures([samples], 50.0)
    times = np.arange(101) / 50.0
    for t, sample in zip(times, samples, strict=True):
        np.testing.assert_allclose(_at(library, t), _posed(sample), atol=1e-11)
    root = CubicSpline(times, samples[:, :3], bc_type="clamped")
    quats = CubicSpline(times, rotations_of(samples), bc_type="clamped")
    for t in np.random.default_rng(1).uniform(0.0, 2.0, 50):
        rotvecs = Rotation.from_quat(quats(t), scalar_first=True).as_rotvec()
        np.testing.assert_allclose(_at(library, t), _posed(np.concatenate((root(t), rotvecs.ravel()))), atol=1e-9)


def test_second_derivative_is_continuous_everywhere_also_into_the_hold() -> None:
    library = library_from_postures([_swaying(61)], 50.0)
    h = 1e-4

    def bend(t: float) -> np.ndarray:
        return (_at(library, t + h) - 2.0 * _at(library, t) + _at(library, t - h)) / h**2

    largest = max(np.abs(bend(t)).max() for t in np.linspace(0.1, 1.1, 97))
    for knot in (0.0, 0.2, 0.42, 0.6, 0.98, library.length_s[0]):
        jump = np.abs(bend(knot + 2 * h) - bend(knot - 2 * h)).max()
        assert jump < 0.05 * largest


def test_turns_beyond_a_half_turn_pass_smoothly_whatever_the_signs() -> None:
    times = np.arange(61) / 50.0
    angles = 3.0 * np.pi * min_jerk(times / 1.2)
    turn = np.tile([1.0, 0.0, 0.0, 0.0], (61, 24, 1))
    turn[:, 0] = Rotation.from_rotvec(angles[:, None] * [0.0, 0.0, 1.0]).as_quat(scalar_first=True)
    turn[::3] *= -1.0
    library = library_from_rotations([np.zeros((61, 3))], [turn], [50.0])
    assert (library.column >= 0).sum() == 1
    speed, _ = motion_peaks(library, SKELETON, 0, 0.001, np.array([0.0, 1.2]))
    reach = np.linalg.norm(_at(library, 0.0)[:, :2], axis=1)
    np.testing.assert_allclose(speed[0], reach * 1.875 * 3.0 * np.pi / 1.2, rtol=0.01)
    for t in np.linspace(0.0, 1.2, 33):
        bearing = Rotation.from_rotvec([0.0, 0.0, 3.0 * np.pi * float(min_jerk(t / 1.2))]).as_matrix().ravel()
        np.testing.assert_allclose(_at(library, t)[0, 3:], bearing, atol=1e-3)


def test_clamps_before_the_start_and_holds_after_the_end_of_short_and_long_clips() -> None:
    clips = [_swaying(101, 1), _swaying(41, 2)]
    library = library_from_postures(clips, 50.0)
    assert library.length_s.tolist() == [2.0, 0.8]
    for index, clip in enumerate(clips):
        for t in (-3.0, float("nan")):
            np.testing.assert_allclose(_at(library, t, index), _posed(clip[0]), atol=1e-11)
        for t in (library.length_s[index], 5.0, 1e9, float("inf")):
            np.testing.assert_allclose(_at(library, t, index), _posed(clip[-1]), atol=1e-11)


def test_clips_of_different_rates_keep_their_own_time() -> None:
    samples = _swaying(101)
    rotations = rotations_of(samples)
    library = library_from_rotations([samples[:, :3]] * 2, [rotations] * 2, [50.0, 120.0])
    assert library.length_s.tolist() == pytest.approx([2.0, 100 / 120])
    for share in (0.0, 0.31, 0.77):
        np.testing.assert_allclose(_at(library, 2.0 * share, 0), _at(library, share * 100 / 120, 1), atol=1e-12)


def test_offset_turns_path_and_body_about_the_pivot_then_shifts() -> None:
    pivot = np.array([[1.0, -0.3]])
    library = library_from_postures([_swaying(61)], 50.0, pivot)
    turn = Rotation.from_rotvec([0.0, 0.0, 0.7])
    centre = np.array([1.0, -0.3, 0.0])
    for t in (0.0, 0.33, 0.9):
        plain, turned = _at(library, t), _at(library, t, 0, np.array([0.2, -0.1, 0.7]))
        moved = turn.apply(plain[:, :3] - centre) + centre + [0.2, -0.1, 0.0]
        np.testing.assert_allclose(turned[:, :3], moved, atol=1e-12)
        expected = turn.as_matrix() @ plain[:, 3:].reshape(24, 3, 3)
        np.testing.assert_allclose(turned[:, 3:].reshape(24, 3, 3), expected, atol=1e-12)


def test_a_scale_is_a_similarity_about_the_pivot_on_the_floor() -> None:
    library = library_from_postures([_swaying(61)], 50.0, np.array([[1.0, -0.3]]))
    records = make_records(library, SKELETON)
    pos, quat = np.zeros((24, 3)), np.zeros((24, 4))
    for t in (0.1, 0.6):
        _place(records, 0, t, motion_frame(library, 0, np.zeros(3), 1.14), pos, quat)
        centre = np.array([1.0, -0.3, 0.0])
        np.testing.assert_allclose(pos, centre + 1.14 * (_at(library, t)[:, :3] - centre), atol=1e-12)


def test_speeds_and_accelerations_are_exact() -> None:
    library = library_from_postures([_swaying(61, 3), _swaying(81, 4)], 50.0)
    records = make_records(library, SKELETON)
    frame = motion_frame(library, 1, np.array([0.1, 0.2, 0.6]), 1.1)
    scratch, quat = np.zeros((24, SCRATCH)), np.zeros((24, 4))
    p, v, a, before, here, after = (np.zeros((24, 3)) for _ in range(6))
    fastest = 0.0
    for t in np.random.default_rng(0).uniform(0.1, 1.5, 60):
        _state(records, 1, t, frame, scratch, p, v, a)
        _place(records, 1, t, frame, here, quat)
        np.testing.assert_array_equal(p, here)
        for h, tolerance in ((1e-5, 1e-6), (2e-4, 0.0)):
            _place(records, 1, t - h, frame, before, quat)
            _place(records, 1, t + h, frame, after, quat)
            if tolerance:
                np.testing.assert_allclose(v, (after - before) / (2 * h), atol=tolerance * 10)
        np.testing.assert_allclose(a, (after - 2 * here + before) / h**2, atol=0.05, rtol=1e-3)
        fastest = max(fastest, float(np.abs(v).max()))
    assert fastest > 0.5
    for t in (-0.1, library.length_s[1] + 0.1):
        _state(records, 1, t, frame, scratch, p, v, a)
        assert not v.any() and not a.any()


def test_shares_bound_what_a_changing_pace_does() -> None:
    library = library_from_postures([_swaying(61, 3)], 50.0)
    v_max, a_max = np.full(24, 2.0), np.full(24, 20.0)
    shares = bound_shares(library, SKELETON, 0, np.array([0.3, 0.7]), v_max, a_max, 0.001)
    speed, acceleration = motion_peaks(library, SKELETON, 0, 0.001, np.array([0.0, 0.2995, 0.7, 1.3]))
    np.testing.assert_allclose(shares[:2], [speed[1].max() / 2.0, acceleration[1].max() / 20.0], rtol=1e-3)
    assert shares[2] == pytest.approx(shares[0] / 10.0)


@pytest.mark.parametrize(
    ("clips", "rate", "says"),
    [
        ([], 50.0, "at least one clip"),
        ([np.zeros((10, 74))], 50.0, r"clip 0 has shape \(10, 74\).*75"),
        ([np.zeros((3, 75))], 50.0, "n >= 4"),
        ([np.zeros(75)], 50.0, "shape"),
        ([np.zeros((9, 75)), np.full((9, 75), np.nan)], 50.0, "clip 1 has nan at sample 0"),
        ([np.full((9, 75), np.inf)], 50.0, "inf"),
        ([np.zeros((9, 75))], 0.0, "rate_hz is 0.0"),
    ],
)
def test_bad_samples_are_refused(clips: list[np.ndarray], rate: float, says: str) -> None:
    with pytest.raises(MotionError, match=says):
        library_from_postures(clips, rate)


def test_a_library_that_the_kernels_could_overrun_is_refused() -> None:
    good = library_from_postures([_swaying(41)], 50.0)
    for name, bad in {
        "length_s": np.array([0.9]),
        "pivot_xy": np.zeros((2, 2)),
        "points": good.points[0],
        "first": np.array([1]),
        "n_points": np.array([99]),
        "column": np.where(good.column == good.column.max(), good.column + 1, good.column),
    }.items():
        with pytest.raises(MotionError, match=name):
            check_library(good._replace(**{name: bad}))
    with pytest.raises(MotionError, match="points is float32"):
        check_library(good._replace(points=good.points.astype(np.float32)))
