"""One decision of the shield once more, slow and obvious, from what it remembers and is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import HrgError
from hrg_pipeline.reporting.decision import Decision, Measured, Plan, Sets, describe
from hrg_pipeline.shield.checks import continues_within_limits
from hrg_pipeline.shield.model import INTERVALS, MODES, NO_CANDIDATE, OFF, SSM, ShieldModel
from hrg_pipeline.shield.path import path_state, propose_plan
from hrg_pipeline.shield.reach import capsule_ends, forward_kinematics, human_growth
from hrg_pipeline.shield.shield import command_at
from hrg_pipeline.shield.state import ShieldState
from hrg_pipeline.shield.trajectory import ltt_at

Array = NDArray[np.float64]

_TIME_EPS = 1e-9


def explain(
    model: ShieldModel,
    state: ShieldState,
    i: int,
    measured: Measured,
    robot_names: Sequence[str] | None = None,
    human_names: Sequence[str] | None = None,
) -> Decision:
    """Say what ``step_shield`` will decide in the cycle that starts now, and why; nothing is changed.

    Args:
        model: The shield's model.
        state: The shield's memory before the cycle.
        i: Environment.
        measured: What the shield is told.
        robot_names: Names of the robot's capsules (L,); default their numbers.
        human_names: Names of the bodies (B,); default their numbers.

    Returns:
        The decision.

    Raises:
        HrgError: The shield's mode is none that is known here.
    """
    if model.mode not in (OFF, SSM):
        names = {number: name for name, number in MODES.items()}
        raise HrgError(f"a shield of type {names.get(model.mode, model.mode)} cannot be explained; only OFF and SSM")
    broken = [*_broken_human(model, state, i, measured), *_broken_robot(model, state, i, measured)]
    proposal = _propose(model, state, i)
    consistent = proposal is not None and _continues(model, state, i, proposal)
    if proposal is not None and not consistent:
        broken.append("plan_consistent")
    age = max(measured.time - measured.human_time, 0.0) + model.delay
    now = robot_capsules(model, measured.q)
    human = _human_axes(model, measured.human_pos)
    gaps = segment_distances(now, human) - model.capsule_radius[:, None] - model.body_radius
    sets = None
    if proposal is not None and np.isfinite(gaps).all() and np.isfinite(age):
        sets = _sets(model, proposal, state.ltt_duration[i, _slot(state, i)], _alpha(state, i), human, age)
    if model.mode == OFF:
        safe = consistent
    else:
        safe = consistent and not broken and (sets is None or not sets.overlaps.any())
    stored_ltt = state.ltt[i, state.active[i]].copy()
    stored = Plan(state.plan_start[i].copy(), state.plan_phases[i].copy(), float(state.plan_total[i]), stored_ltt)
    decision = Decision(
        mode=int(model.mode),
        measured=measured,
        age=age,
        broken=tuple(broken),
        proposal=proposal,
        stored=stored,
        elapsed=float(state.plan_elapsed[i]),
        now=now,
        gaps=gaps,
        sets=sets,
        safe=bool(safe),
        reason="",
    )
    labels = (
        tuple(robot_names or (f"capsule {k}" for k in range(len(now)))),
        tuple(human_names or (f"body {b}" for b in range(len(human)))),
    )
    return replace(decision, reason=describe(decision, *labels))


def robot_capsules(model: ShieldModel, q: Array) -> Array:
    """Return the ends of the robot's capsules in a configuration (n,) [rad]: (L, 2, 3) [m], world."""
    frames, ends = np.zeros((len(q), 4, 3)), np.zeros((len(model.capsule_link), 2, 3))
    forward_kinematics(model.base_pos, model.base_rot, model.joint_pos, model.joint_rot, q, frames)
    capsule_ends(frames, model.capsule_link, model.capsule_ends, ends)
    return ends


def segment_distances(first: Array, second: Array) -> Array:
    """Distances of all segments (L, 2, 3) to all others (B, 2, 3): (L, B), same unit.

    The distance of two segments is taken at an end of one of them, or where both lines are nearest to each other.
    """
    p, u = first[:, None, 0], first[:, None, 1] - first[:, None, 0]
    q, v = second[None, :, 0], second[None, :, 1] - second[None, :, 0]
    w = p - q
    a, b, c, d, e = ((x * y).sum(-1) for x, y in ((u, u), (u, v), (v, v), (u, w), (v, w)))
    zero, one = np.zeros_like(b), np.ones_like(b)
    with np.errstate(divide="ignore", invalid="ignore"):

        def on(x: Array, length: Array) -> Array:
            return np.where(length > 1e-24, np.clip(x / length, 0.0, 1.0), 0.0)

        crossing = np.where(a * c - b * b > 1e-14 * a * c, np.clip((b * e - c * d) / (a * c - b * b), 0.0, 1.0), 0.0)
        crossing_y = on(b * crossing + e, c)
        candidates = (
            (zero, on(e + zero, c)),
            (one, on(e + b, c)),
            (on(zero - d, a), zero),
            (on(b - d, a), one),
            (on(b * crossing_y - d, a), crossing_y),
        )
    values = [np.linalg.norm(w + x[..., None] * u - y[..., None] * v, axis=-1) for x, y in candidates]
    return np.asarray(np.min(values, axis=0))


