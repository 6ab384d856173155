"""One cycle of the safety shield."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.shield.checks import (
    all_finite,
    bound_bodies,
    check_human,
    check_tracking,
    continues_within_limits,
    robot_human_distance,
)
from hrg_pipeline.shield.model import FROM_REST, NO_CANDIDATE, OFF, PLAN_CONSISTENT, ShieldModel, ShieldState
from hrg_pipeline.shield.path import MAX_PATH_ACCELERATION, MAX_PATH_JERK, path_state, propose_plan
from hrg_pipeline.shield.trajectory import LIM_Q_MAX, LIM_Q_MIN, ltt_at, rest_ltt
from hrg_pipeline.shield.verify import verify_plan

EAGER_ATTEMPTS = 4
"""So many candidates for one goal are tried in cycles that follow each other."""
RETRY_CYCLES = 5
"""Later ones this many cycles apart, so that planning never dominates."""
_SLOWED_BELOW = 0.99


@kernel
def _copy(source: NDArray[np.float64], target: NDArray[np.float64]) -> None:
    """Copy two-dimensional arrays; a slice assignment would compile a broadcast and its errors."""
    for j in range(source.shape[0]):
        for k in range(source.shape[1]):
            target[j, k] = source[j, k]


@kernel
def is_resting(path: NDArray[np.float64], duration: float) -> bool:
    """Whether a command is a standstill that needs no deceleration.

    Args:
        path: Path state, position to jerk (4,).
        duration: Of the trajectory [s].
    """
    return bool((path[1] == 0.0 and path[2] == 0.0) or path[0] >= duration)


@kernel
def _anchor(model: ShieldModel, state: ShieldState, i: int, q: NDArray[np.float64]) -> None:
    """Make rest at ``q`` (clipped to the limits) the verified plan; no candidate survives."""
    slot = state.active[i]
    command = state.command[i]
    command[:] = 0.0
    for j in range(command.shape[1]):
        command[0, j] = min(max(q[j], model.limits[j, LIM_Q_MIN]), model.limits[j, LIM_Q_MAX])
    rest_ltt(command[0], state.ltt[i, slot])
    state.ltt_duration[i, slot] = 0.0
    state.ltt_limits[i, slot, 0] = MAX_PATH_ACCELERATION
    state.ltt_limits[i, slot, 1] = MAX_PATH_JERK
    state.ltt_alpha[i, slot] = 0.0
    state.plan_start[i] = 0.0
    state.plan_phases[i] = 0.0
    state.plan_total[i] = 0.0
    state.plan_elapsed[i] = 0.0
    state.path[i] = 0.0
    state.candidate[i] = NO_CANDIDATE


@kernel
def reset_shield(model: ShieldModel, state: ShieldState, i: int, q: NDArray[np.float64]) -> None:
    """Start anew at rest: no goal, no measurement, all counts zero.

    Args:
        model: The shield's model.
        state: The shield's memory.
        i: Environment.
        q: Configuration of the robot (n,) [rad]; clipped to the joint limits.
    """
    state.active[i] = 0
    _anchor(model, state, i, q)
    for j in range(q.shape[0]):
        state.goal[i, j] = state.command[i, 0, j]
    state.goal_pending[i] = 0
    state.attempts[i] = 0
    state.retry_in[i] = 0
    state.replan_wanted[i] = 0
    state.human_pos[i] = 0.0
    state.human_time[i] = np.nan
    state.safe[i] = 0
    state.intervened[i] = 0
    state.slowed_cycles[i] = 0
    state.stopped_cycles[i] = 0
    state.violations[i] = 0
    state.reanchors[i] = 0
    state.refused_goals[i] = 0
    state.stuck_cycles[i] = 0
    state.min_distance[i] = np.inf


@kernel
def _free_stuck_robot(
    model: ShieldModel,
    state: ShieldState,
    i: int,
    tracked: bool,
    q_meas: NDArray[np.float64],
    dq_meas: NDArray[np.float64],
) -> None:
    """Set the command to where the robot is if it has been at rest elsewhere for long.

    A robot pressed against the table at standstill could otherwise never move again: its tracking error
    forbids it.
    """
    resting = is_resting(state.path[i], state.ltt_duration[i, state.active[i]])
    stuck = not tracked and resting and all_finite(q_meas)
    for j in range(dq_meas.shape[0]):
        if not abs(dq_meas[j]) < model.rest_speed:
            stuck = False
    if not stuck:
        state.stuck_cycles[i] = 0
        return
    state.stuck_cycles[i] += 1
    if state.stuck_cycles[i] >= model.reanchor_cycles:
        _anchor(model, state, i, q_meas)
        state.reanchors[i] += 1
        state.stuck_cycles[i] = 0


@kernel
def command_at(
    ltt: NDArray[np.float64],
    path: tuple[float, float, float, float],
    values: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Joint motion at a path state by the chain rule.

    Args:
        ltt: Phases of the trajectory (n, LTT_PHASES, 5).
        path: ``s, s', s'', s'''``.
        values: ``q, q_s, q_ss, q_sss`` at s (4, n), written.
        out: ``q, q', q'', q'''`` (4, n) [rad, s], written.
    """
    s, v, a, jerk = path
    ltt_at(ltt, s, values)
    for j in range(values.shape[1]):
        out[0, j] = values[0, j]
        out[1, j] = values[1, j] * v
        out[2, j] = values[1, j] * a + values[2, j] * v * v
        out[3, j] = values[1, j] * jerk + 3.0 * values[2, j] * v * a + values[3, j] * v * v * v


