"""The expert of CollaborativeHammering: wait, come over the nail, press it in, rise."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from hrg_pipeline.experts.base import CLOSE, Array, Observation
from hrg_pipeline.experts.handover import HandoverExpert, HandoverExpertParams

_PRESENT = 1
"""Phase of the task in which the board lies there and the nail is not in yet."""


class CollaborativeHammeringExpertParams(HandoverExpertParams):
    """How it comes to the nail, and how hard it presses."""

    name: Literal["CollaborativeHammering"] = "CollaborativeHammering"
    hover_m: float = Field(default=0.06, gt=0.0)
    """Height of the hammer's face above the nail at which it travels there [m]."""
    press_m: float = Field(default=0.03, gt=0.0)
    """It aims so far below the top of the nail [m]."""
    wait_m: tuple[float, float, float] = (0.34, 0.0, 1.2)
    """Where it waits for the board, and until the person is gone with it: above and beside what is carried; world
    [m]."""


class CollaborativeHammeringExpert(HandoverExpert):
    """Decides from where the hammer's face and the nail are, and from what the person does."""

    params: CollaborativeHammeringExpertParams
    obs_keys: ClassVar[tuple[str, ...]] = ("phase", "robot0_eef_pos", "vec_hammer_to_nail")

    def motion(self, observation: Observation) -> Array:
        """Return Cartesian steps (N, 3)."""
        params, phase, nail = self.params, observation["phase"], observation["vec_hammer_to_nail"]
        press = nail - np.array([0.0, 0.0, params.press_m])
        near = self.is_near(nail) & (nail[:, 2] > -params.vertical_m)
        strike = np.where(near[:, None], press, self.approach(nail))
        wait = np.array(params.wait_m) - observation["robot0_eef_pos"]
        return self.towards(np.where(phase[:, _PRESENT, None] > 0.0, strike, wait))

    def gripper(self, observation: Observation) -> Array:
        """Hold on (N,)."""
        return np.full(len(observation["phase"]), CLOSE)
