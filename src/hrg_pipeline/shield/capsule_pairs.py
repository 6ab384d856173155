"""Directions that separate two capsules of the robot; every set of capsule ends ``points`` is (L, 2, 3) [m]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.shield.box import Triple
from hrg_pipeline.shield.distance import segment_closest, segment_distance_sq

_TOUCHING_M = 1e-9
"""Below this distance the direction between closest points is rounding."""


@kernel
def axes_gap(points: NDArray[np.float64], a: int, b: int) -> float:
    """Distance of the axes of two capsules [m]."""
    p, q = points[a], points[b]
    squared = segment_distance_sq(
        (p[0, 0], p[0, 1], p[0, 2]),
        (p[1, 0], p[1, 1], p[1, 2]),
        (q[0, 0], q[0, 1], q[0, 2]),
        (q[1, 0], q[1, 1], q[1, 2]),
    )
    return float(np.sqrt(squared))


@kernel
def _between(points: NDArray[np.float64], other: NDArray[np.float64], a: int, b: int) -> Triple:
    """Vector from the closest point of capsule ``b``'s axis to that of ``a``'s, halfway between two edges [m].

    Args:
        points: Capsule ends at one edge (L, 2, 3) [m].
        other: At the other one (L, 2, 3) [m]; the same again for the axes at one edge.
        a: One capsule.
        b: The other one.
    """
    p, q, r, s = points[a], other[a], points[b], other[b]
    a0 = (0.5 * (p[0, 0] + q[0, 0]), 0.5 * (p[0, 1] + q[0, 1]), 0.5 * (p[0, 2] + q[0, 2]))
    a1 = (0.5 * (p[1, 0] + q[1, 0]), 0.5 * (p[1, 1] + q[1, 1]), 0.5 * (p[1, 2] + q[1, 2]))
    b0 = (0.5 * (r[0, 0] + s[0, 0]), 0.5 * (r[0, 1] + s[0, 1]), 0.5 * (r[0, 2] + s[0, 2]))
    b1 = (0.5 * (r[1, 0] + s[1, 0]), 0.5 * (r[1, 1] + s[1, 1]), 0.5 * (r[1, 2] + s[1, 2]))
    _, x, y = segment_closest(a0, a1, b0, b1)
    return (
        a0[0] + x * (a1[0] - a0[0]) - b0[0] - y * (b1[0] - b0[0]),
        a0[1] + x * (a1[1] - a0[1]) - b0[1] - y * (b1[1] - b0[1]),
        a0[2] + x * (a1[2] - a0[2]) - b0[2] - y * (b1[2] - b0[2]),
    )


@kernel
def _along(n: Triple, p: NDArray[np.float64]) -> float:
    return float(n[0] * p[0] + n[1] * p[1] + n[2] * p[2])


@kernel
def axes_separation(points: NDArray[np.float64], a: int, b: int, n: Triple) -> float:
    """Separation of the axes of two capsules along a unit vector that points from ``b`` to ``a`` [m]."""
    nearest = min(_along(n, points[a, 0]), _along(n, points[a, 1]))
    return nearest - max(_along(n, points[b, 0]), _along(n, points[b, 1]))


@kernel
def motion_separation(points: NDArray[np.float64], other: NDArray[np.float64], a: int, b: int) -> float:
    """Separation of two capsules' axes at both edges, along the closest points halfway [m]."""
    x, y, z = _between(points, other, a, b)
    length = np.sqrt(x * x + y * y + z * z)
    if not length > 0.0:
        return -np.inf
    n = (x / length, y / length, z / length)
    return float(min(axes_separation(points, a, b, n), axes_separation(other, a, b, n)))


@kernel
def way_apart(points: NDArray[np.float64], a: int, b: int) -> Triple:
    """Unit vector along which capsule ``a`` leaves ``b``: between closest points, or middles where axes intersect."""
    x, y, z = _between(points, points, a, b)
    length = np.sqrt(x * x + y * y + z * z)
    if not length > _TOUCHING_M:
        p, q = points[a], points[b]
        x = p[0, 0] + p[1, 0] - q[0, 0] - q[1, 0]
        y = p[0, 1] + p[1, 1] - q[0, 1] - q[1, 1]
        z = p[0, 2] + p[1, 2] - q[0, 2] - q[1, 2]
        length = np.sqrt(x * x + y * y + z * z)
    return (x / length, y / length, z / length) if length > 0.0 else (0.0, 0.0, 1.0)
