"""Long-term trajectories: per-joint phases of constant jerk.

A trajectory is an array ``(n, LTT_PHASES, 5)``: per joint and phase the start ``s`` [s], and ``q``, ``q_s``,
``q_ss``, ``q_sss`` there. The last phase is the rest at the goal, so any ``s`` past the end rests by itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.shield.profile import LIMIT_SLACK, PROFILE_PHASES

LTT_PHASES = PROFILE_PHASES + 1

START, Q, Q_S, Q_SS, Q_SSS = range(5)
"""Columns of a phase."""

LIM_Q_MIN, LIM_Q_MAX, LIM_V, LIM_A_LTT, LIM_J_LTT, LIM_A, LIM_J = range(7)
"""Columns of ``ShieldModel.limits (n, 7)``: position, speed, planned acceleration and jerk, allowed ones."""

_POSITION_TOL = 1e-9  # [rad]
_END_TOL = 1e-6


@kernel
def ltt_at(ltt: NDArray[np.float64], s: float, out: NDArray[np.float64]) -> None:
    """Evaluate a trajectory.

    Args:
        ltt: Phases (n, LTT_PHASES, 5).
        s: Path position [s]; before 0 the start, after the end the rest.
        out: ``q, q_s, q_ss, q_sss`` (4, n), written.
    """
    s = max(s, 0.0)
    last = ltt.shape[1] - 1
    for i in range(ltt.shape[0]):
        p = 0
        while p < last and ltt[i, p + 1, 0] <= s:
            p += 1
        x = s - ltt[i, p, 0]
        v = ltt[i, p, 2]
        a = ltt[i, p, 3]
        j = ltt[i, p, 4]
        out[0, i] = ltt[i, p, 1] + x * (v + x * (0.5 * a + x * j / 6.0))
        out[1, i] = v + x * (a + 0.5 * x * j)
        out[2, i] = a + x * j
        out[3, i] = j


@kernel
def rest_ltt(q: NDArray[np.float64], ltt: NDArray[np.float64]) -> None:
    """Write the trajectory of zero length that rests at ``q`` (n,) into ``ltt`` (n, LTT_PHASES, 5)."""
    ltt[:] = 0.0
    for i in range(ltt.shape[0]):
        ltt[i, :, 1] = q[i]


@kernel
def _widen(extremes: NDArray[np.float64], q: float, v: float, a: float) -> None:
    """Take one point of the profile into the extremes of its joint (5,)."""
    extremes[0] = min(extremes[0], q)
    extremes[1] = max(extremes[1], q)
    extremes[2] = max(extremes[2], abs(v))
    extremes[3] = max(extremes[3], abs(a))


@kernel
def _phase_extremes(q: float, v: float, a: float, j: float, duration: float, extremes: NDArray[np.float64]) -> None:
    """Exact extremes of one phase: its start, where the acceleration vanishes, where the speed vanishes.

    The phase's end is the start of the next one.
    """
    _widen(extremes, q, v, a)
    extremes[4] = max(extremes[4], abs(j))
    if j != 0.0 and 0.0 < -a / j < duration:
        x = -a / j
        _widen(extremes, q + x * (v + x * (0.5 * a + x * j / 6.0)), v + x * (a + 0.5 * x * j), 0.0)
    # Roots of v + a x + j x²/2, in the form that does not cancel.
    discriminant = a * a - 2.0 * j * v
    if discriminant >= 0.0:
        r = -(a + np.copysign(np.sqrt(discriminant), a))
        for k in range(2):
            x = -1.0
            if k == 0 and j != 0.0:
                x = r / j
            elif k == 1 and r != 0.0:
                x = 2.0 * v / r
            if 0.0 < x < duration:
                _widen(extremes, q + x * (v + x * (0.5 * a + x * j / 6.0)), 0.0, a + x * j)


@kernel
def build_ltt(
    start: NDArray[np.float64],
    phases: NDArray[np.float64],
    ltt: NDArray[np.float64],
    extremes: NDArray[np.float64],
) -> float:
    """Integrate jerk phases into a trajectory and find its exact extremes in closed form.

    Args:
        start: ``q, q_s, q_ss`` at s = 0, (3, n).
        phases: Durations [s] and jerks [rad/s³] (n, PROFILE_PHASES, 2).
        ltt: Phases (n, LTT_PHASES, 5), written.
        extremes: Per joint smallest q, largest q, largest |q_s|, |q_ss|, |q_sss|; (n, 5), written.

    Returns:
        Duration [s]; NaN if the phases do not end at rest or are not numbers.
    """
    total = 0.0
    for i in range(ltt.shape[0]):
        t = 0.0
        q = start[0, i]
        v = start[1, i]
        a = start[2, i]
        extremes[i, 0] = q
        extremes[i, 1] = q
        extremes[i, 2:] = 0.0
        for p in range(PROFILE_PHASES):
            x = phases[i, p, 0]
            j = phases[i, p, 1]
            if not (x >= 0.0 and np.isfinite(x) and np.isfinite(j)):
                return np.nan
            ltt[i, p, 0] = t
            ltt[i, p, 1] = q
            ltt[i, p, 2] = v
            ltt[i, p, 3] = a
            ltt[i, p, 4] = j
            if x > 0.0:
                _phase_extremes(q, v, a, j, x, extremes[i])
            q += x * (v + x * (0.5 * a + x * j / 6.0))
            v += x * (a + 0.5 * x * j)
            a += x * j
            t += x
        _widen(extremes[i], q, v, a)
        if not (abs(v) <= _END_TOL and abs(a) <= _END_TOL and np.isfinite(q)):
            return np.nan
        ltt[i, PROFILE_PHASES, 0] = t
        ltt[i, PROFILE_PHASES, 1] = q
        ltt[i, PROFILE_PHASES, 2:] = 0.0
        total = max(total, t)
    return total


@kernel
def within_limits(
    goal: NDArray[np.float64],
    ltt: NDArray[np.float64],
    extremes: NDArray[np.float64],
    limits: NDArray[np.float64],
) -> bool:
    """Whether a trajectory ends at its goal and never leaves the joint limits.

    Args:
        goal: (n,) [rad].
        ltt: Phases (n, LTT_PHASES, 5).
        extremes: From ``build_ltt`` (n, 5).
        limits: ``ShieldModel.limits`` (n, 7).
    """
    for i in range(goal.shape[0]):
        e = extremes[i]
        ok = (
            abs(ltt[i, PROFILE_PHASES, 1] - goal[i]) <= _END_TOL
            and e[0] >= limits[i, LIM_Q_MIN] - _POSITION_TOL
            and e[1] <= limits[i, LIM_Q_MAX] + _POSITION_TOL
            and e[2] <= limits[i, LIM_V] * (1.0 + LIMIT_SLACK)
            and e[3] <= limits[i, LIM_A_LTT] * (1.0 + LIMIT_SLACK)
            and e[4] <= limits[i, LIM_J_LTT] * (1.0 + LIMIT_SLACK)
        )
        if not ok:
            return False
    return True
