"""PickPlaceHuman: pick up a cube and bring it to a target while a human works at the same table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hrg_pipeline.engine.layout import GHOST, Layout, Marker, SceneObject, Shape
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.tasks.base import Task
from hrg_pipeline.tasks.observations import HUMAN, norm, observe_gripper, observe_human, observe_robot
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.reaching import Reach

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

Array = NDArray[np.float64]

CUBE_M = 0.04
"""Edge length of the cube."""
CUBE_KG = 0.064
"""Density 1000 kg/m^3."""
HOVER_M = 0.15
"""Cube and target lie where the gripper also gets to this far above them [m]."""
CUBE = 0
"""Index of the cube."""


TABLE_SHIELD = ShieldParams(
    obstacles=("table", "base", "walls", "floor"), obstacle_gripper=False, gripper_distance_m=0.15
)
"""The gripper and what it holds reach down to the table, links keep clear of the scene. People work so close that at
0.3 m the fingers may be held for good; a hand at 2 m/s takes 75 ms for 0.15 m."""


class CubeParams(TaskParams):
    """Places and rewards of the tasks with one cube and one target."""

    horizon: int = Field(default=1000, ge=1)
    """Steps until the episode is truncated (1 step = 0.1 s)."""
    goal_dist: float = Field(default=0.1, gt=0.0)
    """The goal is reached when the cube is this close to the target [m]."""
    object_gripped_reward: float = -0.25
    """Sparse reward of a step in which the cube is gripped, and not yet at the target."""
    object_weight: float = Field(default=0.1, ge=0.0)
    """Weight of the dense term -weight * ||target - cube|| [1/m]."""
    gripper_weight: float = Field(default=0.02, ge=0.0)
    """Weight of the dense term -weight * ||cube - end effector|| [1/m]."""
    object_x_m: tuple[float, float] = (0.245, 0.42)
    """Range of x that the cube is put into [m]."""
    object_y_m: tuple[float, float] = (0.2375, 0.4275)
    """The same for y."""
    target_x_m: tuple[float, float] = (0.245, 0.42)
    """Range of x that targets are drawn from [m]."""
    target_y_m: tuple[float, float] = (-0.4275, -0.2375)
    """The same for y."""
    shield: ShieldParams = TABLE_SHIELD


class PickPlaceHumanParams(CubeParams):
    """Places, rewards and scene of PickPlaceHuman."""

    env_id: Literal["PickPlaceHuman"] = "PickPlaceHuman"


class PickPlaceHuman(Task):
    """Pick up a cube and bring it to a target next to a moving human.

    Scene: an arm on its pedestal, a table of 1.5 x 2.0 m, a cube of 4 cm that rests on it, a marker at the target, one
    human. The cube lies to the left of the robot, the target on the table to its right.

    | sensor | shape | unit, frame |
    |---|---|---|
    | `robot0_joint_pos`, `robot0_joint_vel` | n each | rad, rad/s |
    | `robot0_eef_pos` | 3 | m, world |
    | `robot0_gripper_qpos`, `robot0_gripper_qvel` | h each | finger joints, m or rad and per second |
    | `gripper_aperture` | 1 | 0 closed to 1 open |
    | `vec_eef_to_human_{lh,rh,head}` | 3 each | m, world axes |
    | `dist_eef_to_human_{lh,rh,head}` | 1 each | m |
    | `human_joint_pos` | 27 | m, world; nine joints |
    | `object_pos`, `vec_eef_to_object` | 3 each | m, world |
    | `object_gripped` | 1 | 1 while both sides of the gripper touch the cube |
    | `target_pos`, `vec_object_to_target`, `vec_eef_to_target` | 3 each | m, world |
    | `vec_eef_to_next_objective` | 3 | m, to the target if the cube is gripped, else to the cube |

    Action: joint steps and gripper, or Cartesian steps and gripper through the wrapper `ik_position_delta`.
    Reward: sparse (`task_reward`, `object_gripped_reward` or -1); dense -`object_weight` * ||target - cube||
    - `gripper_weight` * ||cube - end effector||. Success: cube within `goal_dist` of the target.

    Version history: v0, first release.
    """

    params: CubeParams
    state: ClassVar[tuple[str, ...]] = ("_target",)
    observation_groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "object-state": ("gripper_aperture", *HUMAN, "object_pos", "vec_eef_to_object", "object_gripped"),
        "robot0_proprio-state": ("robot0_eef_pos", "robot0_gripper_qpos", "robot0_gripper_qvel"),
        "goal-state": ("target_pos", "vec_object_to_target", "vec_eef_to_target", "vec_eef_to_next_objective"),
    }

    def __init__(self, params: TaskParams, engine: Engine) -> None:
        super().__init__(params, engine)
        self._reach = Reach(engine)
        self._target = np.zeros((engine.num_envs, 3))

    @classmethod
    def layout(cls, params: TaskParams) -> Layout:
        """Return the cube, and a marker for the target."""
        half = (0.5 * CUBE_M,) * 3
        cube = SceneObject("cube", (Shape("box", half, mass_kg=CUBE_KG),))
        return Layout(objects=(cube,), markers=(Marker("target", Shape("box", half, colour=GHOST)),))

    @property
    def start_pose(self) -> Array:
        """The gripper points straight down in front of the robot (n,) [rad]."""
        return self._reach.start_pose

    def sample_start(self, i: int, rng: np.random.Generator) -> Array:
        """Return the start pose."""
        return self.start_pose

    def begin(self, i: int, rng: np.random.Generator) -> None:
        """Put the cube on the table, where the gripper gets to it."""
        place = self._on_table(self.params.object_x_m, self.params.object_y_m, rng)
        self.engine.objects.place(i, CUBE, place)

    def sample_goal(self, i: int, rng: np.random.Generator) -> None:
        """Draw a target on the table, where the gripper gets to it."""
        self._target[i] = self._on_table(self.params.target_x_m, self.params.target_y_m, rng)
        self.engine.objects.marker_pos[i, 0] = self._target[i]

    def next_goal(self, i: int, rng: np.random.Generator) -> None:
        """Put the cube elsewhere, and draw another target."""
        self.begin(i, rng)
        self.sample_goal(i, rng)

    def observe(self) -> dict[str, Array]:
        """Return every sensor."""
        robot, cube = observe_robot(self.engine), self.engine.objects.pos[:, CUBE].copy()
        eef, gripped = robot["robot0_eef_pos"], self.engine.objects.gripped[:, CUBE, None]
        return {
            **robot,
            **observe_gripper(self.engine),
            **observe_human(self.engine),
            "object_pos": cube,
            "vec_eef_to_object": cube - eef,
            "object_gripped": gripped.astype(np.float64),
            "target_pos": self._target.copy(),
            "vec_object_to_target": self._target - cube,
            "vec_eef_to_target": self._target - eef,
            "vec_eef_to_next_objective": np.where(gripped, self._target, cube) - eef,
        }

    def achieved_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return where the cube is (N, 3) [m]."""
        return observation["object_pos"]

    def desired_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return where it should be (N, 3) [m]."""
        return observation["target_pos"]

    def info(self, observation: Mapping[str, Array]) -> dict[str, NDArray[Any]]:
        """Return whether the cube is gripped, and how far it is from the end effector [m], each (N,)."""
        return {
            "object_gripped": observation["object_gripped"][:, 0] > 0.0,
            "eef_to_object_m": norm(observation["vec_eef_to_object"]),
        }

    def success(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> NDArray[np.bool_]:
        """Tell which cubes are within ``goal_dist`` of their target; they need not have been let go of."""
        return np.asarray(norm(achieved - desired) <= self.params.goal_dist)

    def sparse_reward(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Array:
        """Return ``task_reward``, ``object_gripped_reward`` or -1 (N,)."""
        otherwise = np.where(info["object_gripped"], self.params.object_gripped_reward, -1.0)
        return np.where(self.success(achieved, desired, info), self.params.task_reward, otherwise)

    def dense_terms(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> dict[str, Array]:
        """Return the terms of both distances."""
        return {
            "object_distance": -self.params.object_weight * norm(achieved - desired),
            "gripper_distance": -self.params.gripper_weight * info["eef_to_object_m"],
        }

    def _on_table(self, x_m: tuple[float, float], y_m: tuple[float, float], rng: np.random.Generator) -> Array:
        """Draw where the middle of a cube that rests on the table may be (3,) [m]."""
        height = self.engine.scene.layout.table_offset[2] + 0.5 * CUBE_M
        return self._reach.sample((x_m, y_m, (height, height)), rng, HOVER_M)
