"""Distance between a line segment and a box, and directions that separate them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row

Triple = tuple[float, float, float]

_TOUCHING_M = 1e-9
"""Below this distance the direction between closest points is rounding."""


@kernel
def to_box(model: Row, o: int, p: NDArray[np.float64]) -> Triple:
    """Coordinates of a point (3,) of the world in the frame of box ``o`` [m]."""
    pos, rot = model.box_pos[o], model.box_rot[o]
    x, y, z = p[0] - pos[0], p[1] - pos[1], p[2] - pos[2]
    return (
        rot[0, 0] * x + rot[1, 0] * y + rot[2, 0] * z,
        rot[0, 1] * x + rot[1, 1] * y + rot[2, 1] * z,
        rot[0, 2] * x + rot[1, 2] * y + rot[2, 2] * z,
    )


@kernel
def _excess(x: float, half: float) -> float:
    """How far a coordinate is outside ``[-half, half]``, with its sign."""
    return x - min(max(x, -half), half)


@kernel
def _slope(a: Triple, d: Triple, half: NDArray[np.float64], t: float) -> float:
    """Half the derivative of the squared distance from box to ``a + t d`` by t."""
    return (
        d[0] * _excess(a[0] + t * d[0], half[0])
        + d[1] * _excess(a[1] + t * d[1], half[1])
        + d[2] * _excess(a[2] + t * d[2], half[2])
    )


@kernel
def box_to_segment(half: NDArray[np.float64], a: Triple, b: Triple) -> Triple:
    """Vector from the closest point of a box to that of a segment, both in the frame of the box.

    The squared distance from the box to ``a + t (b - a)`` is convex in t, and its derivative continuous and linear
    between the (at most six) places where a coordinate enters or leaves the box. Those places narrow the bracket of
    the minimum until the derivative is linear inside it.

    Args:
        half: Half sizes (3,) [m].
        a: First end of the segment [m].
        b: Second end [m].

    Returns:
        The vector [m]; zero exactly if the closest point is in the box, NaN if an input is NaN.
    """
    d = (b[0] - a[0], b[1] - a[1], b[2] - a[2])
    low, high = 0.0, 1.0
    slope_low, slope_high = _slope(a, d, half, 0.0), _slope(a, d, half, 1.0)
    t = 0.0
    if slope_high <= 0.0:
        t = 1.0
    elif slope_low < 0.0:
        for k in range(6):
            axis = k >> 1
            face = half[axis] if k & 1 else -half[axis]
            at = (face - a[axis]) / d[axis]
            if low < at < high:  # neither infinite nor NaN, where the segment is parallel to the face
                slope = _slope(a, d, half, at)
                if slope <= 0.0:
                    low, slope_low = at, slope
                else:
                    high, slope_high = at, slope
        t = low - slope_low * (high - low) / (slope_high - slope_low)
    return (
        _excess(a[0] + t * d[0], half[0]),
        _excess(a[1] + t * d[1], half[1]),
        _excess(a[2] + t * d[2], half[2]),
    )


@kernel
def box_gap(model: Row, o: int, p0: NDArray[np.float64], p1: NDArray[np.float64]) -> float:
    """Distance of a segment and a box, exact up to rounding.

    Args:
        model: Record with ``box_pos``, ``box_rot`` and ``box_half``.
        o: Which box.
        p0: First end of the segment (3,) [m], world.
        p1: Second end (3,) [m].

    Returns:
        The distance [m]; 0 if they intersect, NaN if an input is NaN.
    """
    x, y, z = box_to_segment(model.box_half[o], to_box(model, o, p0), to_box(model, o, p1))
    return float(np.sqrt(x * x + y * y + z * z))


@kernel
def support(half: NDArray[np.float64], n: Triple) -> float:
    """How far a box reaches from its centre along a direction in its frame [m]."""
    return float(half[0] * abs(n[0]) + half[1] * abs(n[1]) + half[2] * abs(n[2]))


@kernel
def lowest(ends: NDArray[np.float64], model: Row, o: int, n: Triple) -> float:
    """Separation of a segment (2, 3) from box ``o`` along a unit vector in the frame of the box [m].

    Whatever the direction, the distance is not less.
    """
    p, q = to_box(model, o, ends[0]), to_box(model, o, ends[1])
    first = n[0] * p[0] + n[1] * p[1] + n[2] * p[2]
    second = n[0] * q[0] + n[1] * q[1] + n[2] * q[2]
    return min(first, second) - support(model.box_half[o], n)


@kernel
def face_gaps(model: Row, o: int, first: NDArray[np.float64], last: NDArray[np.float64]) -> tuple[float, float]:
    """Best separations of a box from a segment along a face normal of the box.

    Args:
        model: Record with the boxes.
        o: Which box.
        first: Ends of the segment before its motion (2, 3) [m], world.
        last: Ends after it (2, 3) [m].

    Returns:
        Lower bounds of the distance before the motion, and of the distance to the hull of both segments [m];
        negative inside. A NaN may be overlooked here, so callers look for it.
    """
    a, b = to_box(model, o, first[0]), to_box(model, o, first[1])
    c, d = to_box(model, o, last[0]), to_box(model, o, last[1])
    before, along = -np.inf, -np.inf
    for k in range(3):
        half = model.box_half[o, k]
        above, below = min(a[k], b[k]) - half, -max(a[k], b[k]) - half
        before = max(before, above, below)
        along = max(along, min(above, min(c[k], d[k]) - half), min(below, -max(c[k], d[k]) - half))
    return before, along


@kernel
def way_out(model: Row, o: int, ends: NDArray[np.float64]) -> Triple:
    """Unit vector, in the frame of box ``o``, along which a segment (2, 3) leaves it.

    From the closest point of the box to that of the segment; where they intersect, the normal of the face along
    which the segment is least deep.
    """
    a, b = to_box(model, o, ends[0]), to_box(model, o, ends[1])
    half = model.box_half[o]
    x, y, z = box_to_segment(half, a, b)
    length = np.sqrt(x * x + y * y + z * z)
    if length > _TOUCHING_M:
        return (x / length, y / length, z / length)
    axis, sign, best = 0, 1.0, -np.inf
    for k in range(3):
        above, below = min(a[k], b[k]) - half[k], -max(a[k], b[k]) - half[k]
        if max(above, below) > best:
            axis, best = k, max(above, below)
            sign = 1.0 if above >= below else -1.0
    return (sign if axis == 0 else 0.0, sign if axis == 1 else 0.0, sign if axis == 2 else 0.0)


@kernel
def box_separation(model: Row, o: int, k: int, points: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Separation of capsule ``k``'s axis from a box at both edges, along the closest points halfway [m]."""
    a, b, c, d = (
        to_box(model, o, points[k, 0]),
        to_box(model, o, points[k, 1]),
        to_box(model, o, other[k, 0]),
        to_box(model, o, other[k, 1]),
    )
    start = (0.5 * (a[0] + c[0]), 0.5 * (a[1] + c[1]), 0.5 * (a[2] + c[2]))
    end = (0.5 * (b[0] + d[0]), 0.5 * (b[1] + d[1]), 0.5 * (b[2] + d[2]))
    half = model.box_half[o]
    x, y, z = box_to_segment(half, start, end)
    length = np.sqrt(x * x + y * y + z * z)
    if not length > 0.0:
        return -np.inf
    x, y, z = x / length, y / length, z / length
    reach = half[0] * abs(x) + half[1] * abs(y) + half[2] * abs(z)
    first = min(x * a[0] + y * a[1] + z * a[2], x * b[0] + y * b[1] + z * b[2])
    last = min(x * c[0] + y * c[1] + z * c[2], x * d[0] + y * d[1] + z * d[2])
    return float(min(first, last) - reach)
