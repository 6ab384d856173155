"""Whether a robot keeps clear of obstacles and itself along a motion in which every joint turns uniformly.

By as much as a pair is clear, it may move on without being looked at (conservative advancement; Mirtich, PhD thesis,
Berkeley 1996): no point of a capsule moves farther than the sum of its reach from every joint times that joint's turn.
Two links are looked at as seen from the inner one, where only the joints between both count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row, Rows
from hrg_pipeline.shield.box import box_gap
from hrg_pipeline.shield.capsule_pairs import axes_gap
from hrg_pipeline.shield.reach import place_capsules
from hrg_pipeline.shield.static import inner_first

GRAZE_M = 1e-3
"""A pair that comes as close as this to the margin counts as one that goes below it."""
_LOOKS = 8
"""Places at which a pair that begins too close is looked at on its way out."""
_ROUNDING_M = 1e-9


@kernel
def _pair_gaps(model: Row, row: Row, q: NDArray[np.float64], gaps: NDArray[np.float64]) -> None:
    """Distance of every watched pair [m] (boxes x L + S,); inf for those that are not watched."""
    slots = model.box_applies.shape[1]
    points = row.points[0]
    place_capsules(model, row, q, points)
    gaps[:] = np.inf
    for o in range(model.n_boxes):
        for k in range(row.n_capsules):
            if model.box_applies[o, k] == 1:
                gaps[o * slots + k] = box_gap(model, o, points[k, 0], points[k, 1]) - row.capsule_radius[k]
    for s in range(model.n_self):
        a, b = model.self_pairs[s, 0], model.self_pairs[s, 1]
        if max(a, b) < row.n_capsules:
            radii = row.capsule_radius[a] + row.capsule_radius[b] - model.self_slack[s]
            gaps[model.n_boxes * slots + s] = axes_gap(points, a, b) - radii


@kernel
def _moved(rho: NDArray[np.float64], turns: NDArray[np.float64], first: int) -> float:
    """Bound of how far a point moves while the joints from ``first`` on turn [m]."""
    total = 0.0
    for j in range(first, turns.shape[0]):
        total += rho[j] * abs(turns[j])
    return total


@kernel
def _pair_moves(model: Row, row: Row, turns: NDArray[np.float64], moves: NDArray[np.float64]) -> None:
    """Bound of how far each pair's parts move relative to each other [m] (boxes x L + S,)."""
    slots = model.box_applies.shape[1]
    for k in range(slots):
        far = _moved(row.rho[k], turns, 0)
        for o in range(model.n_boxes):
            moves[o * slots + k] = far
    for s in range(model.n_self):
        inner, outer = inner_first(model, s)
        moves[model.n_boxes * slots + s] = _moved(row.rho[outer], turns, model.capsule_link[inner] + 1)


@kernel
def _sweep(
    models: Rows, rows: Rows, i: int, start: NDArray[np.float64], end: NDArray[np.float64], margin: float
) -> bool:
    model, row = models[0], rows[i]
    turns = end - start
    count = model.n_boxes * model.box_applies.shape[1] + model.n_self
    gaps, moves, before = np.empty(count), np.empty(count), np.empty(count)
    _pair_moves(model, row, turns, moves)
    _pair_gaps(model, row, start, gaps)
    before[:] = gaps
    close = gaps <= margin + GRAZE_M
    if close.any():
        for look in range(1, _LOOKS + 1):
            _pair_gaps(model, row, start + turns * (look / _LOOKS), gaps)
            for p in range(count):
                if close[p] and not gaps[p] >= before[p] - _ROUNDING_M:
                    return False
                before[p] = gaps[p]
        _pair_gaps(model, row, start, gaps)
    share = 0.0
    while share < 1.0:
        advance = 1.0
        for p in range(count):
            if close[p] or moves[p] == 0.0:
                continue
            if not gaps[p] > margin + GRAZE_M:
                return False
            advance = min(advance, (gaps[p] - margin) / moves[p])
        share += advance
        if share < 1.0:
            _pair_gaps(model, row, start + turns * share, gaps)
    return True


def sweep_is_free(
    models: Rows, rows: Rows, i: int, start: NDArray[np.float64], end: NDArray[np.float64], margin: float
) -> bool:
    """Tell whether the robot keeps its distances all the way from one configuration to another.

    Args:
        models: ``ShieldModel.record`` (1,).
        rows: ``ShieldState.rows`` (N,); scratch of row ``i`` is overwritten.
        i: Environment.
        start: Joint positions (n,) [rad].
        end: The same at the end; between them every joint turns uniformly.
        margin: Distance that every watched pair keeps [m]. A pair that begins closer must come no closer, at eight
            places on the way.

    Returns:
        True only if it does; False also where a pair comes within ``GRAZE_M`` of the margin, or for a number that is
        not finite.
    """
    one, other = (np.ascontiguousarray(q, dtype=np.float64) for q in (start, end))
    return bool(_sweep(models, rows, i, one, other, margin))
