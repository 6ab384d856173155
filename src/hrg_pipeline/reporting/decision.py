"""One decision of the shield: what led to it, and the verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.shield.model import INTERVALS, OFF
from hrg_pipeline.shield.path import path_state
from hrg_pipeline.shield.shield import command_at

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """What the shield was told at the start of a cycle."""

    time: float
    """Now [s]."""
    human_pos: Array
    """Joints of the human (J, 3) [m], world."""
    human_time: float
    """When they were true [s]."""
    q: Array
    """Joint angles of the robot (n,) [rad]."""
    dq: Array
    """Their speeds (n,) [rad/s]."""


@dataclass(frozen=True)
class Plan:
    """A motion along a trajectory that ends at standstill."""

    start: Array
    """s, s', s'' (3,)."""
    phases: Array
    """(PLAN_PHASES, 2): durations [s] and jerks [1/s²]."""
    total: float
    """Its duration [s]."""
    ltt: Array
    """The trajectory (n, LTT_PHASES, 5)."""

    def at(self, t: float) -> tuple[tuple[float, float, float, float], Array]:
        """Return ``s, s', s'', s'''`` and ``q, q', q'', q'''`` (4, n) after ``t`` seconds."""
        joints, out = np.zeros((4, len(self.ltt))), np.zeros((4, len(self.ltt)))
        path = path_state(self.start, self.phases, self.total, t)
        command_at(self.ltt, path, joints, out)
        return path, out


@dataclass(frozen=True)
class Sets:
    """What robot and human may reach until standstill: K intervals of equal length, L and B capsules."""

    ends: Array
    """Robot's capsules at the edges of the intervals (K + 1, L, 2, 3) [m]."""
    axes: Array
    """Robot's sets: ends of their axes (K, L, 2, 3) [m]."""
    radii: Array
    """Robot's sets: their radii, allowance included (K, L) [m]."""
    human_radii: Array
    """Human's sets, around the measured joints: their radii (K, B) [m]."""
    moves: NDArray[np.bool_]
    """In which intervals the robot moves (K,)."""
    clearance: Array
    """Distance of the sets of each pair in each interval (K, L, B) [m]; negative where they overlap."""
    whole: Array
    """The same with the whole horizon as one interval (L, B) [m]."""

    @property
    def open_pairs(self) -> NDArray[np.bool_]:
        """Pairs that the whole horizon does not prove apart, which are looked at again in intervals (L, B)."""
        return ~(self.whole > 0.0)

    @property
    def overlaps(self) -> NDArray[np.bool_]:
        """Pairs that may touch, by interval (K, L, B)."""
        return ~(self.clearance > 0.0) & self.open_pairs & self.moves[:, None, None]


@dataclass(frozen=True)
class Decision:
    """A verdict and everything that led to it."""

    mode: int
    """OFF or SSM."""
    measured: Measured
    age: float
    """Time since the measured joints were true, at most [s]."""
    broken: tuple[str, ...]
    """Assumptions that are violated."""
    proposal: Plan | None
    """One sample of the intended motion and a stop after it; None where there is none within the limits."""
    stored: Plan
    """The plan that was proven before and is followed if the proposal is not proven."""
    elapsed: float
    """How much of the stored plan is over [s]."""
    now: Array
    """Robot's capsules where they are measured (L, 2, 3) [m]."""
    gaps: Array
    """Distance now of each robot capsule and each body, real radii (L, B) [m]."""
    sets: Sets | None
    """None where the proposal does not move, or cannot be computed."""
    safe: bool
    """The verdict."""
    reason: str
    """Why, in words."""

    @property
    def nearest(self) -> tuple[int, int]:
        """Robot capsule and human body that are nearest now."""
        return smallest(self.gaps)

    @property
    def failing(self) -> tuple[int, int, int] | None:
        """Interval, robot capsule and human body that refuted the proof: the worst of the first interval."""
        if self.sets is None or not self.sets.overlaps.any():
            return None
        k = int(np.flatnonzero(self.sets.overlaps.any(axis=(1, 2)))[0])
        return k, *smallest(np.where(self.sets.overlaps[k], self.sets.clearance[k], np.inf))


def smallest(values: Array) -> tuple[int, int]:
    """Return the indices of the smallest value of an array (m, n)."""
    k, b = np.unravel_index(int(np.argmin(values)), values.shape)
    return int(k), int(b)


def describe(decision: Decision, robot: Sequence[str], human: Sequence[str]) -> str:
    """Say in words why the verdict is what it is.

    Args:
        decision: The decision, but for its reason.
        robot: Names of the robot's capsules (L,).
        human: Names of the bodies (B,).
    """
    if decision.proposal is None:
        return "no stop within the limits exists from the intended motion"
    if "plan_consistent" in decision.broken:
        return "the proposal does not continue the present command within the limits (plan_consistent)"
    if decision.mode == OFF:
        touching = decision.sets is not None and bool(decision.sets.overlaps.any())
        return f"the shield is off: released unchecked; its sets {'overlap' if touching else 'do not overlap'}"
    if decision.broken:
        return f"assumption violated: {', '.join(decision.broken)}"
    if decision.sets is None:
        return "the proposal does not move, and standstill is safe"
    return _describe_sets(decision, decision.sets, robot, human)


def _describe_sets(decision: Decision, sets: Sets, robot: Sequence[str], human: Sequence[str]) -> str:
    """Say which pair refuted the proof, or came closest to it."""
    total = 0.0 if decision.proposal is None else decision.proposal.total
    if decision.failing is not None:
        k, capsule, body = decision.failing
        step = 1e3 * total / INTERVALS
        others = int(sets.overlaps[k].sum()) - 1
        more = "; one more pair does too" if others == 1 else f"; {others} more pairs do too" if others else ""
        overlap = -1e3 * sets.clearance[k, capsule, body]
        return (
            f"{robot[capsule]} may touch {human[body]} in interval {k + 1} of {INTERVALS} "
            f"({k * step:.0f} to {(k + 1) * step:.0f} ms): sets overlap by {overlap:.0f} mm{more}"
        )
    if not sets.open_pairs.any():
        capsule, body = smallest(sets.whole)
        margin = 1e3 * sets.whole[capsule, body]
        names = f"{robot[capsule]} and {human[body]}"
        return f"all pairs apart over the whole horizon; closest {names}, {margin:.0f} mm apart"
    closest = np.where(sets.open_pairs & sets.moves[:, None, None], sets.clearance, np.inf)
    k = int(closest.min(axis=(1, 2)).argmin())
    capsule, body = smallest(closest[k])
    return (
        f"{int(sets.open_pairs.sum())} pairs proven apart in {INTERVALS} intervals; closest {robot[capsule]} and "
        f"{human[body]} in interval {k + 1}, {1e3 * closest[k, capsule, body]:.0f} mm apart"
    )
