"""How far robot and people are apart as measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row
from hrg_pipeline.shield.distance import judge_by_middles, segment_distance_sq
from hrg_pipeline.shield.reach import place_capsules

_EXACT_BELOW_M = 1.0
CLOSE_M = 0.35
"""A distance that may be below this is computed in every cycle [m]."""
STALE_CYCLES = 5
"""Others below 1 m are computed every so many cycles."""
_SURELY = 1.0 - 1e-9  # room for rounding in bounds


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
def sure_distance(row: Row) -> float:
    """Distance that everybody surely has from the robot, as measured [m]."""
    least = np.inf
    for person in range(row.distance_bound.shape[0]):
        least = min(least, row.distance_bound[person])
    return least


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
        bodies: (4, B + 1) [m], written: x, y, z and half length; last the ball's centre and radius, real radii
            included.
    """
    count = proximal.shape[0]
    for b in range(count):
        half = 0.0
        for k in range(3):
            first = pos[proximal[b], k]
            second = pos[distal[b], k]
            bodies[k, b] = 0.5 * (first + second)
            half += (second - first) ** 2
        bodies[3, b] = 0.5 * np.sqrt(half)
    for k in range(3):
        total = 0.0
        for b in range(count):
            total += bodies[k, b]
        bodies[k, count] = total / count
    farthest = 0.0
    for b in range(count):
        x, y, z = bodies[0, b] - bodies[0, count], bodies[1, b] - bodies[1, count], bodies[2, b] - bodies[2, count]
        farthest = max(farthest, np.sqrt(x * x + y * y + z * z) + bodies[3, b] + radius[b])
    bodies[3, count] = farthest


@kernel
def sphere_gaps(
    bodies: NDArray[np.float64],
    radius: NDArray[np.float64],
    centre: tuple[float, float, float],
    around: float,
    gaps: NDArray[np.float64],
) -> None:
    """How far a ball is from those around each body: squared distance of centres less squared sum of radii.

    This loop has no branches, so it is compiled to vector instructions.

    Args:
        bodies: From ``bound_bodies`` (4, B + 1).
        radius: Of the bodies, grown by whatever they are grown by (B,) [m].
        centre: Of the ball [m].
        around: Its radius, and what may be added [m].
        gaps: (B,) [m²], written; positive: apart.
    """
    x, y, z = centre
    for b in range(gaps.shape[0]):
        dx, dy, dz = bodies[0, b] - x, bodies[1, b] - y, bodies[2, b] - z
        radii = max(around + bodies[3, b] + radius[b], 0.0)
        gaps[b] = dx * dx + dy * dy + dz * dz - radii * radii


@kernel
def ball_distance(bodies: NDArray[np.float64], centre: tuple[float, float, float]) -> float:
    """Distance of a point from the ball around all bodies [m]; negative inside."""
    last = bodies.shape[1] - 1
    x, y, z = bodies[0, last] - centre[0], bodies[1, last] - centre[1], bodies[2, last] - centre[2]
    return float(np.sqrt(x * x + y * y + z * z) - bodies[3, last])


@kernel
def middle(axis: NDArray[np.float64]) -> tuple[float, float, float]:
    """Midpoint of a segment (2, 3) [m]."""
    return 0.5 * (axis[0, 0] + axis[1, 0]), 0.5 * (axis[0, 1] + axis[1, 1]), 0.5 * (axis[0, 2] + axis[1, 2])


@kernel
def half_length(axis: NDArray[np.float64]) -> float:
    """Half the length of a segment (2, 3) [m]."""
    x, y, z = axis[1, 0] - axis[0, 0], axis[1, 1] - axis[0, 1], axis[1, 2] - axis[0, 2]
    return float(0.5 * np.sqrt(x * x + y * y + z * z))


@kernel
def know_bodies(model: Row, row: Row, person: int) -> None:
    """Bring ``bodies`` of a person up to date, once a measurement."""
    if row.bodies_known[person] == 0:
        pos = row.human_pos[person]
        bound_bodies(pos, model.proximal, model.distal, model.body_radius, row.bodies[person])
        row.bodies_known[person] = 1


