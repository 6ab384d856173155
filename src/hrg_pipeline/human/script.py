"""What a person does at the table, drawn at random: walk up, reach, look, step aside, leave."""

from __future__ import annotations

import math

import numpy as np

from hrg_pipeline.human import plan as p
from hrg_pipeline.human import reaching as r
from hrg_pipeline.human.body import FloatArray, Skeleton
from hrg_pipeline.human.writer import MotionWriter

ROBOT_CLEARANCE_M = 0.30
"""Reach points keep this far from the axis of the robot's first joint."""


class ScriptWriter(MotionWriter):
    """Fills a duration with work at the table."""

    def __init__(self, rng: np.random.Generator, skeleton: Skeleton, hand_speed: float, duration_s: float) -> None:
        super().__init__(rng, skeleton, hand_speed)
        self._duration_s = duration_s
        self._next_side = "L" if rng.random() < 0.5 else "R"
        at_table = rng.random() < 0.4
        stance = self._draw_stand() if at_table else self._draw_away()
        pose = r.standing_pose(self._stature)
        if at_table:
            self._hands_up = bool(rng.random() < 0.6)
            if self._hands_up:
                self._put_hands_ready(pose)
        self._begin(stance, pose)

    def write(self) -> p.MotionPlan:
        """Fill the duration with actions."""
        if not self._stands:
            if self._rng.random() < 0.5:
                self._pause(0.3, 1.2)
            self._walk_to(self._draw_stand())
        while self._written_s < self._duration_s:
            self._work()
            if self._rng.random() < 0.6:
                self._leave_and_return()
            else:
                self._walk_to(self._draw_stand(near=self._stance))
        return self._plan(self._duration_s)

    def _work(self) -> None:
        """One to three reaches, with looks and pauses between."""
        self._raise_hands()
        for _ in range(int(self._rng.integers(1, 4))):
            self._reach()
            choice = self._rng.random()
            if choice < 0.2:
                self._pause(0.3, 0.9)
            elif choice < 0.45:
                self._look()

    def _draw_point(self, side: str) -> tuple[FloatArray, r.ReachPose] | None:
        for _ in range(40):
            y = self._stance.y + self._rng.uniform(-0.5, 0.5)
            point = np.array([self._rng.uniform(0.35, 0.70), y, self._rng.uniform(0.87, 1.10)])
            if math.hypot(point[0], point[1]) < ROBOT_CLEARANCE_M + 0.02:
                continue
            found = r.reach_pose(self._skeleton, self._stance.to_local(point), side)
            if found is not None:
                return point, found
        return None

    def _reach(self) -> None:
        """Bring one hand to a point on the table, stay a moment, come back."""
        side = self._next_side
        if self._rng.random() < 0.75:
            self._next_side = "R" if side == "L" else "L"
        drawn = self._draw_point(side)
        if drawn is None:
            return
        point, found = drawn
        pose = self._neutral()
        self._put_hands_ready(pose)
        pose[[p.LEAN, p.TWIST, p.NECK_PITCH, p.NECK_YAW]] = (
            found.lean,
            found.twist,
            found.neck_pitch,
            found.neck_yaw,
        )
        r.set_hand(pose, side, found.hand)
        reach = p.Reach(side, (float(point[0]), float(point[1]), float(point[2])))
        lift = float(self._rng.uniform(0.04, 0.09))
        action = [self._move("reach", 0.65, pose, lift, reaches=(reach,))]
        action.append(p.Segment("hold", float(self._rng.uniform(0.15, 0.6)), pose.copy()))
        self._add(action)
        if self._rng.random() < 0.6:
            back = self._neutral()
            self._put_hands_ready(back)
            self._add([self._move("draw back", 0.6, back, 0.03)])

    def _look(self) -> None:
        """Turn head and trunk aside and back, arms along."""
        home = self._neutral()
        self._put_hands_ready(home)
        aside = home.copy()
        turn = float(self._rng.choice((-1.0, 1.0)) * self._rng.uniform(0.25, 0.6))
        aside[p.TWIST], aside[p.NECK_YAW], aside[p.NECK_PITCH] = turn, 0.9 * turn, 0.0
        for side in p.SIDES:
            hand = r.get_hand(home, side)
            c, s = math.cos(0.6 * turn), math.sin(0.6 * turn)
            hand[:2] = c * hand[0] - s * hand[1], s * hand[0] + c * hand[1]
            hand[p.HAND_AZIMUTH] += 0.6 * turn
            r.set_hand(aside, side, hand)
        self._add([self._move("look", 0.8, aside)])
        self._pause(0.2, 0.8)
        self._add([self._move("look back", 0.8, home)])

    def _leave_and_return(self) -> None:
        """Step back or turn and walk off, wait away from the table, come again."""
        if self._rng.random() < 0.5:
            back = self._rng.uniform(0.4, 0.8)
            away = p.Stance(self._stance.x + back, self._stance.y + self._rng.uniform(-0.2, 0.2), self._stance.yaw)
            self._walk_to(away, face_path=False)
        else:
            spots = [self._draw_away() for _ in range(3)]
            self._walk_to(min(spots, key=self._stance.distance), face_path=False)
        self._pause(0.8, 2.2)
        if self._rng.random() < 0.4:
            turned = p.Stance(
                self._stance.x,
                self._stance.y,
                self._stance.yaw + self._rng.choice((-1.0, 1.0)) * self._rng.uniform(0.5, 1.1),
            )
            self._walk_to(turned)
            self._pause(0.5, 1.2)
        self._walk_to(self._draw_stand())
