"""Motion clips as cubic B-splines, played back at exact times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import spline_filter1d

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import N_BODIES, FloatArray, Skeleton
from hrg_pipeline.human.kinematics import POSTURE_SIZE, forward_kinematics
from hrg_pipeline.physics.jit import kernel

SAMPLE_RATE_HZ = 50.0
_MIN_SAMPLES = 4


class MotionLibrary(NamedTuple):
    """Clips of one person, all sampled at one rate."""

    coefficients: FloatArray
    """(C, K, 75) control points; point j of a clip sits at time ``(j - 1) / rate_hz``."""
    length_s: FloatArray
    """(C,) duration of each clip [s]; the last posture is held after it."""
    rate_hz: float
    """Control points a second."""
    pivot_xy: FloatArray
    """(C, 2) the point that a yaw offset turns a clip about [m]: where the person mostly stands."""


@kernel
def posture_at(library: MotionLibrary, clip: int, t: float, out_posture: FloatArray) -> None:
    """Evaluate one clip.

    The curve is twice continuously differentiable. Times before 0 and after the end are clamped; a time that
    is not a number gives the first posture.

    Args:
        library: the clips.
        clip: index of the clip, unchecked.
        t: time since the clip's start [s].
        out_posture: (75,) written.
    """
    coefficients = library.coefficients
    x = 0.0
    if t > 0.0:
        x = min(t, library.length_s[clip]) * library.rate_hz
    i = min(int(x), coefficients.shape[1] - 4)
    u = x - i
    v = 1.0 - u
    w0 = v * v * v / 6.0
    w3 = u * u * u / 6.0
    w1 = (4.0 - 6.0 * u * u + 3.0 * u * u * u) / 6.0
    w2 = (4.0 - 6.0 * v * v + 3.0 * v * v * v) / 6.0
    for k in range(coefficients.shape[2]):
        out_posture[k] = (
            w0 * coefficients[clip, i, k]
            + w1 * coefficients[clip, i + 1, k]
            + w2 * coefficients[clip, i + 2, k]
            + w3 * coefficients[clip, i + 3, k]
        )


@kernel
def pose_at(
    library: MotionLibrary,
    skeleton: Skeleton,
    clip: int,
    t: float,
    offset: FloatArray,
    out_pos: FloatArray,
    out_quat: FloatArray,
) -> None:
    """Place every body at an exact time of a clip.

    Args:
        library: the clips.
        skeleton: the person.
        clip: index of the clip, unchecked.
        t: time since the clip's start [s]; clamped to the clip.
        offset: (3,) x [m], y [m], yaw [rad]: the whole motion is turned about the clip's pivot, path and body
            together, then shifted.
        out_pos: (24, 3) joint positions [m], world frame; written.
        out_quat: (24, 4) unit quaternions wxyz; written.
    """
    posture = np.empty(library.coefficients.shape[2])
    posture_at(library, clip, t, posture)
    forward_kinematics(skeleton, posture, out_pos, out_quat)
    pivot_x, pivot_y = library.pivot_xy[clip, 0], library.pivot_xy[clip, 1]
    shift_x, shift_y, yaw = offset[0], offset[1], offset[2]
    cos_yaw, sin_yaw = math.cos(yaw), math.sin(yaw)
    cos_half, sin_half = math.cos(0.5 * yaw), math.sin(0.5 * yaw)
    for body in range(out_pos.shape[0]):
        dx, dy = out_pos[body, 0] - pivot_x, out_pos[body, 1] - pivot_y
        out_pos[body, 0] = pivot_x + cos_yaw * dx - sin_yaw * dy + shift_x
        out_pos[body, 1] = pivot_y + sin_yaw * dx + cos_yaw * dy + shift_y
        w, x, y, z = out_quat[body, 0], out_quat[body, 1], out_quat[body, 2], out_quat[body, 3]
        out_quat[body, 0] = cos_half * w - sin_half * z
        out_quat[body, 1] = cos_half * x - sin_half * y
        out_quat[body, 2] = cos_half * y + sin_half * x
        out_quat[body, 3] = cos_half * z + sin_half * w


def check_postures(postures: FloatArray, what: str) -> None:
    """Refuse sampled postures that cannot be a clip.

    Raises:
        MotionError: wrong shape, too few samples, or a value that is not finite.
    """
    if postures.ndim != 2 or postures.shape[1] != POSTURE_SIZE or postures.shape[0] < _MIN_SAMPLES:
        raise MotionError(f"{what} has shape {postures.shape}; expected (n, {POSTURE_SIZE}) with n >= {_MIN_SAMPLES}")
    if not np.isfinite(postures).all():
        row, column = np.argwhere(~np.isfinite(postures))[0]
        raise MotionError(f"{what} has {postures[row, column]} at sample {row}, column {column}; must be finite")


def library_from_postures(
    clips: Sequence[FloatArray],
    rate_hz: float = SAMPLE_RATE_HZ,
    pivots_xy: FloatArray | None = None,
) -> MotionLibrary:
    """Interpolate sampled postures by cubic B-splines.

    The curve passes through every sample and has zero speed at both ends; rotation vectors are interpolated
    as they are, so they must not jump by a turn between samples. Clips that are at rest around their ends are
    C2 through the hold after the end as well.

    Args:
        clips: one (n_i, 75) array of postures a clip, samples at ``rate_hz``.
        rate_hz: samples a second.
        pivots_xy: (C, 2) points that a yaw offset turns the clips about; the last root position where not
            given.

    Raises:
        MotionError: no clips, a wrong shape or rate, or a value that is not finite.
    """
    if not clips:
        raise MotionError("a motion library needs at least one clip, got none")
    if not (math.isfinite(rate_hz) and rate_hz > 0.0):
        raise MotionError(f"rate_hz is {rate_hz}; it must be positive and finite")
    for index, clip in enumerate(clips):
        check_postures(clip, f"clip {index}")
    n_points = max(len(clip) for clip in clips) + 2
    coefficients = np.empty((len(clips), n_points, POSTURE_SIZE))
    for index, clip in enumerate(clips):
        inner = spline_filter1d(clip, order=3, axis=0, mode="mirror", output=np.float64)
        padded = np.concatenate((inner[1:2], inner, inner[-2:-1]))
        coefficients[index, : len(padded)] = padded
        coefficients[index, len(padded) :] = padded[-1]
    pivots = np.array([clip[-1, :2] for clip in clips]) if pivots_xy is None else np.asarray(pivots_xy, np.float64)
    library = MotionLibrary(
        coefficients=coefficients,
        length_s=np.array([(len(clip) - 1) / rate_hz for clip in clips]),
        rate_hz=float(rate_hz),
        pivot_xy=np.ascontiguousarray(pivots),
    )
    check_library(library)
    return library


def check_library(library: MotionLibrary) -> None:
    """Refuse a library whose arrays do not fit together: the kernels read them unchecked.

    Raises:
        MotionError: naming the array and what was expected.
    """
    n_clips, n_points = library.coefficients.shape[:2] if library.coefficients.ndim == 3 else (-1, -1)
    expected = {
        "coefficients": (n_clips, max(n_points, _MIN_SAMPLES), POSTURE_SIZE),
        "length_s": (n_clips,),
        "pivot_xy": (n_clips, 2),
    }
    for name, shape in expected.items():
        array = getattr(library, name)
        if array.shape != shape or array.dtype != np.float64:
            raise MotionError(f"{name} is {array.dtype} {array.shape}; expected float64 {shape}")
        if not np.isfinite(array).all():
            raise MotionError(f"{name} holds a value that is not finite")
    longest = (n_points - 3) / library.rate_hz
    if library.length_s.min() <= 0.0 or library.length_s.max() > longest + 1e-9:
        raise MotionError(f"length_s {library.length_s} must lie in (0, {longest}] s for {n_points} control points")


@kernel
def motion_peaks(
    library: MotionLibrary, skeleton: Skeleton, clip: int, step_s: float, edges_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Play a clip and measure the fastest joints.

    Args:
        library: the clips.
        skeleton: the person.
        clip: index of the clip.
        step_s: time between the poses that are compared [s].
        edges_s: (S + 1,) rising times that cut the clip into parts [s].

    Returns:
        Greatest speed [m/s] and acceleration [m/s^2] of each joint in each part by finite differences, both
        (S, 24).
    """
    n_parts = edges_s.shape[0] - 1
    speed_sq = np.zeros((n_parts, N_BODIES))
    acceleration_sq = np.zeros((n_parts, N_BODIES))
    pos = np.zeros((3, N_BODIES, 3))
    quat = np.zeros((N_BODIES, 4))
    posture = np.empty(library.coefficients.shape[2])
    part = 0
    n_steps = math.ceil(library.length_s[clip] / step_s) + 2
    for k in range(-1, n_steps):
        t = k * step_s
        posture_at(library, clip, t, posture)
        forward_kinematics(skeleton, posture, pos[(k + 1) % 3], quat)
        if k < 1:
            continue
        while part < n_parts - 1 and t - step_s > edges_s[part + 1]:
            part += 1
        older, old, new = pos[(k - 1) % 3], pos[k % 3], pos[(k + 1) % 3]
        for body in range(N_BODIES):
            v_sq = 0.0
            a_sq = 0.0
            for axis in range(3):
                delta = new[body, axis] - old[body, axis]
                bend = delta - old[body, axis] + older[body, axis]
                v_sq += delta * delta
                a_sq += bend * bend
            speed_sq[part, body] = max(speed_sq[part, body], v_sq)
            acceleration_sq[part, body] = max(acceleration_sq[part, body], a_sq)
    return np.sqrt(speed_sq) / step_s, np.sqrt(acceleration_sq) / (step_s * step_s)
