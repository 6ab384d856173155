"""CollaborativeHammering: drive a nail into a board that a person holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.spatial.transform import Rotation

from hrg_pipeline.engine.layout import Layout
from hrg_pipeline.errors import ConfigError, ModelError
from hrg_pipeline.human.body import BODY_NAMES
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.tasks.base import Task
from hrg_pipeline.tasks.nailing import (
    BOARD,
    DEPTH_M,
    FACE_M,
    FIRMLY,
    HALF_M,
    HAMMER,
    LEFT,
    LEFT_M,
    NAIL,
    RIGHT,
    RIGHT_M,
    TABLE_M,
    board,
    hammer,
    hands,
    nail,
)
from hrg_pipeline.tasks.observations import HUMAN, norm, observe_gripper, observe_human, observe_object, observe_robot
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.reaching import Reach

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

LOOP = "present"
"""The loop in which the person holds the board still."""
FARTHER_M = 0.1
"""People stand so much farther away than in their clips: nails are then where the gripper gets to [m]."""
CLEAR_M = 0.05
"""The person takes the board up when the hammer's face is so far above it [m]."""
HANDS_M = 0.1
"""Hands that hold a board on the table are no farther than this from its top [m]."""
HOVER_M = 0.15
"""The gripper also gets to so far above the place in which it reaches the nail [m]."""
_RIGHT_HAND, _LEFT_HAND = BODY_NAMES.index("R_Hand"), BODY_NAMES.index("L_Hand")
_GAP_M = 0.003
"""Between board and table when the board is put down: hands are not still to the millimetre."""
_DRAWS = 300


class CollaborativeHammeringParams(TaskParams):
    """Places, rewards and limits of CollaborativeHammering."""

    env_id: Literal["CollaborativeHammering"] = "CollaborativeHammering"
    horizon: int = Field(default=1000, ge=1)
    """Steps until the episode is truncated (1 step = 0.1 s)."""
    goal_tolerance: float = Field(default=0.05, gt=0.0, lt=1.0)
    """The nail is in when no more than this share of its way is left."""
    nail_hammered_in_reward: float = -1.0
    """Sparse reward of a step in which the nail is in, until the person is gone."""
    hammer_gripped_reward_bonus: float = 0.0
    """Added to the sparse reward of a step in which the hammer is gripped."""
    hammer_lost_reward: float = -10.0
    """Sparse reward of the step in which the hammer has been lost, which ends the episode."""
    loose_steps: int = Field(default=5, ge=0)
    """The hammer is lost if the gripper has not held it for more than so many steps one after the other."""
    progress_weight: float = Field(default=0.5, ge=0.0)
    """Weight of the dense term -weight * share of the nail's way that is left."""
    hammer_weight: float = Field(default=0.1, ge=0.0)
    """Weight of the dense term -weight * ||nail - face of the hammer|| [1/m]."""
    nail_x_m: tuple[float, float] = (0.05, 0.4)
    """Range of x that the nail is put into, from the middle of the board toward the robot [m]."""
    nail_y_m: tuple[float, float] = (-0.18, 0.18)
    """The same for y, across the board [m]."""
    nail_friction_n: float = Field(default=20.0, gt=0.0)
    """What it takes to move the nail in its board [N]."""
    hand_clearance_m: float = Field(default=0.25, ge=0.0)
    """The nail is at least this far from both hands [m]."""
    board_rand: tuple[float, float, float] = (0.03, 0.01, 0.05)
    """Half widths of the uniform offset of the board in the hands: along, across [m], yaw [rad]."""
    shield: ShieldParams = ShieldParams(
        tracking_error_m=0.05,
        obstacles=("table", "base", "walls", "floor"),
        obstacle_gripper=False,
        gripper_distance_m=0.15,
    )
    """A nail that resists moves the arm off its command, for which there is room in all of the shield's sets. The
    hammer reaches down to the table; links keep clear of the scene."""
    human: HumanParams = HumanParams(
        human_rand=(0.03, 0.1, 0.05), gives_way=False, motion=MotionParams(families=("collaborative_hammering",))
    )


