"""Planning a candidate trajectory to a goal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import MotionError
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Rows
from hrg_pipeline.shield.model import FROM_REST, KEEP_SPEED, NO_CANDIDATE, RESCALED, ShieldModel, ShieldState
from hrg_pipeline.shield.path import path_limits, propose_plan
from hrg_pipeline.shield.reach import curvature_bounds
from hrg_pipeline.shield.shield import EAGER_ATTEMPTS, RETRY_CYCLES
from hrg_pipeline.shield.trajectory import LIM_A, LIM_J, build_ltt, ltt_at, planner_for, within_limits


@kernel
def _begin_candidate(rows: Rows, i: int, kind: int) -> None:
    """Write where a candidate of this kind begins, ``q, q_s, q_ss``, and at which ``s', s''``."""
    row = rows[i]
    begin, values = row.begin, row.joints[0]
    row.begin_speed[0], row.begin_speed[1] = 1.0, 0.0
    if kind == KEEP_SPEED:
        ltt_at(row.ltt[row.active], row.path[0], values)
        row.begin_speed[0], row.begin_speed[1] = row.path[1], row.path[2]
    for j in range(begin.shape[1]):
        for k in range(3):
            begin[k, j] = values[k, j] if kind == KEEP_SPEED else row.command[k, j]
        if kind == FROM_REST:
            begin[1, j] = begin[2, j] = 0.0


@kernel
def _store_candidate(models: Rows, rows: Rows, i: int, kind: int, phases: NDArray[np.float64]) -> bool:
    """Turn jerk phases into a candidate with its path limits and curvature bounds, or refuse them.

    Args:
        models: Record of the shield's model (1,).
        rows: The shield's memory; the trajectory slot that is not in use is written.
        i: Environment.
        kind: FROM_REST, RESCALED or KEEP_SPEED.
        phases: Durations and jerks (2, n, MOVING_PHASES).

    Returns:
        False if the trajectory breaks a limit, misses the goal, or cannot be started at its speed.
    """
    model, row = models[0], rows[i]
    slot = 1 - row.active
    ltt, extremes, limits = row.ltt[slot], row.extremes, model.limits
    duration = build_ltt(row.begin, phases[0], phases[1], ltt, extremes)
    if not np.isfinite(duration) or not within_limits(row.goal, ltt, extremes, limits):
        return False
    a_max, j_max = path_limits(extremes[:, 2], extremes[:, 3], extremes[:, 4], limits[:, LIM_A], limits[:, LIM_J])
    row.ltt_limits[slot, 0] = a_max
    row.ltt_limits[slot, 1] = j_max
    curvature_bounds(model.rho, extremes[:, 2], extremes[:, 3], row.ltt_alpha[slot])
    speed, acceleration = row.begin_speed[0], row.begin_speed[1]
    start, plan = row.proposal_start, row.proposal_phases
    if propose_plan(0.0, speed, acceleration, a_max, j_max, model.sample_time, start, plan) < 0.0:
        return False
    row.ltt_duration[slot] = duration
    row.candidate_start[0] = speed
    row.candidate_start[1] = acceleration
    row.candidate = kind
    return True


def _make_candidate(model: ShieldModel, state: ShieldState, i: int, kind: int) -> bool:
    """Plan one candidate into the slot that is not in use; False if there is none of this kind."""
    _begin_candidate(state.rows, i, kind)
    phases = planner_for(model.limits).plan(state.begin[i], state.goal[i])
    return phases is not None and _store_candidate(model.record, state.rows, i, kind, phases)


def _kinds(state: ShieldState, i: int) -> tuple[int, ...]:
    """Kinds of candidates worth trying now, best first."""
    s, speed, acceleration, _ = state.path[i].tolist()
    if (speed == 0.0 and acceleration == 0.0) or s >= state.ltt_duration[i, state.active[i]]:
        return (FROM_REST,)
    if speed == 1.0 and acceleration == 0.0:
        return (RESCALED,)
    return (RESCALED, KEEP_SPEED) if state.attempts[i] == 0 else (KEEP_SPEED,)


def plan_goal(model: ShieldModel, state: ShieldState, i: int, goal: NDArray[np.float64] | None = None) -> bool:
    """Plan a candidate trajectory from the present command to a goal at rest.

    The active trajectory and the verified plan are not touched; ``step_shield`` takes the candidate over once
    it is proven safe. From rest the candidate starts at standstill and stays pending until then. From motion
    it starts with the exact joint speeds and accelerations, either all in the trajectory and ``s' = 1``
    (nimble, but needs |q''| within the planned limits), or with the present ``s', s''`` and the trajectory's
    own derivatives (always within limits, shorter stops near a human). It is stale after one cycle; the
    shield then asks again through ``replan_wanted``. A goal that cannot be planned now waits for a better
    moment; one that cannot be reached even from rest is given up (``refused_goals``).

    Args:
        model: The shield's model.
        state: The shield's memory; row ``i`` is changed.
        i: Environment.
        goal: Joint positions (n,) [rad]; None: the stored goal again, which is a no-op unless one is pending.

    Returns:
        True if a candidate is waiting to be proven.

    Raises:
        MotionError: The goal has the wrong shape.
    """
    if goal is not None and not (state.replan_wanted[i] and np.array_equal(goal, state.goal[i])):
        if np.shape(goal) != state.goal[i].shape:
            raise MotionError(f"goal has shape {np.shape(goal)}, expected {state.goal[i].shape}")
        state.goal[i] = goal
        state.goal_pending[i] = 1
        state.attempts[i] = 0
        state.retry_in[i] = 0
    state.replan_wanted[i] = 0
    if state.goal_pending[i] == 0:
        return False
    state.candidate[i] = NO_CANDIDATE
    kinds = _kinds(state, i)
    for kind in kinds:
        if _make_candidate(model, state, i, kind):
            return True
    if kinds == (FROM_REST,):
        state.goal_pending[i] = 0
        state.refused_goals[i] += 1
    else:
        state.attempts[i] = EAGER_ATTEMPTS
        state.retry_in[i] = RETRY_CYCLES
    return False
