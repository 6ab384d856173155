"""The plan of a procedural motion: what the person does, one segment after another."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from hrg_pipeline.human.body import FloatArray

# Channels of a body pose. Every one moves from key to key by minimum jerk.
LEAN, TWIST, SIDE, NECK_PITCH, NECK_YAW, DROP = range(6)
ARM_SWING = slice(6, 8)
SWAY = slice(8, 10)
LEFT_HAND, RIGHT_HAND = 10, 16
HAND_X, HAND_Y, HAND_Z, HAND_AZIMUTH, HAND_PITCH, HAND_ROLL = range(6)
HAND_SIZE = 6
N_CHANNELS = 22
"""Trunk lean (forward), twist (left), side bend, neck pitch (down), neck yaw [rad]; pelvis drop [m]; share of the
arm swing while walking, left and right; shift of the pelvis over the feet, forward and left [m]; then for each hand
its position [m], pointing direction and turn of the palm upwards [rad]. Hands and shift are relative to the spot on
the floor between the feet and the way the pelvis faces (x forward, y left, z up)."""

SIDES = ("L", "R")
HAND_CHANNEL = {"L": LEFT_HAND, "R": RIGHT_HAND}


@dataclass(frozen=True)
class Stance:
    """Where the person stands: floor position [m] and the direction faced [rad], world frame."""

    x: float
    y: float
    yaw: float

    def to_world(self, local: FloatArray) -> FloatArray:
        """World position (3,) of a point given relative to the stance."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        return np.array([self.x + c * local[0] - s * local[1], self.y + s * local[0] + c * local[1], local[2]])

    def to_local(self, point: FloatArray) -> FloatArray:
        """Position (3,) relative to the stance of a point in the world."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        dx, dy = point[0] - self.x, point[1] - self.y
        return np.array([c * dx + s * dy, -s * dx + c * dy, point[2]])

    def distance(self, other: Stance) -> float:
        """Distance on the floor [m]."""
        return math.hypot(other.x - self.x, other.y - self.y)


@dataclass(frozen=True)
class Step:
    """One foot swings to a new place on the floor within a share of its segment."""

    side: str
    start: float
    end: float
    target: tuple[float, float, float]
    """x, y [m] of the ankle and yaw [rad] of the foot, world frame."""


@dataclass(frozen=True)
class Reach:
    """A point that a hand arrives at."""

    side: str
    point: tuple[float, float, float]
    """World position [m] of the hand joint."""


@dataclass(frozen=True)
class Segment:
    """Everything moves from the pose before to ``pose`` within the duration, and is at rest at both ends."""

    kind: str
    duration_s: float
    pose: FloatArray
    """(22,) channels at the end."""
    lift_m: tuple[float, float] = (0.0, 0.0)
    """How far the left and right hand rise above the straight path."""
    grip_m: float | None = None
    """Distance between the hands that is kept all the way, as by people who carry a board; None: free hands."""
    steps: tuple[Step, ...] = ()
    reaches: tuple[Reach, ...] = ()


Action = tuple[Segment, ...]


@dataclass(frozen=True)
class MotionPlan:
    """A start and the actions that follow; an action is played whole or not at all."""

    start: Stance
    start_pose: FloatArray
    actions: tuple[Action, ...]
    pivot_xy: tuple[float, float]
    limit_s: float | None = None
    """Duration that the actions must fit into, and that is filled with stillness; None: as long as it takes."""
    rest_s: float = field(default=0.12)
    """Stillness at both ends, so that the curve's end is smooth."""

    @property
    def duration_s(self) -> float:
        """Duration with the stillness at both ends [s]."""
        return float(self.edges_s()[-1]) + self.rest_s if self.limit_s is None else self.limit_s

    def segments(self) -> tuple[Segment, ...]:
        """The segments of all whole actions that fit into the duration."""
        kept: list[Segment] = []
        free_s = math.inf if self.limit_s is None else self.limit_s - 2.0 * self.rest_s
        for action in self.actions:
            free_s -= sum(segment.duration_s for segment in action)
            if free_s < 0.0:
                break
            kept.extend(action)
        return tuple(kept)

    def edges_s(self) -> FloatArray:
        """(S + 1,) start of each of the S segments, then the end of the last one [s]."""
        durations = [segment.duration_s for segment in self.segments()]
        return self.rest_s + np.concatenate(([0.0], np.cumsum(durations)))

    def arrivals(self) -> tuple[tuple[float, Reach], ...]:
        """Time [s] at which each reach is at its point, and the reach."""
        ends = self.edges_s()[1:]
        found = [(float(end), reach) for end, s in zip(ends, self.segments(), strict=True) for reach in s.reaches]
        return tuple(found)

    def slowed(self, factors: FloatArray) -> MotionPlan:
        """The same plan with the duration of its first segments multiplied by the given factors (S,)."""
        left = [float(factor) for factor in factors]
        actions = []
        for action in self.actions:
            scales = [left.pop(0) if left else 1.0 for _ in action]
            actions.append(
                tuple(
                    replace(segment, duration_s=segment.duration_s * scale)
                    for segment, scale in zip(action, scales, strict=True)
                )
            )
        return replace(self, actions=tuple(actions))
