"""Motion as cubic B-splines of root position and unit quaternions, evaluated at exact times."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import N_BODIES, FloatArray, IntArray, Skeleton
from hrg_pipeline.human.clip import MIN_SAMPLES
from hrg_pipeline.human.kinematics import place_body
from hrg_pipeline.physics import mujoco_c as c
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row, Rows, make_rows

_SERIES_LIMIT = 1e-4
ROOT_SIZE = 3
FRAME_SIZE = 5
"""How a clip stands in the world: x, y [m], cosine and sine of half the yaw, factor on all lengths."""


class MotionLibrary(NamedTuple):
    """Clips for one skeleton, each sampled at its own rate.

    A curve of positions passes through every sample, is twice continuously differentiable and at rest at both ends.
    Rotations are curves of four numbers through the unit quaternions, normalised where they are read: just as smooth,
    while spherical interpolation from sample to sample has jumps of the angular speed at every sample.
    """

    points: FloatArray
    """(P, 3 + 4 M) control points of all clips, one after the other: position of the root [m], then the quaternions
    of the M bodies that turn. Point j of a clip sits at time ``(j - 1) / rate_hz``."""
    first: IntArray
    """(C,) row of each clip's first control point."""
    n_points: IntArray
    """(C,) number of its control points."""
    length_s: FloatArray
    """(C,) duration of each clip [s]; the last posture is held after it."""
    rate_hz: FloatArray
    """(C,) control points a second."""
    pivot_xy: FloatArray
    """(C, 2) the point that a yaw offset turns a clip about [m]: where the person mostly stands."""
    column: IntArray
    """(24,) where the quaternion of each body begins in a row of ``points``; -1 for a body that turns in no clip."""


class ClipView(NamedTuple):
    """One clip and the skeleton that plays it, as kernels read them: a record of ``make_records`` has the same names.

    A library's arrays would do as well, but every one that a compiled call hands on is counted as a reference, which
    costs more than the pose.
    """

    address: int
    """Of the clip's first control point."""
    width: int
    """Numbers in a control point."""
    last: int
    """Index of the first of the last four control points."""
    length_s: float
    rate_hz: float
    column: IntArray
    """(24,) as in the library."""
    parent: IntArray
    """(24,) as in the skeleton."""
    offset: FloatArray
    """(24, 3) as in the skeleton [m]."""


@kernel
def view_clip(library: MotionLibrary, skeleton: Skeleton, clip: int) -> ClipView:
    """Return one clip for the kernels; valid as long as the library exists."""
    points = library.points
    return ClipView(
        points.ctypes.data + 8 * points.shape[1] * library.first[clip],
        points.shape[1],
        library.n_points[clip] - 4,
        library.length_s[clip],
        library.rate_hz[clip],
        library.column,
        skeleton.parent,
        skeleton.offset,
    )


def make_records(library: MotionLibrary, skeleton: Skeleton) -> Rows:
    """Records (C,) of a library's clips for a skeleton; valid as long as ``library.points`` exists."""
    first = view_clip(library, skeleton, 0)
    records = make_rows(len(library.first), {name: np.asarray(value) for name, value in first._asdict().items()})
    records["address"] = first.address + 8 * first.width * library.first
    records["last"] = library.n_points - 4
    records["length_s"], records["rate_hz"] = library.length_s, library.rate_hz
    return records


@kernel
def knot_at(clip: Row, t: float) -> tuple[int, float]:
    """Index of the first of the four control points that decide a time, and where in its interval that is, 0 to 1.

    Times before 0 and after the end are clamped; a time that is not a number is 0.
    """
    s = 0.0
    if t > 0.0:
        s = min(t, clip.length_s) * clip.rate_hz
    i = min(int(s), clip.last)
    return i, s - i


