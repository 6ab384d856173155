"""Time-optimal jerk-limited motion of one joint to rest, and several joints that arrive together.

A profile is ``PROFILE_PHASES`` phases of constant jerk: a speed change (3), a cruise, a stop (3). Going as hard as
possible towards a goal for a while and then stopping as hard as possible is the fastest way to rest there, and where
that ends grows with the while: one monotone equation in one unknown, without the case distinctions of general
planners. The tests compare the durations with those of ruckig.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel

CHANGE_PHASES = 3
PROFILE_PHASES = 2 * CHANGE_PHASES + 1
_CRUISE = CHANGE_PHASES

Bracket = tuple[float, float, float, float, float]
"""Two arguments with the values there, below and above zero: low, at low, high, at high; and which end moved last."""

LIMIT_SLACK = 1e-6
"""A start may exceed its limits by this share; whoever uses the profile checks it against the same slack."""
_TINY_RAD = 1e-13  # displacements closer than this are the same [rad]
_TINY_S = 1e-9
_MAX_ITERATIONS = 60


@kernel
def speed_change(v: float, a: float, target: float, a_max: float, j_max: float, out: NDArray[np.float64]) -> None:
    """Fastest change of a speed ``(v, a) -> (target, 0)`` in three phases.

    Let ``sigma`` be the direction from the speed at which taking the acceleration away would end, ``v +
    a|a|/(2J)``, to the target. Going from ``a`` to a peak ``sigma p`` and back to 0 at full jerk changes the
    speed by ``sigma (p² - a²/2)/J`` whatever the sign of ``a`` (Beckert, TU Munich thesis mediatum 1443612,
    with the sign of ``a²/2`` right in the reversal cases). So ``p = min(sqrt(sigma (target - v) J + a²/2),
    A)``, and what is then missing is made up by holding the peak. The speed is monotone apart from the
    unavoidable part in which an acceleration of the wrong sign is removed.

    Args:
        v: Speed.
        a: Acceleration, at most ``a_max`` in magnitude.
        target: Speed to end with.
        a_max: A, largest acceleration, positive.
        j_max: J, jerk, positive.
        out: Durations and jerks (3, 2), written.
    """
    settled = v + a * abs(a) / (2.0 * j_max)
    sigma = 1.0 if target >= settled else -1.0
    change = sigma * (target - v)
    peak = np.sqrt(max(change * j_max + 0.5 * a * a, 0.0))
    hold = 0.0
    if peak > a_max:
        peak = a_max
        hold = max((change - (peak * peak - 0.5 * a * a) / j_max) / peak, 0.0)
    out[0, 0] = max(peak - sigma * a, 0.0) / j_max
    out[0, 1] = sigma * j_max
    out[1, 0] = hold
    out[1, 1] = 0.0
    out[2, 0] = peak / j_max
    out[2, 1] = -sigma * j_max


@kernel
def _after(x: float, v: float, a: float, j: float, t: float) -> tuple[float, float, float]:
    """Position, speed and acceleration after a time at constant jerk."""
    return x + t * (v + t * (0.5 * a + t * j / 6.0)), v + t * (a + 0.5 * t * j), a + t * j


@kernel
def _duration(phases: NDArray[np.float64]) -> float:
    """Sum of the durations of some phases (m, 2)."""
    total = 0.0
    for k in range(phases.shape[0]):
        total += phases[k, 0]
    return total


@kernel
def _run(v: float, a: float, phases: NDArray[np.float64]) -> tuple[float, float]:
    """Displacement and duration of some phases (m, 2)."""
    x = 0.0
    for k in range(phases.shape[0]):
        x, v, a = _after(x, v, a, phases[k, 1], phases[k, 0])
    return x, _duration(phases)


@kernel
def _stop(v: float, a: float, a_max: float, j_max: float, out: NDArray[np.float64]) -> tuple[float, float]:
    """Fastest stop: its phases (3, 2) are written; returns displacement and duration."""
    speed_change(v, a, 0.0, a_max, j_max, out)
    return _run(v, a, out)


@kernel
def _guess(bracket: Bracket) -> float:
    """Where the line through both ends of a bracket vanishes."""
    low, at_low, high, at_high, _ = bracket
    return low + min(max(at_low / (at_low - at_high), 0.0), 1.0) * (high - low)


@kernel
def _narrow(bracket: Bracket, x: float, at_x: float) -> Bracket:
    """Shrink a bracket to a sign change; an end that stays twice loses half its value (Illinois rule)."""
    low, at_low, high, at_high, side = bracket
    if at_x < 0.0:
        return x, at_x, high, (0.5 * at_high if side < 0.0 else at_high), -1.0
    return low, (0.5 * at_low if side > 0.0 else at_low), x, at_x, 1.0


@kernel
def fastest_profile(v: float, a: float, d: float, limits: NDArray[np.float64], out: NDArray[np.float64]) -> float:
    """The fastest way from a speed and an acceleration to rest at a displacement.

    Args:
        v: Speed now [rad/s]; within the limits also once the acceleration is taken away.
        a: Acceleration now [rad/s²], within the limits.
        d: Displacement of the goal [rad].
        limits: Largest speed, acceleration, jerk (3,).
        out: Durations [s] and jerks [rad/s³] (PROFILE_PHASES, 2), written.

    Returns:
        Duration [s].
    """
    v_max, a_max, j_max = limits[0], limits[1], limits[2]
    out[:] = 0.0
    stop = out[_CRUISE + 1 :]
    reached, duration = _stop(v, a, a_max, j_max, stop)
    if abs(d - reached) <= _TINY_RAD:
        return duration
    sigma = 1.0 if d > reached else -1.0
    push = out[:_CRUISE]
    speed_change(v, a, sigma * v_max, a_max, j_max, push)
    # Stopping during the last phase of the push is stopping at its beginning: both go on with the same jerk.
    x, speed, acceleration = 0.0, v, a
    for k in range(CHANGE_PHASES - 1):
        jerk = push[k, 1]
        length = push[k, 0]
        end = _after(x, speed, acceleration, jerk, length)
        beyond = end[0] + _stop(end[1], end[2], a_max, j_max, stop)[0]
        if sigma * (beyond - d) >= 0.0:
            bracket = (0.0, sigma * (reached - d), length, sigma * (beyond - d), 0.0)
            t = length
            for _ in range(_MAX_ITERATIONS):
                t = _guess(bracket)
                here = _after(x, speed, acceleration, jerk, t)
                error = sigma * (here[0] + _stop(here[1], here[2], a_max, j_max, stop)[0] - d)
                if abs(error) <= _TINY_RAD:
                    break
                bracket = _narrow(bracket, t, error)
            push[k, 0] = t
            push[k + 1 :, 0] = 0.0
            return _duration(out)
        x, speed, acceleration = end
        reached = beyond
    out[_CRUISE, 0] = max(sigma * (d - reached), 0.0) / v_max
    _stop(sigma * v_max, 0.0, a_max, j_max, stop)
    return _duration(out)


@kernel
def _cruise_error(
    v: float, a: float, d: float, c: float, duration: float, limits: NDArray[np.float64], out: NDArray[np.float64]
) -> tuple[float, float]:
    """Change to speed ``c``, cruise as long as time is left, stop: by how much that misses ``d``; the cruise [s].

    Only the phases of the change are written. The stop is symmetric, so it goes at half of ``c`` on average.
    """
    a_max, j_max = limits[1], limits[2]
    push = out[:_CRUISE]
    speed_change(v, a, c, a_max, j_max, push)
    x, time = _run(v, a, push)
    stop = 0.0
    if c != 0.0:
        peak = min(np.sqrt(abs(c) * j_max), a_max)
        stop = abs(c) / peak + peak / j_max
    cruise = duration - time - stop
    return x + c * (cruise + 0.5 * stop) - d, cruise


@kernel
def slower_profile(
    v: float,
    a: float,
    d: float,
    duration: float,
    limits: NDArray[np.float64],
    trial: NDArray[np.float64],
    out: NDArray[np.float64],
) -> bool:
    """A profile that takes a given time, longer than the fastest one: cruise at a lower speed.

    Args:
        v: Speed now [rad/s].
        a: Acceleration now [rad/s²].
        d: Displacement of the goal [rad].
        duration: Wanted [s].
        limits: Largest speed, acceleration, jerk (3,).
        trial: Scratch (PROFILE_PHASES, 2).
        out: Holds the fastest profile (PROFILE_PHASES, 2); on success the slower one is written.

    Returns:
        False if there is none of this form (the joint moves so fast that it would have to come back); ``out`` is
        then as it was.
    """
    j_max = limits[2]
    trial[_CRUISE, 1] = 0.0
    at_rest = _cruise_error(v, a, d, 0.0, duration, limits, trial)[0]
    if at_rest == 0.0:
        return False
    sigma = -1.0 if at_rest > 0.0 else 1.0
    # No faster than the fastest profile is when its acceleration vanishes, or than the start settles to.
    peak = sigma * (v + a * abs(a) / (2.0 * j_max))
    _, speed, acceleration = 0.0, v, a
    for k in range(CHANGE_PHASES):
        _, speed, acceleration = _after(0.0, speed, acceleration, out[k, 1], out[k, 0])
    peak = max(peak, sigma * (speed + acceleration * abs(acceleration) / (2.0 * j_max)))
    high = min(max(peak, 0.0), limits[0])
    error, cruise = _cruise_error(v, a, d, sigma * high, duration, limits, trial)
    if sigma * error <= 0.0:
        return False
    c = 0.0
    bracket = (0.0, sigma * at_rest, high, sigma * error, 0.0)
    for _ in range(_MAX_ITERATIONS):
        c = _guess(bracket)
        error, cruise = _cruise_error(v, a, d, sigma * c, duration, limits, trial)
        if abs(error) <= _TINY_RAD:
            break
        bracket = _narrow(bracket, c, sigma * error)
    if not (abs(error) <= _TINY_RAD and cruise >= 0.0):
        return False
    trial[_CRUISE, 0] = cruise
    _stop(sigma * c, 0.0, limits[1], j_max, trial[_CRUISE + 1 :])
    for k in range(PROFILE_PHASES):
        out[k, 0], out[k, 1] = trial[k, 0], trial[k, 1]
    return True


@kernel
def plan_profiles(
    start: NDArray[np.float64], goal: NDArray[np.float64], limits: NDArray[np.float64], out: NDArray[np.float64]
) -> bool:
    """Take all joints to rest at a goal, each as late as the slowest one where its start allows that, else earlier.

    Args:
        start: ``q, q', q''`` now (3, n).
        goal: (n,) [rad].
        limits: Largest speed, acceleration, jerk (n, 3).
        out: Durations [s] and jerks [rad/s³] (n, PROFILE_PHASES, 2), written.

    Returns:
        False if a start is outside the limits, or something is not a number; ``out`` is then not to be used.
    """
    n = goal.shape[0]
    own = np.empty((n, 3))
    times = np.empty(n)
    trial = np.empty((PROFILE_PHASES, 2))
    longest = 0.0
    for i in range(n):
        v, a, d = start[1, i], start[2, i], goal[i] - start[0, i]
        slack = 1.0 + LIMIT_SLACK
        settled = v + a * abs(a) / (2.0 * limits[i, 2])
        fastest = max(abs(v), abs(settled))
        if not (np.isfinite(d) and fastest <= limits[i, 0] * slack and abs(a) <= limits[i, 1] * slack):
            return False
        own[i, 0] = max(limits[i, 0], fastest)
        own[i, 1] = max(limits[i, 1], abs(a))
        own[i, 2] = limits[i, 2]
        times[i] = fastest_profile(v, a, d, own[i], out[i])
        longest = max(longest, times[i])
    for i in range(n):
        if times[i] < longest - _TINY_S:
            slower_profile(start[1, i], start[2, i], goal[i] - start[0, i], longest, own[i], trial, out[i])
    return True
