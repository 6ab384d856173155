"""One decision of the shield: what led to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.shield.model import SAFE
from hrg_pipeline.shield.path import path_state
from hrg_pipeline.shield.shield import command_at

Array = NDArray[np.float64]

SET_NAMES = ("VEL", "COMBINED", "POS")
"""The sets that a body part is proven to be in: by speeds, by accelerations too, by the length of its limb."""
VEL, COMBINED, POS = range(len(SET_NAMES))


@dataclass(frozen=True)
class Measured:
    """What the shield was told at the start of a cycle."""

    time: float
    """Now [s]."""
    human_pos: Array
    """Joints of the people (P, J, 3) [m], world."""
    human_time: Array
    """When they were true (P,) [s]."""
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
    """What robot and people may reach until standstill: K intervals of equal length, L capsules, P people, B bodies."""

    times: Array
    """Edges of the intervals, from now (K + 1,) [s]."""
    axes: Array
    """Robot's sets: ends of their axes (K, L, 2, 3) [m]."""
    radii: Array
    """Their radii, allowance included (K, L) [m]."""
    human_pos: Array
    """Joints that the people's sets are around (P, J, 3) [m]."""
    vel_radii: Array
    """VEL sets, around the bodies (K, P, B) [m]."""
    combined: Array
    """COMBINED sets: two balls, whose hull they are (K, P, B, 2, 4) [m]; NaN where they are not used."""
    by_set: Array
    """Distance of the sets of each pair, by ``SET_NAMES`` (3, K, P, L, B) [m]; negative: overlap; -inf: not used."""
    open: NDArray[np.bool_]
    """Pairs that nothing proves apart in an interval, nor in one around it (K, P, L, B)."""
    margin: Array
    """How far apart each pair is proven to be until standstill (P, L, B) [m]."""

    @property
    def clearance(self) -> Array:
        """Distance of the sets of each pair, the best one (K, P, L, B) [m]."""
        return np.asarray(self.by_set.max(axis=0))


@dataclass(frozen=True)
class Touch:
    """A robot's capsule that may touch a part of a person in an interval."""

    interval: int
    person: int
    capsule: int
    body: int


@dataclass(frozen=True)
class Contact:
    """What power and force limiting says of a touch."""

    touch: Touch
    bound: float
    """Kinetic energy [J], or speed (``iso_ts_15066``) [m/s], that the robot may have."""
    free: float
    """What the body part bears if it can give way, same unit."""
    clamped: float
    """What it bears clamped."""
    link: int | None = None
    """Capsule between which and the touching one it may be clamped."""
    box: int | None = None
    """Obstacle that it may be clamped against."""
    through: int | None = None
    """Another part of the person that lies between."""

    @property
    def may_clamp(self) -> bool:
        """Whether there is something that it may be clamped against."""
        return self.link is not None or self.box is not None


@dataclass(frozen=True)
class Collision:
    """A robot's capsule that is not proven to keep clear of an obstacle, or of another one, in an interval."""

    interval: int
    capsule: int
    box: int | None
    link: int | None
    missing: float
    """By how much the proven distance falls short of the margin [m]."""
    inside: bool
    """Whether it is closer than the margin already at the start."""


@dataclass(frozen=True)
class Decision:
    """A verdict and everything that led to it."""

    mode: int
    """OFF, SSM or PFL."""
    verdict: int
    """Index into ``shield.model.VERDICTS``."""
    measured: Measured
    age: Array
    """Time since each person's believed measurement was true, at most (P,) [s]."""
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
    radius: Array
    """Their radii (L,) [m]."""
    gaps: Array
    """Distance now of each robot capsule and each body, real radii (P, L, B) [m]."""
    sets: Sets | None
    """None where the proposal does not move, or cannot be computed."""
    touch: Touch | None = None
    """The pair that refuted the proof."""
    contact: Contact | None = None
    """PFL: the contact that refuted the proof, or of those that may happen the one nearest to its limit."""
    collision: Collision | None = None
    """The obstacle that refuted the proof."""
    energy: Array | None = None
    """PFL: bound of the kinetic energy [J] (K,), or of the speed of each capsule [m/s] (K, L)."""
    reason: str = ""
    """Why, in words."""

    @property
    def safe(self) -> bool:
        """Whether the proposal is released."""
        return self.verdict == SAFE

    @property
    def shown(self) -> int:
        """Interval to look at: the one that refuted the proof, or else the last."""
        if self.collision is not None:
            return self.collision.interval
        if self.touch is not None:
            return self.touch.interval
        return 0 if self.sets is None else len(self.sets.radii) - 1

    @property
    def nearest(self) -> tuple[int, int, int]:
        """Person, robot capsule and body that are nearest now."""
        return smallest(self.gaps)


def smallest(values: Array) -> tuple[int, int, int]:
    """Return the indices of the smallest value of an array (l, m, n)."""
    i, j, k = np.unravel_index(int(np.argmin(values)), values.shape)
    return int(i), int(j), int(k)
