"""One cycle of the safety shield."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import MotionError
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row, Rows
from hrg_pipeline.shield.checks import all_finite, check_tracking, continues_within_limits
from hrg_pipeline.shield.held import drop_held
from hrg_pipeline.shield.measurement import check_human
from hrg_pipeline.shield.model import (
    ASSUMPTION,
    CLEAR_AT_START,
    FROM_REST,
    NO_CANDIDATE,
    NO_STOP,
    OFF,
    PLAN_CONSISTENT,
    SAFE,
    ShieldModel,
)
from hrg_pipeline.shield.path import MAX_PATH_ACCELERATION, MAX_PATH_JERK, path_state, propose_plan
from hrg_pipeline.shield.separation import watch_distance
from hrg_pipeline.shield.state import ShieldState
from hrg_pipeline.shield.static import forget_static
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
def _anchor(model: Row, row: Row, q: NDArray[np.float64]) -> None:
    """Make rest at ``q`` (clipped to the limits) the verified plan; no candidate survives."""
    slot = row.active
    command = row.command
    command[:] = 0.0
    for j in range(command.shape[1]):
        command[0, j] = min(max(q[j], model.limits[j, LIM_Q_MIN]), model.limits[j, LIM_Q_MAX])
    rest_ltt(command[0], row.ltt[slot])
    row.ltt_duration[slot] = 0.0
    row.ltt_limits[slot, 0] = MAX_PATH_ACCELERATION
    row.ltt_limits[slot, 1] = MAX_PATH_JERK
    row.ltt_extremes[slot, :] = 0.0
    row.ltt_alpha[slot, :] = 0.0
    row.ltt_pair_alpha[slot, :] = 0.0
    row.ltt_energy_curvature[slot] = 0.0
    row.plan_start[:] = 0.0
    row.plan_phases[:] = 0.0
    row.plan_total = 0.0
    row.plan_elapsed = 0.0
    row.path[:] = 0.0
    row.candidate = NO_CANDIDATE


@kernel
def _reset(models: Rows, rows: Rows, i: int, q: NDArray[np.float64]) -> None:
    model, row = models[0], rows[i]
    row.active = 0
    drop_held(model, row)
    forget_static(row)
    _anchor(model, row, q)
    for j in range(q.shape[0]):
        row.goal[j] = row.command[0, j]
    row.goal_pending = 0
    row.attempts = 0
    row.retry_in = 0
    row.replan_wanted = 0
    row.human_pos[:] = 0.0
    row.human_vel[:] = 0.0
    row.human_vel_error[:] = 0.0
    row.human_time[:] = np.nan
    row.human_step[:] = 0.0
    row.human_seen[:] = 0
    row.human_smooth[:] = 1
    row.human_moved[:] = 0.0
    row.bodies_known[:] = 0
    row.safe = 0
    row.verdict = ASSUMPTION
    row.intervened = 0
    row.verdict_cycles[:] = 0
    row.slowed_cycles = 0
    row.stopped_cycles = 0
    row.moving_cycles = 0
    row.speed_sum = 0.0
    row.violations[:] = 0
    row.tracking_top[:] = 0.0
    row.age_top = 0.0
    row.reanchors = 0
    row.refused_goals = 0
    row.stuck_cycles = 0
    row.static_inside = 0
    row.culprit[0] = -1
    row.min_distance = np.inf
    row.person_distance[:] = np.inf
    row.distance_bound[:] = -np.inf
    row.distance_age[:] = 0
    row.nearest[:] = 0
    row.q_seen[:] = 0.0


def reset_shield(model: ShieldModel, state: ShieldState, i: int, q: NDArray[np.float64]) -> None:
    """Start anew at rest: no goal, no measurement, nothing held, all counts zero; the mode stays.

    Args:
        model: The shield's model.
        state: The shield's memory.
        i: Environment.
        q: Configuration of the robot (n,) [rad]; clipped to the joint limits.
    """
    _reset(model.record, state.rows, i, q)


@kernel
def _free_stuck_robot(
    model: Row,
    row: Row,
    tracked: bool,
    q_meas: NDArray[np.float64],
    dq_meas: NDArray[np.float64],
) -> None:
    """Set the command to where the robot is if it has been at rest elsewhere for long.

    A robot pressed against the table at standstill could otherwise never move again: its tracking error
    forbids it.
    """
    resting = is_resting(row.path, row.ltt_duration[row.active])
    stuck = not tracked and resting and all_finite(q_meas)
    for j in range(dq_meas.shape[0]):
        if not abs(dq_meas[j]) < model.rest_speed:
            stuck = False
    if not stuck:
        row.stuck_cycles = 0
        return
    row.stuck_cycles += 1
    if row.stuck_cycles >= model.reanchor_cycles:
        _anchor(model, row, q_meas)
        row.reanchors += 1
        row.stuck_cycles = 0


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
def _replace_plan(row: Row, slot: int, total: float, elapsed: float) -> None:
    """Make the proven proposal, all of it, the verified plan; a candidate becomes the active trajectory."""
    if slot != row.active:
        row.active = slot
        row.candidate = NO_CANDIDATE
        row.goal_pending = 0
        row.attempts = 0
        row.retry_in = 0
    for k in range(3):
        row.plan_start[k] = row.proposal_start[k]
    _copy(row.proposal_phases, row.plan_phases)
    _copy(row.joints[2], row.command)
    row.plan_total = total
    row.plan_elapsed = elapsed


@kernel
def _finish_cycle(row: Row, verdict: int, consistent: bool) -> None:
    """Settle the candidate, ask for planning if it is due, and count.

    A candidate that failed from rest may be tried again, and gently; one from motion is stale.
    """
    safe = verdict == SAFE
    if not safe and row.candidate != NO_CANDIDATE:
        if row.candidate == FROM_REST and consistent:
            row.candidate_start[0] = 0.0
            row.candidate_start[1] = 0.0
        else:
            row.candidate = NO_CANDIDATE
            row.attempts += 1
            row.retry_in = 1 if row.attempts < EAGER_ATTEMPTS else RETRY_CYCLES
    path = row.path
    duration = row.ltt_duration[row.active]
    resting = is_resting(path, duration)
    waiting = row.candidate != NO_CANDIDATE
    if row.goal_pending == 1 and not waiting:
        row.retry_in = max(row.retry_in - 1, 0)
        if row.retry_in == 0 or resting:
            row.replan_wanted = 1
    row.safe = 1 if safe else 0
    row.verdict = verdict
    row.verdict_cycles[verdict] += 1
    if not safe:
        row.intervened = 1
    if resting:
        if path[0] < duration or waiting:
            row.stopped_cycles += 1
            row.moving_cycles += 1
    else:
        row.moving_cycles += 1
        row.speed_sum += path[1]
        if path[1] < _SLOWED_BELOW:
            row.slowed_cycles += 1


@kernel
def _stand_if_spoilt(model: Row, row: Row, q_meas: NDArray[np.float64]) -> bool:
    """Let the robot stand where it is if memory was spoilt so that the command is not made of numbers."""
    path, command = row.path, row.command
    good = np.isfinite(path[0] + path[1] + path[2] + row.plan_total + row.plan_elapsed)
    for k in range(4):
        good = good and all_finite(command[k])
    if good:
        return False
    if all_finite(q_meas):
        _anchor(model, row, q_meas)
    else:
        _anchor(model, row, row.q_seen)
    row.violations[PLAN_CONSISTENT] += 1
    return True


@kernel
def _judge(model: Row, row: Row, slot: int, total: float, time: float, trusted: bool, tracked: bool) -> int:
    """Verdict about a proposal that continues the present command."""
    if row.mode == OFF:
        return SAFE
    if not (trusted and tracked):
        return ASSUMPTION
    row.static_inside = 0
    verdict = verify_plan(model, row, slot, total, time)
    if row.static_inside != 0:
        row.violations[CLEAR_AT_START] += 1
    return verdict


@kernel
def shield_cycle(
    model: Row,
    row: Row,
    time: float,
    human_pos: NDArray[np.float64],
    human_time: NDArray[np.float64],
    q_meas: NDArray[np.float64],
    dq_meas: NDArray[np.float64],
) -> None:
    """Do what ``step_shield`` says for one row of the shield's memory."""
    trusted = check_human(model, row, time, human_pos, human_time)
    tracked = check_tracking(model, row, q_meas, dq_meas)
    if trusted and all_finite(q_meas) and all_finite(dq_meas):
        watch_distance(model, row, q_meas)
    else:
        row.distance_bound[:] = -np.inf
    if row.mode != OFF:
        _free_stuck_robot(model, row, tracked, q_meas, dq_meas)
    path = row.path
    slot = row.active
    s, v, a = path[0], path[1], path[2]
    if row.candidate != NO_CANDIDATE:
        slot = 1 - slot
        s, v, a = 0.0, row.candidate_start[0], row.candidate_start[1]
    start, phases, limits = row.proposal_start, row.proposal_phases, row.ltt_limits[slot]
    total = propose_plan(s, v, a, limits[0], limits[1], model.sample_time, start, phases)
    consistent = total >= 0.0
    verdict = NO_STOP
    following = row.joints[2]
    after = (s, v, a, 0.0)
    if consistent:
        ltt = row.ltt[slot]
        if slot == row.active:  # then the proposal begins with the present command
            _copy(row.command, row.joints[1])
        else:
            command_at(ltt, after, row.joints[0], row.joints[1])
        after = path_state(start, phases, total, model.sample_time)
        command_at(ltt, after, row.joints[0], following)
        consistent = continues_within_limits(model.limits, row.command, row.joints[1], following)
        if consistent:
            verdict = _judge(model, row, slot, total, time, trusted, tracked)
        else:
            verdict = ASSUMPTION
            row.violations[PLAN_CONSISTENT] += 1
    if verdict == SAFE:
        _replace_plan(row, slot, total, model.sample_time)
    else:
        row.plan_elapsed += model.sample_time
        after = path_state(row.plan_start, row.plan_phases, row.plan_total, row.plan_elapsed)
        command_at(row.ltt[row.active], after, row.joints[0], row.command)
    path[0], path[1], path[2], path[3] = after
    if _stand_if_spoilt(model, row, q_meas):
        verdict = ASSUMPTION
    _finish_cycle(row, verdict, consistent)


