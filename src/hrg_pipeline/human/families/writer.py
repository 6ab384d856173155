"""What the writers of task motions share: drafts, idling, coming and going."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from hrg_pipeline.human import plan as p
from hrg_pipeline.human import reaching as r
from hrg_pipeline.human.body import FloatArray, Skeleton
from hrg_pipeline.human.clip import Hand, Loop
from hrg_pipeline.human.families.postures import lean_to_reach, look_at
from hrg_pipeline.human.fitting import Window
from hrg_pipeline.human.writer import STAND_Y_MAX_M, MotionWriter

HAND_NAME: dict[str, Hand] = {"L": "left", "R": "right"}
PERTURBATION_MAX = 1.1**3
"""An episode multiplies amplitudes and speeds of a loop by up to this, or divides them by it."""
ROBOT_CHEST = np.array([0.0, 0.0, 1.1])
"""Where a person looks who looks at the robot."""
_WINDOW_MARGIN_S = 0.12
_IDLE_PIECE_S = 1.6
_SWAY_M, _LEAN_RAD, _NECK_RAD = 0.0015, 0.003, 0.006


class Dropped(Exception):
    """What has been drawn cannot be done by this person; draw again."""


@dataclass(frozen=True)
class LoopDraft:
    """A loop, in edges of the plan: edge k is where segment k begins."""

    anchor: tuple[int, int]
    """The anchor is in the middle of these edges (which may be the same)."""
    window: tuple[int, int]
    """The loop stays between these edges."""
    shares: tuple[float, ...]
    """Amplitudes, as shares of what fits into the window; they add up to at most 1."""
    speeds: tuple[float, ...]

    def at(self, edges_s: FloatArray) -> Loop:
        """The loop with the edges at these times (S + 1,) [s].

        Raises:
            Dropped: the window is too short.
        """
        anchor = 0.5 * (edges_s[self.anchor[0]] + edges_s[self.anchor[1]])
        free = min(anchor - edges_s[self.window[0]], edges_s[self.window[1]] - anchor) - _WINDOW_MARGIN_S
        if free < 0.2:
            raise Dropped(f"a loop has {free:.2f} s")
        amplitudes = tuple(share * free / PERTURBATION_MAX for share in self.shares)
        return Loop(float(anchor), amplitudes, self.speeds)


def loop_window(loop: Loop) -> Window:
    """How far and fast a loop may go when it is perturbed as much as can be."""
    reach = PERTURBATION_MAX * sum(loop.amplitudes_s)
    pairs = zip(loop.amplitudes_s, loop.speeds, strict=True)
    return Window(
        start_s=loop.anchor_s - reach,
        end_s=loop.anchor_s + reach,
        rate=PERTURBATION_MAX * sum(abs(s) for s in loop.speeds),
        rate_change=PERTURBATION_MAX**3 * sum(s * s / a for a, s in pairs),
    )


@dataclass(frozen=True)
class Draft:
    """A drawn motion and what the task needs to know of it, not slowed down yet."""

    plan: p.MotionPlan
    keyframes: tuple[int, ...] = ()
    """Edges of the plan."""
    loops: Mapping[str, LoopDraft] = field(default_factory=dict)
    hand: Hand = "none"
    target: tuple[float, float, float] | None = None


class FamilyWriter(MotionWriter):
    """Writes one motion of a family."""

    def __init__(self, rng: np.random.Generator, skeleton: Skeleton, hand_speed: float) -> None:
        super().__init__(rng, skeleton, hand_speed)
        self._side = "L" if rng.random() < 0.4 else "R"

    def write(self) -> Draft:
        """Draw the motion.

        Raises:
            Dropped: what was drawn cannot be done.
        """
        raise NotImplementedError

    def _edge(self) -> int:
        """The edge at which what is written next begins."""
        return sum(len(action) for action in self._actions)

    def _uniform(self, low: float, high: float) -> float:
        return float(self._rng.uniform(low, high))

    def _spread(self, size: float, shape: int = 1) -> FloatArray:
        """Uniform in -size..size (shape,)."""
        return np.asarray(self._rng.uniform(-size, size, shape))

    def _local(self, point: FloatArray) -> FloatArray:
        return self._stance.to_local(point)

    def _stand_at_table(self, y_max: float = STAND_Y_MAX_M) -> p.Stance:
        """A place at the far edge of the table, facing it."""
        x = r.TABLE_EDGE_X_M + self._stature * self._uniform(0.16, 0.215)
        stance = p.Stance(x, self._uniform(-y_max, y_max), math.pi + self._uniform(-0.1, 0.1))
        self._stands.append(stance)
        return stance

    def _behind(self, stance: p.Stance, low_m: float, high_m: float) -> p.Stance:
        """A place further from the table, facing the same way."""
        x, y = stance.x + self._uniform(low_m, high_m), stance.y + self._uniform(-0.2, 0.2)
        return p.Stance(x, y, stance.yaw + self._uniform(-0.15, 0.15))

    def _posture(
        self,
        hands: Mapping[str, FloatArray],
        look: FloatArray | None = None,
        twist: float = 0.0,
        lean: float = 0.03,
        lean_max: float = 0.6,
    ) -> FloatArray:
        """Upright, then the given hands, then as much lean as they need, then a look at a point in the world.

        Raises:
            Dropped: a hand is out of reach.
        """
        pose = self._neutral()
        for side, hand in hands.items():
            r.set_hand(pose, side, hand)
        pose[[p.LEAN, p.TWIST]] = lean, twist
        if not lean_to_reach(self._skeleton, pose, lean_max):
            raise Dropped("a hand is out of reach")
        if look is not None:
            look_at(self._skeleton, pose, self._local(look))
        return pose

    def _do(self, kind: str, least_s: float, pose: FloatArray, lift_m: float = 0.0) -> None:
        """One movement as an action of its own."""
        self._add([self._move(kind, least_s, pose, lift_m)])

    def _idle(self, seconds: float, hand_m: float = 0.006, hands: Collection[str] = p.SIDES) -> None:
        """Stand as people stand: the body sways a little, hands wander about where they are.

        Args:
            seconds: how long.
            hand_m: how far the hands wander; hands with a grip wander together.
            hands: sides of the hands that wander.
        """
        base = self._pose.copy()
        pieces = max(1, round(seconds / _IDLE_PIECE_S))
        action = []
        for _ in range(pieces):
            pose = base.copy()
            pose[[p.LEAN, p.TWIST, p.SIDE]] += self._spread(_LEAN_RAD, 3)
            pose[[p.NECK_PITCH, p.NECK_YAW]] += self._spread(_NECK_RAD, 2)
            pose[p.SWAY] += self._spread(_SWAY_M, 2)
            together = self._spread(hand_m, 3)
            for side in hands:
                start = p.HAND_CHANNEL[side]
                pose[start : start + 3] += together if self._grip_m is not None else self._spread(hand_m, 3)
            action.append(p.Segment("idle", seconds / pieces, pose, grip_m=self._grip_m))
            self._pose = pose
        self._add(action)

    def _come_with(self, goal: p.Stance, hands: Mapping[str, FloatArray], low_m: float, high_m: float) -> None:
        """Begin away from a place, holding what the hands hold, wait a moment and walk there."""
        self._stance = self._behind(goal, low_m, high_m)
        self._pose = r.standing_pose(self._stature)
        pose = self._posture(hands, look=ROBOT_CHEST)
        self._begin(self._stance, pose)
        self._pause(0.2, 0.8)
        self._walk_to(goal, carry=tuple(hands))

    def _leave(self, carry: Collection[str] = (), low_m: float = 0.3, high_m: float = 0.8) -> None:
        """Step back from where one stands, and stay there."""
        self._walk_to(self._behind(self._stance, low_m, high_m), face_path=False, carry=carry)


def as_point(point: FloatArray) -> tuple[float, float, float]:
    """A point as three plain numbers."""
    return float(point[0]), float(point[1]), float(point[2])