@kernel
def _replace_plan(state: ShieldState, i: int, slot: int, total: float, elapsed: float) -> None:
    """Make the proven proposal, all of it, the verified plan; a candidate becomes the active trajectory."""
    if slot != state.active[i]:
        state.active[i] = slot
        state.candidate[i] = NO_CANDIDATE
        state.goal_pending[i] = 0
        state.attempts[i] = 0
        state.retry_in[i] = 0
    for k in range(3):
        state.plan_start[i, k] = state.proposal_start[i, k]
    _copy(state.proposal_phases[i], state.plan_phases[i])
    _copy(state.joints[i, 2], state.command[i])
    state.plan_total[i] = total
    state.plan_elapsed[i] = elapsed


@kernel
def _finish_cycle(state: ShieldState, i: int, safe: bool, consistent: bool) -> None:
    """Settle the candidate, ask for planning if it is due, and count.

    A candidate that failed from rest may be tried again, and gently; one from motion is stale.
    """
    if not safe and state.candidate[i] != NO_CANDIDATE:
        if state.candidate[i] == FROM_REST and consistent:
            state.candidate_start[i, 0] = 0.0
            state.candidate_start[i, 1] = 0.0
        else:
            state.candidate[i] = NO_CANDIDATE
            state.attempts[i] += 1
            state.retry_in[i] = 1 if state.attempts[i] < EAGER_ATTEMPTS else RETRY_CYCLES
    path = state.path[i]
    duration = state.ltt_duration[i, state.active[i]]
    resting = is_resting(path, duration)
    waiting = state.candidate[i] != NO_CANDIDATE
    if state.goal_pending[i] == 1 and not waiting:
        state.retry_in[i] = max(state.retry_in[i] - 1, 0)
        if state.retry_in[i] == 0 or resting:
            state.replan_wanted[i] = 1
    state.safe[i] = 1 if safe else 0
    if not safe:
        state.intervened[i] = 1
    if resting:
        if path[0] < duration or waiting:
            state.stopped_cycles[i] += 1
    elif path[1] < _SLOWED_BELOW:
        state.slowed_cycles[i] += 1


@kernel
def step_shield(
    model: ShieldModel,
    state: ShieldState,
    i: int,
    time: float,
    human_pos: NDArray[np.float64],
    human_time: float,
    q_meas: NDArray[np.float64],
    dq_meas: NDArray[np.float64],
) -> None:
    """Decide the command for the end of the cycle that starts now; it is left in ``state.command[i]``.

    One sample of the intended motion and a stop after it are proposed, on the candidate trajectory if there
    is one. Only if every assumption holds and the proposal is proven safe does it replace the stored plan, as
    a whole; otherwise the stored plan, proven earlier, is followed on its own trajectory.

    Args:
        model: The shield's model.
        state: The shield's memory; row ``i`` is changed.
        i: Environment.
        time: Now, the start of the cycle [s].
        human_pos: Measured human joint positions (J, 3) [m], world frame.
        human_time: When they were true [s].
        q_meas: Measured joint positions of the robot now (n,) [rad].
        dq_meas: Measured joint speeds now (n,) [rad/s].
    """
    trusted = check_human(model, state, i, time, human_pos, human_time)
    tracked = check_tracking(model, state, i, q_meas, dq_meas)
    if np.isfinite(state.human_time[i]):
        bound_bodies(state.human_pos[i], model.proximal, model.distal, model.body_radius, state.bodies[i])
        if all_finite(q_meas) and all_finite(dq_meas):
            state.min_distance[i] = robot_human_distance(model, state.points[i, 0], state.human_pos[i], state.bodies[i])
    if model.mode != OFF:
        _free_stuck_robot(model, state, i, tracked, q_meas, dq_meas)
    path = state.path[i]
    slot = state.active[i]
    s, v, a = path[0], path[1], path[2]
    if state.candidate[i] != NO_CANDIDATE:
        slot = 1 - slot
        s, v, a = 0.0, state.candidate_start[i, 0], state.candidate_start[i, 1]
    start = state.proposal_start[i]
    phases = state.proposal_phases[i]
    limits = state.ltt_limits[i, slot]
    total = propose_plan(s, v, a, limits[0], limits[1], model.sample_time, start, phases)
    safe = total >= 0.0
    consistent = safe
    following = state.joints[i, 2]
    after = (s, v, a, 0.0)
    if safe:
        ltt = state.ltt[i, slot]
        command_at(ltt, after, state.joints[i, 0], state.joints[i, 1])
        after = path_state(start, phases, total, model.sample_time)
        command_at(ltt, after, state.joints[i, 0], following)
        consistent = continues_within_limits(model.limits, state.command[i], state.joints[i, 1], following)
        safe = consistent
        if not consistent:
            state.violations[i, PLAN_CONSISTENT] += 1
        if safe and model.mode != OFF:
            age = max(time - human_time, 0.0) + model.delay
            safe = trusted and tracked and verify_plan(model, state, i, slot, start, phases, total, age)
    if safe:
        _replace_plan(state, i, slot, total, model.sample_time)
    else:
        state.plan_elapsed[i] += model.sample_time
        after = path_state(state.plan_start[i], state.plan_phases[i], state.plan_total[i], state.plan_elapsed[i])
        command_at(state.ltt[i, state.active[i]], after, state.joints[i, 0], state.command[i])
    path[0], path[1], path[2], path[3] = after
    _finish_cycle(state, i, safe, consistent)
