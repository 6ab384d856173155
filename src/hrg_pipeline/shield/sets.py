"""Whether a robot set and the human sets of one body are apart: any one of the human sets suffices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row
from hrg_pipeline.shield.distance import segment_distance_sq, segments_apart
from hrg_pipeline.shield.reach import combined_ball, human_growth, interval_capsule

Node = tuple[int, int, float, float, float]
"""An interval: its first and last edge, now [s], and the times from now to its start and end [s]."""


@kernel
def start_interval(row: Row, first: int, last: int) -> None:
    """Begin to look at the interval between two edges: no enclosure is known yet."""
    row.interval[0], row.interval[1] = first, last
    for k in range(row.n_capsules):
        row.around[k] = -1.0


@kernel
def enclose(model: Row, row: Row, slot: int, capsule: int) -> float:
    """Enclose a capsule in the present interval, once; returns the radius around the segment in ``axes`` [m]."""
    if row.around[capsule] < 0.0:
        first, last = row.interval[0], row.interval[1]
        ds = row.path_edges[last] - row.path_edges[first]
        bow = row.ltt_alpha[slot, capsule] * ds * ds / 8.0
        around = interval_capsule(row.points[first, capsule], row.points[last, capsule], bow, row.axes[capsule])
        row.around[capsule] = around + row.capsule_radius[capsule] + model.allowance
    return float(row.around[capsule])


@kernel
def axis_apart(axis: NDArray[np.float64], pos: NDArray[np.float64], first: int, second: int, distance: float) -> bool:
    """Whether an enclosing segment (2, 3) and the segment between two human joints are farther apart than that [m]."""
    return segments_apart(
        (axis[0, 0], axis[0, 1], axis[0, 2]),
        (axis[1, 0], axis[1, 1], axis[1, 2]),
        (pos[first, 0], pos[first, 1], pos[first, 2]),
        (pos[second, 0], pos[second, 1], pos[second, 2]),
        distance,
    )


@kernel
def _combined_apart(
    model: Row, row: Row, person: int, capsule: int, body: int, around: float, begin: float, end: float
) -> bool:
    """COMBINED: the hull of both joints' balls, by bounds of speed and acceleration."""
    balls = row.balls
    for side in range(2):
        j = model.proximal[body] if side == 0 else model.distal[body]
        error = row.human_vel_error[person, j]
        bounds = (model.human_v_max[j], model.human_a_max[j], model.measurement_error[j], error)
        combined_ball(row.human_pos[person, j], row.human_vel[person, j], bounds, begin, end, balls[side])
    axis = row.axes[capsule]
    return segments_apart(
        (axis[0, 0], axis[0, 1], axis[0, 2]),
        (axis[1, 0], axis[1, 1], axis[1, 2]),
        (balls[0, 0], balls[0, 1], balls[0, 2]),
        (balls[1, 0], balls[1, 1], balls[1, 2]),
        around + model.body_radius[body] + max(balls[0, 3], balls[1, 3]),
    )


@kernel
def bone_length(model: Row, pos: NDArray[np.float64], root: int, joint: int) -> float:
    """Length of the bones from a joint to another farther out [m], by the measured positions and their errors."""
    length = 0.0
    j = joint
    while j != root and j >= 0:
        parent = model.parent[j]
        if parent < 0:
            return np.inf
        total = 0.0
        for k in range(3):
            total += (pos[j, k] - pos[parent, k]) ** 2
        length += np.sqrt(total) + model.measurement_error[j] + model.measurement_error[parent]
        j = parent
    return float(length)


@kernel
def _position_apart(model: Row, row: Row, person: int, capsule: int, body: int, around: float, end: float) -> bool:
    """POS: as far from where the limb's root can be as its bones are long, whatever the limb does."""
    root, first, second = model.root[body], model.proximal[body], model.distal[body]
    pos, axis = row.human_pos[person], row.axes[capsule]
    here = (pos[root, 0], pos[root, 1], pos[root, 2])
    squared = segment_distance_sq(
        (axis[0, 0], axis[0, 1], axis[0, 2]), (axis[1, 0], axis[1, 1], axis[1, 2]), here, here
    )
    radii = around + model.body_radius[body] + human_growth(model.human_v_max[root], end, model.measurement_error[root])
    straight = 0.0
    for k in range(3):
        straight += (pos[second, k] - pos[root, k]) ** 2
    if not np.sqrt(squared) > radii + np.sqrt(straight):  # the bones are no shorter
        return False
    radii += max(bone_length(model, pos, root, second), bone_length(model, pos, root, first))
    return bool(squared > radii * radii)


@kernel
def is_apart(
    model: Row, row: Row, person: int, capsule: int, body: int, around: float, begin: float, end: float
) -> bool:
    """Whether a robot set is proven apart from one of the sets of a body during an interval; the cheapest comes first.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory, with the robot's set around ``axes``.
        person: Whose body.
        capsule: The robot's.
        body: The human's.
        around: Radius of the robot's set, from ``enclose`` [m].
        begin: Time since the true instant of the measurement at the start of the interval, at least [s].
        end: The same at its end, at most [s].

    Returns:
        False on any number that is not finite.
    """
    radii = around + model.body_radius[body] + human_growth(model.body_v_max[body], end, model.body_error[body])
    pos = row.human_pos[person]
    if axis_apart(row.axes[capsule], pos, model.proximal[body], model.distal[body], radii):
        return True
    if model.use_acceleration and row.human_seen[person] >= 2 and row.human_smooth[person] != 0:
        if _combined_apart(model, row, person, capsule, body, around, begin, end):
            return True
    return model.root[body] >= 0 and _position_apart(model, row, person, capsule, body, around, end)
