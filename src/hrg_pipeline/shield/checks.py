"""The assumptions behind the safety claim, checked in every cycle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.shield.distance import segment_distance_sq
from hrg_pipeline.shield.model import (
    HUMAN_SPEED,
    MEASUREMENT_FINITE,
    MEASUREMENT_FRESH,
    ROBOT_STATE_FINITE,
    TRACKING,
    ShieldModel,
    ShieldState,
)
from hrg_pipeline.shield.reach import capsule_ends, forward_kinematics
from hrg_pipeline.shield.trajectory import LIM_A, LIM_J, LIM_Q_MAX, LIM_Q_MIN, LIM_V

_TIME_EPS = 1e-9  # [s]
_EXACT_BELOW_M = 1.0
_REL = 1e-6
_SAME = (1e-9, 1e-7, 1e-5)  # a new trajectory may differ this much in q [rad], q' [rad/s], q'' [rad/s²]


@kernel
def all_finite(array: NDArray[np.float64]) -> bool:
    """Whether every number of a vector (n,) is finite."""
    for k in range(array.shape[0]):
        if not np.isfinite(array[k]):
            return False
    return True


@kernel
def check_human(
    model: ShieldModel,
    state: ShieldState,
    i: int,
    time: float,
    human_pos: NDArray[np.float64],
    human_time: float,
) -> bool:
    """Take a measurement in and check it: finite, fresh, and reachable from the one before.

    Args:
        model: The shield's model.
        state: The shield's memory.
        i: Environment.
        time: Now [s].
        human_pos: Measured joint positions (J, 3) [m], world.
        human_time: When they were true [s].

    Returns:
        True if nothing is wrong; every violated assumption is counted.
    """
    violations = state.violations[i]
    finite = np.isfinite(human_time) and np.isfinite(time)
    for j in range(human_pos.shape[0]):
        finite = finite and np.isfinite(human_pos[j, 0] + human_pos[j, 1] + human_pos[j, 2])
    if not finite:
        violations[MEASUREMENT_FINITE] += 1
        return False
    good = True
    if not -_TIME_EPS <= time - human_time <= model.delay + model.age_tolerance + _TIME_EPS:
        violations[MEASUREMENT_FRESH] += 1
        good = False
    last = state.human_pos[i]
    if np.isfinite(state.human_time[i]):
        dt = human_time - state.human_time[i]
        plausible = dt >= -_TIME_EPS
        for j in range(human_pos.shape[0]):
            x = human_pos[j, 0] - last[j, 0]
            y = human_pos[j, 1] - last[j, 1]
            z = human_pos[j, 2] - last[j, 2]
            reach = model.human_v_max[j] * max(dt, 0.0) + 2.0 * model.measurement_error + model.jump_tolerance
            if not x * x + y * y + z * z <= reach * reach:
                plausible = False
        if not plausible:
            violations[HUMAN_SPEED] += 1
            good = False
    for j in range(human_pos.shape[0]):
        for k in range(3):
            last[j, k] = human_pos[j, k]
    state.human_time[i] = human_time
    return good


@kernel
def check_tracking(
    model: ShieldModel, state: ShieldState, i: int, q_meas: NDArray[np.float64], dq_meas: NDArray[np.float64]
) -> bool:
    """Check that every capsule end is where it was commanded to be, up to the tracking error.

    Args:
        model: The shield's model.
        state: The shield's memory; the measured capsule ends are left in ``state.points[i, 0]``.
        i: Environment.
        q_meas: Measured joint positions (n,) [rad].
        dq_meas: Measured joint speeds (n,) [rad/s].

    Returns:
        True if they all are; a violated assumption is counted.
    """
    if not (all_finite(q_meas) and all_finite(dq_meas)):
        state.violations[i, ROBOT_STATE_FINITE] += 1
        return False
    frames = state.frames[i]
    measured = state.points[i, 0]
    commanded = state.points[i, 1]
    forward_kinematics(model.base_pos, model.base_rot, model.joint_pos, model.joint_rot, q_meas, frames)
    capsule_ends(frames, model.capsule_link, model.capsule_ends, measured)
    q = state.command[i, 0]
    forward_kinematics(model.base_pos, model.base_rot, model.joint_pos, model.joint_rot, q, frames)
    capsule_ends(frames, model.capsule_link, model.capsule_ends, commanded)
    limit = model.tracking_error * model.tracking_error
    for k in range(measured.shape[0]):
        for end in range(2):
            x = measured[k, end, 0] - commanded[k, end, 0]
            y = measured[k, end, 1] - commanded[k, end, 1]
            z = measured[k, end, 2] - commanded[k, end, 2]
            if not x * x + y * y + z * z <= limit:
                state.violations[i, TRACKING] += 1
                return False
    return True


@kernel
def continues_within_limits(
    limits: NDArray[np.float64],
    now: NDArray[np.float64],
    first: NDArray[np.float64],
    following: NDArray[np.float64],
) -> bool:
    """Whether a proposal continues the present command and stays within all limits after one sample.

    Args:
        limits: ``ShieldModel.limits`` (n, 7).
        now: The present command, position to jerk (4, n).
        first: The proposal's values now (4, n).
        following: The same after one sample (4, n).
    """
    for j in range(first.shape[1]):
        q = following[0, j]
        ok = (
            abs(first[0, j] - now[0, j]) <= _SAME[0]
            and abs(first[1, j] - now[1, j]) <= _SAME[1]
            and abs(first[2, j] - now[2, j]) <= _SAME[2]
            and limits[j, LIM_Q_MIN] - _REL <= q <= limits[j, LIM_Q_MAX] + _REL
            and abs(following[1, j]) <= limits[j, LIM_V] * (1.0 + _REL)
            and abs(following[2, j]) <= limits[j, LIM_A] * (1.0 + _REL)
            and abs(following[3, j]) <= limits[j, LIM_J] * (1.0 + _REL)
        )
        if not ok:
            return False
    return True


@kernel
def bound_bodies(
    pos: NDArray[np.float64],
    proximal: NDArray[np.int64],
    distal: NDArray[np.int64],
    radius: NDArray[np.float64],
    bodies: NDArray[np.float64],
) -> None:
    """Midpoints and half lengths of the human capsules, and a ball around all of them.

    Args:
        pos: Joint positions (J, 3) [m].
        proximal: (B,).
        distal: (B,).
        radius: (B,) [m].
        bodies: (B + 1, 4) [m], written; the last row is the ball's centre and radius, real radii included.
    """
    count = proximal.shape[0]
    for b in range(count):
        half = 0.0
        for k in range(3):
            first = pos[proximal[b], k]
            second = pos[distal[b], k]
            bodies[b, k] = 0.5 * (first + second)
            half += (second - first) ** 2
        bodies[b, 3] = 0.5 * np.sqrt(half)
    ball = bodies[count]
    for k in range(3):
        ball[k] = 0.0
        for b in range(count):
            ball[k] += bodies[b, k] / count
    ball[3] = 0.0
    for b in range(count):
        x, y, z = bodies[b, 0] - ball[0], bodies[b, 1] - ball[1], bodies[b, 2] - ball[2]
        ball[3] = max(ball[3], np.sqrt(x * x + y * y + z * z) + bodies[b, 3] + radius[b])


@kernel
def robot_human_distance(
    model: ShieldModel, points: NDArray[np.float64], pos: NDArray[np.float64], bodies: NDArray[np.float64]
) -> float:
    """Distance of robot and human with their real radii.

    Args:
        model: The shield's model.
        points: Capsule ends of the robot (L, 2, 3) [m].
        pos: Joint positions of the human (J, 3) [m].
        bodies: From ``bound_bodies`` (B + 1, 4).

    Returns:
        Distance [m], exact below 1 m (negative: overlap), above it only a lower bound.
    """
    best = np.inf
    count = model.proximal.shape[0]
    for k in range(points.shape[0]):
        p1 = points[k, 0]
        p2 = points[k, 1]
        x, y, z = 0.5 * (p1[0] + p2[0]), 0.5 * (p1[1] + p2[1]), 0.5 * (p1[2] + p2[2])
        half = 0.5 * np.sqrt((p1[0] - p2[0]) ** 2 + (p1[1] - p2[1]) ** 2 + (p1[2] - p2[2]) ** 2)
        ball = bodies[count]
        centres = np.sqrt((x - ball[0]) ** 2 + (y - ball[1]) ** 2 + (z - ball[2]) ** 2)
        bound = centres - ball[3] - half - model.capsule_radius[k]
        if bound >= min(best, _EXACT_BELOW_M):
            best = min(best, bound)
            continue
        for b in range(count):
            radii = model.capsule_radius[k] + model.body_radius[b]
            centres = (x - bodies[b, 0]) ** 2 + (y - bodies[b, 1]) ** 2 + (z - bodies[b, 2]) ** 2
            spheres = half + bodies[b, 3] + radii
            if best < np.inf and centres >= max(best + spheres, 0.0) ** 2:
                continue
            distance = np.sqrt(centres) - spheres
            if distance < _EXACT_BELOW_M:
                squared = segment_distance_sq(p1, p2, pos[model.proximal[b]], pos[model.distal[b]])
                distance = np.sqrt(squared) - radii
            best = min(best, distance)
    return float(best)
