"""Holding a board with both hands: lifting it with the robot, laying it down for the robot to hammer on."""

from __future__ import annotations

import math

import numpy as np

from hrg_pipeline.human import plan as p
from hrg_pipeline.human import reaching as r
from hrg_pipeline.human.body import FloatArray
from hrg_pipeline.human.families.writer import Draft, FamilyWriter, LoopDraft, as_point

LIFTING_GRIP_M = 0.50
"""Distance of the hands on the board that is lifted: 0.25 m to either side of its middle."""
LIFTING_START = np.array([1.45, 0.0, 0.87])
"""Middle between the hands at first: the board lies on its stand, the robot holds the other end [m]."""
HAMMERING_GRIP = np.array([0.4, 0.4])
"""The left hand is this far ahead of and beside the right one, along the board's edges [m]."""
BOARD_CENTRE_AHEAD_M = 0.5
"""Middle of the board ahead of the right hand [m]."""
HAND_ABOVE_TABLE_M = 0.05
_LEAN_MAX_RAD = 0.95


class LiftingWriter(FamilyWriter):
    """Holds one end of a board from the start, lifts, tilts, turns and lowers it, with a step now and then."""

    def write(self) -> Draft:
        """Draw the motion; the hands keep their distance throughout."""
        self._grip_m = LIFTING_GRIP_M
        stance = p.Stance(LIFTING_START[0] + self._stature * self._uniform(0.16, 0.20), 0.0, math.pi)
        self._stands.append(stance)
        self._stance = stance
        self._pose = r.standing_pose(self._stature)
        self._lift_max = min(1.35, 0.78 * self._stature)
        start = self._holding(self._local(LIFTING_START), 0.0, 0.0)
        self._begin(stance, start)
        self._idle(self._uniform(0.6, 1.4), hand_m=0.0)
        z = self._uniform(1.0, self._lift_max)
        self._lift("lift", self._middle(z), 1.2)
        for _ in range(int(self._rng.integers(2, 5))):
            if self._rng.random() < 0.35:
                self._step_aside()
            else:
                self._lift("lift" if self._rng.random() < 0.5 else "lower", self._middle(), 1.0)
            self._idle(self._uniform(0.2, 0.8), hand_m=0.004)
        self._lift("lower", self._middle(self._uniform(0.90, 1.05)), 1.2, level=self._rng.random() < 0.7)
        self._idle(self._uniform(0.4, 1.0), hand_m=0.0)
        return Draft(self._plan(), (), {}, "both", as_point(LIFTING_START))

    def _middle(self, z: float | None = None) -> FloatArray:
        """A middle between the hands, relative to the stance."""
        height = self._uniform(0.92, self._lift_max) if z is None else z
        high = max(0.0, height / self._stature - 0.6)
        ahead = self._stature * (self._uniform(0.175, 0.22) + 0.4 * high)
        return np.array([ahead, self._uniform(-0.05, 0.05), height])

    def _holding(self, middle: FloatArray, tilt: float, yaw: float) -> FloatArray:
        """Both hands on the edge of the board, palms up."""
        half = 0.5 * LIFTING_GRIP_M
        aside = half * np.array([-math.sin(yaw) * math.cos(tilt), math.cos(yaw) * math.cos(tilt), math.sin(tilt)])
        pitch = float(np.clip(1.6 * (middle[2] / self._stature - 0.62), -0.4, 0.2))
        hands = {
            "L": np.array([*(middle + aside), -0.10, pitch, 0.75]),
            "R": np.array([*(middle - aside), 0.10, pitch, 0.75]),
        }
        look = self._stance.to_world(middle + np.array([0.45, 0.0, 0.05]))
        return self._posture(hands, look, lean_max=_LEAN_MAX_RAD)

    def _lift(self, kind: str, middle: FloatArray, least_s: float, level: bool = False) -> None:
        tilt, yaw = (0.0, 0.0) if level else (self._uniform(-0.07, 0.07), self._uniform(-0.10, 0.10))
        self._do(kind, least_s * self._uniform(1.0, 1.4), self._holding(middle, tilt, yaw))

    def _step_aside(self) -> None:
        """A step or two, board in hand."""
        x = float(np.clip(self._stance.x + self._uniform(-0.22, 0.22), 1.5, 2.0))
        y = float(np.clip(self._stance.y + self._uniform(-0.20, 0.20), -0.30, 0.30))
        self._walk_to(p.Stance(x, y, math.pi), face_path=False, carry=p.SIDES, upright=False)


class HammeringWriter(FamilyWriter):
    """Carries a board to the table, lays it down and holds it, then carries it away."""

    def write(self) -> Draft:
        """Draw the motion; the loop is the holding, the hands keep their distance throughout."""
        self._grip_m = float(np.linalg.norm(HAMMERING_GRIP))
        ahead = self._stature * self._uniform(0.065, 0.09)
        right = np.array([self._uniform(1.12, 1.26), self._uniform(0.05, 0.35), r.TABLE_TOP_Z_M + HAND_ABOVE_TABLE_M])
        goal = p.Stance(right[0] + ahead, right[1] - 0.5 * HAMMERING_GRIP[1], math.pi)
        self._stands.append(goal)
        self._stance = self._behind(goal, 0.4, 1.0)
        self._stance = p.Stance(self._stance.x, self._stance.y, math.pi)
        self._pose = r.standing_pose(self._stature)
        carry_z = max(0.57 * self._stature, 0.97) + self._uniform(-0.02, 0.03)
        tilt = self._uniform(-0.02, 0.10)
        carried = self._holding(ahead, carry_z, tilt)
        self._begin(self._stance, carried)
        self._pause(0.2, 0.8)
        self._walk_to(goal, face_path=False, carry=p.SIDES, upright=False)
        self._idle(self._uniform(0.3, 0.8), hand_m=0.0)
        laid = self._holding(ahead, float(right[2]), 0.0)
        self._do("lay down", 1.3, laid)
        begin = self._edge()
        self._idle(self._uniform(3.5, 7.5), hand_m=0.0)
        end = self._edge()
        self._do("pick up", 1.2, self._holding(ahead, carry_z, tilt))
        away = self._behind(goal, 0.35, 0.8)
        self._walk_to(p.Stance(away.x, away.y, math.pi), face_path=False, carry=p.SIDES, upright=False)
        loop = LoopDraft((begin, end), (begin, end), (self._uniform(0.90, 0.96), 0.03), (0.9, 0.1))
        centre = goal.to_world(np.array([ahead + BOARD_CENTRE_AHEAD_M, 0.0, right[2]]))
        return Draft(self._plan(), (begin, end), {"present": loop}, "both", as_point(centre))

    def _holding(self, ahead: float, z: float, tilt: float) -> FloatArray:
        """Right hand at the near corner, left hand ahead on the left edge; the far end tilted up."""
        along, half = HAMMERING_GRIP[0], 0.5 * HAMMERING_GRIP[1]
        hands = {
            "L": np.array([ahead + along * math.cos(tilt), half, z + along * math.sin(tilt), -0.25, -0.15, 0.2]),
            "R": np.array([ahead, -half, z, 0.25, -0.2, 0.5]),
        }
        look = self._stance.to_world(np.array([ahead + BOARD_CENTRE_AHEAD_M, 0.0, z]))
        return self._posture(hands, look, twist=-0.30, lean_max=_LEAN_MAX_RAD)
