"""The expert of ReachHumanCart: the end effector goes straight to its goal."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from hrg_pipeline.experts.base import HOLD, Array, Expert, Observation
from hrg_pipeline.experts.params import ExpertParams


class ReachHumanCartExpertParams(ExpertParams):
    """Nothing but the noise."""

    name: Literal["ReachHumanCart"] = "ReachHumanCart"


class ReachHumanCartExpert(Expert):
    """The end effector moves straight to its goal."""

    params: ReachHumanCartExpertParams
    obs_keys: ClassVar[tuple[str, ...]] = ("goal_difference",)

    def motion(self, observation: Observation) -> Array:
        """Return Cartesian steps (N, 3)."""
        return self.towards(observation["goal_difference"])

    def gripper(self, observation: Observation) -> Array:
        """Leave the gripper as it is (N,)."""
        return np.full(len(observation["goal_difference"]), HOLD)
