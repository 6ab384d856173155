"""Jerk-limited changes of the path speed and the plans made of them.

A *path plan* is a start ``(s, s', s'')`` and ``PLAN_PHASES`` phases of constant jerk, stored as an array
``(PLAN_PHASES, 2)`` of duration [s] and jerk [1/s²]: up to four for one sample of the intended profile, three
for the stop. After the last phase the path rests.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.shield.profile import CHANGE_PHASES, speed_change

STOP_PHASES = CHANGE_PHASES
INTENDED_PHASES = STOP_PHASES + 1
PLAN_PHASES = INTENDED_PHASES + STOP_PHASES
INFEASIBLE = -1.0

MAX_PATH_ACCELERATION = 50.0
"""Cap of A [1/s] for trajectories that hardly move; keeps the numbers sane."""
MAX_PATH_JERK = 5000.0
"""Cap of J [1/s²], same reason."""

_SLACK = 1e-9  # relative: bounds may be missed by rounding, never by more
_TIME_EPS = 1e-12  # [s]


@kernel
def plan_speed_change(v: float, a: float, target: float, a_max: float, j_max: float, out: NDArray[np.float64]) -> bool:
    """Fastest change of path speed ``(v, a) -> (target, 0)``, not rounded to any sample time (``speed_change``).

    The speed stays in [0, 1] if ``v``, ``v + a|a|/(2J)`` and the target do.

    Args:
        v: Path speed, in [0, 1].
        a: Path acceleration [1/s].
        target: Speed to end with, in [0, 1].
        a_max: A, bound of |s''| [1/s].
        j_max: J, bound of |s'''| [1/s²].
        out: Durations [s] and jerks [1/s²] of the phases, (3, 2), written.

    Returns:
        False if the state cannot be taken there within the bounds (or is not a number); ``out`` is then not
        to be used.
    """
    if not (a_max > 0.0 and j_max > 0.0 and np.isfinite(a_max) and np.isfinite(j_max)):
        return False
    if not (abs(a) <= a_max * (1.0 + _SLACK) and -_SLACK <= v <= 1.0 + _SLACK):
        return False
    settled = v + a * abs(a) / (2.0 * j_max)
    if not -_SLACK <= settled <= 1.0 + _SLACK:
        return False
    speed_change(v, a, target, a_max, j_max, out)
    return True


@kernel
def propose_plan(
    s: float,
    v: float,
    a: float,
    a_max: float,
    j_max: float,
    sample_time: float,
    start: NDArray[np.float64],
    phases: NDArray[np.float64],
) -> float:
    """One sample of the intended profile (towards ``s' = 1``), then the stop.

    Args:
        s: Path position [s].
        v: Path speed.
        a: Path acceleration [1/s].
        a_max: Bound of |s''| [1/s].
        j_max: Bound of |s'''| [1/s²].
        sample_time: Length of the intended part [s].
        start: ``(s, s', s'')`` of the plan, (3,), written.
        phases: Durations and jerks, (PLAN_PHASES, 2), written.

    Returns:
        Duration of the whole plan [s], or ``INFEASIBLE``.
    """
    start[0] = s
    start[1] = v
    start[2] = a
    if not np.isfinite(s) or not plan_speed_change(v, a, 1.0, a_max, j_max, phases[:STOP_PHASES]):
        return INFEASIBLE
    left = sample_time
    for k in range(STOP_PHASES):
        dt = min(phases[k, 0], left)
        phases[k, 0] = dt
        v += dt * (a + 0.5 * dt * phases[k, 1])
        a += dt * phases[k, 1]
        left -= dt
    phases[STOP_PHASES, 0] = left
    phases[STOP_PHASES, 1] = 0.0
    if left > 0.0:  # arrived: forget the rounding
        v = 1.0
        a = 0.0
    v = min(max(v, 0.0), 1.0)
    if not plan_speed_change(v, a, 0.0, a_max, j_max, phases[INTENDED_PHASES:]):
        return INFEASIBLE
    total = sample_time
    for k in range(INTENDED_PHASES, PLAN_PHASES):
        total += phases[k, 0]
    return total


@kernel
def path_state(
    start: NDArray[np.float64], phases: NDArray[np.float64], total: float, t: float
) -> tuple[float, float, float, float]:
    """State of a path plan after any time.

    Args:
        start: ``(s, s', s'')`` at time 0, (3,).
        phases: Durations [s] and jerks [1/s²], (PLAN_PHASES, 2).
        total: Sum of the durations [s].
        t: Time since the start of the plan [s], at least 0.

    Returns:
        ``(s, s', s'', s''')``; the jerk is the one that led to this instant. From ``total`` on ``s' = s'' =
        s''' = 0`` exactly.
    """
    s = start[0]
    v = start[1]
    a = start[2]
    jerk = 0.0
    rest = t >= total - _TIME_EPS
    left = min(t, total)
    for k in range(phases.shape[0]):
        duration = phases[k, 0]
        inside = left <= duration + _TIME_EPS and not rest
        dt = min(duration, left)
        if dt > 0.0:
            jerk = phases[k, 1]
            s += dt * (v + dt * (0.5 * a + dt * jerk / 6.0))
            v += dt * (a + 0.5 * dt * jerk)
            a += dt * jerk
        if inside:
            break
        left -= dt
    if rest:
        return s, 0.0, 0.0, 0.0
    return s, min(max(v, 0.0), 1.0), a, jerk


@kernel
def top_speed(start: NDArray[np.float64], phases: NDArray[np.float64], begin: float, end: float) -> float:
    """Largest path speed of a plan between two instants, exact but for rounding, which only adds.

    Args:
        start: ``(s, s', s'')`` at time 0, (3,).
        phases: Durations [s] and jerks [1/s²], (PLAN_PHASES, 2).
        begin: First instant [s].
        end: Second one [s].
    """
    v, a, t = start[1], start[2], 0.0
    top = 0.0
    for k in range(phases.shape[0]):
        duration, jerk = phases[k, 0], phases[k, 1]
        low, high = min(max(begin - t, 0.0), duration), min(max(end - t, 0.0), duration)
        if t <= end and t + duration >= begin:
            top = max(top, v + low * (a + 0.5 * low * jerk), v + high * (a + 0.5 * high * jerk))
            peak = -a / jerk if jerk < 0.0 else -1.0
            if low < peak < high:
                top = max(top, v + peak * (a + 0.5 * peak * jerk))
        v += duration * (a + 0.5 * duration * jerk)
        a += duration * jerk
        t += duration
    return top + _SLACK


@kernel
def path_limits(
    q_s: NDArray[np.float64],
    q_ss: NDArray[np.float64],
    q_sss: NDArray[np.float64],
    a_allowed: NDArray[np.float64],
    j_allowed: NDArray[np.float64],
) -> tuple[float, float]:
    """Bounds A of |s''| and J of |s'''| that keep every joint within its limits on a whole trajectory.

    With ``q'' = q_s s'' + q_ss s'²``, ``q''' = q_s s''' + 3 q_ss s' s'' + q_sss s'³``, ``0 <= s' <= 1``:
    ``|q''| <= |q_s| A + |q_ss|`` and ``|q'''| <= |q_s| J + 3 |q_ss| A + |q_sss|`` at every point, hence with
    the largest magnitudes over the trajectory in place of the values. Solving both for A and J joint by joint
    and taking the smallest gives the result. A is also kept so small that at least half of the jerk budget is
    left for J.

    Args:
        q_s: Largest |dq/ds| over the trajectory (n,) [rad/s].
        q_ss: Largest |d²q/ds²| (n,) [rad/s²].
        q_sss: Largest |d³q/ds³| (n,) [rad/s³].
        a_allowed: Allowed joint acceleration (n,) [rad/s²].
        j_allowed: Allowed joint jerk (n,) [rad/s³].

    Returns:
        ``(A, J)`` [1/s], [1/s²]; not positive if the trajectory itself leaves no room.
    """
    a_max = MAX_PATH_ACCELERATION
    j_max = MAX_PATH_JERK
    for i in range(q_s.shape[0]):
        a_max = min(a_max, (a_allowed[i] - q_ss[i]) / max(q_s[i], 1e-12))
        a_max = min(a_max, 0.5 * (j_allowed[i] - q_sss[i]) / max(3.0 * q_ss[i], 1e-12))
    for i in range(q_s.shape[0]):
        j_max = min(j_max, (j_allowed[i] - 3.0 * q_ss[i] * a_max - q_sss[i]) / max(q_s[i], 1e-12))
    return a_max, j_max
