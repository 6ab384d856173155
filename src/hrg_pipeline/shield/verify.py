"""The proof that a plan is safe until standstill."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row
from hrg_pipeline.shield.contacts import CLAMPED, bearable, harm, refused_contact, speed_in_interval
from hrg_pipeline.shield.energy import energy_norm, point_speeds
from hrg_pipeline.shield.model import DEPTHS, HUMAN, INTERVAL_S, INTERVALS, NO_STOP, OBSTACLE, PFL, SAFE
from hrg_pipeline.shield.path import path_state
from hrg_pipeline.shield.reach import human_growth, interval_capsule, place_links
from hrg_pipeline.shield.separation import ball_distance, half_length, know_bodies, middle, sphere_gaps
from hrg_pipeline.shield.sets import Node, axis_apart, enclose, is_apart, start_interval
from hrg_pipeline.shield.static import static_apart, static_suspects
from hrg_pipeline.shield.trajectory import ltt_at


@kernel
def shortest_interval(total: float) -> int:
    """Number of edges from the start of the shortest intervals to their end, for a plan of this duration [s]."""
    leaf = INTERVALS
    while leaf > 1 and total * leaf > INTERVALS * INTERVAL_S:
        leaf //= 2
    return leaf


@kernel
def _grow_people(model: Row, row: Row, time: float, total: float) -> None:
    """Radii of all bodies over the whole horizon, by speed bounds alone."""
    for p in range(model.people):
        know_bodies(model, row, p)
        elapsed = time - row.human_time[p] + model.delay + total
        for b in range(model.body_radius.shape[0]):
            growth = human_growth(model.body_v_max[b], elapsed, model.body_error[b])
            row.grown[p, b] = model.body_radius[b] + growth


@kernel
def _suspicious_pairs(model: Row, row: Row, alpha: NDArray[np.float64], ds: float, time: float, total: float) -> int:
    """First level: the whole horizon as one interval, and speed bounds alone.

    Balls around everything come first, then those around each body, then axes. Only the first and the last edge in
    ``points`` are read.

    Returns:
        How many pairs may touch; they are written to ``open_pairs[1]`` as ``(person L + capsule) B + body``.
    """
    count = 0
    bodies_count, capsules = model.proximal.shape[0], row.capsule_radius.shape[0]
    axis, gaps = row.axis, row.spheres
    _grow_people(model, row, time, total)
    for k in range(row.n_capsules):
        bow = alpha[k] * ds * ds / 8.0
        around = interval_capsule(row.points[0, k], row.points[INTERVALS, k], bow, axis)
        around += row.capsule_radius[k] + model.allowance
        centre, ball = middle(axis), around + half_length(axis)
        for p in range(model.people):
            bodies, grown = row.bodies[p], row.grown[p]
            elapsed = time - row.human_time[p] + model.delay + total
            if ball_distance(bodies, centre) > ball + human_growth(model.human_v_top, elapsed, model.human_error_top):
                continue
            sphere_gaps(bodies, grown, centre, ball, gaps)
            for b in range(bodies_count):
                if gaps[b] > 0.0:
                    continue
                if axis_apart(axis, row.human_pos[p], model.proximal[b], model.distal[b], around + grown[b]):
                    continue
                row.open_pairs[1, count] = (p * capsules + k) * bodies_count + b
                count += 1
    return count


@kernel
def fill_edge(model: Row, row: Row, slot: int, edge: int, total: float, end: float) -> None:
    """Place the capsules at one edge, once a proposal; with PFL also how fast the robot is there per path speed."""
    if row.edge_known[edge] != 0:
        return
    start, phases, joints = row.proposal_start, row.proposal_phases, row.joints[0]
    s = min(path_state(start, phases, total, total * edge / INTERVALS)[0], end)
    ltt_at(row.ltt[slot], s, joints)
    frames, points = row.edge_frames[edge], row.points[edge]
    place_links(model, row, joints[0], frames, points)
    row.path_edges[edge] = s
    row.edge_known[edge] = 1
    if row.mode == PFL:
        row.edge_norm[edge] = energy_norm(model, row, frames, joints[1])
        point_speeds(model, row, frames, joints[1], points, row.edge_speed[edge])


@kernel
def _still_open(model: Row, row: Row, slot: int, node: Node, depth: int, count: int, target: int) -> int:
    """Look at the open pairs of one interval; returns how many stay open, which are written to another depth.

    With PFL a pair is closed as well if whatever the robot may do to a body part is less than what it bears clamped.
    """
    bodies, capsules = model.proximal.shape[0], row.capsule_radius.shape[0]
    first, last, time, begin, end = node
    start_interval(row, first, last)
    strongest = np.inf
    if row.mode == PFL:
        strongest = speed_in_interval(row, begin, end)
    left = 0
    for index in range(count):
        pair = row.open_pairs[depth, index]
        body, capsule, person = pair % bodies, (pair // bodies) % capsules, pair // (bodies * capsules)
        around = enclose(model, row, slot, capsule)
        late = time - row.human_time[person]
        if is_apart(model, row, person, capsule, body, around, late + begin, late + model.delay + end):
            continue
        if row.mode == PFL and harm(model, row, slot, capsule, strongest) <= bearable(model, capsule, body, CLAMPED):
            continue
        row.open_pairs[target, left] = pair
        left += 1
    return left


@kernel
def _people_safe(model: Row, row: Row, slot: int, total: float, time: float, end: float, leaf: int, count: int) -> bool:
    """Second level: halve intervals until all pairs are closed in each, or one is not in an interval of ``leaf`` edges.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory, with the suspicious pairs in ``open_pairs[1]``.
        slot: Trajectory slot.
        total: Time until standstill [s].
        time: Now [s].
        end: Where the trajectory ends [s].
        leaf: Number of edges from the start of the shortest intervals to their end.
        count: Number of suspicious pairs.
    """
    row.open_count[1] = count
    first, width, depth = 0, INTERVALS // 2, 1
    if leaf == INTERVALS:
        width, depth = INTERVALS, 0
        row.open_count[0] = count
        for k in range(count):
            row.open_pairs[0, k] = row.open_pairs[1, k]
    while first < INTERVALS:
        last = first + width
        fill_edge(model, row, slot, first, total, end)
        fill_edge(model, row, slot, last, total, end)
        left = 0
        if row.path_edges[last] != row.path_edges[first]:  # at rest: safe
            node = (first, last, time, total * first / INTERVALS, total * last / INTERVALS)
            left = _still_open(model, row, slot, node, depth, row.open_count[depth], depth + 1)
            if left > 0 and width == leaf:
                pairs = row.open_pairs[depth + 1]
                refused = 0 if row.mode != PFL else refused_contact(model, row, slot, node, pairs, left)
                if refused >= 0:
                    row.culprit[0], row.culprit[1], row.culprit[2] = pairs[refused], first, last
                    return False
                left = 0
        if left > 0:
            width //= 2
            depth += 1
            row.open_count[depth] = left
        else:  # done with this interval, and with those it is the last part of
            first = last
            while first < INTERVALS and first % (2 * width) == 0:
                width *= 2
                depth -= 1
    return True


@kernel
def _same_culprit(model: Row, row: Row, slot: int, total: float, time: float, end: float, leaf: int) -> bool:
    """Whether the pair that refuted the last proof still does in the same interval, as is likely, and cheap to see."""
    pair, first, last = row.culprit[0], row.culprit[1], row.culprit[2]
    capsule = (pair // model.proximal.shape[0]) % row.capsule_radius.shape[0]
    if pair < 0 or last - first != leaf or capsule >= row.n_capsules:
        return False
    fill_edge(model, row, slot, first, total, end)
    fill_edge(model, row, slot, last, total, end)
    if row.path_edges[last] == row.path_edges[first]:
        return False
    row.open_pairs[0, 0] = pair
    node = (first, last, time, total * first / INTERVALS, total * last / INTERVALS)
    if _still_open(model, row, slot, node, 0, 1, DEPTHS - 1) == 0:
        return False
    return row.mode != PFL or refused_contact(model, row, slot, node, row.open_pairs[DEPTHS - 1], 1) >= 0


@kernel
def _obstacles_clear(model: Row, row: Row, slot: int, total: float, end: float, leaf: int, count: int) -> bool:
    """Second level for obstacles: halve intervals until all suspicious pairs are clear, down to ``leaf`` edges."""
    first, width = 0, max(INTERVALS // 2, leaf)
    while first < INTERVALS:
        last = first + width
        fill_edge(model, row, slot, first, total, end)
        fill_edge(model, row, slot, last, total, end)
        ds = row.path_edges[last] - row.path_edges[first]
        alpha, pair_alpha = row.ltt_alpha[slot], row.ltt_pair_alpha[slot]
        if ds == 0.0 or static_apart(model, row, first, last, count, alpha, pair_alpha, ds):
            first = last
            while first < INTERVALS and first % (2 * width) == 0:
                width *= 2
        elif width == leaf:
            return False
        else:
            width //= 2
    return True


@kernel
def verify_plan(model: Row, row: Row, slot: int, total: float, time: float) -> int:
    """Whether the proposed path plan is safe until standstill.

    The robot keeps clear of obstacles and of itself. It also keeps apart from wherever people may be; with PFL it may
    reach them, but not with more than they bear. Robot and human sets cover the same wall-clock interval ``[0,
    total]`` from now. Where the path does not move, and past the end of the trajectory, the robot stands still, which
    counts as safe.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory, with proposal and measurements in it.
        slot: Trajectory slot that the plan runs on.
        total: Time until standstill [s].
        time: Now [s].

    Returns:
        SAFE, HUMAN, OBSTACLE or NO_STOP; never SAFE on any number that is not finite.
    """
    if not (np.isfinite(total) and total >= 0.0):
        return NO_STOP
    end = row.ltt_duration[slot]
    s_first = min(row.proposal_start[0], end)
    s_last = min(path_state(row.proposal_start, row.proposal_phases, total, total)[0], end)
    if s_last == s_first:
        return SAFE
    for edge in range(INTERVALS + 1):
        row.edge_known[edge] = 0
    leaf = shortest_interval(total)
    if _same_culprit(model, row, slot, total, time, end, leaf):
        return HUMAN
    fill_edge(model, row, slot, 0, total, end)
    fill_edge(model, row, slot, INTERVALS, total, end)
    alpha, ds = row.ltt_alpha[slot], s_last - s_first
    statics = static_suspects(model, row, alpha, row.ltt_pair_alpha[slot], ds)
    if statics > 0 and not _obstacles_clear(model, row, slot, total, end, leaf, statics):
        return OBSTACLE
    count = _suspicious_pairs(model, row, alpha, ds, time, total)
    if count > 0 and not _people_safe(model, row, slot, total, time, end, leaf, count):
        return HUMAN
    row.culprit[0] = -1
    return SAFE
