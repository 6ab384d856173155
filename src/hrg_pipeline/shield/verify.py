"""The proof that a plan is safe until standstill."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row
from hrg_pipeline.shield.contacts import contacts_allowed
from hrg_pipeline.shield.energy import energy_norm, point_speeds
from hrg_pipeline.shield.model import HUMAN, INTERVAL_S, INTERVALS, NO_STOP, OBSTACLE, PFL, SAFE
from hrg_pipeline.shield.path import path_state, top_speed
from hrg_pipeline.shield.reach import interval_capsule, place_capsules
from hrg_pipeline.shield.separation import know_bodies
from hrg_pipeline.shield.sets import axis_distance_sq, is_apart
from hrg_pipeline.shield.static import static_apart, static_suspects
from hrg_pipeline.shield.trajectory import ltt_at


@kernel
def _suspicious_pairs(model: Row, row: Row, alpha: NDArray[np.float64], ds: float, time: float, total: float) -> int:
    """First level: the whole horizon as one interval, and speed bounds alone.

    Only the first and the last edge in ``points`` are read.

    Returns:
        How many pairs may touch; they are written as ``(person L + capsule) B + body``.
    """
    count = 0
    bodies_count, capsules = model.proximal.shape[0], row.capsule_radius.shape[0]
    points, axis = row.points, row.axis
    for p in range(model.people):
        know_bodies(model, row, p)
    for k in range(row.n_capsules):
        bow = alpha[k] * ds * ds / 8.0
        around = interval_capsule(points[0, k], points[INTERVALS, k], bow, axis)
        around += row.capsule_radius[k] + model.allowance
        dx, dy, dz = axis[0, 0] - axis[1, 0], axis[0, 1] - axis[1, 1], axis[0, 2] - axis[1, 2]
        half = 0.5 * np.sqrt(dx * dx + dy * dy + dz * dz)
        x = 0.5 * (axis[0, 0] + axis[1, 0])
        y = 0.5 * (axis[0, 1] + axis[1, 1])
        z = 0.5 * (axis[0, 2] + axis[1, 2])
        for p in range(model.people):
            bodies = row.bodies[p]
            elapsed = time - row.human_time[p] + model.delay + total
            dx, dy, dz = x - bodies[bodies_count, 0], y - bodies[bodies_count, 1], z - bodies[bodies_count, 2]
            human = model.human_error_top + model.human_v_top * elapsed
            spheres = around + half + bodies[bodies_count, 3] + human
            if dx * dx + dy * dy + dz * dz > spheres * spheres:
                continue
            for b in range(bodies_count):
                radii = around + model.body_radius[b] + model.body_error[b] + model.body_v_max[b] * elapsed
                spheres = radii + half + bodies[b, 3]
                dx, dy, dz = x - bodies[b, 0], y - bodies[b, 1], z - bodies[b, 2]
                if dx * dx + dy * dy + dz * dz > spheres * spheres:
                    continue
                if axis_distance_sq(axis, row.human_pos[p], model.proximal[b], model.distal[b]) > radii * radii:
                    continue
                row.pairs[count] = (p * capsules + k) * bodies_count + b
                count += 1
    return count


@kernel
def _people_safe(
    model: Row, row: Row, slot: int, interval: int, count: int, time: float, begin: float, end: float
) -> bool:
    """Second level: whether nobody can be touched in one interval or, with PFL, only as they can bear.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory, with ``pairs``, and ``points`` at both edges.
        slot: Trajectory slot.
        interval: Which one.
        count: Number of suspicious pairs.
        time: Now [s].
        begin: Time from now to the start of the interval [s].
        end: To its end [s].
    """
    bodies, capsules = model.proximal.shape[0], row.capsule_radius.shape[0]
    ds = row.path_edges[interval + 1] - row.path_edges[interval]
    row.around[:] = -1.0
    touching = 0
    for index in range(count):
        pair = row.pairs[index]
        body, capsule, person = pair % bodies, (pair // bodies) % capsules, pair // (bodies * capsules)
        if row.around[capsule] < 0.0:
            first, last = row.points[interval, capsule], row.points[interval + 1, capsule]
            bow = row.ltt_alpha[slot, capsule] * ds * ds / 8.0
            around = interval_capsule(first, last, bow, row.axes[capsule])
            row.around[capsule] = around + row.capsule_radius[capsule] + model.allowance
        late = time - row.human_time[person]
        if is_apart(model, row, person, capsule, body, late + begin, late + model.delay + end):
            continue
        if row.mode != PFL:
            return False
        row.touching[touching] = pair
        touching += 1
    if touching == 0:
        return True
    speed = top_speed(row.proposal_start, row.proposal_phases, begin, end)
    return contacts_allowed(model, row, slot, interval, touching, speed, time, end)


@kernel
def _fill_edge(model: Row, row: Row, slot: int, edge: int, s: float) -> None:
    """Place the capsules at one edge; with PFL also how fast the robot is there per path speed."""
    joints = row.joints[0]
    ltt_at(row.ltt[slot], s, joints)
    place_capsules(model, row, joints[0], row.points[edge])
    row.path_edges[edge] = s
    if row.mode == PFL:
        row.edge_norm[edge] = energy_norm(model, row, joints[1])
        point_speeds(model, row, joints[1], row.points[edge], row.edge_speed[edge])


@kernel
def _verify_intervals(
    model: Row, row: Row, slot: int, total: float, time: float, statics: int, count: int, end: float
) -> int:
    """Second level: look at one interval after the other, at what the first level left open."""
    start, phases = row.proposal_start, row.proposal_phases
    n = min(max(int(np.ceil(total / INTERVAL_S)), 1), INTERVALS)
    _fill_edge(model, row, slot, 0, min(start[0], end))
    for k in range(n):
        after = total * (k + 1) / n
        s = min(path_state(start, phases, total, after)[0], end)
        if s == row.path_edges[k]:  # at rest: safe, and the next interval begins here
            _copy_edge(row, k, k + 1)
            continue
        _fill_edge(model, row, slot, k + 1, s)
        ds = s - row.path_edges[k]
        if statics > 0 and not static_apart(model, row, k, statics, row.ltt_alpha[slot], ds):
            return OBSTACLE
        if count > 0 and not _people_safe(model, row, slot, k, count, time, total * k / n, after):
            return HUMAN
    return SAFE


@kernel
def _copy_edge(row: Row, source: int, target: int) -> None:
    for k in range(row.n_capsules):
        for end in range(2):
            for x in range(3):
                row.points[target, k, end, x] = row.points[source, k, end, x]
        row.edge_speed[target, k] = row.edge_speed[source, k]
    row.edge_norm[target] = row.edge_norm[source]
    row.path_edges[target] = row.path_edges[source]


@kernel
def verify_plan(model: Row, row: Row, slot: int, total: float, time: float) -> int:
    """Whether the proposed path plan is safe until standstill.

    The robot keeps clear of obstacles and of itself. It also keeps apart from wherever people may be; with PFL it may
    reach them, but not with more than they bear. Robot and human sets cover the same wall-clock interval ``[0,
    total]`` from now. Where the path does not move, and past the end of the trajectory, the robot stands still, which
    counts as safe.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory, with proposal and measurements in it, and the joint
            values of the proposal's start in ``joints[1]``.
        slot: Trajectory slot that the plan runs on.
        total: Time until standstill [s].
        time: Now [s].

    Returns:
        SAFE, HUMAN, OBSTACLE or NO_STOP; never SAFE on any number that is not finite.
    """
    if not (np.isfinite(total) and total >= 0.0):
        return NO_STOP
    start, phases = row.proposal_start, row.proposal_phases
    end = row.ltt_duration[slot]
    s_first = min(start[0], end)
    s_last = min(path_state(start, phases, total, total)[0], end)
    if s_last == s_first:
        return SAFE
    joints = row.joints[0]
    place_capsules(model, row, row.joints[1, 0], row.points[0])
    ltt_at(row.ltt[slot], s_last, joints)
    place_capsules(model, row, joints[0], row.points[INTERVALS])
    alpha, ds = row.ltt_alpha[slot], s_last - s_first
    statics = static_suspects(model, row, alpha, ds)
    count = _suspicious_pairs(model, row, alpha, ds, time, total)
    if statics == 0 and count == 0:
        return SAFE
    return _verify_intervals(model, row, slot, total, time, statics, count, end)
