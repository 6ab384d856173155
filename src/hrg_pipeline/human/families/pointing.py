"""Pointing at a place on the table."""

from __future__ import annotations

import math

import numpy as np

from hrg_pipeline.human import plan as p
from hrg_pipeline.human import reaching as r
from hrg_pipeline.human.body import FloatArray
from hrg_pipeline.human.families.postures import SIGN, look_at, pointing_hand
from hrg_pipeline.human.families.writer import HAND_NAME, Draft, Dropped, FamilyWriter, LoopDraft, as_point

_HAND_ABOVE_TABLE_M = 0.07


class PointingWriter(FamilyWriter):
    """Comes, points at a place on the table for a while, lowers the arm and steps back."""

    def write(self) -> Draft:
        """Draw the motion; the line from elbow to hand stays on the target while it is pointed at."""
        goal = self._stand_at_table(0.35)
        if self._rng.random() < 0.5:
            goal = self._behind(goal, 0.05, 0.45)
            self._stands[-1] = goal
        self._come_with(goal, {}, 0.35, 1.0)
        if self._rng.random() < 0.5:
            self._idle(self._uniform(0.3, 1.0))
        target, stretch, pose = self._draw_target()
        self._do("point", 0.8, pose, self._uniform(0.02, 0.06))
        begin = self._edge()
        action = []
        for _ in range(int(self._rng.integers(2, 5))):
            pose = self._pointing_pose(target, stretch + self._uniform(-0.004, 0.004))
            action.append(p.Segment("idle", self._uniform(1.3, 1.9), pose))
            self._pose = pose
        self._add(action)
        end = self._edge()
        self._lower()
        self._leave()
        loop = LoopDraft((begin, end), (begin, end), (self._uniform(0.90, 0.96), 0.03), (0.9, 0.1))
        return Draft(self._plan(), (begin, end), {"point": loop}, HAND_NAME[self._side], as_point(target))

    def _draw_target(self) -> tuple[FloatArray, float, FloatArray]:
        """A place on the table, how far the arm is stretched, and the pose that points there."""
        for _ in range(30):
            # The person faces the robot: their left is at smaller y.
            aside = -SIGN[self._side] * self._uniform(-0.15, 0.55)
            y = float(np.clip(self._stance.y + aside, -0.7, 0.7))
            target = np.array([self._uniform(0.25, 0.55), y, r.TABLE_TOP_Z_M])
            stretch = self._uniform(0.76, 0.93)
            try:
                return target, stretch, self._pointing_pose(target, stretch)
            except Dropped:
                continue
        raise Dropped("no place can be pointed at from here")

    def _pointing_pose(self, target: FloatArray, stretch: float) -> FloatArray:
        local = self._local(target)
        pose = self._neutral()
        bearing = math.atan2(local[1], local[0])
        pose[p.TWIST] = np.clip(0.35 * bearing - 0.12 * SIGN[self._side], -0.4, 0.4)
        pose[p.LEAN] = 0.10
        pose[[p.LEAN, p.TWIST]] += self._spread(0.002, 2)
        hand = pointing_hand(self._skeleton, pose, self._side, local, stretch)
        if hand is None or hand[p.HAND_Z] < r.TABLE_TOP_Z_M + _HAND_ABOVE_TABLE_M:
            raise Dropped("the place cannot be pointed at from here")
        r.set_hand(pose, self._side, hand)
        look_at(self._skeleton, pose, local)
        return pose

    def _lower(self) -> None:
        pose = self._posture({side: r.hanging_hand(self._stature, side) for side in p.SIDES})
        self._do("lower", 0.9, pose)
        if self._rng.random() < 0.5:
            self._idle(self._uniform(0.4, 1.2))
