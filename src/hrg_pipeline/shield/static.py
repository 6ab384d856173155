"""The proof that the robot keeps clear of static obstacles and of itself along a plan.

A capsule end stays within its bow, ``alpha ds²/8``, of uniform motion along its chord, so at every moment the axis is
within the bow of a segment between points of the two chords. A pair is apart if some direction separates the segments
at both edges of an interval by more than radii, bows and margin: along a fixed direction the separation of two
uniform motions is concave in time, so between the edges it is not less. Directions that are tried: the face normals of
the box, and that between the closest points in the middle of the interval. Nothing is inflated by the chord, so a
robot may slide along a surface.

Most pairs are far apart, and not looked at in most cycles: ``static_clear`` is how far a capsule may move from
``static_ref``, where it was looked at, until it can touch anything but the pairs in ``static_list``, which are tested
in every cycle. How clear two capsules are of each other is shared out between them.

Two links keep their distance however the robot's frame moves: a pair of capsules is looked at as seen from the link of
the inner one, where only the joints between both move anything. That motion is smaller, and so is its bow.

A pair that is closer than the margin where the plan starts (the robot was put there, or re-anchored) is let out and
never in: at the edges its separation, along the direction between closest points at the start, may not be less than
at the start, and between them by ``_DIP_M`` at most. Where axis and box intersect, that direction is the normal of the
face along which the axis is least deep.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row, Rows
from hrg_pipeline.shield.box import Triple, box_gap, box_separation, face_gaps, lowest, way_out
from hrg_pipeline.shield.capsule_pairs import axes_gap, axes_separation, motion_separation, way_apart
from hrg_pipeline.shield.model import INTERVALS
from hrg_pipeline.shield.reach import place_capsules

_DIP_M = 1e-4
"""A bow of a pair that is too close may be this large [m]."""
_ROUNDING_M = 1e-9
_SPARE_M = 0.01
"""How far a capsule can move at least until it is looked at again [m]; pairs closer than this are tested each time."""
_NEVER = -1
"""Stands in ``static_pairs`` for a plan with a number that is not finite."""
_NOT_INSIDE = np.inf
"""Stands in ``static_start`` for a pair that keeps its margin at the start."""


@kernel
def forget_static(row: Row) -> None:
    """Forget how clear each capsule was, as at a reset, so that nothing depends on the episode before."""
    for k in range(row.static_clear.shape[0]):
        row.static_clear[k] = -np.inf
    for index in range(row.static_near.shape[0]):
        row.static_near[index] = 0
    row.static_listed = 0


@kernel
def _moved(ends: NDArray[np.float64], ref: NDArray[np.float64]) -> float:
    """How far any point of a segment (2, 3) is from where it was (2, 3), at most [m]; NaN if a number is."""
    farthest = 0.0
    for end in range(2):
        x, y, z = ends[end, 0] - ref[end, 0], ends[end, 1] - ref[end, 1], ends[end, 2] - ref[end, 2]
        moved = x * x + y * y + z * z
        if not moved <= farthest:  # lets a NaN through
            farthest = moved
            if np.isnan(moved):
                break
    return float(np.sqrt(farthest))


@kernel
def _radii(model: Row, row: Row, s: int) -> float:
    """How far the axes of a pair of the robot's capsules have to be apart, margin not included [m]."""
    a, b = model.self_pairs[s, 0], model.self_pairs[s, 1]
    return float(row.capsule_radius[a] + row.capsule_radius[b] - model.self_slack[s])


@kernel
def inner_first(model: Row, s: int) -> tuple[int, int]:
    """The capsules of a pair, the one whose link is nearer to the base first."""
    a, b = model.self_pairs[s, 0], model.self_pairs[s, 1]
    if model.capsule_link[a] <= model.capsule_link[b]:
        return a, b
    return b, a


