"""HumanObjectInspection: hold a cube in front of a person's face until they have seen enough of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from hrg_pipeline.errors import ConfigError, ModelError
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.tasks.base import Bools
from hrg_pipeline.tasks.observations import norm
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.pick_place_human import CUBE, Array, CubeParams, PickPlaceHuman

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

LOOP = "ready"
"""The loop in which the person waits for the cube, around the first keyframe."""
FARTHER_M, LOWER_M = 0.1, 0.1
"""The target is so much farther from the person and lower than where their eyes meet the cube in the motion, half a
metre before their face: the gripper and a hand that is lifted to the cube both need room [m]."""
BEHIND_M = 0.06
"""The gripper also gets to this far behind the target, seen from the person [m]."""
_DRAWS = 300
"""People who are drawn until one looks where the gripper gets to."""


class HumanObjectInspectionParams(CubeParams):
    """Places, rewards and scene of HumanObjectInspection."""

    env_id: Literal["HumanObjectInspection"] = "HumanObjectInspection"
    goal_exit_tolerance: float = Field(default=0.02, ge=0.0)
    """The person goes back to waiting when the cube is this much farther than ``goal_dist`` from the target [m]."""
    object_gripped_reward: float = -1.0
    """Sparse reward of a step in which the cube is gripped, and not at the target."""
    object_at_target_reward: float = -1.0
    """Sparse reward of a step in which the cube is at the target, until the person is done."""
    object_x_m: tuple[float, float] = (0.245, 0.42)
    """Range of x that the cube is put into: far enough from hands at the edge of the table for fingers to move [m]."""
    object_y_m: tuple[float, float] = (-0.1425, 0.1425)
    """The same for y."""
    target_x_m: tuple[float, float] = (0.25, 0.6)
    """Range of x that targets are in: nobody comes who looks elsewhere [m]."""
    target_y_m: tuple[float, float] = (-0.4, 0.4)
    """The same for y."""
    human: HumanParams = HumanParams(human_rand=(0.0, 0.5, 0.0), motion=MotionParams(families=("object_inspection",)))


class HumanObjectInspection(PickPlaceHuman):
    """Hold a cube in front of a person's face until they have inspected it.

    Scene: that of PickPlaceHuman; the cube lies in front of the robot, the target is in the air in front of the face of
    the person, who comes, bends to it, looks at the cube from several sides, and leaves.

    Phases: `approach` until the person is there (first keyframe); `ready`: they wait until the cube is at the target;
    `inspection`: they look at it, and go back to waiting if it leaves; `retreat`: they have seen enough (second
    keyframe) and leave; `complete`: they are gone.

    Observations are those of PickPlaceHuman, and `phase` (5), one-hot. Action and dense reward are those of
    PickPlaceHuman; sparse: `task_reward`, `object_at_target_reward`, `object_gripped_reward` or -1. Success: the
    person has left after the inspection.

    Version history: v0, first release.
    """

    params: HumanObjectInspectionParams
    phases: ClassVar[tuple[str, ...]] = ("approach", "ready", "inspection", "retreat", "complete")
    observation_groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **PickPlaceHuman.observation_groups,
        "goal-state": ("phase", *PickPlaceHuman.observation_groups["goal-state"]),
    }

    def __init__(self, params: TaskParams, engine: Engine) -> None:
        super().__init__(params, engine)
        for facts in engine.people.motions.clips:
            if LOOP not in facts.loops or len(facts.keyframes_s) != 2 or facts.target is None:
                raise ConfigError(
                    f"HumanObjectInspection: nobody inspects anything in clip '{facts.name}'; "
                    "set environment.human.motion.families to [object_inspection]"
                )

    def begin(self, i: int, rng: np.random.Generator) -> None:
        """Draw a person who looks where the gripper gets to, and put the cube on the table.

        Raises:
            ModelError: if none of many does.
        """
        for _ in range(_DRAWS):
            if self._is_reachable(self._looked_at(i)):
                self.engine.people.start_loop(np.array([i]), LOOP)
                super().begin(i, rng)
                return
            self.engine.next_person(i, rng)
        raise ModelError(f"none of {_DRAWS} people looked at a place that the gripper gets to, pointing down")

    def sample_goal(self, i: int, rng: np.random.Generator) -> None:
        """Take the place in front of the person's face for the target."""
        self._target[i] = self.engine.objects.marker_pos[i, 0] = self._looked_at(i)

    def next_goal(self, i: int, rng: np.random.Generator) -> None:
        """Let another person come, and put the cube on the table again."""
        self.phase[i] = 0
        self.engine.next_person(i, rng)
        super().next_goal(i, rng)

    def advance(self) -> None:
        """Go on to the next phase where its time has come, and back to waiting where the cube has left."""
        people, away = self.engine.people, norm(self._target - self.engine.objects.pos[:, CUBE])
        self._go_on("approach", self._is_past_keyframe(0))
        people.release_loop(self._go_on("ready", away <= self.params.goal_dist))
        self._go_on("inspection", self._is_past_keyframe(1))
        gone = away > self.params.goal_dist + self.params.goal_exit_tolerance
        gone &= self.phase == self.phases.index("inspection")
        self.phase[gone] = self.phases.index("ready")
        people.start_loop(gone, LOOP)
        self._go_on("retreat", people.is_finished)

    def observe(self) -> dict[str, Array]:
        """Return every sensor."""
        return {**super().observe(), "phase": np.eye(len(self.phases))[self.phase]}

    def success(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Bools:
        """Tell where the person has left after the inspection."""
        return np.asarray(info["phase"] == self.phases.index("complete"))

    def sparse_reward(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Array:
        """Return ``task_reward``, ``object_at_target_reward``, ``object_gripped_reward`` or -1 (N,)."""
        params = self.params
        otherwise = np.where(info["object_gripped"], params.object_gripped_reward, -1.0)
        there = norm(achieved - desired) <= params.goal_dist
        otherwise = np.where(there, params.object_at_target_reward, otherwise)
        return np.where(self.success(achieved, desired, info), params.task_reward, otherwise)

    def _looked_at(self, i: int) -> Array:
        """Where the person of environment ``i`` is going to look (3,) [m]."""
        point = self.engine.people.point(i, np.array(self.engine.people.facts(i).target))
        return np.asarray(_nearer(point, FARTHER_M) - np.array([0.0, 0.0, LOWER_M]))

    def _is_reachable(self, place: Array) -> bool:
        """Whether a place is in the box of targets, and the gripper gets there and behind it."""
        low, high = np.array([self.params.target_x_m, self.params.target_y_m]).T
        inside = bool(((place[:2] >= low) & (place[:2] <= high)).all())
        both = np.stack([place, _nearer(place, BEHIND_M)])
        return inside and bool(self._reach.configurations(both)[1].all())


def _nearer(place: Array, by_m: float) -> Array:
    """Move a place level towards the foot of the robot (3,) [m]."""
    share = 1.0 - by_m / np.hypot(place[0], place[1])
    return np.asarray(place * np.array([share, share, 1.0]))
