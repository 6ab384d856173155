"""Planning a candidate trajectory to a goal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import MotionError
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row, Rows
from hrg_pipeline.shield.held import bound_trajectory
from hrg_pipeline.shield.model import FROM_REST, KEEP_SPEED, NO_CANDIDATE, RESCALED, ShieldModel
from hrg_pipeline.shield.path import path_limits, propose_plan
from hrg_pipeline.shield.profile import plan_profiles
from hrg_pipeline.shield.shield import EAGER_ATTEMPTS, RETRY_CYCLES, is_resting
from hrg_pipeline.shield.state import ShieldState
from hrg_pipeline.shield.trajectory import LIM_A, LIM_J, LIM_J_LTT, LIM_V, build_ltt, ltt_at, within_limits


@kernel
def _begin_candidate(row: Row, kind: int) -> None:
    """Write where a candidate of this kind begins, ``q, q_s, q_ss``, and at which ``s', s''``."""
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
def _store_candidate(model: Row, row: Row, kind: int) -> bool:
    """Plan to the goal into the trajectory slot that is not in use, with path limits and curvature bounds.

    Args:
        model: Record of the shield's model.
        row: The shield's memory.
        kind: FROM_REST, RESCALED or KEEP_SPEED.

    Returns:
        False if there is no trajectory that keeps every limit and can be started at its speed.
    """
    slot = 1 - row.active
    ltt, extremes, limits, phases = row.ltt[slot], row.extremes, model.limits, row.profile
    if not plan_profiles(row.begin, row.goal, limits[:, LIM_V : LIM_J_LTT + 1], phases):
        return False
    duration = build_ltt(row.begin, phases, ltt, extremes)
    if not np.isfinite(duration) or not within_limits(row.goal, ltt, extremes, limits):
        return False
    a_max, j_max = path_limits(extremes[:, 2], extremes[:, 3], extremes[:, 4], limits[:, LIM_A], limits[:, LIM_J])
    row.ltt_limits[slot, 0] = a_max
    row.ltt_limits[slot, 1] = j_max
    for j in range(extremes.shape[0]):
        for k in range(3):
            row.ltt_extremes[slot, k, j] = extremes[j, 2 + k]
    bound_trajectory(model, row, slot)
    speed, acceleration = row.begin_speed[0], row.begin_speed[1]
    start, plan = row.proposal_start, row.proposal_phases
    if propose_plan(0.0, speed, acceleration, a_max, j_max, model.sample_time, start, plan) < 0.0:
        return False
    row.ltt_duration[slot] = duration
    row.candidate_start[0] = speed
    row.candidate_start[1] = acceleration
    row.candidate = kind
    return True


@kernel
def _make_candidate(model: Row, row: Row, kind: int) -> bool:
    """Plan one candidate into the slot that is not in use; False if there is none of this kind."""
    _begin_candidate(row, kind)
    return _store_candidate(model, row, kind)


@kernel
def replan(model: Row, row: Row) -> bool:
    """Plan a candidate to the stored goal, if one is pending; see ``plan_goal``."""
    row.replan_wanted = 0
    if row.goal_pending == 0:
        return False
    row.candidate = NO_CANDIDATE
    path = row.path
    if is_resting(path, row.ltt_duration[row.active]):
        if _make_candidate(model, row, FROM_REST):
            return True
        row.goal_pending = 0
        row.refused_goals += 1
        return False
    at_full_speed = path[1] == 1.0 and path[2] == 0.0
    if (at_full_speed or row.attempts == 0) and _make_candidate(model, row, RESCALED):
        return True
    if not at_full_speed and _make_candidate(model, row, KEEP_SPEED):
        return True
    row.attempts = EAGER_ATTEMPTS
    row.retry_in = RETRY_CYCLES
    return False


@kernel
def set_goal(model: Row, row: Row, goal: NDArray[np.float64]) -> bool:
    """Take a new goal (n,) [rad] and plan a candidate to it; see ``plan_goal``."""
    for j in range(goal.shape[0]):
        row.goal[j] = goal[j]
    row.goal_pending = 1
    row.attempts = 0
    row.retry_in = 0
    return replan(model, row)


@kernel
def _set_goal(models: Rows, rows: Rows, i: int, goal: NDArray[np.float64]) -> bool:
    return set_goal(models[0], rows[i], goal)


@kernel
def _replan(models: Rows, rows: Rows, i: int) -> bool:
    return replan(models[0], rows[i])


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
    if goal is None:
        return bool(_replan(model.record, state.rows, i))
    if np.shape(goal) != state.goal[i].shape:
        raise MotionError(f"goal has shape {np.shape(goal)}, expected {state.goal[i].shape}")
    return bool(_set_goal(model.record, state.rows, i, np.asarray(goal, dtype=np.float64)))