@kernel
def _pair_distance(
    model: Row,
    row: Row,
    points: NDArray[np.float64],
    pos: NDArray[np.float64],
    capsule: int,
    body: int,
    best: float,
) -> float:
    """Distance of one robot capsule and one human capsule, real radii [m]; infinite if it is more than ``best``."""
    first, second = model.proximal[body], model.distal[body]
    p1 = (points[capsule, 0, 0], points[capsule, 0, 1], points[capsule, 0, 2])
    p2 = (points[capsule, 1, 0], points[capsule, 1, 1], points[capsule, 1, 2])
    q1 = (pos[first, 0], pos[first, 1], pos[first, 2])
    q2 = (pos[second, 0], pos[second, 1], pos[second, 2])
    radii = row.capsule_radius[capsule] + model.body_radius[body]
    if judge_by_middles(p1, p2, q1, q2, max(best + radii, 0.0)) > 0:
        return np.inf
    return float(np.sqrt(segment_distance_sq(p1, p2, q1, q2)) - radii)


@kernel
def robot_human_distance(
    model: Row,
    row: Row,
    points: NDArray[np.float64],
    pos: NDArray[np.float64],
    bodies: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> float:
    """Distance of robot and human with their real radii.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory, for the sizes of the robot's capsules.
        points: Capsule ends of the robot (L, 2, 3) [m].
        pos: Joint positions of the human (J, 3) [m].
        bodies: From ``bound_bodies`` (4, B + 1).
        nearest: Capsule and body (2,) that are looked at first, best those that were nearest last time; written.

    Returns:
        Distance [m], exact below 1 m (negative: overlap), above it only a lower bound.
    """
    best = _pair_distance(model, row, points, pos, nearest[0], nearest[1], np.inf)
    first_capsule, first_body = nearest[0], nearest[1]
    radius, gaps = model.body_radius, row.spheres
    for k in range(row.n_capsules):
        centre, around = middle(points[k]), half_length(points[k]) + row.capsule_radius[k]
        bound = ball_distance(bodies, centre) - around
        if bound >= min(best, _EXACT_BELOW_M):
            best = min(best, bound)
            continue
        sphere_gaps(bodies, radius, centre, around + min(best, _EXACT_BELOW_M), gaps)
        for b in range(gaps.shape[0]):
            if gaps[b] >= 0.0 or (k == first_capsule and b == first_body):
                continue
            distance = _pair_distance(model, row, points, pos, k, b, best)
            if not distance >= best:
                best = distance
                nearest[0], nearest[1] = k, b
        best = min(best, _EXACT_BELOW_M)  # bodies beyond were not looked at
    return float(best)


@kernel
def watch_distance(model: Row, row: Row, q_meas: NDArray[np.float64]) -> None:
    """Bring ``min_distance`` up to date, at no cost while everybody is far.

    A distance cannot shrink by more than what human and robot moved. If it may be below ``CLOSE_M`` it is computed in
    every cycle, below 1 m every few cycles.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory, with the measurement in it.
        q_meas: Measured joint positions (n,), finite [rad].
    """
    robot = off_by(row.reach, q_meas, row.q_seen)
    for j in range(q_meas.shape[0]):
        row.q_seen[j] = q_meas[j]
    placed = False
    row.min_distance = np.inf
    for p in range(model.people):
        row.distance_bound[p] -= (row.human_moved[p] + robot) / _SURELY
        row.distance_age[p] += 1
        bound = row.distance_bound[p]
        if bound >= _EXACT_BELOW_M:
            row.person_distance[p] = bound
        elif bound <= CLOSE_M or row.distance_age[p] >= STALE_CYCLES:
            if not placed:
                place_capsules(model, row, q_meas, row.points[0])
                placed = True
            know_bodies(model, row, p)
            pos, bodies, nearest = row.human_pos[p], row.bodies[p], row.nearest[p]
            distance = robot_human_distance(model, row, row.points[0], pos, bodies, nearest)
            row.person_distance[p] = distance
            row.distance_bound[p] = distance if np.isfinite(distance) else -np.inf
            row.distance_age[p] = 0
        row.min_distance = min(row.min_distance, row.person_distance[p])