@kernel
def _see_pair(model: Row, row: Row, s: int, first: int, last: int) -> None:
    """Write into ``static_axes`` the axes of a pair at two edges, as seen from the inner link there."""
    inner, outer = inner_first(model, s)
    for side in range(2):
        edge = first if side == 0 else last
        frame = row.edge_frames[edge, model.capsule_link[inner]]
        for which in range(2):
            ends = row.points[edge, inner if which == 0 else outer]
            for end in range(2):
                x, y, z = ends[end, 0] - frame[3, 0], ends[end, 1] - frame[3, 1], ends[end, 2] - frame[3, 2]
                for k in range(3):
                    row.static_axes[side, which, end, k] = frame[0, k] * x + frame[1, k] * y + frame[2, k] * z


@kernel
def _suspect(row: Row, count: int, code: int, n: Triple, start: float) -> None:
    """Write down a pair that may touch; ``start`` is its separation along ``n`` if it is too close already."""
    row.static_pairs[count] = code
    row.static_start[count] = start
    for k in range(3):
        row.static_normal[count, k] = n[k]
    if start != _NOT_INSIDE:
        row.static_inside = 1


@kernel
def _look_at_boxes(model: Row, row: Row, k: int) -> None:
    """Find the boxes near capsule ``k``, and how clear it is of the others, where the plan starts."""
    ends, slots = row.points[0, k], row.static_clear.shape[0]
    keep = row.capsule_radius[k] + model.static_margin
    enough = row.static_shift[k] + _SPARE_M
    clear = np.inf
    for o in range(model.n_boxes):
        if model.box_applies[o, k] == 0:
            continue
        gap = face_gaps(model, o, ends, ends)[0] - keep
        if not gap > enough:
            gap = box_gap(model, o, ends[0], ends[1]) - keep
        near = not gap > enough
        row.static_near[o * slots + k] = 1 if near else 0
        if not near:
            clear = min(clear, gap)
    row.static_clear[k] = clear


@kernel
def _look_at_pair(model: Row, row: Row, s: int) -> None:
    """Find whether two of the robot's capsules are near each other, else share out how clear they are."""
    clear, shift = row.static_clear, row.static_shift
    a, b = model.self_pairs[s, 0], model.self_pairs[s, 1]
    gap = axes_gap(row.static_ref, a, b) - _radii(model, row, s) - model.static_margin
    spare = 0.5 * (gap - shift[a] - shift[b])
    near = not spare > _SPARE_M
    row.static_near[model.box_applies.size + s] = 1 if near else 0
    if near:
        return
    share = shift[a] + spare
    # A capsule that was not looked at in this cycle keeps what it has, or less.
    if row.static_active[a] == 0:
        share = min(share, clear[a])
    elif row.static_active[b] == 0:
        share = max(share, gap - clear[b])
    clear[a] = min(clear[a], share)
    clear[b] = min(clear[b], gap - share)


@kernel
def _look(model: Row, row: Row) -> None:
    """Look anew at the capsules that are active, and list the pairs that are near."""
    for k in range(row.n_capsules):
        if row.static_active[k] == 1:
            row.static_radius[k] = row.capsule_radius[k]
            for end in range(2):
                for c in range(3):
                    row.static_ref[k, end, c] = row.points[0, k, end, c]
            _look_at_boxes(model, row, k)
    for s in range(model.n_self):
        a, b = model.self_pairs[s, 0], model.self_pairs[s, 1]
        if max(a, b) < row.n_capsules and row.static_active[a] + row.static_active[b] > 0:
            _look_at_pair(model, row, s)
    row.static_listed = 0
    for code in range(row.static_near.shape[0]):
        if row.static_near[code] == 1:
            row.static_list[row.static_listed] = code
            row.static_listed += 1


@kernel
def pair_separation(model: Row, row: Row, s: int, first: int, last: int) -> float:
    """Separation of a pair's axes during uniform motions from one edge to another [m]; leaves them in ``static_axes``.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory, with ``points`` and ``edge_frames`` at both edges.
        s: Number of the pair.
        first: One edge.
        last: The other one.
    """
    _see_pair(model, row, s, first, last)
    return motion_separation(row.static_axes[0], row.static_axes[1], 0, 1)


