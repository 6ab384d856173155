"""The proof that robot and human stay apart until standstill."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row
from hrg_pipeline.shield.checks import bound_bodies
from hrg_pipeline.shield.distance import segment_distance_sq
from hrg_pipeline.shield.model import INTERVALS
from hrg_pipeline.shield.path import path_state
from hrg_pipeline.shield.reach import interval_capsule, place_capsules
from hrg_pipeline.shield.trajectory import ltt_at


@kernel
def _axis_distance_sq(axis: NDArray[np.float64], pos: NDArray[np.float64], first: int, second: int) -> float:
    """Squared distance of an enclosing segment (2, 3) and the segment between two human joints [m²]."""
    return segment_distance_sq(
        (axis[0, 0], axis[0, 1], axis[0, 2]),
        (axis[1, 0], axis[1, 1], axis[1, 2]),
        (pos[first, 0], pos[first, 1], pos[first, 2]),
        (pos[second, 0], pos[second, 1], pos[second, 2]),
    )


@kernel
def _suspicious_pairs(model: Row, row: Row, alpha: NDArray[np.float64], ds: float, elapsed: float) -> int:
    """First level: the whole horizon as one interval; returns the number of pairs that may touch.

    The pairs are written as ``capsule * B + body``. Only the first and the last edge in ``points`` are read.
    """
    count = 0
    count_bodies = model.proximal.shape[0]
    points, bodies, axis = row.points, row.bodies, row.axis
    human = model.measurement_error + model.human_v_top * elapsed
    for k in range(points.shape[1]):
        bow = alpha[k] * ds * ds / 8.0
        around = interval_capsule(points[0, k], points[INTERVALS, k], bow, axis)
        around += model.capsule_radius[k] + model.allowance
        dx, dy, dz = axis[0, 0] - axis[1, 0], axis[0, 1] - axis[1, 1], axis[0, 2] - axis[1, 2]
        half = 0.5 * np.sqrt(dx * dx + dy * dy + dz * dz)
        x = 0.5 * (axis[0, 0] + axis[1, 0])
        y = 0.5 * (axis[0, 1] + axis[1, 1])
        z = 0.5 * (axis[0, 2] + axis[1, 2])
        dx, dy, dz = x - bodies[count_bodies, 0], y - bodies[count_bodies, 1], z - bodies[count_bodies, 2]
        spheres = around + half + bodies[count_bodies, 3] + human
        if dx * dx + dy * dy + dz * dz > spheres * spheres:
            continue
        for b in range(count_bodies):
            growth = model.measurement_error + model.body_v_max[b] * elapsed
            radii = around + model.body_radius[b] + growth
            spheres = radii + half + bodies[b, 3]
            dx, dy, dz = x - bodies[b, 0], y - bodies[b, 1], z - bodies[b, 2]
            if dx * dx + dy * dy + dz * dz > spheres * spheres:
                continue
            if _axis_distance_sq(axis, row.human_pos, model.proximal[b], model.distal[b]) > radii * radii:
                continue
            row.pairs[count] = k * count_bodies + b
            count += 1
    return count


@kernel
def _pairs_apart(
    model: Row, row: Row, interval: int, count: int, alpha: NDArray[np.float64], ds: float, elapsed: float
) -> bool:
    """Second level: whether all suspicious pairs are apart during one interval, which ends after ``elapsed``."""
    bodies = model.proximal.shape[0]
    points, axis = row.points, row.axis
    last = -1
    around = 0.0
    for index in range(count):
        capsule = row.pairs[index] // bodies
        body = row.pairs[index] % bodies
        if capsule != last:
            last = capsule
            bow = alpha[capsule] * ds * ds / 8.0
            around = interval_capsule(points[interval, capsule], points[interval + 1, capsule], bow, axis)
        growth = model.measurement_error + model.body_v_max[body] * elapsed
        radii = around + model.capsule_radius[capsule] + model.allowance + model.body_radius[body] + growth
        if not _axis_distance_sq(axis, row.human_pos, model.proximal[body], model.distal[body]) > radii * radii:
            return False
    return True


@kernel
def verify_plan(model: Row, row: Row, slot: int, total: float, age: float, bodies_known: bool) -> bool:
    """Whether the proposed path plan keeps the robot apart from wherever the human may be, until standstill.

    Both sets cover the same wall-clock interval ``[0, total]`` from now. Where the path does not move, and
    past the end of the trajectory, the robot stands still, which counts as safe.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory, with proposal and measurement in it, and the joint
            values of the proposal's start in ``joints[1]``.
        slot: Trajectory slot that the plan runs on.
        total: Time until standstill [s].
        age: Time since the true instant of the measurement, at most [s].
        bodies_known: Whether ``bodies`` is up to date.

    Returns:
        True only if every pair is proven apart; False on any number that is not finite.
    """
    if not (np.isfinite(total) and total >= 0.0 and np.isfinite(age)):
        return False
    start, phases = row.proposal_start, row.proposal_phases
    end = row.ltt_duration[slot]
    s_first = min(start[0], end)
    s_last = min(path_state(start, phases, total, total)[0], end)
    if s_last == s_first:
        return True
    if not bodies_known:
        bound_bodies(row.human_pos, model.proximal, model.distal, model.body_radius, row.bodies)
    ltt, alpha = row.ltt[slot], row.ltt_alpha[slot]
    joints, frames = row.joints[0], row.frames
    place_capsules(model, frames, row.joints[1, 0], row.points[0])
    ltt_at(ltt, s_last, joints)
    place_capsules(model, frames, joints[0], row.points[INTERVALS])
    count = _suspicious_pairs(model, row, alpha, s_last - s_first, age + total)
    if count == 0:
        return True
    s_before = s_first
    for k in range(INTERVALS):
        elapsed = total * (k + 1) / INTERVALS
        s_after = min(path_state(start, phases, total, elapsed)[0], end)
        if k + 1 < INTERVALS:
            ltt_at(ltt, s_after, joints)
            place_capsules(model, frames, joints[0], row.points[k + 1])
        ds = s_after - s_before
        s_before = s_after
        if ds != 0.0 and not _pairs_apart(model, row, k, count, alpha, ds, age + elapsed):
            return False
    return True