@kernel
def _step(
    models: Rows,
    rows: Rows,
    i: int,
    time: float,
    human_pos: NDArray[np.float64],
    human_time: NDArray[np.float64],
    q_meas: NDArray[np.float64],
    dq_meas: NDArray[np.float64],
) -> None:
    shield_cycle(models[0], rows[i], time, human_pos, human_time, q_meas, dq_meas)


def step_shield(
    model: ShieldModel,
    state: ShieldState,
    i: int,
    time: float,
    human_pos: NDArray[np.float64],
    human_time: float | NDArray[np.float64],
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
        human_pos: Measured human joint positions (P, J, 3) [m], world frame; one person may come as (J, 3).
        human_time: When they were true (P,) [s]; one number for all.
        q_meas: Measured joint positions of the robot now (n,) [rad].
        dq_meas: Measured joint speeds now (n,) [rad/s].

    Raises:
        MotionError: Positions or times have another shape.
    """
    shape = (model.people, len(model.human_v_max), 3)
    pos = np.asarray(human_pos, dtype=np.float64)
    if pos.size != np.prod(shape) or pos.shape[-2:] != shape[1:] or np.ndim(human_time) > 1:
        raise MotionError(f"human_pos has shape {pos.shape}, expected {shape}")
    stamps = np.array(np.broadcast_to(human_time, shape[:1]), dtype=np.float64)
    _step(model.record, state.rows, i, time, np.ascontiguousarray(pos.reshape(shape)), stamps, q_meas, dq_meas)
