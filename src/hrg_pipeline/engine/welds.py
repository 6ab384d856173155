"""How hard the welds between hands and objects pull."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.physics import mujoco_c as c
from hrg_pipeline.physics.jit import kernel

_ROWS = 6
"""Rows of constraints of a weld: three forces, then three torques."""


@kernel
def largest_weld_force(data: int, first: int, count: int) -> float:
    """Largest force of any active weld at present [N].

    Args:
        data: address of mjData after its constraints were solved.
        first: id of the first weld among the equalities.
        count: number of welds.
    """
    rows = c.equality_row_count(data)
    if rows == 0:
        return 0.0
    ids, forces = c.constraint_ids(data, rows), c.constraint_forces(data, rows)
    largest = 0.0
    row = 0
    while row < rows:
        if first <= ids[row] < first + count:
            total = forces[row] ** 2 + forces[row + 1] ** 2 + forces[row + 2] ** 2
            largest = max(largest, np.sqrt(total))
            row += _ROWS
        else:
            row += 1
    return float(largest)
