"""The expert of CollaborativeLifting: stay opposite the person's hands, as high as they are, and hold on."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from hrg_pipeline.experts.base import CLOSE, Array, Expert, Observation
from hrg_pipeline.experts.params import ExpertParams


class CollaborativeLiftingExpertParams(ExpertParams):
    """The board that it holds, and how fast it follows."""

    name: Literal["CollaborativeLifting"] = "CollaborativeLifting"
    ahead_m: float = Field(default=0.94, gt=0.0)
    """From the knob to the line between the hands, along the level board [m]."""
    above_m: float = Field(default=0.035, ge=0.0)
    """Of the knob above the hands [m]."""
    gain: float = Field(default=2.0, gt=0.0)
    """It aims this many times as far as it has to go, since the person goes on meanwhile."""


class CollaborativeLiftingExpert(Expert):
    """Decides from where the person's hands are alone."""

    params: CollaborativeLiftingExpertParams
    obs_keys: ClassVar[tuple[str, ...]] = ("vec_eef_to_human_lh", "vec_eef_to_human_rh")

    def motion(self, observation: Observation) -> Array:
        """Return Cartesian steps (N, 3)."""
        left, right = observation["vec_eef_to_human_lh"], observation["vec_eef_to_human_rh"]
        across = left - right
        # A quarter turn to the left of where the left hand is, seen from the right one: from the robot to the person.
        along = np.stack([-across[:, 1], across[:, 0], np.zeros(len(across))], axis=1)
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
        wanted = 0.5 * (left + right) - self.params.ahead_m * along
        wanted[:, 2] += self.params.above_m
        return self.towards(self.params.gain * wanted)

    def gripper(self, observation: Observation) -> Array:
        """Hold on (N,)."""
        return np.full(len(observation["vec_eef_to_human_lh"]), CLOSE)
