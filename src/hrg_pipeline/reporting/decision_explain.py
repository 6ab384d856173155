"""One decision of the shield, decided once more on a copy of what it remembers, and explained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hrg_pipeline.physics.records import columns
from hrg_pipeline.reporting.decision import Array, Decision, Measured, Plan
from hrg_pipeline.reporting.decision_refusal import (
    culprit_touch,
    energies,
    find_collision,
    refused_contact,
    worst_contact,
)
from hrg_pipeline.reporting.decision_sets import distances, find_sets, lay_out
from hrg_pipeline.reporting.decision_words import Names, describe
from hrg_pipeline.shield.model import ASSUMPTIONS, HUMAN, NO_CANDIDATE, OBSTACLE, PFL, ShieldModel
from hrg_pipeline.shield.path import propose_plan
from hrg_pipeline.shield.reach import place_capsules
from hrg_pipeline.shield.shield import step_shield
from hrg_pipeline.shield.state import ShieldState


def explain(model: ShieldModel, state: ShieldState, i: int, measured: Measured, names: Names | None = None) -> Decision:
    """Say what ``step_shield`` decides in the cycle that starts now, and why; nothing is changed.

    The verdict is the shield's own, from a copy of its memory.

    Args:
        model: The shield's model.
        state: The shield's memory before the cycle.
        i: Environment.
        measured: What the shield is told.
        names: Names of everything; default numbers.

    Returns:
        The decision.
    """
    rows = state.rows[i : i + 1].copy()
    own = ShieldState(**columns(rows), rows=rows)
    violations, anchors, active = own.violations[0].copy(), int(own.reanchors[0]), int(own.active[0])
    slot = active if own.candidate[0] == NO_CANDIDATE else 1 - active
    told = (measured.time, measured.human_pos, measured.human_time, measured.q, measured.dq)
    step_shield(model, own, 0, *told)
    before = state, i
    if own.reanchors[0] != anchors:  # the robot was stuck, and rest where it is became its plan
        slot, before = active, (own, 0)
    proposal = _proposal(model, own, slot)
    now = _capsules(model, own, measured.q if np.isfinite(measured.q).all() else state.command[i, 0])
    radius = own.capsule_radius[0, : len(now)].copy()
    decision = Decision(
        mode=int(own.mode[0]),
        verdict=int(own.verdict[0]),
        measured=measured,
        age=np.maximum(measured.time - own.human_time[0], 0.0) + model.delay,
        broken=tuple(ASSUMPTIONS[k] for k in np.flatnonzero(own.violations[0] > violations)),
        proposal=proposal,
        stored=_stored(*before, active),
        elapsed=float(before[0].plan_elapsed[before[1]]),
        now=now,
        radius=radius,
        gaps=_gaps(model, now, radius, measured.human_pos),
        sets=None,
    )
    if proposal is not None and np.isfinite(own.human_time[0]).all():
        decision = _with_sets(decision, model, own, slot, proposal)
    return replace(decision, reason=describe(decision, model, names or Names.numbers(model)))


def _with_sets(decision: Decision, model: ShieldModel, own: ShieldState, slot: int, plan: Plan) -> Decision:
    """Add the sets, and what refuted the proof."""
    proposal = lay_out(model, own, slot, decision.measured.time, plan)
    edges = own.path_edges[0]
    if edges[0] == edges[-1]:
        return decision
    sets = find_sets(proposal)
    if decision.verdict == OBSTACLE:
        decision = replace(decision, collision=find_collision(proposal))
    if decision.mode == PFL:
        refused = decision.verdict == HUMAN
        contact = refused_contact(proposal, sets) if refused else worst_contact(proposal, sets)
        touch = contact.touch if refused and contact is not None else None
        return replace(decision, sets=sets, contact=contact, touch=touch, energy=energies(proposal))
    return replace(decision, sets=sets, touch=culprit_touch(proposal) if decision.verdict == HUMAN else None)


def _proposal(model: ShieldModel, own: ShieldState, slot: int) -> Plan | None:
    """The plan that was proposed last; None if there is no stop within the limits."""
    start, phases = np.zeros(3), np.zeros(own.plan_phases[0].shape)
    s, v, a = own.proposal_start[0].tolist()
    a_max, j_max = own.ltt_limits[0, slot].tolist()
    total = propose_plan(s, v, a, a_max, j_max, model.sample_time, start, phases)
    return Plan(start, phases, float(total), own.ltt[0, slot].copy()) if total >= 0.0 else None


def _stored(state: ShieldState, i: int, slot: int) -> Plan:
    """The plan that is followed where the proposal is not proven."""
    start, phases = state.plan_start[i].copy(), state.plan_phases[i].copy()
    return Plan(start, phases, float(state.plan_total[i]), state.ltt[i, slot].copy())


def _capsules(model: ShieldModel, own: ShieldState, q: Array) -> Array:
    """Ends of the robot's capsules in a configuration (n,) [rad]: (L, 2, 3) [m], world."""
    points = np.zeros((len(model.capsule_link), 2, 3))
    place_capsules(model.record[0], own.rows[0], np.ascontiguousarray(q), points)
    return points[: int(own.n_capsules[0])]


def _gaps(model: ShieldModel, now: Array, radius: Array, human_pos: Array) -> Array:
    """Distances of capsules and bodies, real radii (P, L, B) [m]; inf where a person is not measured."""
    apart = [distances(now, np.ascontiguousarray(pos), model.proximal, model.distal) for pos in human_pos]
    return np.nan_to_num(np.array(apart) - radius[:, None] - model.body_radius, nan=np.inf)
