"""Exact speeds and accelerations of the joints of a person in motion."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hrg_pipeline.human.body import N_BODIES, FloatArray, Skeleton
from hrg_pipeline.human.curves import MotionLibrary, knot_at, place_pose, view_clip
from hrg_pipeline.physics import mujoco_c as c
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row

SCRATCH = 10
"""Numbers a body that ``motion_state_at`` needs room for."""
SPEED_SHARE, ACCELERATION_SHARE, PACE_CHANGE_SHARE = range(3)
"""Columns of ``bound_shares``: of v / v_max, of a / a_max, and of v / a_max, which a change of pace is weighed by."""


@kernel
def motion_state_at(  # noqa: PLR0915 - one formula after the other
    clip: Row,
    t: float,
    frame: Any,
    scratch: FloatArray,
    out_pos: FloatArray,
    out_vel: FloatArray,
    out_acc: FloatArray,
) -> None:
    """Position of every joint at an exact time of a clip, and its first and second derivative by that time.

    Derivatives are those of the curve itself, not differences: at t outside the clip they are 0, because the first
    and the last posture are held.

    Args:
        clip: a record of ``make_records`` or a ``ClipView``.
        t: time since the clip's start [s].
        frame: (5,) from ``motion_frame``.
        scratch: (24, SCRATCH) whatever.
        out_pos: (24, 3) [m], world frame; written.
        out_vel: (24, 3) [m/s]; written.
        out_acc: (24, 3) [m/s^2]; written.
    """
    quat, turn, bend = scratch[:, :4], scratch[:, 4:7], scratch[:, 7:10]  # angular speed and acceleration, world
    place_pose(clip, t, frame, out_pos, quat)
    if not 0.0 <= t <= clip.length_s:
        out_vel[:] = 0.0
        out_acc[:] = 0.0
        return
    i, u = knot_at(clip, t)
    v, rate = 1.0 - u, clip.rate_hz
    square = rate * rate
    w0, w1 = v * v * v / 6.0, (4.0 - 6.0 * u * u + 3.0 * u * u * u) / 6.0
    w2, w3 = (4.0 - 6.0 * v * v + 3.0 * v * v * v) / 6.0, u * u * u / 6.0
    d0, d1 = -0.5 * v * v * rate, (1.5 * u * u - 2.0 * u) * rate
    d2, d3 = (2.0 * v - 1.5 * v * v) * rate, 0.5 * u * u * rate
    b0, b1, b2, b3 = v * square, (3.0 * u - 2.0) * square, (3.0 * v - 2.0) * square, u * square
    width = clip.width
    first = clip.address + 8 * width * i
    p0, p1 = c.f64_array(first, width), c.f64_array(first + 8 * width, width)
    p2, p3 = c.f64_array(first + 16 * width, width), c.f64_array(first + 24 * width, width)
    columns, parents = clip.column, clip.parent

    half_cos, half_sin, scale = frame[2], frame[3], frame[4]
    cos, sin = scale * (half_cos * half_cos - half_sin * half_sin), scale * 2.0 * half_cos * half_sin
    x = d0 * p0[0] + d1 * p1[0] + d2 * p2[0] + d3 * p3[0]
    y = d0 * p0[1] + d1 * p1[1] + d2 * p2[1] + d3 * p3[1]
    out_vel[0, 0], out_vel[0, 1] = cos * x - sin * y, sin * x + cos * y
    out_vel[0, 2] = scale * (d0 * p0[2] + d1 * p1[2] + d2 * p2[2] + d3 * p3[2])
    x = b0 * p0[0] + b1 * p1[0] + b2 * p2[0] + b3 * p3[0]
    y = b0 * p0[1] + b1 * p1[1] + b2 * p2[1] + b3 * p3[1]
    out_acc[0, 0], out_acc[0, 1] = cos * x - sin * y, sin * x + cos * y
    out_acc[0, 2] = scale * (b0 * p0[2] + b1 * p1[2] + b2 * p2[2] + b3 * p3[2])

    for body in range(N_BODIES):
        tx, ty, tz, ax, ay, az = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        if body > 0:
            p = np.uint64(parents[body])
            tx, ty, tz = turn[p, 0], turn[p, 1], turn[p, 2]
            ax, ay, az = bend[p, 0], bend[p, 1], bend[p, 2]
            ox, oy = out_pos[body, 0] - out_pos[p, 0], out_pos[body, 1] - out_pos[p, 1]
            oz = out_pos[body, 2] - out_pos[p, 2]
            sx, sy, sz = ty * oz - tz * oy, tz * ox - tx * oz, tx * oy - ty * ox
            out_vel[body, 0], out_vel[body, 1] = out_vel[p, 0] + sx, out_vel[p, 1] + sy
            out_vel[body, 2] = out_vel[p, 2] + sz
            out_acc[body, 0] = out_acc[p, 0] + ay * oz - az * oy + ty * sz - tz * sy
            out_acc[body, 1] = out_acc[p, 1] + az * ox - ax * oz + tz * sx - tx * sz
            out_acc[body, 2] = out_acc[p, 2] + ax * oy - ay * ox + tx * sy - ty * sx
        k = columns[body]
        if k >= 0:
            kw, kx, ky, kz = np.uint64(k), np.uint64(k + 1), np.uint64(k + 2), np.uint64(k + 3)
            qw = w0 * p0[kw] + w1 * p1[kw] + w2 * p2[kw] + w3 * p3[kw]
            qx = w0 * p0[kx] + w1 * p1[kx] + w2 * p2[kx] + w3 * p3[kx]
            qy = w0 * p0[ky] + w1 * p1[ky] + w2 * p2[ky] + w3 * p3[ky]
            qz = w0 * p0[kz] + w1 * p1[kz] + w2 * p2[kz] + w3 * p3[kz]
            dw = d0 * p0[kw] + d1 * p1[kw] + d2 * p2[kw] + d3 * p3[kw]
            dx = d0 * p0[kx] + d1 * p1[kx] + d2 * p2[kx] + d3 * p3[kx]
            dy = d0 * p0[ky] + d1 * p1[ky] + d2 * p2[ky] + d3 * p3[ky]
            dz = d0 * p0[kz] + d1 * p1[kz] + d2 * p2[kz] + d3 * p3[kz]
            bw = b0 * p0[kw] + b1 * p1[kw] + b2 * p2[kw] + b3 * p3[kw]
            bx = b0 * p0[kx] + b1 * p1[kx] + b2 * p2[kx] + b3 * p3[kx]
            by = b0 * p0[ky] + b1 * p1[ky] + b2 * p2[ky] + b3 * p3[ky]
            bz = b0 * p0[kz] + b1 * p1[kz] + b2 * p2[kz] + b3 * p3[kz]
            # q / |q| turns at 2 Im(q* q') / |q|^2 in its own frame; the derivative of that is the bend.
            twice = 2.0 / (qw * qw + qx * qx + qy * qy + qz * qz)
            growth = twice * (qw * dw + qx * dx + qy * dy + qz * dz)
            lx = twice * (qw * dx - qx * dw - qy * dz + qz * dy)
            ly = twice * (qw * dy - qy * dw - qz * dx + qx * dz)
            lz = twice * (qw * dz - qz * dw - qx * dy + qy * dx)
            mx = twice * (qw * bx - qx * bw - qy * bz + qz * by) - growth * lx
            my = twice * (qw * by - qy * bw - qz * bx + qx * bz) - growth * ly
            mz = twice * (qw * bz - qz * bw - qx * by + qy * bx) - growth * lz
            lx, ly, lz = _rotated(quat[body, 0], quat[body, 1], quat[body, 2], quat[body, 3], lx, ly, lz)
            mx, my, mz = _rotated(quat[body, 0], quat[body, 1], quat[body, 2], quat[body, 3], mx, my, mz)
            ax, ay, az = ax + mx + ty * lz - tz * ly, ay + my + tz * lx - tx * lz, az + mz + tx * ly - ty * lx
            tx, ty, tz = tx + lx, ty + ly, tz + lz
        turn[body, 0], turn[body, 1], turn[body, 2] = tx, ty, tz
        bend[body, 0], bend[body, 1], bend[body, 2] = ax, ay, az


@kernel
def _rotated(w: float, x: float, y: float, z: float, vx: float, vy: float, vz: float) -> tuple[float, float, float]:
    """Turn a vector by a unit quaternion."""
    tx, ty, tz = 2.0 * (y * vz - z * vy), 2.0 * (z * vx - x * vz), 2.0 * (x * vy - y * vx)
    return vx + w * tx + y * tz - z * ty, vy + w * ty + z * tx - x * tz, vz + w * tz + x * ty - y * tx


@kernel
def _length(vectors: FloatArray, body: int) -> float:
    x, y, z = vectors[body, 0], vectors[body, 1], vectors[body, 2]
    return math.sqrt(x * x + y * y + z * z)


@kernel
def motion_peaks(
    library: MotionLibrary, skeleton: Skeleton, clip: int, step_s: float, edges_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Play a clip and measure the fastest joints.

    Args:
        library: the clips.
        skeleton: the person.
        clip: index of the clip.
        step_s: time between the instants that are looked at [s].
        edges_s: (S + 1,) rising times that cut the clip into parts [s]; what is before the first or after the last
            belongs to the nearest part.

    Returns:
        Greatest speed [m/s] and acceleration [m/s^2] of each joint in each part, both (S, 24).
    """
    n_parts = edges_s.shape[0] - 1
    speed, acceleration = np.zeros((n_parts, N_BODIES)), np.zeros((n_parts, N_BODIES))
    pos, vel, acc = np.empty((N_BODIES, 3)), np.empty((N_BODIES, 3)), np.empty((N_BODIES, 3))
    scratch, view = np.empty((N_BODIES, SCRATCH)), view_clip(library, skeleton, clip)
    frame = (0.0, 0.0, 1.0, 0.0, 1.0)
    part = 0
    for k in range(math.ceil(library.length_s[clip] / step_s) + 1):
        t = min(k * step_s, library.length_s[clip])
        motion_state_at(view, t, frame, scratch, pos, vel, acc)
        while part < n_parts - 1 and t > edges_s[part + 1]:
            part += 1
        for body in range(N_BODIES):
            speed[part, body] = max(speed[part, body], _length(vel, body))
            acceleration[part, body] = max(acceleration[part, body], _length(acc, body))
    return speed, acceleration


