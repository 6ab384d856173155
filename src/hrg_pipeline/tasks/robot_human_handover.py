"""RobotHumanHandover: pick up a hammer and lay its handle into the hand that a person holds out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.spatial.transform import Rotation

from hrg_pipeline.human.params import HumanParams
from hrg_pipeline.tasks.handover import (
    GRIP_AHEAD_M,
    HALF_HEIGHT_M,
    HAMMER,
    Array,
    Handover,
    HandoverParams,
    giving_hands,
)
from hrg_pipeline.tasks.observations import norm

HOVER_M = 0.15
"""The hammer lies where the gripper also gets to this far above it [m]."""


class RobotHumanHandoverParams(HandoverParams):
    """Places, rewards and scene of RobotHumanHandover."""

    env_id: Literal["RobotHumanHandover"] = "RobotHumanHandover"
    human: HumanParams = giving_hands("robot_human_handover")
    goal_dist: float = Field(default=0.03, gt=0.0)
    """The person takes the hammer when the place for their hand is this close to where their palm wants it [m]."""
    object_in_human_hand_reward: float = 0.0
    """Sparse reward of a step in which the person has the hammer, until they are done."""
    object_x_m: tuple[float, float] = (0.36, 0.48)
    """Range of x that the gripper's place on the handle is put into [m]."""
    object_y_m: tuple[float, float] = (-0.2, 0.2)
    """The same for y."""


class RobotHumanHandover(Handover):
    """Hand a hammer to a person, its handle ahead.

    Scene: an arm on its pedestal, a table of 1.5 x 2.0 m, a hammer of 0.24 kg that lies on it, the handle toward the
    person, and one person, who comes, holds out an open hand, takes the hammer and leaves with it.

    Phases: `approach` until the hand is held out (first keyframe); `reach_out`: the hand waits until the handle lies in
    it; `retreat`: the person holds the hammer, waits until the gripper lets go, and leaves; `complete`: they are gone.

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
    | `object_pos`, `vec_eef_to_object` | 3 each | m, world; of the place for the gripper |
    | `object_quat` | 4 | wxyz, w >= 0, world |
    | `quat_eef_to_object` | 4 | wxyz, w >= 0, in the frame of the grip site |
    | `object_gripped` | 1 | 1 while both sides of the gripper touch the hammer |
    | `target_pos` | 3 | m, world; where the palm wants the handle |
    | `vec_object_to_target`, `vec_eef_to_target` | 3 each | m, world |
    | `vec_handle_to_target` | 3 | m, world; from the place for the person's hand |
    | `vec_eef_to_next_objective` | 3 | m, to the target if the hammer is gripped, else to the hammer |

    Action: joint steps and gripper, or Cartesian steps and gripper through the wrapper `ik_position_delta`.
    Reward: sparse (`task_reward`, `object_in_human_hand_reward`, `object_gripped_reward` or -1); dense
    -`object_weight` * ||target - place for the hand|| - `gripper_weight` * ||hammer - end effector||.
    Success: the person has left with the hammer.

    Version history: v0, first release.
    """

    params: RobotHumanHandoverParams
    phases: ClassVar[tuple[str, ...]] = ("approach", "reach_out", "retreat", "complete")
    observation_groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **Handover.observation_groups,
        "goal-state": (*Handover.observation_groups["goal-state"], "vec_handle_to_target"),
    }
    loop: ClassVar[str] = "reach_out"

    def begin(self, i: int, rng: np.random.Generator) -> None:
        """Let somebody come, and lay the hammer on the table, its handle toward them."""
        super().begin(i, rng)
        height = self.engine.scene.layout.table_offset[2] + HALF_HEIGHT_M
        box = (self.params.object_x_m, self.params.object_y_m, (height, height))
        self.engine.objects.place(i, HAMMER, self._reach.sample(box, rng, HOVER_M))

    def sample_goal(self, i: int, rng: np.random.Generator) -> None:
        """Look where the palm is: the goal moves with it."""
        self._target[i] = self.engine.objects.marker_pos[i, 0] = self.palm(i)

    def advance(self) -> None:
        """Follow the palm; go on to the next phase where its time has come."""
        engine = self.engine
        for i in range(engine.num_envs):
            self._target[i] = engine.objects.marker_pos[i, 0] = self.palm(i)
        engine.people.start_loop(self._go_on("approach", self._is_past_keyframe(0)), self.loop)
        near = norm(self._handle() - self._target) <= self.params.goal_dist
        for i in self._go_on("reach_out", near).tolist():
            engine.objects.grasp(i, self.hand(i))
        self._hold_loosely("retreat")
        let_go = (self.phase == self.phases.index("retreat")) & (engine.objects.held != HAMMER)
        engine.people.release_loop(let_go)
        self._go_on("retreat", engine.people.is_finished)

    def observe(self) -> dict[str, Array]:
        """Return every sensor."""
        return super().observe() | {"vec_handle_to_target": self._target - self._handle()}

    def achieved_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return where the place for the person's hand is (N, 3) [m]."""
        return observation["target_pos"] - observation["vec_handle_to_target"]

    def desired_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return where the palm wants it (N, 3) [m]."""
        return observation["target_pos"]

    def info(self, observation: Mapping[str, Array]) -> dict[str, NDArray[Any]]:
        """Add whether the person has the hammer (N,)."""
        return super().info(observation) | {"object_in_human_hand": self.phase >= self.phases.index("retreat")}

    def sparse_reward(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Array:
        """Return ``task_reward``, ``object_in_human_hand_reward``, ``object_gripped_reward`` or -1 (N,)."""
        params = self.params
        otherwise = np.where(info["object_gripped"], params.object_gripped_reward, -1.0)
        otherwise = np.where(info["object_in_human_hand"], params.object_in_human_hand_reward, otherwise)
        return np.where(self.success(achieved, desired, info), params.task_reward, otherwise)

    def _handle(self) -> Array:
        """Where a person's hand is to hold the hammer (N, 3) [m], world."""
        objects = self.engine.objects
        turn = Rotation.from_quat(objects.quat[:, HAMMER], scalar_first=True)
        return np.asarray(objects.pos[:, HAMMER] + turn.apply([GRIP_AHEAD_M, 0.0, 0.0]))