class CollaborativeHammering(Task):
    """Drive a nail into a board that a person holds on the table.

    Scene: an arm on its pedestal, a table of 1.9 x 2.0 m, a hammer of 0.2 kg in the gripper, its head straight below,
    and one person, who brings a board of 0.9 x 0.4 m and 3.2 kg in which a nail sticks, lays it on the table, holds it
    with both hands and carries it away.

    Phases: `approach` until the board lies on the table (first keyframe); `present`: the person holds it until the nail
    is in; `retreat`: they wait until the hammer is off the board, take it up and leave; `complete`: they are gone.

    | sensor | shape | unit, frame |
    |---|---|---|
    | `robot0_joint_pos`, `robot0_joint_vel` | n each | rad, rad/s |
    | `robot0_eef_pos` | 3 | m, world |
    | `robot0_gripper_qpos`, `robot0_gripper_qvel` | h each | finger joints, m or rad and per second |
    | `gripper_aperture` | 1 | 0 closed to 1 open |
    | `vec_eef_to_human_{lh,rh,head}` | 3 each | m, world axes |
    | `dist_eef_to_human_{lh,rh,head}` | 1 each | m |
    | `human_joint_pos` | 27 | m, world; nine joints |
    | `phase` | 4 | one-hot |
    | `hammer_pos`, `vec_eef_to_hammer` | 3 each | m, world; of the place for the gripper |
    | `board_pos`, `vec_eef_to_board` | 3 each | m, world; of the middle |
    | `hammer_quat`, `board_quat` | 4 each | wxyz, w >= 0, world |
    | `quat_eef_to_hammer`, `quat_eef_to_board` | 4 each | wxyz, w >= 0, in the frame of the grip site |
    | `hammer_gripped` | 1 | 1 while both sides of the gripper touch the hammer |
    | `nail_pos`, `vec_eef_to_nail` | 3 each | m, world; of the top of the nail's head |
    | `vec_hammer_to_nail` | 3 | m, world axes; from the middle of the hammer's face |
    | `nail_hammering_progress` | 1 | 0 as brought to 1 driven in |

    Action: joint steps and gripper, or Cartesian steps and gripper through the wrapper `ik_position_delta`.
    Reward: sparse (`task_reward`, `hammer_lost_reward`, `nail_hammered_in_reward` or -1, and
    `hammer_gripped_reward_bonus`); dense -`progress_weight` * share of the way that is left - `hammer_weight` *
    ||nail - face of the hammer||. Success: the person has left after the nail was driven in.

    Version history: v0, first release.
    """

    params: CollaborativeHammeringParams
    phases: ClassVar[tuple[str, ...]] = ("approach", "present", "retreat", "complete")
    state: ClassVar[tuple[str, ...]] = ("_loose",)
    observation_groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "object-state": (
            "gripper_aperture",
            *HUMAN,
            "hammer_pos",
            "hammer_quat",
            "vec_eef_to_hammer",
            "quat_eef_to_hammer",
            "board_pos",
            "board_quat",
            "vec_eef_to_board",
            "quat_eef_to_board",
            "hammer_gripped",
        ),
        "robot0_proprio-state": ("robot0_eef_pos", "robot0_gripper_qpos", "robot0_gripper_qvel"),
        "goal-state": ("phase", "nail_pos", "vec_eef_to_nail", "vec_hammer_to_nail", "nail_hammering_progress"),
    }

    def __init__(self, params: TaskParams, engine: Engine) -> None:
        super().__init__(params, engine)
        self._reach = Reach(engine)
        self._loose = np.zeros(engine.num_envs, dtype=np.int64)
        self._table_m = engine.scene.layout.table_offset[2]
        for facts in engine.people.motions.clips:
            if LOOP not in facts.loops or len(facts.keyframes_s) != 2:
                raise ConfigError(
                    f"CollaborativeHammering: nobody holds a board in clip '{facts.name}'; "
                    "set environment.human.motion.families to [collaborative_hammering]"
                )

    @classmethod
    def layout(cls, params: TaskParams) -> Layout:
        """Return hammer, board, nail, and the hands on the board."""
        assert isinstance(params, CollaborativeHammeringParams)
        nails = (nail(params.nail_friction_n),)
        return Layout(TABLE_M, objects=(hammer(), board()), nails=nails, welds=hands())

    @property
    def start_pose(self) -> Array:
        """The gripper points straight down in front of the robot (n,) [rad]."""
        return self._reach.start_pose

    def sample_start(self, i: int, rng: np.random.Generator) -> Array:
        """Return the start pose."""
        return self.start_pose

    def begin(self, i: int, rng: np.random.Generator) -> None:
        """Put the hammer into the gripper, and let somebody come who brings a nail to where it reaches.

        Raises:
            ModelError: none of many people does.
        """
        objects, params = self.engine.objects, self.params
        low, high = np.array([params.nail_x_m, params.nail_y_m]).T
        for _ in range(_DRAWS):
            self.engine.move_person(i, np.array([FARTHER_M, 0.0]))
            pos, turn = self._laid_down(i, rng.uniform(-1.0, 1.0, 3) * params.board_rand)
            place = rng.uniform(low, high)
            if self._can_strike(i, pos + turn.apply([*place, HALF_M[2]])):
                break
            self.engine.next_person(i, rng)
        else:
            raise ModelError(
                f"none of {_DRAWS} people laid a board on the table whose nail the gripper reaches, pointing down"
            )
        for weld in (FIRMLY, RIGHT, LEFT):
            objects.detach(i, weld)
        objects.attach(i, FIRMLY, *self._in_hand(i, pos, turn))
        objects.grasp(i, LEFT)
        self.engine.nails.place(i, NAIL, float(place[0]), float(place[1]))
        if objects.held[i] != HAMMER:
            objects.take(i, HAMMER, self.engine.eef_pos[i])
        self._loose[i] = 0

    def sample_goal(self, i: int, rng: np.random.Generator) -> None:
        """Nothing to draw: the goal is a nail that is in."""

    def next_goal(self, i: int, rng: np.random.Generator) -> None:
        """Let the next person bring a board."""
        self.phase[i] = 0
        self.engine.next_person(i, rng)
        self.begin(i, rng)

    def advance(self) -> None:
        """Go on to the next phase where its time has come; lay the board down, and take it up again."""
        engine, objects = self.engine, self.engine.objects
        self._loose = np.where(objects.gripped[:, HAMMER], 0, self._loose + 1)
        laid = self._go_on("approach", self._is_past_keyframe(0))
        engine.people.start_loop(laid, LOOP)
        for i in laid.tolist():
            objects.detach(i, FIRMLY)
            objects.grasp(i, RIGHT)
            objects.grasp(i, LEFT)
        self._go_on("present", self._is_in(engine.nails.depth[:, NAIL] / DEPTH_M))
        leaving = self.phase == self.phases.index("retreat")
        engine.people.release_loop(leaving & (self._face()[:, 2] > objects.pos[:, BOARD, 2] + HALF_M[2] + CLEAR_M))
        for i in np.flatnonzero(leaving & self._is_past_keyframe(1)).tolist():
            if not objects.is_attached(i, FIRMLY):
                objects.grasp(i, FIRMLY)
                objects.detach(i, RIGHT)
        self._go_on("retreat", engine.people.is_finished)

    def observe(self) -> dict[str, Array]:
        """Return every sensor."""
        engine = self.engine
        top = engine.nails.pos[:, NAIL]
        return {
            **observe_robot(engine),
            **observe_gripper(engine),
            **observe_human(engine),
            **observe_object(engine, HAMMER, "hammer"),
            **observe_object(engine, BOARD, "board"),
            "phase": np.eye(len(self.phases))[self.phase],
            "hammer_gripped": engine.objects.gripped[:, HAMMER, None].astype(np.float64),
            "nail_pos": top,
            "vec_eef_to_nail": top - engine.eef_pos,
            "vec_hammer_to_nail": top - self._face(),
            "nail_hammering_progress": np.clip(engine.nails.depth[:, NAIL, None] / DEPTH_M, 0.0, 1.0),
        }

    def achieved_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return whether the hammer is gripped, and how far the nail is in (N, 2)."""
        return np.concatenate([observation["hammer_gripped"], observation["nail_hammering_progress"]], axis=1)

    def desired_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return what both should be: 1 (N, 2)."""
        return np.ones((len(observation["hammer_gripped"]), 2))

    def info(self, observation: Mapping[str, Array]) -> dict[str, NDArray[Any]]:
        """Return how the hammer is held, how far its face is from the nail [m], and how far that is in, each (N,)."""
        return {
            "hammer_gripped": observation["hammer_gripped"][:, 0] > 0.0,
            "hammer_loose_steps": self._loose.copy(),
            "hammer_to_nail_m": norm(observation["vec_hammer_to_nail"]),
            "nail_hammering_progress": observation["nail_hammering_progress"][:, 0].copy(),
        }

    def success(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Bools:
        """Tell which people have left with a board whose nail is in."""
        return np.asarray(info["phase"] == self.phases.index("complete")) & ~self.failed(achieved, desired, info)

    def failed(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Bools:
        """Tell which hammers are lost."""
        return np.asarray(info["hammer_loose_steps"] > self.params.loose_steps)

    def sparse_reward(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Array:
        """Return ``task_reward``, or what stands for the state of hammer and nail (N,)."""
        params = self.params
        otherwise = np.where(self._is_in(achieved[:, 1]), params.nail_hammered_in_reward, -1.0)
        otherwise = otherwise + np.where(achieved[:, 0] > 0.0, params.hammer_gripped_reward_bonus, 0.0)
        otherwise = np.where(self.failed(achieved, desired, info), params.hammer_lost_reward, otherwise)
        return np.where(self.success(achieved, desired, info), params.task_reward, otherwise)

    def dense_terms(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> dict[str, Array]:
        """Return the terms of the nail's way and of the hammer's."""
        return {
            "progress": -self.params.progress_weight * (desired[:, 1] - achieved[:, 1]),
            "hammer_distance": -self.params.hammer_weight * info["hammer_to_nail_m"],
        }

    def _is_in(self, progress: Array) -> Bools:
        return np.asarray(1.0 - progress <= self.params.goal_tolerance)

    def _face(self) -> Array:
        """Middle of the hammer's face (N, 3) [m], world."""
        objects = self.engine.objects
        turn = Rotation.from_quat(objects.quat[:, HAMMER], scalar_first=True)
        return np.asarray(objects.pos[:, HAMMER] + turn.apply([0.0, 0.0, -FACE_M]))

    def _holding(self, i: int) -> tuple[Array, Rotation]:
        """Positions of right and left hand (2, 3) [m] while the board lies there, and how the right one is turned."""
        people = self.engine.people
        pos, quat = people.pose_at(i, people.facts(i).loops[LOOP].anchor_s)
        return pos[[_RIGHT_HAND, _LEFT_HAND]], Rotation.from_quat(quat[_RIGHT_HAND], scalar_first=True)

    def _laid_down(self, i: int, offset: Array) -> tuple[Array, Rotation]:
        """Where the board is when it is laid down: flat on the table, below the hands.

        Args:
            i: environment.
            offset: along, across [m], yaw [rad] of the board in the hands (3,).

        Returns:
            Position (3,) [m] and orientation in the world.
        """
        at, _ = self._holding(i)
        across, nominal = (at[1] - at[0])[:2], np.subtract(LEFT_M, RIGHT_M)[:2]
        yaw = np.arctan2(across[1], across[0]) - np.arctan2(nominal[1], nominal[0]) + offset[2]
        turn = Rotation.from_euler("z", yaw)
        pos = at[0] - turn.apply(np.add(RIGHT_M, [offset[0], offset[1], 0.0]))
        pos[2] = self._table_m + HALF_M[2] + _GAP_M
        return pos, turn

    def _in_hand(self, i: int, pos: Array, turn: Rotation) -> tuple[Array, Array]:
        """How the right hand holds the board that it will lay down there: position [m] and wxyz in its frame."""
        at, hand = self._holding(i)
        return hand.inv().apply(pos - at[0]), (hand.inv() * turn).as_quat(scalar_first=True)

    def _can_strike(self, i: int, place: Array) -> bool:
        """Whether hands are low enough to hold a board on the table, and the gripper gets to its nail beside them."""
        at, _ = self._holding(i)
        if np.abs(at[:, 2] - self._table_m).max() > HANDS_M:
            return False
        if float(norm(at - place).min()) < self.params.hand_clearance_m:
            return False
        low = place + np.array([0.0, 0.0, FACE_M])
        both = np.stack([low, low + np.array([0.0, 0.0, HOVER_M])])
        return bool(self._reach.configurations(both)[1].all())