@kernel
def bound_shares(
    library: MotionLibrary,
    skeleton: Skeleton,
    clip: int,
    window_s: FloatArray,
    v_max: FloatArray,
    a_max: FloatArray,
    step_s: float,
) -> FloatArray:
    """How much of the bounds of its joints a part of a clip uses.

    Played at a pace r, that changes at a rate r', joint j moves at ``v_j r`` and accelerates by at most
    ``a_j r^2 + v_j |r'|``. With the shares s returned here all bounds hold while ``s[0] |r| <= 1`` and
    ``s[1] r^2 + s[2] |r'| <= 1``.

    Args:
        library: the clips.
        skeleton: the person.
        clip: index of the clip.
        window_s: (2,) begin and end of the part [s].
        v_max: (24,) bounds of the joints' speeds [m/s].
        a_max: (24,) bounds of their accelerations [m/s^2].
        step_s: time between the instants that are looked at [s].

    Returns:
        (3,) largest v / v_max, a / a_max and v / a_max [1, 1, s].
    """
    shares = np.zeros(3)
    pos, vel, acc = np.empty((N_BODIES, 3)), np.empty((N_BODIES, 3)), np.empty((N_BODIES, 3))
    scratch, view = np.empty((N_BODIES, SCRATCH)), view_clip(library, skeleton, clip)
    frame = (0.0, 0.0, 1.0, 0.0, 1.0)
    begin, end = max(window_s[0], 0.0), min(window_s[1], library.length_s[clip])
    for k in range(math.ceil((end - begin) / step_s) + 1):
        motion_state_at(view, min(begin + k * step_s, end), frame, scratch, pos, vel, acc)
        for body in range(N_BODIES):
            speed = _length(vel, body)
            shares[0] = max(shares[0], speed / v_max[body])
            shares[1] = max(shares[1], _length(acc, body) / a_max[body])
            shares[2] = max(shares[2], speed / a_max[body])
    return shares