def _human_axes(model: ShieldModel, pos: Array) -> Array:
    """Axes of the human's capsules (B, 2, 3) [m]."""
    return np.stack([pos[model.proximal], pos[model.distal]], axis=1)


def _slot(state: ShieldState, i: int) -> int:
    """Trajectory slot that the proposal runs on: the candidate's, if there is one."""
    return int(state.active[i] if state.candidate[i] == NO_CANDIDATE else 1 - state.active[i])


def _alpha(state: ShieldState, i: int) -> Array:
    return np.asarray(state.ltt_alpha[i, _slot(state, i)])


def _broken_human(model: ShieldModel, state: ShieldState, i: int, measured: Measured) -> list[str]:
    """Assumptions about the measurement of the human that are violated."""
    finite = np.isfinite(measured.human_pos).all() and np.isfinite(measured.human_time) and np.isfinite(measured.time)
    if not finite:
        return ["measurement_finite"]
    broken = []
    if not -_TIME_EPS <= measured.time - measured.human_time <= model.delay + model.age_tolerance + _TIME_EPS:
        broken.append("measurement_fresh")
    if np.isfinite(state.human_time[i]):
        dt = measured.human_time - state.human_time[i]
        moved = np.linalg.norm(measured.human_pos - state.human_pos[i], axis=1)
        reach = model.human_v_max * max(dt, 0.0) + 2.0 * model.measurement_error + model.jump_tolerance
        if dt < -_TIME_EPS or (moved > reach).any():
            broken.append("human_speed")
    return broken


def _broken_robot(model: ShieldModel, state: ShieldState, i: int, measured: Measured) -> list[str]:
    """Assumptions about the robot's measured state that are violated."""
    if not (np.isfinite(measured.q).all() and np.isfinite(measured.dq).all()):
        return ["robot_state_finite"]
    off = robot_capsules(model, measured.q) - robot_capsules(model, state.command[i, 0])
    return [] if np.linalg.norm(off, axis=-1).max() <= model.tracking_error else ["tracking"]


def _propose(model: ShieldModel, state: ShieldState, i: int) -> Plan | None:
    """One sample of the intended motion, then the stop."""
    slot = _slot(state, i)
    s, v, a = state.path[i, :3]
    if state.candidate[i] != NO_CANDIDATE:
        s, (v, a) = 0.0, state.candidate_start[i]
    start, phases = np.zeros(3), np.zeros(state.plan_phases[i].shape)
    a_max, j_max = state.ltt_limits[i, slot]
    total = propose_plan(s, v, a, a_max, j_max, model.sample_time, start, phases)
    return Plan(start, phases, float(total), state.ltt[i, slot].copy()) if total >= 0.0 else None


def _continues(model: ShieldModel, state: ShieldState, i: int, proposal: Plan) -> bool:
    """Whether the proposal continues the present command and keeps all limits in its next sample."""
    now = np.ascontiguousarray(state.command[i])
    first, joints = now, np.zeros_like(now)
    if _slot(state, i) != state.active[i]:
        first = np.zeros_like(now)
        s, v, a = (float(x) for x in proposal.start)
        command_at(proposal.ltt, (s, v, a, 0.0), joints, first)
    _, following = proposal.at(model.sample_time)
    return bool(continues_within_limits(model.limits, now, first, following))


def _sets(model: ShieldModel, plan: Plan, end: float, alpha: Array, human: Array, age: float) -> Sets | None:
    """Sets of robot and human over the proposal, or None if it does not move."""
    times = plan.total * np.arange(INTERVALS + 1) / INTERVALS
    s = np.array([min(path_state(plan.start, plan.phases, plan.total, t)[0], end) for t in times])
    s[0] = min(plan.start[0], end)
    if s[-1] == s[0]:
        return None
    joints = np.zeros((4, len(plan.ltt)))
    ends = []
    for value in s:
        ltt_at(plan.ltt, value, joints)
        ends.append(robot_capsules(model, joints[0]))
    points = np.array(ends)
    axes, radii = _swept(model, points[:-1], points[1:], alpha, np.diff(s))
    whole_axes, whole_radii = _swept(model, points[:1], points[-1:], alpha, s[-1:] - s[:1])
    grown = np.array([_grown(model, age + t) for t in times[1:]])
    clearance = np.array([segment_distances(axes[k], human) - radii[k][:, None] - grown[k] for k in range(INTERVALS)])
    whole = segment_distances(whole_axes[0], human) - whole_radii[0][:, None] - grown[-1]
    return Sets(points, axes, radii, grown, np.diff(s) != 0.0, clearance, whole)


def _swept(model: ShieldModel, before: Array, after: Array, alpha: Array, ds: Array) -> tuple[Array, Array]:
    """Capsules (K, L, 2, 3), (K, L) that hold the robot's while they go from ``before`` to ``after`` (K, L, 2, 3)."""
    half_chord = 0.5 * np.linalg.norm(after - before, axis=-1).max(axis=-1)
    bow = alpha * ds[:, None] ** 2 / 8.0
    return 0.5 * (before + after), half_chord + bow + model.capsule_radius + model.allowance


def _grown(model: ShieldModel, elapsed: float) -> Array:
    """Radii of the human's sets after some time (B,) [m]."""
    growth = [
        human_growth(model.human_v_max, a, b, elapsed, model.measurement_error)
        for a, b in zip(model.proximal, model.distal, strict=True)
    ]
    return np.asarray(model.body_radius + np.array(growth))
