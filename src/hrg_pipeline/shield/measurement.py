"""What is believed of the measured people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row
from hrg_pipeline.shield.model import HUMAN_ACCELERATION, HUMAN_SPEED, MEASUREMENT_FINITE, MEASUREMENT_FRESH

_TIME_EPS = 1e-9  # [s]


@kernel
def _is_plausible(model: Row, row: Row, person: int, pos: NDArray[np.float64], dt: float) -> bool:
    """Whether no joint moved farther since the last measurement that was believed than its largest speed allows."""
    plausible = dt >= -_TIME_EPS
    last = row.human_pos[person]
    farthest = 0.0
    for j in range(pos.shape[0]):
        x, y, z = pos[j, 0] - last[j, 0], pos[j, 1] - last[j, 1], pos[j, 2] - last[j, 2]
        moved = x * x + y * y + z * z
        farthest = max(farthest, moved)
        reach = model.human_v_max[j] * (max(dt, 0.0) + model.jitter)
        reach += 2.0 * model.measurement_error[j] + model.jump_tolerance
        plausible = plausible and moved <= reach * reach
    row.human_moved[person] = np.sqrt(farthest)
    return plausible


@kernel
def _take_velocity(model: Row, row: Row, person: int, pos: NDArray[np.float64], dt: float) -> bool:
    """Estimate the velocity of every joint; False if one changed faster than the largest acceleration allows.

    The mean velocity over ``dt`` is wrong by ``2 e_p / dt``, by ``v_max`` times the relative error of ``dt``, and, as
    the velocity at the end of that time, by ``a_max dt / 2``. Two neighbouring mean velocities differ by at most
    ``a_max`` times the distance of the middles of their intervals.
    """
    known = row.human_seen[person] >= 2
    last, velocity = row.human_pos[person], row.human_vel[person]
    before = row.human_step[person]
    inverse = 1.0 / dt
    smooth = True
    for j in range(pos.shape[0]):
        noise = 2.0 * (model.measurement_error[j] + model.jump_tolerance) + model.human_v_max[j] * model.jitter
        change = 0.0
        for k in range(3):
            now = (pos[j, k] - last[j, k]) * inverse
            change += (now - velocity[j, k]) ** 2
            velocity[j, k] = now
        a_max = model.human_a_max[j]
        if known:
            most = 0.5 * a_max * (dt + before + 2.0 * model.jitter) + noise * (inverse + 1.0 / before)
            smooth = smooth and change <= most * most
        row.human_vel_error[person, j] = noise * inverse + 0.5 * a_max * (dt + model.jitter)
    row.human_step[person] = dt
    return smooth


@kernel
def _check_person(model: Row, row: Row, person: int, time: float, pos: NDArray[np.float64], stamp: float) -> bool:
    """Do what ``check_human`` says for one person."""
    finite = np.isfinite(stamp) and np.isfinite(time)
    for j in range(pos.shape[0]):
        finite = finite and np.isfinite(pos[j, 0] + pos[j, 1] + pos[j, 2])
    if not finite:
        row.violations[MEASUREMENT_FINITE] += 1
        return False
    good = True
    age = time - stamp
    if not -_TIME_EPS <= age <= model.delay + model.age_tolerance + _TIME_EPS:
        row.violations[MEASUREMENT_FRESH] += 1
        good = False
    row.age_top = max(row.age_top, age)
    dt = stamp - row.human_time[person]
    seen = row.human_seen[person]
    if seen > 0 and not _is_plausible(model, row, person, pos, dt):
        row.violations[HUMAN_SPEED] += 1
        good = False
    if not good or (seen > 0 and dt <= _TIME_EPS):  # the same measurement again says nothing new
        return good
    if seen > 0:
        smooth = _take_velocity(model, row, person, pos, dt)
        if not smooth and model.use_acceleration:
            row.violations[HUMAN_ACCELERATION] += 1
        row.human_smooth[person] = 1 if smooth else 0
    for j in range(pos.shape[0]):
        for k in range(3):
            row.human_pos[person, j, k] = pos[j, k]
    row.human_time[person] = stamp
    row.human_seen[person] = min(seen + 1, 2)
    row.bodies_known[person] = 0
    return True


@kernel
def check_human(
    model: Row, row: Row, time: float, human_pos: NDArray[np.float64], human_time: NDArray[np.float64]
) -> bool:
    """Check measurements and take in what is believed: finite, fresh, and reachable from the last that was believed.

    What is not believed is not remembered either: a jump stays unbelievable for as long as the way would take. A
    velocity that changed faster than assumed leaves the person to the sets that need no acceleration bound.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory; measurements that are believed are stored with their times,
            velocities, and ``human_moved``, how far each is from the one before.
        time: Now [s].
        human_pos: Measured joint positions (P, J, 3) [m], world.
        human_time: When they were true (P,) [s].

    Returns:
        True if everybody is believed; every violated assumption is counted.
    """
    good = True
    for person in range(human_time.shape[0]):
        good = _check_person(model, row, person, time, human_pos[person], human_time[person]) and good
    return good
