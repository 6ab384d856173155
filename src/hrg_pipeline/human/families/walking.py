"""Walking up to the table, staying a while, and going away again."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.human import plan as p
from hrg_pipeline.human import reaching as r
from hrg_pipeline.human.families.writer import ROBOT_CHEST, Draft, FamilyWriter


class WalkWriter(FamilyWriter):
    """Comes to the table, looks around, goes away."""

    def write(self) -> Draft:
        """Draw the motion."""
        start = self._draw_away()
        pose = r.standing_pose(self._stature)
        self._begin(start, pose)
        self._pause(0.2, 1.0)
        self._walk_to(self._stand_at_table())
        arrived = self._edge()
        if self._rng.random() < 0.6:
            self._put_hands_up()
        for _ in range(int(self._rng.integers(1, 4))):
            self._look_somewhere()
            self._idle(self._uniform(0.6, 1.6))
        leaves = self._edge()
        if self._rng.random() < 0.4:
            self._leave(low_m=0.4, high_m=0.9)
        else:
            spots = [self._draw_away() for _ in range(2)]
            self._walk_to(min(spots, key=self._stance.distance), face_path=False)
        self._pause(0.2, 0.8)
        return Draft(self._plan(), (arrived, leaves))

    def _put_hands_up(self) -> None:
        pose = self._neutral()
        for side in p.SIDES:
            r.set_hand(pose, side, r.ready_hand(self._stature, side))
        self._do("raise hands", 0.7, pose)

    def _look_somewhere(self) -> None:
        """Look at the robot, the table or aside, the trunk following a little."""
        choice = self._rng.random()
        if choice < 0.35:
            point = ROBOT_CHEST
        elif choice < 0.7:
            point = np.array([self._uniform(0.2, 0.6), self._uniform(-0.6, 0.6), r.TABLE_TOP_Z_M])
        else:
            sign = -1.0 if self._rng.random() < 0.5 else 1.0
            point = np.array([self._uniform(0.0, 0.8), sign * self._uniform(1.5, 3.0), 1.3])
        bearing = float(np.arctan2(*self._local(point)[1::-1]))
        pose = self._posture({}, point, twist=float(np.clip(0.35 * bearing, -0.4, 0.4)))
        self._do("look", 0.8, pose)
