"""ReachHumanCart: move the end effector to places while a human works at the same table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hrg_pipeline.engine.layout import GHOST, Layout, Marker, Shape
from hrg_pipeline.tasks.base import Task
from hrg_pipeline.tasks.observations import HUMAN, norm, observe_human, observe_robot
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.reaching import Box, Reach

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

Array = NDArray[np.float64]


class ReachHumanCartParams(TaskParams):
    """Goals, rewards and scene of ReachHumanCart."""

    env_id: Literal["ReachHumanCart"] = "ReachHumanCart"
    goal_dist: float = Field(default=0.05, gt=0.0)
    """The goal is reached when the end effector is this close [m]."""
    distance_weight: float = Field(default=0.1, ge=0.0)
    """Weight of the dense term: -weight * ||p - p_goal|| [1/m]."""
    goal_box: Box = ((0.1, 0.5), (-0.5, 0.5), (0.8, 1.3))
    """Ranges of x, y, z that goals are drawn from [m]; of these, the arm reaches some."""
    goal_clearance_m: float = Field(default=0.012, ge=0.0, le=0.1)
    """At a goal the robot keeps this far from table, pedestal and itself [m]."""


class ReachHumanCart(Task):
    """Move the end effector to places next to a moving human, the gripper pointing down.

    Scene: that of ReachHuman, with a marker at the goal.

    | sensor | shape | unit, frame |
    |---|---|---|
    | `robot0_joint_pos`, `robot0_joint_vel` | n each | rad, rad/s |
    | `robot0_eef_pos`, `robot0_eef_velp` | 3 each | m, m/s, world |
    | `gripper_aperture` | 1 | 0 closed to 1 open |
    | `vec_eef_to_human_{lh,rh,head}` | 3 each | m, world axes |
    | `dist_eef_to_human_{lh,rh,head}` | 1 each | m |
    | `human_joint_pos` | 27 | m, world; nine joints |
    | `desired_goal` | 3 | m, world |
    | `goal_difference` | 3 | m, goal minus end effector |

    Action: joint steps and gripper, or Cartesian steps and gripper through the wrapper `ik_position_delta`.
    Reward: sparse (`task_reward` or -1); dense -`distance_weight` * ||p - p_goal||. Success: within `goal_dist`.

    Version history: v0, first release.
    """

    params: ReachHumanCartParams
    state: ClassVar[tuple[str, ...]] = ("_goal",)
    observation_groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "object-state": HUMAN,
        "robot0_proprio-state": ("robot0_eef_pos", "robot0_eef_velp"),
        "goal-state": ("desired_goal", "goal_difference"),
    }

    def __init__(self, params: TaskParams, engine: Engine) -> None:
        super().__init__(params, engine)
        self._reach = Reach(engine)
        self._goal = np.zeros((engine.num_envs, 3))

    @classmethod
    def layout(cls, params: TaskParams) -> Layout:
        """Return a marker for the goal."""
        return Layout(markers=(Marker("goal", Shape("sphere", (0.03,), colour=GHOST)),))

    @property
    def start_pose(self) -> Array:
        """The gripper points straight down in front of the robot (n,) [rad]."""
        return self._reach.start_pose

    def sample_start(self, i: int, rng: np.random.Generator) -> Array:
        """Return the start pose."""
        return self.start_pose

    def sample_goal(self, i: int, rng: np.random.Generator) -> None:
        """Draw a place that a straight move from the start gets to."""
        self._goal[i] = self._reach.sample(self.params.goal_box, rng, clearance_m=self.params.goal_clearance_m)
        self.engine.objects.marker_pos[i, 0] = self._goal[i]

    def observe(self) -> dict[str, Array]:
        """Return every sensor."""
        robot = observe_robot(self.engine)
        return {
            **robot,
            "robot0_eef_velp": self.engine.eef_vel,
            **observe_human(self.engine),
            "desired_goal": self._goal.copy(),
            "goal_difference": self._goal - robot["robot0_eef_pos"],
        }

    def achieved_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return where the end effector is (N, 3) [m]."""
        return observation["robot0_eef_pos"]

    def desired_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return where it should be (N, 3) [m]."""
        return observation["desired_goal"]

    def success(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> NDArray[np.bool_]:
        """Tell which end effectors are within ``goal_dist`` of their goal."""
        return np.asarray(norm(achieved - desired) <= self.params.goal_dist)

    def dense_terms(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> dict[str, Array]:
        """Return the distance term."""
        return {"distance": -self.params.distance_weight * norm(achieved - desired)}