@kernel
def _is_suspicious(
    model: Row, row: Row, code: int, alpha: NDArray[np.float64], pair_alpha: NDArray[np.float64], ds: float, count: int
) -> bool:
    """Whether a pair may touch during the whole plan; it is then written down as number ``count``."""
    first, last, slots = row.points[0], row.points[INTERVALS], row.static_clear.shape[0]
    n, start = (0.0, 0.0, 0.0), _NOT_INSIDE
    if code < model.box_applies.size:
        o, k = code // slots, code % slots
        keep = row.capsule_radius[k] + model.static_margin
        apart = keep + alpha[k] * ds * ds / 8.0
        if face_gaps(model, o, first[k], last[k])[1] > apart or box_separation(model, o, k, first, last) > apart:
            return False
        if box_gap(model, o, first[k, 0], first[k, 1]) < keep:
            n = way_out(model, o, first[k])
            start = lowest(first[k], model, o, n)
    else:
        s = code - model.box_applies.size
        keep = _radii(model, row, s) + model.static_margin
        if pair_separation(model, row, s, 0, INTERVALS) > keep + pair_alpha[s] * ds * ds / 8.0:
            return False
        axes = row.static_axes[0]
        if axes_gap(axes, 0, 1) < keep:
            n = way_apart(axes, 0, 1)
            start = axes_separation(axes, 0, 1, n)
    _suspect(row, count, code, n, start)
    return True


@kernel
def static_suspects(
    model: Row, row: Row, alpha: NDArray[np.float64], pair_alpha: NDArray[np.float64], ds: float
) -> int:
    """First level: the whole plan as one interval.

    Args:
        model: Record with the fields of ``static_fields``, and ``capsule_link``.
        row: Row with the fields of ``static_scratch``, with ``n_capsules``, ``capsule_radius`` and, in ``points`` and
            ``edge_frames``, capsule ends and link frames at the first and the last edge. ``static_inside`` is set to
            whether a pair is closer than the margin at the first edge already.
        alpha: Bounds of |d²p/ds²| of the capsule ends (L,) [m/s²].
        pair_alpha: The same for pairs of capsules, as seen from the inner one's link (S,) [m/s²].
        ds: Length of the path [s].

    Returns:
        Number of pairs, now in ``static_pairs``, that may come closer than the margin; 0: the plan is proven.
    """
    if row.static_count != row.n_capsules:  # what was shared out without a capsule says nothing about it
        forget_static(row)
        row.static_count = row.n_capsules
    row.static_inside = 0
    first, last, ref = row.points[0], row.points[INTERVALS], row.static_ref
    active = 0
    for k in range(row.n_capsules):
        bow = alpha[k] * ds * ds / 8.0
        shift = max(_moved(first[k], ref[k]), _moved(last[k], ref[k])) + bow
        row.static_active[k] = 0
        row.static_shift[k] = shift
        if shift < row.static_clear[k] and row.capsule_radius[k] == row.static_radius[k]:
            continue
        active += 1
        row.static_active[k] = 1
        row.static_shift[k] = _moved(last[k], first[k]) + bow
        if not np.isfinite(shift + row.static_shift[k] + row.capsule_radius[k]):
            forget_static(row)
            row.static_pairs[0] = _NEVER
            return 1
    if active > 0:
        _look(model, row)
    count = 0
    for index in range(row.static_listed):
        if _is_suspicious(model, row, row.static_list[index], alpha, pair_alpha, ds, count):
            count += 1
    return count


@kernel
def _box_apart(model: Row, row: Row, index: int, first: int, last: int, alpha: NDArray[np.float64], ds: float) -> bool:
    """Whether a suspicious capsule keeps apart from its box during one interval."""
    points, other, slots = row.points[first], row.points[last], row.static_clear.shape[0]
    o, k = row.static_pairs[index] // slots, row.static_pairs[index] % slots
    if not np.isfinite(_moved(points[k], other[k])):
        return False
    bow = alpha[k] * ds * ds / 8.0
    apart = row.capsule_radius[k] + model.static_margin + bow
    if face_gaps(model, o, points[k], other[k])[1] > apart or box_separation(model, o, k, points, other) > apart:
        return True
    if not (bow <= _DIP_M and row.static_start[index] != _NOT_INSIDE):
        return False
    normal = row.static_normal[index]
    n = (normal[0], normal[1], normal[2])
    now = min(lowest(points[k], model, o, n), lowest(other[k], model, o, n))
    return bool(now >= row.static_start[index] - _ROUNDING_M)


