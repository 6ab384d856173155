"""The expert of ReachHuman: joints go straight to their goals, or around what and who is in the way."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from hrg_pipeline.experts.base import HOLD, Array, Expert, Observation
from hrg_pipeline.experts.params import ExpertParams


class ReachHumanExpertParams(ExpertParams):
    """Gain of the joints."""

    name: Literal["ReachHuman"] = "ReachHuman"
    noise_rate: float = 10.0
    """How fast the noise forgets [1/s]."""
    step_rad: float = 0.2
    """Joint difference that asks for a full action [rad]."""


class ReachHumanExpert(Expert):
    """All joints move towards their goals; the one that is farthest sets the pace, so that the direction stays.

    Where table, pedestal or the arm itself are in the way, it goes around them, and around people where that is faster
    than to be slowed down by them. It knows its own kinematics and where the table is; all else it observes.
    """

    params: ReachHumanExpertParams
    obs_keys: ClassVar[tuple[str, ...]] = ("robot0_joint_pos", "desired_goal", "human_joint_pos")
    cartesian: ClassVar[bool] = False

    def motion(self, observation: Observation) -> Array:
        """Return joint steps (N, n)."""
        from hrg_pipeline.experts.detours import detours_of

        now, goals = observation["robot0_joint_pos"], observation["desired_goal"]
        ways = detours_of(self.robot)
        people = observation["human_joint_pos"].reshape(len(now), -1, 3)
        stops = np.array([ways.next_stop(*one) for one in zip(now, goals, people, strict=True)])
        steps = (stops - now) / self.params.step_rad
        return np.asarray(steps / np.maximum(np.abs(steps).max(axis=1, keepdims=True), 1.0))

    def gripper(self, observation: Observation) -> Array:
        """Leave the gripper as it is (N,)."""
        return np.full(len(observation["robot0_joint_pos"]), HOLD)
