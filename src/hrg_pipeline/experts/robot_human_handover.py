"""The expert of RobotHumanHandover: pick the hammer up, wait, lay its handle into the hand, let go, make room."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from hrg_pipeline.experts.base import CLOSE, OPEN, Array, Observation
from hrg_pipeline.experts.handover import HandoverExpert, HandoverExpertParams

_REACH_OUT, _RETREAT = 1, 2
"""Phases of the task: a hand is held out; from here on the hammer is in it."""


class RobotHumanHandoverExpertParams(HandoverExpertParams):
    """Where it waits, and how it makes room."""

    name: Literal["RobotHumanHandover"] = "RobotHumanHandover"
    wait_m: tuple[float, float, float] = (0.36, 0.0, 1.15)
    """Where it waits with the hammer until a hand is held out, out of the way of who comes; world [m]."""
    room_m: float = Field(default=0.2, gt=0.0)
    """After it has let go it rises this far above the hammer [m]."""


class RobotHumanHandoverExpert(HandoverExpert):
    """Decides from where gripper, handle and palm are, and from what the person does."""

    params: RobotHumanHandoverExpertParams
    obs_keys: ClassVar[tuple[str, ...]] = (
        "phase",
        "object_gripped",
        "object_pos",
        "vec_eef_to_object",
        "vec_handle_to_target",
        "gripper_aperture",
    )

    def motion(self, observation: Observation) -> Array:
        """Return Cartesian steps (N, 3)."""
        phase, hammer = observation["phase"], self.grip(observation["vec_eef_to_object"])
        opened = observation["gripper_aperture"][:, 0] >= self.params.open_aperture
        gripped = observation["object_gripped"][:, 0] > 0.0
        taken = phase[:, _RETREAT:].sum(axis=1) > 0.0
        wait = np.array(self.params.wait_m) - observation["object_pos"]
        rise = np.zeros_like(hammer)
        rise[:, 2] = np.maximum(hammer[:, 2] + self.params.room_m, 0.0)
        choices = (
            (taken & opened, rise),
            (taken, np.zeros_like(hammer)),
            (gripped & (phase[:, _REACH_OUT] > 0.0), self.approach(observation["vec_handle_to_target"])),
            (gripped, self.straight_up_first(wait)),
        )
        wanted = self.approach(hammer, opened | self.is_at(hammer))
        for condition, vector in reversed(choices):
            wanted = np.where(condition[:, None], vector, wanted)
        return self.towards(wanted)

    def gripper(self, observation: Observation) -> Array:
        """Open once the person has the hammer, close where it is between the fingers, else open (N,)."""
        taken = observation["phase"][:, _RETREAT:].sum(axis=1) > 0.0
        gripped = observation["object_gripped"][:, 0] > 0.0
        close = (gripped | self.is_at(self.grip(observation["vec_eef_to_object"]))) & ~taken
        return np.where(close, CLOSE, OPEN)
