"""Power and force limiting: whether the contacts that may happen in an interval are ones that a person bears."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row
from hrg_pipeline.shield.distance import segment_distance_sq
from hrg_pipeline.shield.energy_bounds import energy_bound
from hrg_pipeline.shield.model import ISO
from hrg_pipeline.shield.reach import human_growth
from hrg_pipeline.shield.box import box_gap

_FREE, _CLAMPED = 0, 1


@kernel
def _segments_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Distance of two segments (2, 3) [m]."""
    return float(
        np.sqrt(
            segment_distance_sq(
                (a[0, 0], a[0, 1], a[0, 2]),
                (a[1, 0], a[1, 1], a[1, 2]),
                (b[0, 0], b[0, 1], b[0, 2]),
                (b[1, 0], b[1, 1], b[1, 2]),
            )
        )
    )


@kernel
def _bodies_meet(model: Row, row: Row, person: int, first: int, second: int, elapsed: float) -> bool:
    """Whether two body parts of a person may touch each other by ``elapsed`` [s] after the measurement."""
    pos = row.human_pos[person]
    radii = model.body_radius[first] + human_growth(model.body_v_max[first], elapsed, model.body_error[first])
    radii += model.body_radius[second] + human_growth(model.body_v_max[second], elapsed, model.body_error[second])
    a, b, c, d = model.proximal[first], model.distal[first], model.proximal[second], model.distal[second]
    squared = segment_distance_sq(
        (pos[a, 0], pos[a, 1], pos[a, 2]),
        (pos[b, 0], pos[b, 1], pos[b, 2]),
        (pos[c, 0], pos[c, 1], pos[c, 2]),
        (pos[d, 0], pos[d, 1], pos[d, 2]),
    )
    return not squared > radii * radii


@kernel
def _body_meets_box(model: Row, row: Row, person: int, body: int, box: int, elapsed: float) -> bool:
    """Whether a body part may touch an obstacle by ``elapsed`` [s] after the measurement."""
    pos = row.human_pos[person]
    radius = model.body_radius[body] + human_growth(model.body_v_max[body], elapsed, model.body_error[body])
    return not box_gap(model, box, pos[model.proximal[body]], pos[model.distal[body]]) > radius


@kernel
def _moves_away(model: Row, row: Row, slot: int, interval: int, capsule: int, box: int, ds: float) -> bool:
    """Whether a link goes away from an obstacle, or along it, during a whole interval.

    It does if it lies outside one face of the box and both ends of its axis go outward. With ``|d²p/ds²| <= alpha`` the
    speed differs from the mean one by at most ``alpha ds / 2``; points between the ends are convex combinations.
    """
    bow = 0.5 * row.ltt_alpha[slot, capsule] * ds * ds
    first, last = row.points[interval, capsule], row.points[interval + 1, capsule]
    for side in range(6):
        column, sign = side // 2, 1.0 - 2.0 * (side % 2)
        outside = True
        for end in range(2):
            at_first = at_last = 0.0
            for x in range(3):
                normal = sign * model.box_rot[box, x, column]
                at_first += normal * (first[end, x] - model.box_pos[box, x])
                at_last += normal * (last[end, x] - model.box_pos[box, x])
            half = model.box_half[box, column]
            outside = outside and at_first >= half and at_last >= half and at_last - at_first >= bow
        if outside:
            return True
    return False