@kernel
def _pair_apart(
    model: Row, row: Row, index: int, first: int, last: int, pair_alpha: NDArray[np.float64], ds: float
) -> bool:
    """Whether two suspicious capsules keep apart during one interval."""
    s = row.static_pairs[index] - model.box_applies.size
    separation, axes = pair_separation(model, row, s, first, last), row.static_axes
    if not np.isfinite(_moved(axes[0, 0], axes[1, 0]) + _moved(axes[0, 1], axes[1, 1])):
        return False
    bow = pair_alpha[s] * ds * ds / 8.0
    if separation > _radii(model, row, s) + model.static_margin + bow:
        return True
    if not (bow <= _DIP_M and row.static_start[index] != _NOT_INSIDE):
        return False
    normal = row.static_normal[index]
    n = (normal[0], normal[1], normal[2])
    now = min(axes_separation(axes[0], 0, 1, n), axes_separation(axes[1], 0, 1, n))
    return bool(now >= row.static_start[index] - _ROUNDING_M)


@kernel
def static_apart(
    model: Row,
    row: Row,
    first: int,
    last: int,
    count: int,
    alpha: NDArray[np.float64],
    pair_alpha: NDArray[np.float64],
    ds: float,
) -> bool:
    """Second level: whether all suspicious pairs keep apart during one interval of the plan.

    Args:
        model: Record as for ``static_suspects``.
        row: The row after that, with ``points`` and ``edge_frames`` at both edges of the interval.
        first: Edge at which it begins.
        last: Edge at which it ends.
        count: From ``static_suspects``.
        alpha: Bounds of |d²p/ds²| of the capsule ends (L,) [m/s²].
        pair_alpha: The same for pairs of capsules, as seen from the inner one's link (S,) [m/s²].
        ds: Length of the path in the interval [s].

    Returns:
        True only if it is proven for every pair; False on any number that is not finite.
    """
    for index in range(count):
        code = row.static_pairs[index]
        if code < 0:
            return False
        if code < model.box_applies.size:
            if not _box_apart(model, row, index, first, last, alpha, ds):
                return False
        elif not _pair_apart(model, row, index, first, last, pair_alpha, ds):
            return False
    return True


@kernel
def static_gap(model: Row, row: Row, q: NDArray[np.float64]) -> float:
    """Smallest distance of the robot from obstacles and itself in a configuration; ``points[0]`` is overwritten.

    Args:
        model: Record of the shield's model.
        row: An environment's row of the shield's memory.
        q: Joint positions (n,) [rad].

    Returns:
        The distance of real radii, margin not taken off [m], over the pairs that are watched; down to minus the radii
        where axes intersect; inf if nothing is watched, NaN if a number is.
    """
    points, radius = row.points[0], row.capsule_radius
    place_capsules(model, row, q, points)
    best = np.inf
    for o in range(model.n_boxes):
        for k in range(row.n_capsules):
            if model.box_applies[o, k] == 1:
                gap = box_gap(model, o, points[k, 0], points[k, 1]) - radius[k]
                if np.isnan(gap):
                    return np.nan
                best = min(best, gap)
    for s in range(model.n_self):
        a, b = model.self_pairs[s, 0], model.self_pairs[s, 1]
        if max(a, b) < row.n_capsules:
            gap = axes_gap(points, a, b) - _radii(model, row, s)
            if np.isnan(gap):
                return np.nan
            best = min(best, gap)
    return float(best)


@kernel
def _gap_of_row(models: Rows, rows: Rows, i: int, q: NDArray[np.float64]) -> float:
    return static_gap(models[0], rows[i], q)


def configuration_gap(models: Rows, rows: Rows, i: int, q: NDArray[np.float64]) -> float:
    """``static_gap`` of one environment, for plain Python.

    Args:
        models: ``ShieldModel.record`` (1,).
        rows: ``ShieldState.rows`` (N,); scratch of row ``i`` is overwritten.
        i: Environment.
        q: Joint positions (n,) [rad].
    """
    return float(_gap_of_row(models, rows, i, np.ascontiguousarray(q, dtype=np.float64)))
