from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import make_skeleton
from hrg_pipeline.human.kinematics import forward_kinematics
from hrg_pipeline.human.motion import MotionLibrary, check_library, library_from_postures, pose_at, posture_at


def _swaying(n: int, seed: int = 0) -> np.ndarray:
    """Smooth random postures that are at rest over the first and last ten samples."""
    u = np.clip((np.arange(n) - 10) / (n - 21), 0.0, 1.0)
    hill = 64.0 * (u * (1.0 - u)) ** 3
    rng = np.random.default_rng(seed)
    return rng.normal(size=75) + hill[:, None] * rng.normal(size=75) * np.cos(3 * u)[:, None]


def _at(library: MotionLibrary, t: float, clip: int = 0) -> np.ndarray:
    out = np.zeros(75)
    posture_at(library, clip, t, out)
    return out


def test_passes_through_the_samples_and_matches_a_clamped_cubic_spline() -> None:
    samples = _swaying(101)
    library = library_from_postures([samples], 50.0)
    times = np.arange(101) / 50.0
    np.testing.assert_allclose([_at(library, t) for t in times], samples, atol=1e-12)
    reference = CubicSpline(times, samples, bc_type="clamped")
    between = np.random.default_rng(1).uniform(0.0, 2.0, 50)
    np.testing.assert_allclose([_at(library, t) for t in between], reference(between), atol=1e-10)


def test_second_derivative_is_continuous_everywhere_also_into_the_hold() -> None:
    library = library_from_postures([_swaying(61)], 50.0)
    h = 1e-4

    def bend(t: float) -> np.ndarray:
        return (_at(library, t + h) - 2.0 * _at(library, t) + _at(library, t - h)) / h**2

    largest = max(np.abs(bend(t)).max() for t in np.linspace(0.1, 1.1, 97))
    for knot in (0.0, 0.2, 0.42, 0.6, 0.98, library.length_s[0]):
        jump = np.abs(bend(knot + 2 * h) - bend(knot - 2 * h)).max()
        assert jump < 0.05 * largest


def test_clamps_before_the_start_and_holds_after_the_end_of_short_and_long_clips() -> None:
    clips = [_swaying(101, 1), _swaying(41, 2)]
    library = library_from_postures(clips, 50.0)
    assert library.length_s.tolist() == [2.0, 0.8]
    for index, clip in enumerate(clips):
        np.testing.assert_allclose(_at(library, -3.0, index), clip[0], atol=1e-12)
        np.testing.assert_allclose(_at(library, float("nan"), index), clip[0], atol=1e-12)
        for t in (library.length_s[index], 5.0, 1e9, float("inf")):
            np.testing.assert_allclose(_at(library, t, index), clip[-1], atol=1e-12)


def test_offset_turns_path_and_body_about_the_pivot_then_shifts() -> None:
    skeleton = make_skeleton()
    pivot = np.array([[1.0, -0.3]])
    library = library_from_postures([_swaying(61)], 50.0, pivot)
    pos, quat, plain_pos, plain_quat = (np.zeros((24, k)) for k in (3, 4, 3, 4))
    turn = Rotation.from_rotvec([0.0, 0.0, 0.7])
    for t in (0.0, 0.33, 0.9):
        pose_at(library, skeleton, 0, t, np.array([0.2, -0.1, 0.7]), pos, quat)
        forward_kinematics(skeleton, _at(library, t), plain_pos, plain_quat)
        centre = np.array([1.0, -0.3, 0.0])
        np.testing.assert_allclose(pos, turn.apply(plain_pos - centre) + centre + [0.2, -0.1, 0.0], atol=1e-12)
        expected = turn * Rotation.from_quat(plain_quat[:, [1, 2, 3, 0]])
        np.testing.assert_allclose(
            Rotation.from_quat(quat[:, [1, 2, 3, 0]]).as_matrix(), expected.as_matrix(), atol=1e-12
        )


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
    with pytest.raises(MotionError, match="length_s"):
        check_library(good._replace(length_s=np.array([0.9])))
    with pytest.raises(MotionError, match="pivot_xy"):
        check_library(good._replace(pivot_xy=np.zeros((2, 2))))
    with pytest.raises(MotionError, match="coefficients"):
        check_library(good._replace(coefficients=good.coefficients[0]))
    with pytest.raises(MotionError, match="coefficients"):
        check_library(good._replace(coefficients=good.coefficients.astype(np.float32)))
