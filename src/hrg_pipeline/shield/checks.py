"""The assumptions behind the safety claim, checked in every cycle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row
from hrg_pipeline.shield.distance import segment_distance_sq
from hrg_pipeline.shield.model import (
    HUMAN_SPEED,
    MEASUREMENT_FINITE,
    MEASUREMENT_FRESH,
    OFF,
    ROBOT_STATE_FINITE,
    TRACKING,
)
from hrg_pipeline.shield.reach import place_capsules
from hrg_pipeline.shield.trajectory import LIM_A, LIM_J, LIM_Q_MAX, LIM_Q_MIN, LIM_V

_TIME_EPS = 1e-9  # [s]
_EXACT_BELOW_M = 1.0
CLOSE_M = 0.35
"""With the shield off, a distance that may be below this is computed in every cycle [m]."""
STALE_CYCLES = 5
"""With the shield off, others are computed every so many cycles."""
_SURELY = 1.0 - 1e-9  # room for rounding in bounds
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
def check_human(model: Row, row: Row, time: float, human_pos: NDArray[np.float64], human_time: float) -> bool:
    """Check a measurement and take it in if it is believed: finite, fresh, and reachable from the last one that was.

    What is not believed is not remembered either: a jump stays unbelievable for as long as the way would take.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory; a measurement that is believed is stored with its time and
            with ``human_moved``, how far it is from the one before.
        time: Now [s].
        human_pos: Measured joint positions (J, 3) [m], world.
        human_time: When they were true [s].

    Returns:
        True if it is believed; every violated assumption is counted.
    """
    finite = np.isfinite(human_time) and np.isfinite(time)
    for j in range(human_pos.shape[0]):
        finite = finite and np.isfinite(human_pos[j, 0] + human_pos[j, 1] + human_pos[j, 2])
    if not finite:
        row.violations[MEASUREMENT_FINITE] += 1
        return False
    good = True
    if not -_TIME_EPS <= time - human_time <= model.delay + model.age_tolerance + _TIME_EPS:
        row.violations[MEASUREMENT_FRESH] += 1
        good = False
    farthest = 0.0
    last = row.human_pos
    if np.isfinite(row.human_time):
        dt = human_time - row.human_time
        plausible = dt >= -_TIME_EPS
        for j in range(human_pos.shape[0]):
            x = human_pos[j, 0] - last[j, 0]
            y = human_pos[j, 1] - last[j, 1]
            z = human_pos[j, 2] - last[j, 2]
            moved = x * x + y * y + z * z
            farthest = max(farthest, moved)
            reach = model.human_v_max[j] * max(dt, 0.0) + 2.0 * model.measurement_error + model.jump_tolerance
            plausible = plausible and moved <= reach * reach
        if not plausible:
            row.violations[HUMAN_SPEED] += 1
            good = False
    if good:
        for j in range(human_pos.shape[0]):
            for k in range(3):
                last[j, k] = human_pos[j, k]
        row.human_moved = np.sqrt(farthest)
        row.human_time = human_time
    return good


@kernel
def off_by(reach: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """How far apart any point of the robot can be in two configurations, at most [m].

    On the straight line from one to the other, a joint that turns by dq moves no point by more than reach dq.

    Args:
        reach: ``ShieldModel.reach`` (n,) [m].
        a: One configuration (n,) [rad].
        b: The other one (n,) [rad].
    """
    total = 0.0
    for j in range(reach.shape[0]):
        total += reach[j] * abs(a[j] - b[j])
    return total


@kernel
def check_tracking(model: Row, row: Row, q_meas: NDArray[np.float64], dq_meas: NDArray[np.float64]) -> bool:
    """Check that every capsule end is where it was commanded to be, up to the tracking error.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory.
        q_meas: Measured joint positions (n,) [rad].
        dq_meas: Measured joint speeds (n,) [rad/s].

    Returns:
        True if they all are; a violated assumption is counted.
    """
    if not (all_finite(q_meas) and all_finite(dq_meas)):
        row.violations[ROBOT_STATE_FINITE] += 1
        return False
    q = row.command[0]
    if off_by(model.reach, q_meas, q) <= model.tracking_error * _SURELY:
        return True
    measured = row.points[0]
    commanded = row.points[1]
    place_capsules(model, row.frames, q_meas, measured)
    place_capsules(model, row.frames, q, commanded)
    limit = model.tracking_error * model.tracking_error
    for k in range(measured.shape[0]):
        for end in range(2):
            x = measured[k, end, 0] - commanded[k, end, 0]
            y = measured[k, end, 1] - commanded[k, end, 1]
            z = measured[k, end, 2] - commanded[k, end, 2]
            if not x * x + y * y + z * z <= limit:
                row.violations[TRACKING] += 1
                return False
    return True


@kernel
def watch_distance(model: Row, row: Row, q_meas: NDArray[np.float64]) -> bool:
    """Bring ``min_distance`` up to date, at no cost while the human is far.

    The distance cannot shrink by more than what human and robot moved. Below 1 m it is computed in every cycle;
    with the shield off, where nothing depends on it, only below ``CLOSE_M`` and else every few cycles.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory, with the measurement in it.
        q_meas: Measured joint positions (n,), finite [rad].

    Returns:
        Whether ``bodies`` is up to date now.
    """
    row.distance_bound -= (row.human_moved + off_by(model.reach, q_meas, row.q_seen[:])) / _SURELY
    row.distance_age += 1
    for j in range(q_meas.shape[0]):
        row.q_seen[j] = q_meas[j]
    if row.distance_bound >= _EXACT_BELOW_M:
        row.min_distance = row.distance_bound
        return False
    if model.mode == OFF and row.distance_bound > CLOSE_M and row.distance_age < STALE_CYCLES:
        return False
    points = row.points[0]
    bound_bodies(row.human_pos, model.proximal, model.distal, model.body_radius, row.bodies)
    place_capsules(model, row.frames, q_meas, points)
    distance = robot_human_distance(model, points, row.human_pos, row.bodies, row.nearest)
    row.min_distance = distance
    row.distance_bound = distance if np.isfinite(distance) else -np.inf
    row.distance_age = 0
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
def _pair_distance(model: Row, points: NDArray[np.float64], pos: NDArray[np.float64], capsule: int, body: int) -> float:
    """Distance of one robot capsule and one human capsule, real radii [m]."""
    first, second = model.proximal[body], model.distal[body]
    squared = segment_distance_sq(
        (points[capsule, 0, 0], points[capsule, 0, 1], points[capsule, 0, 2]),
        (points[capsule, 1, 0], points[capsule, 1, 1], points[capsule, 1, 2]),
        (pos[first, 0], pos[first, 1], pos[first, 2]),
        (pos[second, 0], pos[second, 1], pos[second, 2]),
    )
    return float(np.sqrt(squared) - (model.capsule_radius[capsule] + model.body_radius[body]))


@kernel
def robot_human_distance(
    model: Row,
    points: NDArray[np.float64],
    pos: NDArray[np.float64],
    bodies: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> float:
    """Distance of robot and human with their real radii.

    Args:
        model: The shield's model, or its record.
        points: Capsule ends of the robot (L, 2, 3) [m].
        pos: Joint positions of the human (J, 3) [m].
        bodies: From ``bound_bodies`` (B + 1, 4).
        nearest: Capsule and body (2,) that are looked at first, best those that were nearest last time; written.

    Returns:
        Distance [m], exact below 1 m (negative: overlap), above it only a lower bound.
    """
    count = model.proximal.shape[0]
    best = _pair_distance(model, points, pos, nearest[0], nearest[1])
    first_capsule, first_body = nearest[0], nearest[1]
    for k in range(points.shape[0]):
        x = 0.5 * (points[k, 0, 0] + points[k, 1, 0])
        y = 0.5 * (points[k, 0, 1] + points[k, 1, 1])
        z = 0.5 * (points[k, 0, 2] + points[k, 1, 2])
        dx, dy, dz = (
            points[k, 0, 0] - points[k, 1, 0],
            points[k, 0, 1] - points[k, 1, 1],
            points[k, 0, 2] - points[k, 1, 2],
        )
        around = 0.5 * np.sqrt(dx * dx + dy * dy + dz * dz) + model.capsule_radius[k]
        dx, dy, dz = x - bodies[count, 0], y - bodies[count, 1], z - bodies[count, 2]
        bound = np.sqrt(dx * dx + dy * dy + dz * dz) - bodies[count, 3] - around
        if bound >= min(best, _EXACT_BELOW_M):
            best = min(best, bound)
            continue
        for b in range(count):
            dx, dy, dz = x - bodies[b, 0], y - bodies[b, 1], z - bodies[b, 2]
            centres = dx * dx + dy * dy + dz * dz
            spheres = around + bodies[b, 3] + model.body_radius[b]
            enough = max(best + spheres, 0.0)
            if centres >= enough * enough or (k == first_capsule and b == first_body):
                continue
            distance = np.sqrt(centres) - spheres
            if distance < _EXACT_BELOW_M:
                distance = _pair_distance(model, points, pos, k, b)
            if not distance >= best:
                best = distance
                nearest[0], nearest[1] = k, b
    return float(best)
