"""HumanRobotHandover: take a hammer from the hand of a person and lay it down on the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hrg_pipeline.human.params import HumanParams
from hrg_pipeline.tasks.handover import HALF_HEIGHT_M, HAMMER, Array, Handover, HandoverParams, giving_hands
from hrg_pipeline.tasks.observations import norm
from hrg_pipeline.tasks.params import TaskParams

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

HOVER_M = 0.15
"""Targets lie where the gripper also gets to this far above them [m]."""
FIRM_STEPS = 3
"""The person lets go after the gripper has touched the hammer on both sides for so many steps: it goes on closing."""


class HumanRobotHandoverParams(HandoverParams):
    """Places, rewards and scene of HumanRobotHandover."""

    env_id: Literal["HumanRobotHandover"] = "HumanRobotHandover"
    human: HumanParams = giving_hands("human_robot_handover")
    goal_dist: float = Field(default=0.1, gt=0.0)
    """The hammer is put down when the gripper's place on its handle is this close to the target [m]."""
    object_at_target_reward: float = 0.0
    """Sparse reward of a step in which the hammer, handed over, is at its target, until the person is done."""
    target_x_m: tuple[float, float] = (0.36, 0.48)
    """Range of x that targets are drawn from [m]."""
    target_y_m: tuple[float, float] = (-0.2, 0.2)
    """The same for y."""


class HumanRobotHandover(Handover):
    """Take a hammer from a person, its head ahead, and bring it to a target.

    Scene: an arm on its pedestal, a table of 1.5 x 2.0 m, one person, who comes with a hammer of 0.24 kg in one hand,
    holds it out, lets go when the gripper has it, waits until it is at its target, and leaves.

    Phases: `approach` until the hammer is held out (first keyframe); `present`: it is held out until it is gripped;
    `wait`: the person draws the hands back and waits until it is at its target; `retreat`: they leave; `complete`:
    they are gone.

    | sensor | shape | unit, frame |
    |---|---|---|
    | `robot0_joint_pos`, `robot0_joint_vel` | n each | rad, rad/s |
    | `robot0_eef_pos` | 3 | m, world |
    | `robot0_gripper_qpos`, `robot0_gripper_qvel` | h each | finger joints, m or rad and per second |
    | `gripper_aperture` | 1 | 0 closed to 1 open |
    | `vec_eef_to_human_{lh,rh,head}` | 3 each | m, world axes |
    | `dist_eef_to_human_{lh,rh,head}` | 1 each | m |
    | `human_joint_pos` | 27 | m, world; nine joints |
    | `phase` | 5 | one-hot |
    | `object_pos`, `vec_eef_to_object` | 3 each | m, world; of the place for the gripper |
    | `object_quat` | 4 | wxyz, w >= 0, world |
    | `quat_eef_to_object` | 4 | wxyz, w >= 0, in the frame of the grip site |
    | `object_gripped` | 1 | 1 while both sides of the gripper touch the hammer |
    | `target_pos`, `vec_object_to_target`, `vec_eef_to_target` | 3 each | m, world |
    | `vec_eef_to_next_objective` | 3 | m, to the target if the hammer is gripped, else to the hammer |

    Action: joint steps and gripper, or Cartesian steps and gripper through the wrapper `ik_position_delta`.
    Reward: sparse (`task_reward`, `object_at_target_reward`, `object_gripped_reward` or -1); dense -`object_weight` *
    ||target - hammer|| - `gripper_weight` * ||hammer - end effector||. Success: the person has left after the hammer
    came within `goal_dist` of the target; it need not have been let go of.

    Version history: v0, first release.
    """

    params: HumanRobotHandoverParams
    phases: ClassVar[tuple[str, ...]] = ("approach", "present", "wait", "retreat", "complete")
    state: ClassVar[tuple[str, ...]] = ("_target", "_firm", "_handed_over")
    loop: ClassVar[str] = "present"

    def __init__(self, params: TaskParams, engine: Engine) -> None:
        super().__init__(params, engine)
        self._firm = np.zeros(engine.num_envs, dtype=np.int64)
        self._handed_over = np.zeros(engine.num_envs, dtype=np.int64)

    def begin(self, i: int, rng: np.random.Generator) -> None:
        """Let somebody come with the hammer in hand."""
        super().begin(i, rng)
        self.engine.objects.attach(i, self.hand(i), *self.place_in_hand(i))
        self._firm[i] = self._handed_over[i] = 0

    def sample_goal(self, i: int, rng: np.random.Generator) -> None:
        """Draw a target on the table, where the gripper gets to it."""
        height = self.engine.scene.layout.table_offset[2] + HALF_HEIGHT_M
        box = (self.params.target_x_m, self.params.target_y_m, (height, height))
        self._target[i] = self._reach.sample(box, rng, HOVER_M)
        self.engine.objects.marker_pos[i, 0] = self._target[i]

    def next_goal(self, i: int, rng: np.random.Generator) -> None:
        """Begin the next handover, with another person; those that were done stay counted."""
        done = self._handed_over[i]
        super().next_goal(i, rng)
        self._handed_over[i] = done

    def advance(self) -> None:
        """Go on to the next phase where its time has come."""
        people, objects = self.engine.people, self.engine.objects
        people.start_loop(self._go_on("approach", self._is_past_keyframe(0)), "present")
        self._firm = np.where(objects.gripped[:, HAMMER], self._firm + 1, 0)
        self._hold_loosely("present")
        taken = self._go_on("present", self._firm >= FIRM_STEPS)
        for i in taken.tolist():
            objects.detach(i, self.hand(i))
        self._handed_over[taken] += 1
        people.start_loop(taken, "wait")
        at_target = norm(objects.pos[:, HAMMER] - self._target) <= self.params.goal_dist
        people.release_loop(self._go_on("wait", at_target))
        self._go_on("retreat", people.is_finished)

    def achieved_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return where the hammer is (N, 3) [m]."""
        return observation["object_pos"]

    def desired_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return where it should be (N, 3) [m]."""
        return observation["target_pos"]

    def info(self, observation: Mapping[str, Array]) -> dict[str, NDArray[Any]]:
        """Add how many hammers were handed over in this episode, and whether this one was, each (N,)."""
        return super().info(observation) | {
            "n_object_handed_over": self._handed_over.copy(),
            "object_handed_over": self.phase >= self.phases.index("wait"),
        }

    def sparse_reward(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Array:
        """Return ``task_reward``, ``object_at_target_reward``, ``object_gripped_reward`` or -1 (N,)."""
        params = self.params
        there = np.asarray(info["object_handed_over"], dtype=np.bool_) & np.asarray(
            norm(achieved - desired) <= params.goal_dist
        )
        otherwise = np.where(info["object_gripped"], params.object_gripped_reward, -1.0)
        otherwise = np.where(there, params.object_at_target_reward, otherwise)
        return np.where(self.success(achieved, desired, info), params.task_reward, otherwise)
