"""What is checked of the robot in every cycle: does it follow, and do commands keep their limits?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row
from hrg_pipeline.shield.model import ROBOT_STATE_FINITE, TRACKING
from hrg_pipeline.shield.reach import place_capsules
from hrg_pipeline.shield.trajectory import LIM_A, LIM_J, LIM_Q_MAX, LIM_Q_MIN, LIM_V

_SURELY = 1.0 - 1e-9  # room for rounding in bounds
_REL = 1e-6
_SAME = (1e-9, 1e-7, 1e-5)  # a new trajectory may differ this much in q [rad], q' [rad/s], q'' [rad/s²]


@kernel
def all_finite(array: NDArray[np.float64]) -> bool:
    """Whether every number of a vector (n,) is finite."""
    for k in range(array.shape[0]):
        if not np.isfinite(array[k]):
            return False
    return True


@kernel
def check_tracking(model: Row, row: Row, q_meas: NDArray[np.float64], dq_meas: NDArray[np.float64]) -> bool:
    """Check that every capsule end is where it was commanded to be, up to the tracking error.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory; ``tracking_top`` is brought up to date.
        q_meas: Measured joint positions (n,) [rad].
        dq_meas: Measured joint speeds (n,) [rad/s].

    Returns:
        True if they all are; a violated assumption is counted.
    """
    if not (all_finite(q_meas) and all_finite(dq_meas)):
        row.violations[ROBOT_STATE_FINITE] += 1
        return False
    q = row.command[0]
    sure = True
    for k in range(row.n_capsules):  # a joint that turns by dq moves no point by more than its reach times dq
        bound = 0.0
        for j in range(q.shape[0]):
            bound += row.rho[k, j] * abs(q_meas[j] - q[j])
        if bound <= model.tracking_error * _SURELY:
            row.tracking_top[k] = max(row.tracking_top[k], bound)
        else:
            sure = False
    return sure or _is_tracked(model, row, q_meas, q)


@kernel
def _is_tracked(model: Row, row: Row, q_meas: NDArray[np.float64], q: NDArray[np.float64]) -> bool:
    """Look at the ends of all capsules themselves."""
    measured, commanded = row.points[0], row.points[1]
    place_capsules(model, row, q_meas, measured)
    place_capsules(model, row, q, commanded)
    good = True
    for k in range(row.n_capsules):
        farthest = 0.0
        for end in range(2):
            x = measured[k, end, 0] - commanded[k, end, 0]
            y = measured[k, end, 1] - commanded[k, end, 1]
            z = measured[k, end, 2] - commanded[k, end, 2]
            farthest = max(farthest, np.sqrt(x * x + y * y + z * z))
        row.tracking_top[k] = max(row.tracking_top[k], farthest)
        good = good and farthest <= model.tracking_error
    if not good:
        row.violations[TRACKING] += 1
    return good


@kernel
def continues_within_limits(
    limits: NDArray[np.float64],
    now: NDArray[np.float64],
    first: NDArray[np.float64],
    following: NDArray[np.float64],
) -> bool:
    """Whether a proposal continues the present command and stays within all limits after one sample.

    Args:
        limits: ``ShieldModel.limits`` (n, 7).
        now: The present command, position to jerk (4, n).
        first: The proposal's values now (4, n).
        following: The same after one sample (4, n).
    """
    for j in range(first.shape[1]):
        q = following[0, j]
        ok = (
            abs(first[0, j] - now[0, j]) <= _SAME[0]
            and abs(first[1, j] - now[1, j]) <= _SAME[1]
            and abs(first[2, j] - now[2, j]) <= _SAME[2]
            and limits[j, LIM_Q_MIN] - _REL <= q <= limits[j, LIM_Q_MAX] + _REL
            and abs(following[1, j]) <= limits[j, LIM_V] * (1.0 + _REL)
            and abs(following[2, j]) <= limits[j, LIM_A] * (1.0 + _REL)
            and abs(following[3, j]) <= limits[j, LIM_J] * (1.0 + _REL)
        )
        if not ok:
            return False
    return True
