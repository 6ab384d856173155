"""Handing tools over: receiving one from the robot, presenting one to it."""

from __future__ import annotations

import math

import numpy as np

from hrg_pipeline.human import plan as p
from hrg_pipeline.human import reaching as r
from hrg_pipeline.human.body import FloatArray
from hrg_pipeline.human.families.postures import SIGN, carrying_hand, hand_toward
from hrg_pipeline.human.families.writer import HAND_NAME, ROBOT_CHEST, Draft, Dropped, FamilyWriter, LoopDraft, as_point

_LEAN_MAX_RAD = 0.45
_CLEARANCE_M = 0.34


class _HandoverWriter(FamilyWriter):
    """Holds one hand out to the robot."""

    def _draw_point(self) -> FloatArray:
        """Where the hand is held out, in the world: over the table, on its own side of the body."""
        sign = SIGN[self._side]
        for _ in range(40):
            # The person faces the robot: their left is at smaller y.
            y = self._stance.y - sign * self._uniform(-0.02, 0.24)
            height = float(np.clip(self._stature * self._uniform(0.55, 0.73), 0.94, 1.32))
            point = np.array([self._uniform(0.42, 0.74), y, height])
            if math.hypot(point[0], point[1]) >= _CLEARANCE_M and abs(y) < 0.55:
                return point
        raise Dropped("no point to hold the hand out to")

    def _hold_out(self, pitch: float, roll: float) -> FloatArray:
        """Pose with the hand held out; the other one stays where it is."""
        point = self._draw_point()
        local = self._local(point)
        twist = float(np.clip(-0.16 * SIGN[self._side] + 0.3 * math.atan2(local[1], local[0]), -0.4, 0.4))
        self._point = as_point(point)
        hand = hand_toward(self._skeleton, self._side, local, pitch, roll)
        look = 0.5 * (point + ROBOT_CHEST) if self._rng.random() < 0.5 else point
        return self._posture({self._side: hand}, look, twist, lean_max=_LEAN_MAX_RAD)


class ReceivingWriter(_HandoverWriter):
    """Comes, holds out an open hand until a tool lies in it, takes it and leaves."""

    def write(self) -> Draft:
        """Draw the motion; the loop goes back and forth within the time that the hand is held out."""
        goal = self._stand_at_table(0.4)
        self._come_with(goal, {}, 0.35, 1.1)
        if self._rng.random() < 0.5:
            self._idle(self._uniform(0.3, 1.0))
        held_out = self._hold_out(self._uniform(-0.1, 0.25), self._uniform(0.95, 1.2))
        self._do("hold out", 0.8, held_out, self._uniform(0.02, 0.06))
        begin = self._edge()
        self._idle(self._uniform(3.6, 7.0), hand_m=0.012)
        end = self._edge()
        self._take()
        self._leave(carry=(self._side,))
        middle = (begin, end)
        loop = LoopDraft(middle, middle, (self._uniform(0.90, 0.96), 0.03), (0.9, 0.1))
        return Draft(self._plan(), middle, {"reach_out": loop}, HAND_NAME[self._side], self._point)

    def _take(self) -> None:
        hand = carrying_hand(self._stature, self._side, roll=0.5)
        pose = self._posture({self._side: hand}, look=self._stance.to_world(hand[:3] + np.array([0.15, 0.0, 0.0])))
        self._do("take", 0.9, pose, 0.03)
        self._idle(self._uniform(0.4, 1.2))


class PresentingWriter(_HandoverWriter):
    """Comes with a tool, holds it out until the robot has it, waits until it is put down and leaves."""

    def write(self) -> Draft:
        """Draw the motion; one loop while the tool is held out, one while waiting."""
        goal = self._stand_at_table(0.4)
        self._come_with(goal, {self._side: carrying_hand(self._stature, self._side, 0.2)}, 0.35, 1.1)
        if self._rng.random() < 0.5:
            self._idle(self._uniform(0.3, 0.8))
        held_out = self._hold_out(self._uniform(0.0, 0.3), self._uniform(0.0, 0.35))
        self._do("hold out", 0.8, held_out, self._uniform(0.02, 0.06))
        begin = self._edge()
        self._idle(self._uniform(5.0, 7.5), hand_m=0.012)
        end = self._edge()
        self._draw_back()
        rest = self._edge()
        self._idle(self._uniform(1.0, 1.4))
        wait = self._edge()
        self._idle(self._uniform(1.0, 1.4))
        over = self._edge()
        self._leave()
        present = LoopDraft((begin, wait), (begin, end), (self._uniform(0.90, 0.96), 0.03), (0.9, 0.1))
        waiting = LoopDraft((wait, wait), (rest, over), (0.5, 0.3, 0.15), (0.12, 0.07, 0.034))
        return Draft(
            self._plan(),
            (begin, wait),
            {"present": present, "wait": waiting},
            HAND_NAME[self._side],
            self._point,
        )

    def _draw_back(self) -> None:
        hands = {side: r.ready_hand(self._stature, side) for side in p.SIDES}
        low = self._rng.random() < 0.5
        if low:
            hands = {side: r.hanging_hand(self._stature, side) for side in p.SIDES}
        pose = self._posture(hands, look=np.array([0.35, 0.0, 0.9]))
        self._do("draw back", 0.8, pose, 0.0 if low else 0.03)
