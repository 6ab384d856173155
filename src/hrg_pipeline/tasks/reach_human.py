"""ReachHuman: reach joint configurations while a human works at the same table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hrg_pipeline.errors import ModelError
from hrg_pipeline.tasks.base import Task
from hrg_pipeline.tasks.observations import HUMAN, PROPRIOCEPTION, norm, observe_human, observe_robot
from hrg_pipeline.tasks.params import TaskParams

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

Array = NDArray[np.float64]

_MAX_TRIES = 1000
_TINY_RAD = 1e-6


class ReachHumanParams(TaskParams):
    """Goals, rewards and scene of ReachHuman."""

    env_id: Literal["ReachHuman"] = "ReachHuman"
    horizon: int = Field(default=200, ge=1)
    """Steps until the episode is truncated (1 step = 0.1 s): time for the slowest arm to turn half a turn, and to wait
    for a person who works where it has to pass."""
    goal_dist: float = Field(default=0.1, gt=0.0)
    """The goal is reached when the joint angles are this close in the Euclidean norm [rad]."""
    distance_weight: float = Field(default=0.1, ge=0.0)
    """Weight of the dense term: -weight * ||q - q_goal|| [1/rad]."""
    progress_weight: float = Field(default=0.0, ge=0.0)
    """Weight of a second dense term: weight * (distance before - distance after the step) [1/rad]. The distance alone
    hardly changes with one action, so critics learn its slope slowly; its change is nothing but that slope."""
    goal_clearance_m: float = Field(default=0.012, ge=0.0, le=0.1)
    """Goals (and random starts) keep this far from table, pedestal and the arm itself [m]."""
    randomize_initial_pos: bool = False
    """Start from a random collision-free configuration instead of the home pose."""


class ReachHuman(Task):
    """Reach joint configurations next to a moving human.

    Scene: an arm on its pedestal, a table of 1.5 x 2.0 m, one human who walks up, works at the table and leaves.

    | sensor | shape | unit, frame |
    |---|---|---|
    | `robot0_joint_pos` | n | rad |
    | `robot0_joint_vel` | n | rad/s |
    | `robot0_eef_pos` | 3 | m, world |
    | `gripper_aperture` | 1 | 0 closed to 1 open |
    | `vec_eef_to_human_{lh,rh,head}` | 3 each | m, world axes |
    | `dist_eef_to_human_{lh,rh,head}` | 1 each | m |
    | `human_joint_pos` | 27 | m, world; nine joints |
    | `desired_goal` | n | rad |
    | `goal_difference` | n | rad, goal minus measured |
    | `goal_distance` | 1 | rad, Euclidean norm of the difference |
    | `goal_direction` | n | the difference over its norm; as sharp close to the goal as far away |

    Action: n joint steps in [-1, 1], each 0.2 rad from the measured angle, and the gripper (-1 opens, 1 closes).
    Reward: sparse (`task_reward` or -1); dense -`distance_weight` * ||q - q_goal||, and the progress made if
    `progress_weight` is set. Success: within `goal_dist`.

    Version history: v0, first release.
    """

    params: ReachHumanParams
    state: ClassVar[tuple[str, ...]] = ("_goal",)
    observation_groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "object-state": HUMAN,
        "robot0_proprio-state": PROPRIOCEPTION,
        "goal-state": ("desired_goal", "goal_difference"),
    }

    def __init__(self, params: TaskParams, engine: Engine) -> None:
        super().__init__(params, engine)
        self._goal = np.zeros((self.engine.num_envs, self.engine.dof))

    def sample_start(self, i: int, rng: np.random.Generator) -> Array:
        """Return the home pose, or a random free configuration."""
        if self.params.randomize_initial_pos:
            return self._sample_free(rng)
        return np.array(self.engine.robot.home_qpos)

    def sample_goal(self, i: int, rng: np.random.Generator) -> None:
        """Draw a configuration that is free of collisions with table, pedestal and the arm itself."""
        self._goal[i] = self._sample_free(rng)

    def observe(self) -> dict[str, Array]:
        """Return every sensor."""
        difference = self._goal - self.engine.q
        distance = norm(difference)[:, None]
        return {
            **observe_robot(self.engine),
            **observe_human(self.engine),
            "desired_goal": self._goal,
            "goal_difference": difference,
            "goal_distance": distance,
            "goal_direction": difference / np.maximum(distance, _TINY_RAD),
        }

    def achieved_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return the joint angles (N, n) [rad]."""
        return observation["robot0_joint_pos"]

    def desired_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return the goal angles (N, n) [rad]."""
        return observation["desired_goal"]

    def success(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> NDArray[np.bool_]:
        """Tell which arms are within ``goal_dist`` of their goal."""
        return np.asarray(norm(achieved - desired) <= self.params.goal_dist)

    def dense_terms(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> dict[str, Array]:
        """Return the distance term and, if weighted, the progress term."""
        distance = norm(achieved - desired)
        terms = {"distance": -self.params.distance_weight * distance}
        if self.params.progress_weight > 0.0:
            before = norm(info["previous_achieved_goal"] - desired)
            terms["progress"] = self.params.progress_weight * (before - distance)
        return terms

    def _sample_free(self, rng: np.random.Generator) -> Array:
        low, high = np.array(self.engine.robot.q_min), np.array(self.engine.robot.q_max)
        for _ in range(_MAX_TRIES):
            candidate: Array = rng.uniform(low, high)
            if self.engine.is_free(candidate, self.params.goal_clearance_m):
                return candidate
        raise ModelError(
            f"no collision-free configuration in {_MAX_TRIES} tries with goal_clearance_m = "
            f"{self.params.goal_clearance_m}; choose a smaller one"
        )
