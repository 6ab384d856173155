"""What exactly refuted a proof: the pair, the contact that is not borne, the obstacle."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.reporting.decision import Array, Collision, Contact, Sets, Touch
from hrg_pipeline.reporting.decision_sets import Proposal
from hrg_pipeline.shield.box import box_gap, box_separation, face_gaps
from hrg_pipeline.shield.contacts import (
    CLAMPED,
    FREE,
    bearable,
    bodies_meet,
    body_meets_box,
    harm,
    link_meets_body,
    moves_away,
    segments_distance,
    speed_in_interval,
)
from hrg_pipeline.shield.model import INTERVALS, ISO
from hrg_pipeline.shield.sets import Node
from hrg_pipeline.shield.static import pair_separation, static_apart, static_suspects


def culprit_touch(proposal: Proposal) -> Touch:
    """The pair that refuted the last proof."""
    pair, first, _ = proposal.state.culprit[0].tolist()
    bodies, slots = len(proposal.model.proximal), len(proposal.model.capsule_link)
    return Touch(first // proposal.leaf, pair // (bodies * slots), (pair // bodies) % slots, pair % bodies)


def energies(proposal: Proposal) -> Array:
    """Bound of the kinetic energy in each interval (K,) [J]; ISO: of the speed of each capsule (K, L) [m/s]."""
    count = proposal.capsules if proposal.model.pfl_model == ISO else 1
    found = np.zeros((len(proposal.intervals), count))
    for k, edges in enumerate(proposal.intervals):
        node = proposal.node(*edges)
        for capsule in range(count):
            found[k, capsule] = _harm(proposal, node, capsule)
    return found if proposal.model.pfl_model == ISO else found[:, 0]


def worst_contact(proposal: Proposal, sets: Sets) -> Contact | None:
    """Of the contacts that may happen the one that is nearest to what the body part bears, if any may."""
    found = []
    for k, edges in enumerate(proposal.intervals):
        node = proposal.node(*edges)
        found += [_contact(proposal, node, Touch(k, *pair)) for pair in np.argwhere(sets.open[k]).tolist()]
    return max(found, key=lambda contact: contact.bound / contact.free, default=None)


def refused_contact(proposal: Proposal, sets: Sets) -> Contact:
    """The contact that refuted the last proof: one that is too hard even if free, or else one that may clamp."""
    culprit = culprit_touch(proposal)
    k = culprit.interval
    node = proposal.node(*proposal.intervals[k])
    touches = [culprit, *(Touch(k, *pair) for pair in np.argwhere(sets.open[k]).tolist())]
    contacts = [_contact(proposal, node, touch) for touch in touches]
    for contact in contacts:
        if not contact.bound <= contact.free:
            return contact
    proposal.state.meets[0] = -1
    for contact in contacts:
        if not contact.bound <= contact.clamped:
            behind = _behind(proposal, node, contact)
            if behind is not None:
                return behind
    return contacts[0]


def _harm(proposal: Proposal, node: Node, capsule: int) -> float:
    model, row = proposal.records
    return float(harm(model, row, proposal.slot, capsule, speed_in_interval(row, node[3], node[4])))


def _contact(proposal: Proposal, node: Node, touch: Touch) -> Contact:
    model = proposal.records[0]
    free, clamped = (float(bearable(model, touch.capsule, touch.body, kind)) for kind in (FREE, CLAMPED))
    return Contact(touch, _harm(proposal, node, touch.capsule), free, clamped)


def _behind(proposal: Proposal, node: Node, contact: Contact) -> Contact | None:
    """Find what a body part may be clamped against, in the order of ``contacts.may_clamp``."""
    (record, row), model, slot = proposal.records, proposal.model, proposal.slot
    touch = contact.touch
    axes, around = proposal.state.axes[0], proposal.state.around[0]
    axis, radius = axes[touch.capsule], float(around[touch.capsule])
    late = proposal.time - float(proposal.state.human_time[0, touch.person]) + model.delay + node[4]
    for link in range(proposal.capsules):
        if model.link_neighbour[touch.capsule, link] == 0:
            gap = segments_distance(axis, axes[link]) - radius - float(around[link])
            for last in _in_between(proposal, touch, gap, late):
                if link_meets_body(record, row, slot, node, touch.person, link, last):
                    return _clamped(contact, last, link=link)
    for box in range(int(model.n_boxes)):
        gap = box_gap(record, box, axis[0], axis[1]) - radius
        if not moves_away(record, row, slot, touch.capsule, box):
            for last in _in_between(proposal, touch, gap, late):
                if body_meets_box(record, row, touch.person, last, box, late):
                    return _clamped(contact, last, box=box)
    return None


def _in_between(proposal: Proposal, touch: Touch, gap: float, elapsed: float) -> list[int]:
    """Parts of the person that may fill a gap [m], with the touched one before them: that one comes first."""
    (record, row), model = proposal.records, proposal.model
    size = 2.0 * model.body_radius
    own = touch.body
    found = [own] if gap <= size[own] else []
    for last in np.flatnonzero((gap <= size[own] + size) & (model.body_neighbour[own] == 0)).tolist():
        if last != own and bodies_meet(record, row, touch.person, own, last, elapsed):
            found.append(last)
    return found


def _clamped(contact: Contact, last: int, link: int | None = None, box: int | None = None) -> Contact:
    through = None if last == contact.touch.body else last
    return Contact(contact.touch, contact.bound, contact.free, contact.clamped, link, box, through)


def find_collision(proposal: Proposal) -> Collision | None:
    """Find what of the robot is not proven to keep clear of what, and when first."""
    state, alpha = proposal.state, proposal.state.ltt_alpha[0, proposal.slot]
    model, row = proposal.records
    s = state.path_edges[0]
    pair_alpha = proposal.state.ltt_pair_alpha[0, proposal.slot]
    count = static_suspects(model, row, alpha, pair_alpha, float(s[INTERVALS] - s[0]))
    pairs, starts, normals = (
        array[0, :count].copy() for array in (state.static_pairs, state.static_start, state.static_normal)
    )
    for k, (first, last) in enumerate(proposal.intervals):
        ds = float(s[last] - s[first])
        for pair, start, normal in zip(pairs.tolist(), starts, normals, strict=True):
            # One pair after the other is looked at alone.
            state.static_pairs[0, 0], state.static_start[0, 0], state.static_normal[0, 0] = pair, start, normal
            if ds != 0.0 and not static_apart(model, row, first, last, 1, alpha, pair_alpha, ds):
                return _collision(proposal, k, pair, bool(np.isfinite(start)), ds)
    return None


def _collision(proposal: Proposal, k: int, pair: int, inside: bool, ds: float) -> Collision:
    model, state, record = proposal.model, proposal.state, proposal.records[0]
    edges = proposal.intervals[k]
    first, last = (state.points[0, edge] for edge in edges)
    radius, slots = state.capsule_radius[0], len(model.capsule_link)
    if pair < model.box_applies.size:
        box, a = pair // slots, pair % slots
        keep = radius[a] + state.ltt_alpha[0, proposal.slot, a] * ds * ds / 8.0 + model.static_margin
        gap = max(face_gaps(record, box, first[a], last[a])[1], box_separation(record, box, a, first, last))
        return Collision(k, a, box, None, float(keep - gap), inside)
    own = pair - model.box_applies.size
    a, b = (int(capsule) for capsule in model.self_pairs[own])
    bow = state.ltt_pair_alpha[0, proposal.slot, own] * ds * ds / 8.0
    keep = radius[a] + radius[b] - model.self_slack[own] + bow + model.static_margin
    return Collision(k, a, None, b, float(keep - pair_separation(record, proposal.records[1], own, *edges)), inside)
