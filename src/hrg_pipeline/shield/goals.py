"""Planning a candidate trajectory to a goal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import MotionError
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.shield.model import FROM_REST, KEEP_SPEED, NO_CANDIDATE, RESCALED, ShieldModel, ShieldState
from hrg_pipeline.shield.path import path_limits, propose_plan
from hrg_pipeline.shield.reach import curvature_bounds
from hrg_pipeline.shield.shield import EAGER_ATTEMPTS, RETRY_CYCLES
from hrg_pipeline.shield.trajectory import LIM_A, LIM_J, build_ltt, ltt_at, planner_for, within_limits


@kernel
def store_candidate(
    start: NDArray[np.float64],
    phases: NDArray[np.float64],
    goal: NDArray[np.float64],
    limits: NDArray[np.float64],
    rho: NDArray[np.float64],
    speed: tuple[float, float],
    sample_time: float,
    ltt: NDArray[np.float64],
    ltt_limits: NDArray[np.float64],
    ltt_alpha: NDArray[np.float64],
) -> float:
    """Turn jerk phases into a trajectory with its path limits and curvature bounds, or refuse it.

    Args:
        start: ``q, q_s, q_ss`` (3, n).
        phases: Durations and jerks (2, n, MOVING_PHASES).
        goal: (n,) [rad].
        limits: ``ShieldModel.limits`` (n, 7).
        rho: ``ShieldModel.rho`` (L, n).
        speed: ``(s', s'')`` that it would start with.
        sample_time: [s].
        ltt: (n, LTT_PHASES, 5), written.
        ltt_limits: A, J (2,), written.
        ltt_alpha: (L,), written.

    Returns:
        Duration [s]; NaN if it breaks a limit, misses the goal, or cannot be started at that speed.
    """
    extremes = np.empty((goal.shape[0], 5))
    duration = build_ltt(start, phases[0], phases[1], ltt, extremes)
    if not np.isfinite(duration) or not within_limits(goal, ltt, extremes, limits):
        return np.nan
    a_max, j_max = path_limits(extremes[:, 2], extremes[:, 3], extremes[:, 4], limits[:, LIM_A], limits[:, LIM_J])
    ltt_limits[0] = a_max
    ltt_limits[1] = j_max
    curvature_bounds(rho, extremes[:, 2], extremes[:, 3], ltt_alpha)
    scratch = np.empty(3)
    plan = np.empty((7, 2))
    if propose_plan(0.0, speed[0], speed[1], a_max, j_max, sample_time, scratch, plan) < 0.0:
        return np.nan
    return duration


def _make_candidate(model: ShieldModel, state: ShieldState, i: int, mode: int) -> bool:
    """Plan one candidate into the slot that is not in use; False if there is none of this kind."""
    active = int(state.active[i])
    slot = 1 - active
    command = state.command[i]
    start = np.zeros((3, command.shape[1]))
    speed = (1.0, 0.0)
    if mode == FROM_REST:
        start[0] = command[0]
    elif mode == RESCALED:
        start[:] = command[:3]
    else:
        values = np.empty_like(command)
        ltt_at(state.ltt[i, active], state.path[i, 0], values)
        start[:] = values[:3]
        speed = (float(state.path[i, 1]), float(state.path[i, 2]))
    goal = state.goal[i]
    phases = planner_for(model.limits).plan(start, goal)
    if phases is None:
        return False
    duration = store_candidate(
        start,
        phases,
        goal,
        model.limits,
        model.rho,
        speed,
        model.sample_time,
        state.ltt[i, slot],
        state.ltt_limits[i, slot],
        state.ltt_alpha[i, slot],
    )
    if not np.isfinite(duration):
        return False
    state.ltt_duration[i, slot] = duration
    state.candidate_start[i] = speed
    state.candidate[i] = mode
    return True


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
