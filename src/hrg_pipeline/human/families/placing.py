"""Putting things down: pick and place nearby, and placing cubes in turn with the robot."""

from __future__ import annotations

import math

import numpy as np

from hrg_pipeline.human import plan as p
from hrg_pipeline.human import reaching as r
from hrg_pipeline.human.body import FloatArray
from hrg_pipeline.human.families.postures import SIGN, carrying_hand, hand_toward
from hrg_pipeline.human.families.writer import HAND_NAME, Draft, Dropped, FamilyWriter, LoopDraft, as_point

CUBE_M = 0.045
HAND_ABOVE_CUBE_M = 0.05
"""A hand that holds a cube is this far above its centre."""
_CLEARANCE_M = 0.32
_TRANSFER_MIN_M = 0.15
_LEAN_MAX_RAD = 0.95
_OTHER = {"L": "R", "R": "L"}


class _PlacingWriter(FamilyWriter):
    """Puts a hand over points of the table."""

    def _pose_over(self, side: str, point: FloatArray, pitch: float) -> FloatArray:
        """One hand at a point in the world, the other one in front of the belly or where it is."""
        local = self._local(point)
        twist = float(np.clip(0.40 * math.atan2(local[1], local[0]) - 0.14 * SIGN[side], -0.45, 0.45))
        hand = hand_toward(self._skeleton, side, local, pitch)
        return self._posture({side: hand}, point, twist, lean_max=_LEAN_MAX_RAD)

    def _hands_ready(self) -> None:
        hands = {side: r.ready_hand(self._stature, side) for side in p.SIDES}
        self._do("raise hands", 0.6, self._posture(hands, look=np.array([0.4, self._stance.y, r.TABLE_TOP_Z_M])))


class PickPlaceWriter(_PlacingWriter):
    """Takes objects from the table and puts them elsewhere, next to the robot."""

    def write(self) -> Draft:
        """Draw the motion; the keyframes are the first grasp and the first release."""
        goal = self._stand_at_table(0.4)
        if self._rng.random() < 0.6:
            self._come_with(goal, {}, 0.3, 0.7)
        else:
            self._begin(goal, r.standing_pose(self._stature))
            self._pause(0.2, 1.0)
        self._hands_ready()
        first = self._side
        marks, target = self._transfer(first)
        for _ in range(int(self._rng.integers(0, 3))):
            if self._rng.random() < 0.5:
                self._idle(self._uniform(0.3, 1.0))
            self._transfer(_OTHER[first] if self._rng.random() < 0.5 else first)
        pose = self._posture({side: r.hanging_hand(self._stature, side) for side in p.SIDES})
        self._do("lower hands", 0.8, pose)
        if self._rng.random() < 0.6:
            self._leave(low_m=0.25, high_m=0.6)
        return Draft(self._plan(), marks, {}, HAND_NAME[first], as_point(target))

    def _draw_spot(self, side: str, pitch: float, away_from: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """A spot on the table, not near another one, and the pose that has the hand there."""
        for _ in range(40):
            y = self._stance.y - SIGN[side] * self._uniform(-0.05, 0.42)
            spot = np.array([self._uniform(0.40, 0.70), y, r.TABLE_TOP_Z_M + self._uniform(0.07, 0.10)])
            if math.hypot(spot[0], spot[1]) < _CLEARANCE_M:
                continue
            if away_from is not None and np.linalg.norm(spot - away_from) < _TRANSFER_MIN_M:
                continue
            try:
                return spot, self._pose_over(side, spot, pitch)
            except Dropped:
                continue
        raise Dropped("no spot on the table")

    def _transfer(self, side: str) -> tuple[tuple[int, int], FloatArray]:
        """Take an object from one spot to another; the edges of grasp and release, and where it is put."""
        pitch = self._uniform(-0.35, -0.15)
        source, over_source = self._draw_spot(side, pitch)
        self._do("reach", 0.7, over_source, self._uniform(0.06, 0.10))
        picked = self._edge()
        self._pause(0.2, 0.5)
        goal, over_goal = self._draw_spot(side, pitch, away_from=source)
        self._do("carry", 0.8, over_goal, self._uniform(0.08, 0.14))
        self._pause(0.15, 0.35)
        placed = self._edge()
        back = self._posture({side: r.ready_hand(self._stature, side)}, look=goal)
        self._do("draw back", 0.6, back, 0.05)
        return (picked, placed), goal


class StackingWriter(_PlacingWriter):
    """Comes with a cube in each hand and puts them on a stack, one after the robot's first, one after its second."""

    def write(self) -> Draft:
        """Draw the motion; the loops are the two waits for the robot."""
        goal = self._stand_at_table(0.3)
        carried = {side: carrying_hand(self._stature, side) for side in p.SIDES}
        self._come_with(goal, carried, 0.35, 0.9)
        self._idle(self._uniform(0.4, 1.2))
        stack = self._draw_stack()
        first, second = self._side, _OTHER[self._side]
        k0 = self._edge()
        k1 = self._place(first, stack, level=0)
        begin_2, k2, end_2 = self._wait()
        k3 = self._place(second, stack, level=2)
        begin_4, k4, end_4 = self._wait()
        self._do("lower hands", 0.8, self._posture({s: r.hanging_hand(self._stature, s) for s in p.SIDES}))
        self._leave()
        waits = {
            "wait_for_second": LoopDraft((k2, k2), (begin_2, end_2), (self._uniform(0.85, 0.95), 0.03), (0.9, 0.1)),
            "wait_for_fourth": LoopDraft((k4, k4), (begin_4, end_4), (0.5, 0.3, 0.15), (0.12, 0.07, 0.034)),
        }
        return Draft(self._plan(), (k0, k1, k2, k3, k4), waits, HAND_NAME[first], as_point(stack))

    def _draw_stack(self) -> FloatArray:
        """Where the stack is to stand, within reach of both hands."""
        for _ in range(20):
            y = self._stance.y + self._uniform(-0.06, 0.06)
            stack = np.array([self._uniform(0.42, 0.64), y, r.TABLE_TOP_Z_M])
            lowest = stack + np.array([0.0, 0.0, 0.5 * CUBE_M + HAND_ABOVE_CUBE_M])
            try:
                for side in p.SIDES:
                    self._pose_over(side, lowest, -0.25)
            except Dropped:
                continue
            return stack
        raise Dropped("no place for the stack within reach")

    def _place(self, side: str, stack: FloatArray, level: int) -> int:
        """Put the cube of one hand on the stack; the edge at which it is let go."""
        height = CUBE_M * (level + 0.5) + HAND_ABOVE_CUBE_M
        at = stack + np.array([0.0, 0.0, height])
        above = at + np.array([0.0, 0.0, self._uniform(0.06, 0.12)])
        pitch = self._uniform(-0.5, -0.25)
        self._do("reach over", 0.8, self._pose_over(side, above, pitch), 0.03)
        self._do("lower", 0.5, self._pose_over(side, at, pitch))
        self._pause(0.25, 0.5)
        released = self._edge()
        self._do("lift off", 0.4, self._pose_over(side, above, pitch))
        hand = r.ready_hand(self._stature, side)
        self._do("draw back", 0.7, self._posture({side: hand}, look=stack))
        return released

    def _wait(self) -> tuple[int, int, int]:
        """Stand and watch; edges of begin, anchor and end."""
        begin = self._edge()
        self._idle(self._uniform(1.2, 2.2))
        anchor = self._edge()
        self._idle(self._uniform(1.2, 2.2))
        return begin, anchor, self._edge()
