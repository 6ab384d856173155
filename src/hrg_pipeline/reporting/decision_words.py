"""One decision of the shield in words."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from hrg_pipeline.reporting.decision import SET_NAMES, Collision, Contact, Decision, Sets, Touch, smallest
from hrg_pipeline.shield.model import ISO, NO_STOP, OFF, ShieldModel

NOT_REFUSED = ("human_acceleration", "clear_at_start", "contact")
"""Assumptions whose violation is counted, and for which alone nothing is refused."""


class Names(NamedTuple):
    """What things are called."""

    robot: tuple[str, ...]
    """Capsules, the last one for a held object (L,)."""
    human: tuple[str, ...]
    """Bodies (B,)."""
    boxes: tuple[str, ...]
    """Obstacles (O,)."""
    people: int
    """How many people there are."""

    @classmethod
    def numbers(cls, model: ShieldModel) -> Self:
        """Number everything."""

        def numbered(kind: str, count: int) -> tuple[str, ...]:
            return tuple(f"{kind} {k}" for k in range(count))

        counts = len(model.capsule_link), len(model.proximal), len(model.box_pos)
        robot, human, boxes = map(numbered, ("capsule", "body", "box"), counts)
        return cls(robot, human, boxes, int(model.people))

    def body(self, body: int, person: int) -> str:
        """Name a part of a person."""
        return self.human[body] + (f" of person {person}" if self.people > 1 else "")

    def box(self, box: int) -> str:
        """Name an obstacle by what it is, not by its parts."""
        return "the " + self.boxes[box].split("/")[0].replace("_", " ")


def describe(decision: Decision, model: ShieldModel, names: Names) -> str:
    """Say in words why the verdict is what it is.

    Args:
        decision: The decision, but for its reason.
        model: The shield's model.
        names: What things are called.
    """
    return _released(decision, model, names) if decision.safe else _refused(decision, model, names)


def _released(decision: Decision, model: ShieldModel, names: Names) -> str:
    sets = decision.sets
    if decision.mode == OFF:
        touching = sets is not None and bool(sets.open.any())
        return f"the shield is off: released unchecked; the sets {'overlap' if touching else 'do not overlap'}"
    if sets is None:
        return "the proposal does not move, and standstill is safe"
    if decision.contact is not None:
        return _borne_contact(decision.contact, sets, model, names)
    person, capsule, body = smallest(sets.margin)
    apart = f"closest {names.robot[capsule]} and {names.body(body, person)}, {1e3 * sets.margin.min():.0f} mm apart"
    return f"all pairs are proven apart until standstill; {apart}"


def _refused(decision: Decision, model: ShieldModel, names: Names) -> str:
    sets = decision.sets
    if sets is not None and decision.collision is not None:
        return _collision(decision.collision, sets, model, names)
    if sets is not None and decision.touch is not None:
        if decision.contact is not None:
            return _refused_contact(decision.contact, sets, model, names)
        return _touch(decision.touch, sets, names)
    if decision.verdict == NO_STOP:
        return "no stop within the limits exists from the intended motion"
    return f"assumption violated: {', '.join(name for name in decision.broken if name not in NOT_REFUSED)}"


def _interval(k: int, sets: Sets) -> str:
    count, times = len(sets.radii), 1e3 * sets.times
    return f"in interval {k + 1} of {count} ({times[k]:.0f} to {times[k + 1]:.0f} ms)"


def _touch(touch: Touch, sets: Sets, names: Names) -> str:
    k, person, capsule, body = touch.interval, touch.person, touch.capsule, touch.body
    overlaps = -1e3 * sets.by_set[:, k, person, capsule, body]
    tried = [f"{name} {mm:.1f}" for name, mm in zip(SET_NAMES, overlaps, strict=True) if np.isfinite(mm)]
    others = int(sets.open[k].sum()) - 1
    more = "; one more pair does too" if others == 1 else f"; {others} more pairs do too" if others > 0 else ""
    return (
        f"{names.robot[capsule]} may touch {names.body(body, person)} {_interval(k, sets)}: "
        f"sets overlap by {overlaps.min():.1f} mm ({', '.join(tried)}){more}"
    )


def _amount(value: float, model: ShieldModel) -> str:
    return f"{value:.3f} m/s" if model.pfl_model == ISO else f"{value:.4f} J"


def _refused_contact(contact: Contact, sets: Sets, model: ShieldModel, names: Names) -> str:
    touch = contact.touch
    link, body = names.robot[touch.capsule], names.body(touch.body, touch.person)
    when, bound = _interval(touch.interval, sets), _amount(contact.bound, model)
    if not contact.may_clamp:
        limit = _amount(contact.free, model)
        return f"{link} may hit {body}, free to give way, {when} with up to {bound}; it bears {limit}"
    limit, where = _amount(contact.clamped, model), _behind(contact, link, names)
    return f"{link} may clamp {body} {where} {when} with up to {bound}; clamped it bears {limit}"


def _behind(contact: Contact, link: str, names: Names) -> str:
    """Say what a body part may be clamped against."""
    thing = names.robot[contact.link] if contact.link is not None else names.box(contact.box or 0)
    if contact.through is not None:
        return f"against {names.human[contact.through]}, with {thing} behind that,"
    return f"between {link} and {thing}" if contact.link is not None else f"against {thing}"


def _borne_contact(contact: Contact, sets: Sets, model: ShieldModel, names: Names) -> str:
    touch = contact.touch
    how = "even clamped" if contact.bound <= contact.clamped else "and cannot be clamped"
    limit = contact.clamped if contact.bound <= contact.clamped else contact.free
    return (
        f"whoever may be touched bears it; hardest {names.robot[touch.capsule]} on "
        f"{names.body(touch.body, touch.person)} {_interval(touch.interval, sets)} with up to "
        f"{_amount(contact.bound, model)}: it bears {_amount(limit, model)} {how}"
    )


def _collision(collision: Collision, sets: Sets, model: ShieldModel, names: Names) -> str:
    thing = names.robot[collision.link] if collision.link is not None else names.box(collision.box or 0)
    when = _interval(collision.interval, sets)
    inside = "; it is closer than that already, and does not go out" if collision.inside else ""
    return (
        f"{names.robot[collision.capsule]} may come closer than {1e3 * model.static_margin:.0f} mm to {thing} {when}: "
        f"{1e3 * collision.missing:.1f} mm are missing{inside}"
    )