@kernel
def place_pose(clip: Row, t: float, frame: Any, out_pos: FloatArray, out_quat: FloatArray) -> None:
    """Place every body at an exact time of a clip.

    Args:
        clip: a record or a ``ClipView``.
        t: time since the clip's start [s]; clamped to the clip, and 0 if it is not a number.
        frame: (5,) from ``motion_frame``.
        out_pos: (24, 3) joint positions [m], world frame; written.
        out_quat: (24, 4) unit quaternions wxyz; written.
    """
    i, u = knot_at(clip, t)
    v = 1.0 - u
    w0 = v * v * v / 6.0
    w3 = u * u * u / 6.0
    w1 = (4.0 - 6.0 * u * u + 3.0 * u * u * u) / 6.0
    w2 = (4.0 - 6.0 * v * v + 3.0 * v * v * v) / 6.0
    width = clip.width
    first = clip.address + 8 * width * i
    p0, p1 = c.f64_array(first, width), c.f64_array(first + 8 * width, width)
    p2, p3 = c.f64_array(first + 16 * width, width), c.f64_array(first + 24 * width, width)
    shift_x, shift_y, half_cos, half_sin, scale = frame[0], frame[1], frame[2], frame[3], frame[4]
    columns, parent, offset = clip.column, clip.parent, clip.offset
    for body in range(out_quat.shape[0]):
        k = columns[body]
        w, x, y, z = 1.0, 0.0, 0.0, 0.0
        if k >= 0:
            # Unsigned: the compiler then needs no code for negative indices.
            kw, kx, ky, kz = np.uint64(k), np.uint64(k + 1), np.uint64(k + 2), np.uint64(k + 3)
            w = w0 * p0[kw] + w1 * p1[kw] + w2 * p2[kw] + w3 * p3[kw]
            x = w0 * p0[kx] + w1 * p1[kx] + w2 * p2[kx] + w3 * p3[kx]
            y = w0 * p0[ky] + w1 * p1[ky] + w2 * p2[ky] + w3 * p3[ky]
            z = w0 * p0[kz] + w1 * p1[kz] + w2 * p2[kz] + w3 * p3[kz]
            # Between samples the length is hardly below 1: a series to rounding, without root and division.
            e = w * w + x * x + y * y + z * z - 1.0
            inverse = 1.0 - e * (0.5 - e * (0.375 - 0.3125 * e))
            if abs(e) > _SERIES_LIMIT:
                inverse = 1.0 / math.sqrt(1.0 + e)
            w, x, y, z = inverse * w, inverse * x, inverse * y, inverse * z
        if body == 0:
            px = w0 * p0[0] + w1 * p1[0] + w2 * p2[0] + w3 * p3[0]
            py = w0 * p0[1] + w1 * p1[1] + w2 * p2[1] + w3 * p3[1]
            pz = w0 * p0[2] + w1 * p1[2] + w2 * p2[2] + w3 * p3[2]
            cos, sin = half_cos * half_cos - half_sin * half_sin, 2.0 * half_cos * half_sin
            out_pos[0, 0] = shift_x + scale * (cos * px - sin * py)
            out_pos[0, 1] = shift_y + scale * (sin * px + cos * py)
            out_pos[0, 2] = scale * pz
            out_quat[0, 0] = half_cos * w - half_sin * z
            out_quat[0, 1] = half_cos * x - half_sin * y
            out_quat[0, 2] = half_cos * y + half_sin * x
            out_quat[0, 3] = half_cos * z + half_sin * w
        else:
            place_body(parent, offset, body, w, x, y, z, scale, out_pos, out_quat)


@kernel
def frame_of(pivot_xy: FloatArray, offset: FloatArray, scale: float) -> tuple[float, float, float, float, float]:
    """Where a clip stands in the world, see ``motion_frame``."""
    pivot_x, pivot_y = pivot_xy[0], pivot_xy[1]
    cos, sin = math.cos(offset[2]), math.sin(offset[2])
    return (
        offset[0] + pivot_x - scale * (cos * pivot_x - sin * pivot_y),
        offset[1] + pivot_y - scale * (sin * pivot_x + cos * pivot_y),
        math.cos(0.5 * offset[2]),
        math.sin(0.5 * offset[2]),
        scale,
    )


def motion_frame(library: MotionLibrary, clip: int, offset: FloatArray, scale: float = 1.0) -> FloatArray:
    """Where a clip stands in the world.

    Args:
        library: the clips.
        clip: index of the clip.
        offset: (3,) x [m], y [m], yaw [rad]: the whole motion is turned about the clip's pivot, path and body
            together, then shifted.
        scale: factor on all lengths, body and path alike, about the pivot on the floor: feet stay on the floor and
            do not slide.

    Returns:
        (5,) x, y [m], cosine and sine of half the yaw, scale: what ``place_pose`` takes.
    """
    return np.array(frame_of(library.pivot_xy[clip], np.asarray(offset, np.float64), float(scale)))


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
    """Place every body of a person at an exact time of a clip.

    Args:
        library: the clips.
        skeleton: the person.
        clip: index of the clip, unchecked.
        t: time since the clip's start [s]; clamped to the clip.
        offset: (3,) x [m], y [m], yaw [rad], as in ``motion_frame``.
        out_pos: (24, 3) joint positions [m], world frame; written.
        out_quat: (24, 4) unit quaternions wxyz; written.
    """
    frame = frame_of(library.pivot_xy[clip], offset, 1.0)
    place_pose(view_clip(library, skeleton, clip), t, frame, out_pos, out_quat)


def check_library(library: MotionLibrary) -> None:
    """Refuse a library whose arrays do not fit together: the kernels read them unchecked.

    Raises:
        MotionError: naming the array and what was expected.
    """
    n_clips, total = len(library.first), len(library.points)
    width = ROOT_SIZE + 4 * int((library.column >= 0).sum())
    expected = {
        "points": ((total, width), np.float64),
        "first": ((n_clips,), np.int64),
        "n_points": ((n_clips,), np.int64),
        "length_s": ((n_clips,), np.float64),
        "rate_hz": ((n_clips,), np.float64),
        "pivot_xy": ((n_clips, 2), np.float64),
        "column": ((N_BODIES,), np.int64),
    }
    for name, (shape, kind) in expected.items():
        array = getattr(library, name)
        if array.shape != shape or array.dtype != kind:
            raise MotionError(f"{name} is {array.dtype} {array.shape}; expected {np.dtype(kind)} {shape}")
        if not np.isfinite(array).all():
            raise MotionError(f"{name} holds a value that is not finite")
    if (
        library.first.min() < 0
        or library.n_points.min() < MIN_SAMPLES
        or (library.first + library.n_points).max() > total
    ):
        raise MotionError(
            f"first and n_points must lie within the {total} control points, with n_points >= {MIN_SAMPLES}"
        )
    if library.column.min() < -1 or library.column.max() > width - 4:
        raise MotionError(f"column must lie in [-1, {width - 4}]")
    longest = (library.n_points - 3) / library.rate_hz
    if library.length_s.min() <= 0.0 or (library.length_s > longest + 1e-9).any():
        raise MotionError(
            f"length_s {library.length_s} must lie in (0, {longest}] s for {library.n_points} control points"
        )
