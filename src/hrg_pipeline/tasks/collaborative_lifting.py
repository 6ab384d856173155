"""CollaborativeLifting: carry a board together with a person, and keep it level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.spatial.transform import Rotation

from hrg_pipeline.engine.layout import Colour, HandWeld, Layout, SceneObject, Shape, Vector
from hrg_pipeline.errors import ModelError
from hrg_pipeline.human.body import BODY_NAMES
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.tasks.base import Task
from hrg_pipeline.tasks.observations import HUMAN, observe_gripper, observe_human, observe_object, observe_robot
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.reaching import Reach

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

BOARD = 0
"""Index of the board."""
START_X_M, START_Z_M = 0.5, 0.905
"""Where the gripper holds the knob at first, unless an arm has to hold it farther ahead [m]."""
STANCES: dict[str, tuple[float, float]] = {"panda": (0.6, 0.0), "schunk": (0.7, 0.5 * np.pi)}
"""Arms that follow more people from another place x [m], the gripper turned from pointing down toward +x [rad]."""
AHEAD_M, ABOVE_M = 0.94, 0.035
"""From the hands to the knob: this far along the level board, and up [m]."""
HALF_M: Vector = (0.44, 0.28, 0.015)
"""Half lengths of the board [m]."""
HELD_M = 0.3
"""The board counts as part of the robot as far ahead of its knob as this [m]."""
HAND_SPRING = (100.0, 4.0)
"""How a person's hand gives: stiffness [N/m] and damping [N s/m]; 10 N at 10 cm."""
_HANDS = ("L_Hand", "R_Hand")
_HAND_INDICES = np.array([BODY_NAMES.index(name) for name in _HANDS])
_HAND_SIDES_M = (-0.25, 0.25)
"""y of the left and the right hand on the board, as the clips have them [m]."""
_STEM_LONG_M = 0.09
"""From the knob to the edge of the board: room for fingers [m]."""
_KNOB_M, _STEM_M, _KNOB_KG, _STEM_KG = 0.016, 0.006, 0.02, 0.01
_DENSITY_KG_M3 = 20.0
_WOOD: Colour = (0.76, 0.58, 0.36, 1.0)
_DARK: Colour = (0.30, 0.32, 0.36, 1.0)
_DRAWS, _WATCH_S = 200, 0.25


class CollaborativeLiftingParams(TaskParams):
    """Rewards and limits of CollaborativeLifting."""

    env_id: Literal["CollaborativeLifting"] = "CollaborativeLifting"
    horizon: int = Field(default=500, ge=1)
    """Steps until the episode is truncated (1 step = 0.1 s)."""
    min_balance: float = Field(default=0.8, gt=0.0, lt=1.0)
    """The episode fails if the cosine of the board's tilt falls below this; 0.8 is 37 degrees."""
    loose_steps: int = Field(default=5, ge=0)
    """The episode fails if the gripper has not held the board for more than so many steps one after the other."""
    imbalance_failure_reward: float = -10.0
    """Sparse reward of the step in which the board is tilted too far."""
    board_released_reward: float = -10.0
    """Sparse reward of a step in which the gripper does not hold the board."""
    shield: ShieldParams = ShieldParams(
        tracking_error_m=0.06,
        obstacles=("table", "base", "walls", "floor"),
        obstacle_gripper=False,
        gripper_distance_m=0.15,
    )
    """The person's pull moves the arm off its command by centimetres, for which there is room in all of the shield's
    sets. The board passes over its stand and close to the arm; links keep clear of the scene."""
    human: HumanParams = HumanParams(
        human_rand=(0.0, 0.0, 0.0), gives_way=False, motion=MotionParams(families=("collaborative_lifting",))
    )


