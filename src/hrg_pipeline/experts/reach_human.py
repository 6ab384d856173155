"""The expert of ReachHuman: joints go straight to their goals."""

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
    """All joints move towards their goals; the one that is farthest sets the pace, so that the direction stays."""

    params: ReachHumanExpertParams
    obs_keys: ClassVar[tuple[str, ...]] = ("goal_difference",)
    cartesian: ClassVar[bool] = False

    def motion(self, observation: Observation) -> Array:
        """Return joint steps (N, n)."""
        steps = observation["goal_difference"] / self.params.step_rad
        return np.asarray(steps / np.maximum(np.abs(steps).max(axis=1, keepdims=True), 1.0))

    def gripper(self, observation: Observation) -> Array:
        """Leave the gripper as it is (N,)."""
        return np.full(len(observation["goal_difference"]), HOLD)
