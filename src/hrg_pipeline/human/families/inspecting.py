"""Inspecting an object that the robot holds in front of the face."""

from __future__ import annotations

import math

import numpy as np

from hrg_pipeline.human import plan as p
from hrg_pipeline.human import reaching as r
from hrg_pipeline.human.body import FloatArray
from hrg_pipeline.human.families.postures import SIGN, eyes, hand_toward, lean_to_reach, look_at
from hrg_pipeline.human.families.writer import Draft, Dropped, FamilyWriter, LoopDraft, as_point

_CANDIDATES = 48
_LOW, _HIGH = np.array([0.32, -0.45, 1.05]), np.array([0.60, 0.45, 1.52])
"""Where the robot can hold an object up [m]."""
_EYES_NEAREST_M = 0.21
_HAND_NEAREST_M = 0.14


class InspectionWriter(FamilyWriter):
    """Comes, gets ready, inspects what is held in front of the face from several sides, leaves."""

    def write(self) -> Draft:
        """Draw the motion; the loop is the getting ready, around its keyframe."""
        goal = self._stand_at_table(0.35)
        self._come_with(goal, {}, 0.35, 1.0)
        pose, self._target = self._draw_ready()
        self._do("get ready", 0.9, pose)
        begin = self._edge()
        self._idle(self._uniform(1.0, 1.6))
        ready = self._edge()
        self._idle(self._uniform(1.0, 1.6))
        over = self._edge()
        self._ready = self._pose.copy()
        for _ in range(int(self._rng.integers(2, 6))):
            self._inspect()
        inspected = self._edge()
        home = self._posture({side: r.hanging_hand(self._stature, side) for side in p.SIDES}, look=self._target)
        self._do("straighten", 0.9, home)
        self._leave()
        loop = LoopDraft((ready, ready), (begin, over), (0.45, 0.18, 0.34), (0.15, 0.21, 0.0165))
        return Draft(self._plan(), (ready, inspected), {"ready": loop}, "none", as_point(self._target))

    def _draw_ready(self) -> tuple[FloatArray, FloatArray]:
        """A pose that bends to the robot, and the point in front of its face [m]."""
        pose = self._neutral()
        for side in p.SIDES:
            r.set_hand(pose, side, r.ready_hand(self._stature, side))
        poses = np.repeat(pose[None], _CANDIDATES, axis=0)
        uniform = self._rng.uniform
        poses[:, p.LEAN] = uniform(0.10, 0.55, _CANDIDATES)
        poses[:, p.TWIST] = uniform(-0.25, 0.25, _CANDIDATES)
        poses[:, p.NECK_PITCH] = uniform(0.0, 0.5, _CANDIDATES)
        poses[:, p.NECK_YAW] = uniform(-0.3, 0.3, _CANDIDATES)
        for chosen in poses:
            if not lean_to_reach(self._skeleton, chosen, 0.6):
                continue
            place, ahead = eyes(self._skeleton, chosen[None])
            point = self._stance.to_world(place[0] + self._uniform(0.27, 0.40) * ahead[0])
            if ((point >= _LOW) & (point <= _HIGH)).all():
                return chosen, point
        raise Dropped("no object can be held in front of this face")

    def _inspect(self) -> None:
        """Look from another side, nearer or farther; now and then lift a hand to it."""
        for _ in range(20):
            pose = self._ready.copy()
            pose[p.LEAN] += self._uniform(-0.12, 0.10)
            pose[p.TWIST] = np.clip(pose[p.TWIST] + self._uniform(-0.25, 0.25), -0.45, 0.45)
            pose[p.SIDE] = self._uniform(-0.22, 0.22)
            if self._rng.random() < 0.5:
                self._lift_hand(pose)
            local = self._local(self._target)
            look_at(self._skeleton, pose, local, share=1.0)
            gap = float(np.linalg.norm(eyes(self._skeleton, pose[None])[0][0] - local))
            if pose[p.LEAN] < 0.62 and gap > _EYES_NEAREST_M and lean_to_reach(self._skeleton, pose, 0.62):
                self._do("inspect", 0.8, pose, 0.02)
                self._idle(self._uniform(0.3, 1.1))
                return

    def _lift_hand(self, pose: FloatArray) -> None:
        """Bring a hand near the object, below and beside it."""
        side = "L" if self._rng.random() < 0.5 else "R"
        aside = self._uniform(0.06, 0.16)
        below = self._uniform(0.10, 0.22)
        back = self._uniform(0.03, 0.12)
        if math.hypot(aside, below) < _HAND_NEAREST_M:
            return
        point = self._local(self._target) + np.array([-back, SIGN[side] * aside, -below])
        r.set_hand(pose, side, hand_toward(self._skeleton, side, point, 0.35, 0.4))