class CollaborativeLifting(Task):
    """Carry a board together with a person, and keep it level.

    Scene: an arm on its pedestal, a stand of 0.4 x 1.5 m a metre ahead, a board of 1.0 x 0.56 m and 0.37 kg, and one
    person, who holds its far end with both hands. The gripper holds a knob at the near end; it points down, or is
    tilted ahead where an arm reaches farther so.

    Phases: `carry` while the person lifts, tilts, turns and lowers the board; `complete`: they are done.

    | sensor | shape | unit, frame |
    |---|---|---|
    | `robot0_joint_pos`, `robot0_joint_vel` | n each | rad, rad/s |
    | `robot0_eef_pos` | 3 | m, world |
    | `robot0_gripper_qpos`, `robot0_gripper_qvel` | h each | finger joints, m or rad and per second |
    | `gripper_aperture` | 1 | 0 closed to 1 open |
    | `vec_eef_to_human_{lh,rh,head}` | 3 each | m, world axes |
    | `dist_eef_to_human_{lh,rh,head}` | 1 each | m |
    | `human_joint_pos` | 27 | m, world; nine joints |
    | `board_pos`, `vec_eef_to_board` | 3 each | m, world; of the knob |
    | `board_quat` | 4 | wxyz, w >= 0, world |
    | `quat_eef_to_board` | 4 | wxyz, w >= 0, in the frame of the grip site |
    | `board_balance` | 1 | cosine of the tilt |
    | `board_gripped` | 1 | 1 while both sides of the gripper touch the board |

    Action: joint steps and gripper, or Cartesian steps and gripper through the wrapper `ik_position_delta`.
    Reward: sparse (`task_reward`, `imbalance_failure_reward`, `board_released_reward` or 1); dense: 1 - tilt / largest
    tilt. Success: the person is done, and the board was neither tilted too far nor let go of.

    Version history: v0, first release.
    """

    params: CollaborativeLiftingParams
    phases: ClassVar[tuple[str, ...]] = ("carry", "complete")
    state: ClassVar[tuple[str, ...]] = ("_loose",)
    observation_groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "object-state": (
            "gripper_aperture",
            *HUMAN,
            "board_pos",
            "board_quat",
            "vec_eef_to_board",
            "quat_eef_to_board",
        ),
        "robot0_proprio-state": ("robot0_eef_pos", "robot0_gripper_qpos", "robot0_gripper_qvel"),
        "goal-state": ("board_balance", "board_gripped"),
    }

    def __init__(self, params: TaskParams, engine: Engine) -> None:
        super().__init__(params, engine)
        x, tilt = STANCES.get(engine.robot.name, (START_X_M, 0.0))
        self._reach = Reach(engine, (x, 0.0, START_Z_M), tilt)
        self._loose = np.zeros(engine.num_envs, dtype=np.int64)

    @classmethod
    def layout(cls, params: TaskParams) -> Layout:
        """Return the board, whose frame is that of its knob, the person's hands below it, and the stand."""
        ends = tuple(
            HandWeld(name, name, "board", (0.0, 0.0, 0.0), ball=(AHEAD_M, side, -ABOVE_M), spring=HAND_SPRING)
            for name, side in zip(_HANDS, _HAND_SIDES_M, strict=True)
        )
        return Layout((0.4, 1.5, 0.05), (1.0, 0.0, 0.8), objects=(board(),), welds=ends)

    @property
    def start_pose(self) -> Array:
        """The gripper points straight down at the knob (n,) [rad]."""
        return self._reach.start_pose

    def sample_start(self, i: int, rng: np.random.Generator) -> Array:
        """Return the start pose."""
        return self.start_pose

    def begin(self, i: int, rng: np.random.Generator) -> None:
        """Put the knob between the fingers, and let somebody hold the other end whom the arm can follow.

        Raises:
            ModelError: the arm can follow none of many people.
        """
        self._loose[i] = 0
        for _ in range(_DRAWS):
            tilt = self._meet(i)
            if self._can_follow(i):
                break
            self.engine.next_person(i, rng)
        else:
            raise ModelError(f"none of {_DRAWS} people carried the board to where the gripper reaches")
        objects = self.engine.objects
        for hand in range(len(_HANDS)):
            objects.detach(i, hand)
        objects.take(i, BOARD, self.engine.eef_pos[i], tilt.as_quat(scalar_first=True))
        for hand in range(len(_HANDS)):
            objects.grasp(i, hand)

    def sample_goal(self, i: int, rng: np.random.Generator) -> None:
        """Nothing to draw: the goal is a level board."""

    def next_goal(self, i: int, rng: np.random.Generator) -> None:
        """Let the next person take the board, where the gripper is now."""
        self.phase[i] = 0
        self.engine.next_person(i, rng)
        self.begin(i, rng)

    def advance(self) -> None:
        """Count how long the board has not been held; end where the person is done."""
        self._loose = np.where(self.engine.objects.gripped[:, BOARD], 0, self._loose + 1)
        self.phase[self.engine.people.is_finished] = self.phases.index("complete")

    def observe(self) -> dict[str, Array]:
        """Return every sensor."""
        engine = self.engine
        turn = Rotation.from_quat(engine.objects.quat[:, BOARD], scalar_first=True)
        return {
            **observe_robot(engine),
            **observe_gripper(engine),
            **observe_human(engine),
            **observe_object(engine, BOARD, "board"),
            "board_balance": turn.as_matrix()[:, 2, 2:],
            "board_gripped": engine.objects.gripped[:, BOARD, None].astype(np.float64),
        }

    def achieved_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return balance of the board, and whether it is gripped (N, 2)."""
        return np.concatenate([observation["board_balance"], observation["board_gripped"]], axis=1)

    def desired_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return what both should be: 1 (N, 2)."""
        return np.ones((len(observation["board_balance"]), 2))

    def info(self, observation: Mapping[str, Array]) -> dict[str, NDArray[Any]]:
        """Return whether the board is gripped, and for how many steps it has not been, each (N,)."""
        return {"board_gripped": observation["board_gripped"][:, 0] > 0.0, "board_loose_steps": self._loose.copy()}

    def success(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Bools:
        """Tell which people are done, with a board that has not been lost."""
        done = np.asarray(info["phase"] == self.phases.index("complete"))
        return done & ~self.failed(achieved, desired, info)

    def failed(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Bools:
        """Tell which boards are tilted too far, or were let go of for too long."""
        return self._tilted(achieved) | np.asarray(info["board_loose_steps"] > self.params.loose_steps)

    def sparse_reward(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Array:
        """Return ``task_reward``, ``imbalance_failure_reward``, ``board_released_reward`` or 1 (N,)."""
        params = self.params
        otherwise = np.where(achieved[:, 1] > 0.0, 1.0, params.board_released_reward)
        otherwise = np.where(self._tilted(achieved), params.imbalance_failure_reward, otherwise)
        return np.where(self.success(achieved, desired, info), params.task_reward, otherwise)

    def dense_terms(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> dict[str, Array]:
        """Return the term of the tilt: -1 where the board is level, -2 where it is tilted as far as it may be."""
        tilt = np.arccos(np.clip(achieved[:, 0], -1.0, 1.0))
        return {"balance": -1.0 - tilt / np.arccos(self.params.min_balance)}

    def _tilted(self, achieved: Array) -> Bools:
        return np.asarray(achieved[:, 0] < self.params.min_balance)

    def _meet(self, i: int) -> Rotation:
        """Let the person stand so that the board reaches from the gripper to their hands; return how it is turned."""
        engine = self.engine
        hands, gripper = engine.human_positions(_HAND_INDICES)[i].mean(axis=0), engine.eef_pos[i]
        length, lowest = np.hypot(AHEAD_M, ABOVE_M), np.arctan2(ABOVE_M, AHEAD_M)
        pitch = np.arcsin((gripper[2] - hands[2]) / length) - lowest
        turn = Rotation.from_euler("y", pitch)
        engine.move_person(i, (gripper + turn.apply([AHEAD_M, 0.0, -ABOVE_M]) - hands)[:2])
        return turn

    def _can_follow(self, i: int) -> bool:
        """Whether the gripper gets to all places from which it holds the board level while the person moves."""
        people = self.engine.people
        times = np.arange(0.0, people.length(i), _WATCH_S)
        hands = np.array([people.pose_at(i, float(t))[0][_HAND_INDICES] for t in times])
        across = hands[:, 0] - hands[:, 1]
        along = np.stack([-across[:, 1], across[:, 0], np.zeros(len(across))], axis=1)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        return bool(self._reach.configurations(hands.mean(axis=1) - AHEAD_M * along + [0.0, 0.0, ABOVE_M])[1].all())


def board() -> SceneObject:
    """Return the board; its frame has its origin in the middle of the knob, x points to the person, z up."""
    volume = 8.0 * HALF_M[0] * HALF_M[1] * HALF_M[2]
    slab_at = (_STEM_LONG_M + HALF_M[0], 0.0, 0.0)
    slab = Shape("box", HALF_M, pos=slab_at, mass_kg=_DENSITY_KG_M3 * volume, colour=_WOOD)
    half = 0.5 * _STEM_LONG_M
    along = (np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0)
    stem = Shape("cylinder", (_STEM_M, half), pos=(half, 0.0, 0.0), quat=along, mass_kg=_STEM_KG, colour=_DARK)
    knob = Shape("sphere", (_KNOB_M,), mass_kg=_KNOB_KG, friction=3.0, colour=_DARK)
    near = (-_KNOB_M, -HALF_M[1], -_KNOB_M), (HELD_M, HALF_M[1], _KNOB_M)
    return SceneObject("board", (slab, stem, knob), held_part=near)
