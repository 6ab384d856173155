"""PickPlacePointingHuman: bring a cube to where a person points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import ConfigError, ModelError
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.pick_place_human import CUBE, CUBE_M, HOVER_M, CubeParams, PickPlaceHuman

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

Array = NDArray[np.float64]

UNKNOWN, POINTED = 0, 1
"""Phases: nobody has pointed yet; there is a target."""
DOWNWARD = 0.05
"""Sine of the angle by which a forearm has to point down, so that its line meets the table [1]."""
_DRAWS = 200
"""People who are drawn until one points where the gripper gets to."""
_ARM = {"left": ("L_Elbow", "L_Hand"), "right": ("R_Elbow", "R_Hand")}


class PickPlacePointingHumanParams(CubeParams):
    """Places, rewards and scene of PickPlacePointingHuman."""

    env_id: Literal["PickPlacePointingHuman"] = "PickPlacePointingHuman"
    horizon: int = 500
    """Steps until the episode is truncated (1 step = 0.1 s)."""
    object_gripped_reward: float = -1.0
    """Sparse reward of a step in which the cube is gripped, and not yet at the target."""
    object_x_m: tuple[float, float] = (0.245, 0.525)
    """Range of x that the cube is put into [m]."""
    object_y_m: tuple[float, float] = (-0.1425, 0.1425)
    """The same for y."""
    target_x_m: tuple[float, float] = (0.25, 0.55)
    """Range of x that targets are in; one that is pointed at outside is moved to its border [m]."""
    target_y_m: tuple[float, float] = (-0.45, 0.45)
    """The same for y."""
    human: HumanParams = HumanParams(motion=MotionParams(families=("pointing",)))


class PickPlacePointingHuman(PickPlaceHuman):
    """Pick up a cube and bring it to where a person points.

    Scene: that of PickPlaceHuman. The person plays the motion family `pointing`: comes, points at a place on the table,
    lowers the arm and leaves.

    Phases: `unknown` until the person points, then `pointed`. The target is where the line from elbow to hand meets the
    table top, at the height of the middle of a cube that lies there, moved into the box `target_x_m`, `target_y_m`. It
    follows the arm between the clip's keyframes; where the line does not meet the table, the last target stays. Before
    anybody has pointed it is where the cube was put, and nothing succeeds.

    Observations are those of PickPlaceHuman, and `target_known` (1), 1 from the moment when the person points. Action
    and rewards are those of PickPlaceHuman. Success: cube within `goal_dist` of the target, in the phase `pointed`.

    Version history: v0, first release.
    """

    params: PickPlacePointingHumanParams
    phases: ClassVar[tuple[str, ...]] = ("unknown", "pointed")
    observation_groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **PickPlaceHuman.observation_groups,
        "goal-state": (*PickPlaceHuman.observation_groups["goal-state"], "target_known"),
    }

    def __init__(self, params: TaskParams, engine: Engine) -> None:
        super().__init__(params, engine)
        for facts in engine.people.motions.clips:
            if facts.hand not in _ARM or len(facts.keyframes_s) != len(self.phases) or facts.target is None:
                raise ConfigError(
                    f"PickPlacePointingHuman: nobody points in clip '{facts.name}'; "
                    "set environment.human.motion.families to [pointing]"
                )

    def begin(self, i: int, rng: np.random.Generator) -> None:
        """Draw a person who points where the gripper gets to, and put the cube on the table.

        Raises:
            ModelError: if none of many does.
        """
        for _ in range(_DRAWS):
            if self._is_reachable(i):
                super().begin(i, rng)
                return
            self.engine.next_person(i, rng)
        raise ModelError(f"none of {_DRAWS} people pointed at a place that the gripper gets to, pointing down")

    def sample_goal(self, i: int, rng: np.random.Generator) -> None:
        """Wait for somebody to point."""
        self.phase[i] = UNKNOWN
        self._put_target(i, self.engine.objects.pos[i, CUBE])

    def next_goal(self, i: int, rng: np.random.Generator) -> None:
        """Let another person come, and put the cube elsewhere."""
        self.engine.next_person(i, rng)
        self.begin(i, rng)
        self.sample_goal(i, rng)

    def advance(self) -> None:
        """Let targets follow the arms that point."""
        for i, time in enumerate(self.engine.people.time):
            first, last = self.engine.people.facts(i).keyframes_s
            place = self._pointed_at(i) if first <= time <= last else None
            if place is not None:
                self.phase[i] = POINTED
                self._put_target(i, place)

    def observe(self) -> dict[str, Array]:
        """Return every sensor."""
        return {**super().observe(), "target_known": (self.phase == POINTED).astype(np.float64)[:, None]}

    def success(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> NDArray[np.bool_]:
        """Tell which cubes are within ``goal_dist`` of a place that somebody has pointed at."""
        return np.asarray(super().success(achieved, desired, info) & (info["phase"] == POINTED))

    def _put_target(self, i: int, place: Array) -> None:
        self._target[i] = place
        self.engine.objects.marker_pos[i, 0] = place

    def _pointed_at(self, i: int) -> Array | None:
        """Where the line from elbow to hand meets the table (3,) [m]; None: nowhere ahead."""
        elbow_name, hand_name = _ARM[self.engine.people.facts(i).hand]
        elbow, hand = (self.engine.objects.hand_pose(i, name)[0] for name in (elbow_name, hand_name))
        along = hand - elbow
        if -along[2] < DOWNWARD * np.linalg.norm(along):
            return None
        return self._inside(hand + (self.engine.scene.layout.table_offset[2] - hand[2]) / along[2] * along)

    def _inside(self, place: Array) -> Array:
        """Move a place into the box of targets, at the height of a cube's middle (3,) [m]."""
        low, high = np.array([self.params.target_x_m, self.params.target_y_m]).T
        height = self.engine.scene.layout.table_offset[2] + 0.5 * CUBE_M
        return np.array([*np.clip(place[:2], low, high), height])

    def _is_reachable(self, i: int) -> bool:
        """Whether the gripper gets to where the person of environment ``i`` is going to point, within the box."""
        wanted = self.engine.people.point(i, np.array(self.engine.people.facts(i).target))
        place = self._inside(wanted)
        if np.abs(place - wanted)[:2].max() > 0.0:
            return False
        return bool(self._reach.configurations(place + np.array([[0.0, 0.0, 0.0], [0.0, 0.0, HOVER_M]]))[1].all())
