"""Plans are written action by action: walking, moving the upper body, pausing."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np

from hrg_pipeline.human import plan as p
from hrg_pipeline.human import reaching as r
from hrg_pipeline.human.body import FloatArray, Skeleton, stature_of
from hrg_pipeline.human.ik import bump, min_jerk
from hrg_pipeline.human.posing import PELVIS_WINDOW_S, foot_target, wrapped

STAND_Y_MAX_M = 0.5
_STEP_M, _TURN_STEP_RAD = 0.20, 0.45
_STEP_MIN_S, _FOOT_SPEED = 0.36, 1.45
_SHORT_WALK_M = 0.45
_PEAK_TO_MEAN = 1.875
"""Peak over mean speed of a minimum-jerk movement."""
_ALONG, _HILL = min_jerk(np.linspace(0.0, 1.0, 41)), bump(np.linspace(0.0, 1.0, 41))
_LIFTS_M = np.arange(0.0, 0.25, 0.03)
_EDGE_MARGIN_M, _FREE_HEIGHT_M = 0.05, 0.15
"""Hands with their fingers pass the edge of the table at this distance and height."""
_TIMING_SIGMA = 0.12
"""Spread of the logarithm of durations (people are not metronomes)."""


class MotionWriter:
    """Keeps track of where the person is and how, and appends actions."""

    def __init__(self, rng: np.random.Generator, skeleton: Skeleton, hand_speed: float) -> None:
        self._rng = rng
        self._skeleton = skeleton
        self._stature = stature_of(skeleton)
        self._hand_speed = hand_speed
        self._actions: list[p.Action] = []
        self._written_s = 0.0
        self._hands_up = False
        self._stands: list[p.Stance] = []
        self._grip_m: float | None = None
        """Distance that the hands keep in what is written from now on."""

    def _begin(self, stance: p.Stance, pose: FloatArray) -> None:
        """Say where and how the person is at first."""
        self._stance = self._start = stance
        self._pose, self._start_pose = pose.copy(), pose.copy()

    def _plan(self, limit_s: float | None = None) -> p.MotionPlan:
        """What has been written."""
        # The middle of the standing places: a small turn about it keeps all of them in front of the table.
        places = self._stands or [self._stance]
        pivot = np.mean([(s.x, s.y) for s in places], axis=0)
        return p.MotionPlan(
            start=self._start,
            start_pose=self._start_pose,
            actions=tuple(self._actions),
            pivot_xy=(float(pivot[0]), float(pivot[1])),
            limit_s=limit_s,
        )

    def _draw_stand(self, near: p.Stance | None = None) -> p.Stance:
        """A place at the far edge of the table, facing it."""
        x = r.TABLE_EDGE_X_M + self._stature * self._rng.uniform(0.16, 0.215)
        y = self._rng.uniform(-STAND_Y_MAX_M, STAND_Y_MAX_M)
        if near is not None:
            shift = self._rng.uniform(0.15, 0.45) * (1.0 if near.y < 0.0 else -1.0)
            y = float(np.clip(near.y + shift, -STAND_Y_MAX_M, STAND_Y_MAX_M))
        stance = p.Stance(x, y, math.pi + self._rng.uniform(-0.15, 0.15))
        self._stands.append(stance)
        return stance

    def _draw_away(self) -> p.Stance:
        """In front of the table or beside it, facing roughly where the work is."""
        if self._rng.random() < 0.6:
            x, y = self._rng.uniform(1.6, 2.2), self._rng.uniform(-0.6, 0.6)
        else:
            x, y = self._rng.uniform(1.3, 1.7), self._rng.choice((-1.0, 1.0)) * self._rng.uniform(1.1, 1.5)
        facing = math.atan2(-y, 1.05 - x) + self._rng.uniform(-0.3, 0.3)
        return p.Stance(x, y, math.pi + wrapped(facing - math.pi))

    def _time(self, seconds: float) -> float:
        return float(seconds * np.exp(np.clip(self._rng.normal(0.0, _TIMING_SIGMA), -0.2, 0.3)))

    def _add(self, action: list[p.Segment]) -> None:
        self._actions.append(tuple(action))
        self._written_s += sum(segment.duration_s for segment in action)

    def _move(
        self,
        kind: str,
        least_s: float,
        pose: FloatArray,
        lift_m: float = 0.0,
        reaches: tuple[p.Reach, ...] = (),
    ) -> p.Segment:
        """One movement of the upper body, as fast as the hands may go or slower."""
        lifts, slowest = [0.0, 0.0], least_s
        for index, side in enumerate(p.SIDES):
            way = float(np.linalg.norm((r.get_hand(pose, side) - r.get_hand(self._pose, side))[:3]))
            if way > 0.08:
                lift = max(lift_m, self._lift_over_edge(pose, side))
                lifts[index] = lift
                slowest = max(slowest, _PEAK_TO_MEAN * (way + 0.6 * lift) / (0.9 * self._hand_speed))
        self._pose = pose.copy()
        return p.Segment(kind, self._time(slowest), pose, (lifts[0], lifts[1]), self._grip_m, reaches=reaches)

    def _lift_over_edge(self, pose: FloatArray, side: str) -> float:
        """How far a hand must be lifted on its way to a pose so that it does not pass through the table's edge."""
        start, end = r.get_hand(self._pose, side)[:3], r.get_hand(pose, side)[:3]
        path = start + _ALONG[:, None] * (end - start)
        c, s = math.cos(self._stance.yaw), math.sin(self._stance.yaw)
        over = self._stance.x + c * path[:, 0] - s * path[:, 1] < r.TABLE_EDGE_X_M + _EDGE_MARGIN_M
        if not over.any() or over.all():
            return 0.0
        # What is low over the table at an end has to be low near that end.
        least = min([r.TABLE_TOP_Z_M + _FREE_HEIGHT_M, *(path[k, 2] for k in (0, -1) if over[k])])
        clear = (path[over, 2] + _LIFTS_M[:, None] * _HILL[over] >= least - 1e-9).all(axis=1)
        return float(_LIFTS_M[int(np.argmax(clear))] if clear.any() else _LIFTS_M[-1])

    def _pause(self, low_s: float, high_s: float) -> None:
        seconds = float(self._rng.uniform(low_s, high_s))
        self._add([p.Segment("pause", seconds, self._pose.copy(), grip_m=self._grip_m)])

    def _put_hands_ready(self, pose: FloatArray) -> None:
        for side in p.SIDES:
            r.set_hand(pose, side, r.ready_hand(self._stature, side))

    def _put_hands_down(self, pose: FloatArray) -> None:
        for side in p.SIDES:
            r.set_hand(pose, side, r.hanging_hand(self._stature, side))

    def _raise_hands(self) -> None:
        if not self._hands_up:
            pose = self._neutral()
            self._put_hands_ready(pose)
            self._add([self._move("raise hands", 0.6, pose)])
            self._hands_up = True

    def _neutral(self) -> FloatArray:
        """Trunk and head as in standing, hands as they are."""
        pose = r.standing_pose(self._stature)
        pose[p.LEFT_HAND :] = self._pose[p.LEFT_HAND :]
        return pose

    def _walk_to(
        self, goal: p.Stance, face_path: bool = True, carry: Collection[str] = (), upright: bool = True
    ) -> None:
        """Walk in a straight line, turning to the path when it is long, and settle.

        Args:
            goal: where to stand in the end.
            face_path: turn to the path where it is long.
            carry: sides whose hand stays where it is, relative to the body, because it holds something.
            upright: straighten the trunk; else it stays as it is.
        """
        start = self._stance
        goal = p.Stance(goal.x, goal.y, start.yaw + wrapped(goal.yaw - start.yaw))
        distance = start.distance(goal)
        keep_hands = self._hands_up and distance <= _SHORT_WALK_M and abs(goal.yaw - start.yaw) < 0.4
        settled = self._neutral() if upright else self._pose.copy()
        if not keep_hands:
            for side in p.SIDES:
                if side not in carry:
                    r.set_hand(settled, side, r.hanging_hand(self._stature, side))
            self._hands_up = False
        pose = settled.copy()
        pose[p.DROP] = r.walking_drop(self._stature)
        if not keep_hands and distance > _SHORT_WALK_M:
            pose[p.ARM_SWING] = [0.0 if side in carry else 1.0 for side in p.SIDES]
        settle_s = 0.5 * PELVIS_WINDOW_S + 0.02
        shift = self._move("shift weight", settle_s, pose)
        steps, seconds = self._steps(start, goal, face_path and distance > _SHORT_WALK_M)
        walk = p.Segment("walk", seconds, pose.copy(), steps=steps, grip_m=self._grip_m)
        settle = p.Segment("settle", max(settle_s, self._time(0.36)), settled, grip_m=self._grip_m)
        self._pose = settled.copy()
        self._stance = goal
        self._add([shift, walk, settle])

    def _steps(self, start: p.Stance, goal: p.Stance, face_path: bool) -> tuple[tuple[p.Step, ...], float]:
        """Foot placements along a straight path and the time they take [s]."""
        path_yaw = start.yaw + wrapped(math.atan2(goal.y - start.y, goal.x - start.x) - start.yaw)
        middle = path_yaw if face_path else 0.5 * (start.yaw + goal.yaw)
        turns = abs(middle - start.yaw) + abs(goal.yaw - middle)
        step_m = _STEP_M * self._stature / 1.75
        count = max(1, math.ceil(start.distance(goal) / step_m), math.ceil(turns / _TURN_STEP_RAD))
        places = []
        for k in range(1, count + 1):
            u = k / count
            yaw = float(np.interp(u, (0.0, 0.35, 0.65, 1.0), (start.yaw, middle, middle, goal.yaw)))
            if not face_path:
                yaw = start.yaw + u * (goal.yaw - start.yaw)
            places.append(p.Stance(start.x + u * (goal.x - start.x), start.y + u * (goal.y - start.y), yaw))
        places.append(goal)
        first = self._first_foot(start, places[0])
        sides = [first if k % 2 == 0 else ("R" if first == "L" else "L") for k in range(len(places))]
        foot = {side: foot_target(start, side, self._stature) for side in p.SIDES}
        moves, seconds = [], []
        for side, place in zip(sides, places, strict=True):
            target = foot_target(place, side, self._stature)
            way = math.hypot(target[0] - foot[side][0], target[1] - foot[side][1])
            way += 0.1 * self._stature * abs(target[2] - foot[side][2])
            moves.append((side, target))
            seconds.append(self._time(max(_STEP_MIN_S, _PEAK_TO_MEAN * way / _FOOT_SPEED)))
            foot[side] = target
        total = sum(seconds)
        ends = np.cumsum(seconds) / total
        begins = np.concatenate(([0.0], ends[:-1]))
        steps = tuple(
            p.Step(side, float(begin), float(end), target)
            for (side, target), begin, end in zip(moves, begins, ends, strict=True)
        )
        return steps, total

    def _first_foot(self, start: p.Stance, place: p.Stance) -> str:
        """The foot on the side that the path leads to, so that the feet do not cross."""
        aside = start.to_local(np.array([place.x, place.y, 0.0]))[1] + 0.2 * wrapped(place.yaw - start.yaw)
        if abs(aside) < 0.02:
            return "L" if self._rng.random() < 0.5 else "R"
        return "L" if aside > 0.0 else "R"
