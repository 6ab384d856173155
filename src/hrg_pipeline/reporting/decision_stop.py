"""The stop of one decision over time: path speed, joints and, with PFL, what a contact would meet."""

from __future__ import annotations

from typing import Any

import numpy as np

from hrg_pipeline.reporting.decision import Array, Decision, Plan
from hrg_pipeline.reporting.decision_replay import Found
from hrg_pipeline.reporting.decision_scene import ROBOT_SET, WORST
from hrg_pipeline.shield.contact_limits import CONTACT_TYPES
from hrg_pipeline.shield.contacts import CLAMPED, FREE
from hrg_pipeline.shield.model import ISO

SAFE, GREY = "#1E7A3C", "#444444"

_SAMPLES = 200
_MOST_LIMITS = 6
_LABEL = 0.09
"""Smallest distance of two labels, as a share of the axis."""
_DECADES = 2.0
"""How much of the energy is shown below its top."""


def draw_stop(axes: list[Any], decision: Decision) -> None:
    """Draw path speed, path acceleration and the joint speeds over the stop, and its intervals."""
    plans: list[tuple[str, str, Plan, float]] = []
    if decision.proposal is not None:
        colour = SAFE if decision.safe else WORST
        plans.append(("proposal", colour, decision.proposal, 0.0))
    if not decision.safe:
        plans.append(("stored plan, followed", GREY, decision.stored, min(decision.elapsed, decision.stored.total)))
    for name, colour, plan, begin in plans:
        line = "-" if plan is decision.proposal else "--"
        # A little of the standstill shows that it is one.
        times, path, speeds = _curves(plan, begin, plan.total + 0.004)
        for ax, values in zip(axes[:2], path.T, strict=True):
            ax.plot(1e3 * times, values, line, color=colour, linewidth=1.4, label=name)
        if plan is (decision.proposal if decision.safe else decision.stored):
            axes[2].plot(1e3 * times, speeds, linewidth=1.1)
    for ax, label in zip(axes, ("s'", "s'' [1/s]", "joints [rad/s]"), strict=False):
        ax.set_ylabel(label, fontsize=8)
    for ax in axes:
        _show_intervals(ax, decision)
        ax.tick_params(labelsize=7)
        ax.spines[["top", "right"]].set_visible(False)
        ax.sharex(axes[0])
    axes[0].set_title("the stop and its intervals", loc="left", fontsize=9)
    if plans:
        axes[0].legend(fontsize=7, frameon=False)
    axes[-1].set_xlabel("time from now [ms]", fontsize=8)


def draw_energy(ax: Any, found: Found) -> None:
    """Draw the bound of kinetic energy, or of speeds, over the stop against what the body parts in reach bear."""
    decision, iso = found.decision, found.model.pfl_model == ISO
    ax.set_ylabel("speed [m/s]" if iso else "energy [J]", fontsize=8)
    if decision.sets is None or decision.energy is None:
        ax.text(0.5, 0.5, "the proposal does not move", transform=ax.transAxes, fontsize=7, ha="center")
        return
    times, contact = 1e3 * decision.sets.times, decision.contact
    bound = decision.energy
    if iso:  # of the capsule that matters, or the fastest
        bound = bound.max(axis=1) if contact is None else bound[:, contact.touch.capsule]
    refused = decision.touch is not None
    decisive = []
    if contact is not None:
        decisive = [contact.clamped if contact.may_clamp else contact.free]
    top = 2.0 * max([float(bound.max()), *decisive])
    ax.set_yscale("log")
    ax.set_ylim(top * 10.0**-_DECADES, top)
    ax.stairs(bound, times, color=ROBOT_SET, linewidth=1.6, baseline=None)
    ax.stairs(bound, times, color=ROBOT_SET, alpha=0.15, fill=True, baseline=top * 10.0**-_DECADES)
    lines = _limits(found, top, decisive)
    place = -np.inf
    for limit, kind, names in lines:
        colour = WORST if refused and limit in decisive else GREY
        ax.axhline(limit, color=colour, linewidth=1.0, linestyle="-" if kind == FREE else "--")
        place = max(1.0 + np.log10(limit / top) / _DECADES + 0.015, place + _LABEL)
        look = {"fontsize": 6.5, "color": colour, "ha": "right", "va": "bottom"}
        paper = {"facecolor": "white", "alpha": 0.75, "pad": 0.4, "linewidth": 0}
        ax.text(0.985, place, f"{names} {limit:.2g}", transform=ax.transAxes, bbox=paper, **look)
    title = "bound, and what parts in reach bear" if lines else "bound; no part in reach has a limit this low"
    ax.set_title(title if decision.sets.open.any() else "bound; nobody in reach", loc="left", fontsize=8)


def _limits(found: Found, top: float, decisive: list[float]) -> list[tuple[float, int, str]]:
    """Limits that are shown of the body parts in reach, from low to high: value, FREE or CLAMPED, whose and how."""
    decision, model = found.decision, found.model
    assert decision.sets is not None
    iso = model.pfl_model == ISO
    whose: dict[tuple[float, int], list[str]] = {}
    touching: dict[tuple[float, int], set[str]] = {}
    for capsule, body in np.argwhere(decision.sets.open.any(axis=(0, 1))).tolist():
        contact = model.contact_type[capsule]
        for kind in (FREE, CLAMPED):
            limit = float(model.speed_limit[kind, body] if iso else model.energy_limit[kind, contact, body])
            names = whose.setdefault((limit, kind), [])
            touching.setdefault((limit, kind), set()).add("" if iso else CONTACT_TYPES[contact])
            name = found.names.human[body]
            if name not in names:
                names.append(name)
    low = top * 10.0**-_DECADES
    keys = sorted((key for key in whose if low < key[0] < 0.6 * top), key=lambda key: (key[0] not in decisive, key))
    shown = []
    for key in sorted(keys[:_MOST_LIMITS]):
        words = [_short(whose[key]), "clamped" if key[1] == CLAMPED else ""]
        if not iso and len(touching[key]) == 1:
            words.append(f"by {min(touching[key])}")
        shown.append((*key, " ".join(filter(None, words))))
    return shown


def _short(names: list[str]) -> str:
    """Join names, not too many of them."""
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _show_intervals(ax: Any, decision: Decision) -> None:
    if decision.sets is None:
        return
    times = 1e3 * decision.sets.times
    for time in times[1:-1]:
        ax.axvline(time, color="#DDDDDD", linewidth=0.7, zorder=0)
    if decision.touch is not None or decision.collision is not None:
        ax.axvspan(*times[decision.shown : decision.shown + 2], color=WORST, alpha=0.08, linewidth=0, zorder=0)


def _curves(plan: Plan, begin: float, end: float) -> tuple[Array, Array, Array]:
    """Times from now (m,) [s], s' and s'' (m, 2) and joint speeds (m, n) of a plan."""
    times = np.linspace(begin, max(end, begin), _SAMPLES)
    states = [plan.at(float(t)) for t in times]
    return times - begin, np.array([path[1:3] for path, _ in states]), np.array([joints[1] for _, joints in states])
