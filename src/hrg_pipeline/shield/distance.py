"""Distance between line segments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel

Point = NDArray[np.float64] | tuple[float, float, float]

_DEGENERATE_SQ = 1e-24  # squared length [m²] below which a segment is a point


@kernel
def _clamp01(x: float) -> float:
    return min(max(x, 0.0), 1.0)


@kernel
def _inverse(squared: float) -> float:
    """One over the squared length of a segment; 0 of one that is a point, so that its first end is taken."""
    return 1.0 / squared if squared > _DEGENERATE_SQ else 0.0


@kernel
def segment_closest(p1: Point, p2: Point, q1: Point, q2: Point) -> tuple[float, float, float]:
    """Closest points of two segments, robust for parallel and for point-like ones.

    The squared distance is a convex quadratic in the two segment parameters. Its minimum over the unit square
    is either the clamped interior solution, or lies on an edge; the interior solution is not trusted when the
    segments are nearly parallel, so the four edges (an end point against the other segment) are always looked
    at as well. Every value returned belongs to a pair of points on the segments: rounding can only
    over-estimate, and the edges bound that even where the interior solution is ill-conditioned.

    Args:
        p1: First end of segment one (3,) [m].
        p2: Second end of segment one (3,) [m].
        q1: First end of segment two (3,) [m], same frame.
        q2: Second end of segment two (3,) [m].

    Returns:
        Squared distance [m²], NaN if an input is NaN; where the points are on segment one and on segment two, 0 to 1.
    """
    ux, uy, uz = p2[0] - p1[0], p2[1] - p1[1], p2[2] - p1[2]
    vx, vy, vz = q2[0] - q1[0], q2[1] - q1[1], q2[2] - q1[2]
    wx, wy, wz = p1[0] - q1[0], p1[1] - q1[1], p1[2] - q1[2]
    a = ux * ux + uy * uy + uz * uz
    b = ux * vx + uy * vy + uz * vz
    c = vx * vx + vy * vy + vz * vz
    d = ux * wx + uy * wy + uz * wz
    e = vx * wx + vy * wy + vz * wz
    per_a, per_c = _inverse(a), _inverse(c)
    best, best_x, best_y = np.inf, 0.0, 0.0
    # Each candidate is (x on segment one, y on segment two).
    for k in range(5):
        if k == 0:  # p1 against segment two
            x, y = 0.0, _clamp01(e * per_c)
        elif k == 1:  # p2 against segment two
            x, y = 1.0, _clamp01((e + b) * per_c)
        elif k == 2:  # q1 against segment one
            x, y = _clamp01(-d * per_a), 0.0
        elif k == 3:  # q2 against segment one
            x, y = _clamp01((b - d) * per_a), 1.0
        else:
            determinant = a * c - b * b
            if not determinant > 1e-14 * a * c:
                break
            x = _clamp01((b * e - c * d) / determinant)
            y = _clamp01((b * x + e) * per_c)
            # One more sweep: cures most of the rounding in the determinant.
            x = _clamp01((b * y - d) * per_a)
        rx = wx + x * ux - y * vx
        ry = wy + x * uy - y * vy
        rz = wz + x * uz - y * vz
        value = rx * rx + ry * ry + rz * rz
        if not value >= best:  # also lets a NaN through
            best, best_x, best_y = value, x, y
        if np.isnan(value):
            break
    return best, best_x, best_y


@kernel
def segment_distance_sq(p1: Point, p2: Point, q1: Point, q2: Point) -> float:
    """Squared distance of two segments [m²]; arguments and robustness as in ``segment_closest``."""
    return segment_closest(p1, p2, q1, q2)[0]


@kernel
def judge_by_middles(p1: Point, p2: Point, q1: Point, q2: Point, distance: float) -> int:
    """What the middles of two segments tell about their distance, without a division.

    If the middles are not farther apart than ``distance``, the segments are not; if the segments' projections on the
    line through the middles are, so are the segments.

    Args:
        p1: First end of segment one (3,) [m].
        p2: Second end of segment one (3,) [m].
        q1: First end of segment two (3,) [m], same frame.
        q2: Second end of segment two (3,) [m].
        distance: At least 0 [m].

    Returns:
        1 if they are farther apart than ``distance``, -1 if they are not or an input is NaN, 0 if it cannot be told.
    """
    ux, uy, uz = p2[0] - p1[0], p2[1] - p1[1], p2[2] - p1[2]
    vx, vy, vz = q2[0] - q1[0], q2[1] - q1[1], q2[2] - q1[2]
    nx = p1[0] - q1[0] + 0.5 * (ux - vx)
    ny = p1[1] - q1[1] + 0.5 * (uy - vy)
    nz = p1[2] - q1[2] + 0.5 * (uz - vz)
    length_sq, distance_sq = nx * nx + ny * ny + nz * nz, distance * distance
    if not length_sq > distance_sq:
        return -1
    along = length_sq - 0.5 * (abs(nx * ux + ny * uy + nz * uz) + abs(nx * vx + ny * vy + nz * vz))
    return 1 if along > 0.0 and along * along > distance_sq * length_sq else 0


@kernel
def segments_apart(p1: Point, p2: Point, q1: Point, q2: Point, distance: float) -> bool:
    """Whether two segments are proven farther apart than a distance.

    Two points, one on each segment, often settle the question as in ``judge_by_middles``: the middles, or a quick guess
    of the closest points. Else ``segment_distance_sq`` decides.

    Args:
        p1: First end of segment one (3,) [m].
        p2: Second end of segment one (3,) [m].
        q1: First end of segment two (3,) [m], same frame.
        q2: Second end of segment two (3,) [m].
        distance: At least 0 [m].

    Returns:
        False if an input is NaN.
    """
    ux, uy, uz = p2[0] - p1[0], p2[1] - p1[1], p2[2] - p1[2]
    vx, vy, vz = q2[0] - q1[0], q2[1] - q1[1], q2[2] - q1[2]
    wx, wy, wz = p1[0] - q1[0], p1[1] - q1[1], p1[2] - q1[2]
    distance_sq = distance * distance
    known = judge_by_middles(p1, p2, q1, q2, distance)
    if known != 0:
        return known > 0
    a = ux * ux + uy * uy + uz * uz
    b = ux * vx + uy * vy + uz * vz
    c = vx * vx + vy * vy + vz * vz
    d = ux * wx + uy * wy + uz * wz
    e = vx * wx + vy * wy + vz * wz
    determinant = a * c - b * b
    x = _clamp01((b * e - c * d) / determinant) if determinant > 0.0 else 0.0
    y = _clamp01((b * x + e) * _inverse(c))
    x = _clamp01((b * y - d) * _inverse(a))
    nx, ny, nz = wx + x * ux - y * vx, wy + x * uy - y * vy, wz + x * uz - y * vz
    length_sq = nx * nx + ny * ny + nz * nz
    if not length_sq > distance_sq:
        return False
    along = nx * wx + ny * wy + nz * wz
    along += min(nx * ux + ny * uy + nz * uz, 0.0) - max(nx * vx + ny * vy + nz * vz, 0.0)
    if along > 0.0 and along * along > distance_sq * length_sq:
        return True
    return segment_distance_sq(p1, p2, q1, q2) > distance_sq
