"""How hard the welds between hands and objects pull."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.physics import mujoco_c as c
from hrg_pipeline.physics.jit import kernel

_FORCES = 3
"""The first rows of constraints of a weld are forces; a rigid one also has as many torques."""


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
    total, number = 0.0, 0
    for row in range(rows):
        if not first <= ids[row] < first + count:
            continue
        number = number + 1 if row > 0 and ids[row] == ids[row - 1] else 1
        total = (total if number > 1 else 0.0) + (forces[row] ** 2 if number <= _FORCES else 0.0)
        largest = max(largest, np.sqrt(total))
    return float(largest)
