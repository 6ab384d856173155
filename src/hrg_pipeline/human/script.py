"""What a person does at the table, drawn at random: walk up, reach, look, step aside, leave."""

from __future__ import annotations

import math

import numpy as np

from hrg_pipeline.human import plan as p
from hrg_pipeline.human import reaching as r
from hrg_pipeline.human.body import FloatArray, Skeleton, stature_of
from hrg_pipeline.human.posing import PELVIS_WINDOW_S, foot_target, wrapped

STAND_Y_MAX_M = 0.5
ROBOT_CLEARANCE_M = 0.30
"""Reach points keep this far from the axis of the robot's first joint."""
_STEP_M, _TURN_STEP_RAD = 0.20, 0.45
_STEP_MIN_S, _FOOT_SPEED = 0.36, 1.45
_SHORT_WALK_M = 0.45
_PEAK_TO_MEAN = 1.875
"""Peak over mean speed of a minimum-jerk movement."""
_TIMING_SIGMA = 0.12
"""Spread of the logarithm of durations (people are not metronomes)."""


class ScriptWriter:
    """Writes a plan action by action, keeping track of where the person is and how."""

    def __init__(self, rng: np.random.Generator, skeleton: Skeleton, hand_speed: float, duration_s: float) -> None:
        self._rng = rng
        self._skeleton = skeleton
        self._stature = stature_of(skeleton)
        self._hand_speed = hand_speed
        self._duration_s = duration_s
        self._actions: list[p.Action] = []
        self._written_s = 0.0
        self._hands_up = False
        self._next_side = "L" if rng.random() < 0.5 else "R"
        self._stands: list[p.Stance] = []
        at_table = rng.random() < 0.4
        self._stance = self._draw_stand() if at_table else self._draw_away()
        self._start = self._stance
        self._pose = r.standing_pose(self._stature)
        if at_table:
            self._hands_up = bool(rng.random() < 0.6)
            if self._hands_up:
                self._put_hands_ready(self._pose)
        self._start_pose = self._pose.copy()

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
        # The middle of the standing places: a small turn about it keeps all of them in front of the table.
        pivot = np.mean([(s.x, s.y) for s in self._stands], axis=0)
        return p.MotionPlan(
            start=self._start,
            start_pose=self._start_pose,
            actions=tuple(self._actions),
            pivot_xy=(float(pivot[0]), float(pivot[1])),
            duration_s=self._duration_s,
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
                lifts[index] = lift_m
                slowest = max(slowest, _PEAK_TO_MEAN * (way + 0.6 * lift_m) / (0.9 * self._hand_speed))
        self._pose = pose.copy()
        return p.Segment(kind, self._time(slowest), pose, (lifts[0], lifts[1]), reaches=reaches)

    def _pause(self, low_s: float, high_s: float) -> None:
        self._add([p.Segment("pause", float(self._rng.uniform(low_s, high_s)), self._pose.copy())])

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

    def _walk_to(self, goal: p.Stance, face_path: bool = True) -> None:
        """Walk in a straight line, turning to the path when it is long, and settle."""
        start = self._stance
        goal = p.Stance(goal.x, goal.y, start.yaw + wrapped(goal.yaw - start.yaw))
        distance = start.distance(goal)
        keep_hands = self._hands_up and distance <= _SHORT_WALK_M and abs(goal.yaw - start.yaw) < 0.4
        pose = self._neutral()
        pose[p.DROP] = r.walking_drop(self._stature)
        if not keep_hands:
            self._put_hands_down(pose)
            pose[p.ARM_SWING] = 1.0 if distance > _SHORT_WALK_M else 0.0
            self._hands_up = False
        settle_s = 0.5 * PELVIS_WINDOW_S + 0.02
        shift = self._move("shift weight", settle_s, pose)
        settled = self._neutral()
        steps, seconds = self._steps(start, goal, face_path and distance > _SHORT_WALK_M)
        walk = p.Segment("walk", seconds, pose.copy(), steps=steps)
        settle = p.Segment("settle", max(settle_s, self._time(0.36)), settled)
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
