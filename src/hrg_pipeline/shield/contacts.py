"""Power and force limiting: whether the contacts that may happen in an interval are ones that a person bears."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row
from hrg_pipeline.shield.box import box_gap
from hrg_pipeline.shield.distance import segment_distance_sq
from hrg_pipeline.shield.energy_bounds import energy_bound
from hrg_pipeline.shield.model import ISO
from hrg_pipeline.shield.path import top_speed
from hrg_pipeline.shield.reach import human_growth
from hrg_pipeline.shield.sets import Node, enclose, is_apart

FREE, CLAMPED = 0, 1


@kernel
def segments_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
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
def bodies_meet(model: Row, row: Row, person: int, first: int, second: int, elapsed: float) -> bool:
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
def body_meets_box(model: Row, row: Row, person: int, body: int, box: int, elapsed: float) -> bool:
    """Whether a body part may touch an obstacle by ``elapsed`` [s] after the measurement."""
    pos = row.human_pos[person]
    radius = model.body_radius[body] + human_growth(model.body_v_max[body], elapsed, model.body_error[body])
    return not box_gap(model, box, pos[model.proximal[body]], pos[model.distal[body]]) > radius


@kernel
def link_meets_body(model: Row, row: Row, slot: int, node: Node, person: int, link: int, body: int) -> bool:
    """Whether a link may touch a body part in the present interval; looked at once."""
    index = (person * row.capsule_radius.shape[0] + link) * model.proximal.shape[0] + body
    if row.meets[index] < 0:
        around = enclose(model, row, slot, link)
        late = node[2] - row.human_time[person]
        begin, end = late + node[3], late + model.delay + node[4]
        row.meets[index] = 0 if is_apart(model, row, person, link, body, around, begin, end) else 1
    return bool(row.meets[index] == 1)


@kernel
def moves_away(model: Row, row: Row, slot: int, capsule: int, box: int) -> bool:
    """Whether a link goes away from an obstacle, or along it, during the whole present interval.

    It does if all of it lies outside one face of the box and both ends of its axis go outward. With ``|d²p/ds²| <=
    alpha`` the speed differs from the mean one by at most ``alpha ds / 2``; points between are convex combinations.
    """
    ds = row.path_edges[row.interval[1]] - row.path_edges[row.interval[0]]
    bow = 0.5 * row.ltt_alpha[slot, capsule] * ds * ds
    first, last = row.points[row.interval[0], capsule], row.points[row.interval[1], capsule]
    for side in range(6):
        column, sign = side // 2, 1.0 - 2.0 * (side % 2)
        outside = True
        for end in range(2):
            at_first = at_last = 0.0
            for x in range(3):
                normal = sign * model.box_rot[box, x, column]
                at_first += normal * (first[end, x] - model.box_pos[box, x])
                at_last += normal * (last[end, x] - model.box_pos[box, x])
            half = model.box_half[box, column] + row.capsule_radius[capsule] + model.allowance
            outside = outside and at_first >= half and at_last >= half and at_last - at_first >= bow
        if outside:
            return True
    return False


@kernel
def _reaches_behind(model: Row, row: Row, slot: int, node: Node, pair: int, gap: float, link: int, box: int) -> bool:
    """Whether a body part that a link touches may at the same time touch another link, or an obstacle, behind it.

    Either itself, or another part that it is pressed against: a hand against the trunk, and that against a wall.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory.
        slot: Trajectory slot.
        node: The interval.
        pair: The pair of link and body part that is looked at.
        gap: Room between the link and what is behind [m].
        link: The other link; -1: an obstacle.
        box: The obstacle.
    """
    bodies, capsules = model.proximal.shape[0], row.capsule_radius.shape[0]
    body, person = pair % bodies, pair // (bodies * capsules)
    elapsed = node[2] - row.human_time[person] + model.delay + node[4]
    size = 2.0 * model.body_radius[body]
    for last in range(bodies):
        thick = size if last == body else size + 2.0 * model.body_radius[last]
        if gap > thick or (last != body and model.body_neighbour[body, last] != 0):
            continue
        if link >= 0:
            meets = link_meets_body(model, row, slot, node, person, link, last)
        else:
            meets = body_meets_box(model, row, person, last, box, elapsed)
        if meets and (last == body or bodies_meet(model, row, person, body, last, elapsed)):
            return True
    return False


@kernel
def may_clamp(model: Row, row: Row, slot: int, node: Node, pair: int) -> bool:
    """Whether a body part that a link touches may be clamped: between links, against an obstacle, or another body part.

    What lies between has the diameter of the body part, or of two. Parts that are near each other by anatomy do not
    count, nor do links that are near each other in most configurations, nor obstacles that the link goes away from.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory.
        slot: Trajectory slot.
        node: The interval.
        pair: The pair of link and body part that is looked at.
    """
    capsule = (pair // model.proximal.shape[0]) % row.capsule_radius.shape[0]
    axis, around = row.axes[capsule], enclose(model, row, slot, capsule)
    thickest = 4.0 * model.body_radius_top
    for link in range(row.n_capsules):
        if model.link_neighbour[capsule, link] == 0:
            gap = -around - enclose(model, row, slot, link) + segments_distance(axis, row.axes[link])
            if not gap > thickest and _reaches_behind(model, row, slot, node, pair, gap, link, 0):
                return True
    for box in range(model.n_boxes):
        gap = box_gap(model, box, axis[0], axis[1]) - around
        if (
            not gap > thickest
            and not moves_away(model, row, slot, capsule, box)
            and _reaches_behind(model, row, slot, node, pair, gap, -1, box)
        ):
            return True
    return False


@kernel
def speed_in_interval(row: Row, begin: float, end: float) -> float:
    """Largest path speed of the proposal between two times [s]."""
    return top_speed(row.proposal_start, row.proposal_phases, begin, end)


@kernel
def harm(model: Row, row: Row, slot: int, capsule: int, speed: float) -> float:
    """What a contact with a capsule can amount to in the present interval: kinetic energy [J], or speed [m/s] (ISO).

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory.
        slot: Trajectory slot.
        capsule: Which one.
        speed: Largest path speed in the interval.
    """
    first, last = row.interval[0], row.interval[1]
    ds = row.path_edges[last] - row.path_edges[first]
    if model.pfl_model == ISO:
        between = row.edge_speed[first, capsule] + row.edge_speed[last, capsule]
        return float(0.5 * speed * (between + row.ltt_alpha[slot, capsule] * ds))
    return energy_bound(row.edge_norm[first], row.edge_norm[last], row.ltt_energy_curvature[slot], ds, speed)


@kernel
def bearable(model: Row, capsule: int, body: int, constraint: int) -> float:
    """What a body part bears of a capsule, ``FREE`` or ``CLAMPED``, in the unit of ``harm``; without masses nothing."""
    if not model.has_energy:
        return -1.0
    if model.pfl_model == ISO:
        return float(model.speed_limit[constraint, body])
    return float(model.energy_limit[constraint, model.contact_type[capsule], body])


@kernel
def refused_contact(model: Row, row: Row, slot: int, node: Node, pairs: NDArray[np.int64], count: int) -> int:
    """Which of the contacts that may happen in the present interval is more than the touched body part bears.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory.
        slot: Trajectory slot.
        node: The interval.
        pairs: Pairs of link and body part that are not proven apart, nor below the limit of clamped contacts.
        count: Number of them.

    Returns:
        Index of the first such pair; -1: all of them are allowed.
    """
    bodies, capsules = model.proximal.shape[0], row.capsule_radius.shape[0]
    speed = speed_in_interval(row, node[3], node[4])
    for index in range(count):
        pair = pairs[index]
        body, capsule = pair % bodies, (pair // bodies) % capsules
        if not harm(model, row, slot, capsule, speed) <= bearable(model, capsule, body, FREE):
            return index
    for index in range(row.meets.shape[0]):
        row.meets[index] = -1
    for index in range(count):
        if may_clamp(model, row, slot, node, pairs[index]):
            return index
    return -1