@kernel
def _is_squeezed_by(
    model: Row, row: Row, slot: int, interval: int, count: int, pair: int, body: int, size: float, elapsed: float
) -> bool:
    """Whether what a link touches, ``size`` thick, may at the same time touch a link or an obstacle behind it.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory, with robot sets of the interval and ``touching`` pairs.
        slot: Trajectory slot.
        interval: Which one.
        count: Number of touching pairs.
        pair: The pair of link and body part that is looked at.
        body: The body part that would touch what is behind: that of the pair, or another one beside it.
        size: Diameter of all body parts between [m].
        elapsed: Time since the true instant of the measurement at the end of the interval [s].
    """
    bodies, capsules = model.proximal.shape[0], row.capsule_radius.shape[0]
    capsule, person = (pair // bodies) % capsules, pair // (bodies * capsules)
    axis, around = row.axes[capsule], row.around[capsule]
    ds = row.path_edges[interval + 1] - row.path_edges[interval]
    for box in range(model.n_boxes):
        if (
            box_gap(model, box, axis[0], axis[1]) <= around + size
            and _body_meets_box(model, row, person, body, box, elapsed)
            and not _moves_away(model, row, slot, interval, capsule, box, ds)
        ):
            return True
    for index in range(count):
        other = row.touching[index]
        link = (other // bodies) % capsules
        if (
            other % bodies == body
            and other // (bodies * capsules) == person
            and model.link_neighbour[capsule, link] == 0
            and _segments_distance(axis, row.axes[link]) <= around + row.around[link] + size
        ):
            return True
    return False


@kernel
def may_clamp(model: Row, row: Row, slot: int, interval: int, count: int, pair: int, elapsed: float) -> bool:
    """Whether a body part that a link touches may be clamped: between links, against an obstacle, or another body part.

    What lies between has the diameter of the body part, or of two: a hand may be pressed against the trunk, and that
    against a wall. Parts that are near each other by anatomy do not count, nor do links that are near each other in
    most configurations, nor obstacles that the link goes away from.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory, with robot sets of the interval and ``touching`` pairs.
        slot: Trajectory slot.
        interval: Which one.
        count: Number of touching pairs.
        pair: The pair of link and body part that is looked at.
        elapsed: Time since the true instant of the measurement at the end of the interval [s].
    """
    bodies, capsules = model.proximal.shape[0], row.capsule_radius.shape[0]
    body, person = pair % bodies, pair // (bodies * capsules)
    size = 2.0 * model.body_radius[body]
    if _is_squeezed_by(model, row, slot, interval, count, pair, body, size, elapsed):
        return True
    for behind in range(bodies):
        if model.body_neighbour[body, behind] == 0 and _bodies_meet(model, row, person, body, behind, elapsed):
            both = size + 2.0 * model.body_radius[behind]
            if _is_squeezed_by(model, row, slot, interval, count, pair, behind, both, elapsed):
                return True
    return False


@kernel
def contacts_allowed(
    model: Row, row: Row, slot: int, interval: int, count: int, speed: float, time: float, end: float
) -> bool:
    """Whether all contacts that may happen in an interval stay below what the touched body parts bear.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory, with robot sets of the interval, ``touching`` pairs, and
            what the robot does per path speed at both edges.
        slot: Trajectory slot.
        interval: Which one.
        count: Number of touching pairs.
        speed: Largest path speed in the interval.
        time: Now [s].
        end: Time from now to the end of the interval [s].
    """
    bodies, capsules = model.proximal.shape[0], row.capsule_radius.shape[0]
    ds = row.path_edges[interval + 1] - row.path_edges[interval]
    energy = energy_bound(
        row.edge_norm[interval], row.edge_norm[interval + 1], row.ltt_energy_slope[slot], ds, speed
    )
    for index in range(count):
        pair = row.touching[index]
        body, capsule, person = pair % bodies, (pair // bodies) % capsules, pair // (bodies * capsules)
        kind = model.contact_type[capsule]
        if model.pfl_model == ISO:
            between = row.edge_speed[interval, capsule] + row.edge_speed[interval + 1, capsule]
            value = 0.5 * speed * (between + row.ltt_alpha[slot, capsule] * ds)
            free, clamped = model.speed_limit[_FREE, body], model.speed_limit[_CLAMPED, body]
        else:
            value = energy
            free, clamped = model.energy_limit[_FREE, kind, body], model.energy_limit[_CLAMPED, kind, body]
        if value <= clamped:
            continue
        elapsed = time - row.human_time[person] + model.delay + end
        if not value <= free or may_clamp(model, row, slot, interval, count, pair, elapsed):
            return False
    return True
