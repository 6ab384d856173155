"""The expert of HumanRobotHandover: wait, take the hammer out of the hand, lay it down at the target, let go."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hrg_pipeline.experts.base import CLOSE, OPEN, Array, Observation
from hrg_pipeline.experts.handover import HandoverExpert, HandoverExpertParams

_PRESENT, _WAIT = 1, 2
"""Phases of the task: the hammer is held out; from here on the person has let go of it."""


class HumanRobotHandoverExpertParams(HandoverExpertParams):
    """What counts as put down."""

    name: Literal["HumanRobotHandover"] = "HumanRobotHandover"
    carry_m: float = Field(default=0.2, gt=0.0)
    """Height above the target at which it carries the hammer there, over what stands beside it [m]."""
    delivered_m: float = Field(default=0.03, gt=0.0)
    """A hammer this close to its target, seen from above and in height each, is let go of [m]."""


class HumanRobotHandoverExpert(HandoverExpert):
    """Decides from where the gripper is relative to hammer and target, and from what the person does.

    While the hammer is carried around by the person, it stays where it is.
    """

    params: HumanRobotHandoverExpertParams
    obs_keys: ClassVar[tuple[str, ...]] = (
        "phase",
        "object_gripped",
        "vec_eef_to_object",
        "vec_object_to_target",
        "gripper_aperture",
    )

    def motion(self, observation: Observation) -> Array:
        """Return Cartesian steps (N, 3)."""
        hammer, target = self.grip(observation["vec_eef_to_object"]), observation["vec_object_to_target"]
        opened = observation["gripper_aperture"][:, 0] >= self.params.open_aperture
        gripped = observation["object_gripped"][:, 0] > 0.0
        present, taken = observation["phase"][:, _PRESENT] > 0.0, self._is_taken(observation)
        delivered = self._is_delivered(observation)
        hover = np.array([0.0, 0.0, self.params.hover_m])
        still = np.zeros_like(hammer)
        choices = (
            (delivered & opened, hammer + hover),
            (delivered, still),
            (taken & gripped, self.approach(target, hover_m=self.params.carry_m)),
            (gripped | ~(present | taken), still),
        )
        wanted = self.approach(hammer, opened | self.is_at(hammer))
        for condition, vector in reversed(choices):
            wanted = np.where(condition[:, None], vector, wanted)
        return self.towards(wanted)

    def gripper(self, observation: Observation) -> Array:
        """Open where the hammer is delivered, close where it is between the fingers, else open (N,)."""
        gripped = observation["object_gripped"][:, 0] > 0.0
        close = gripped | self.is_at(self.grip(observation["vec_eef_to_object"]))
        return np.where(close & ~self._is_delivered(observation), CLOSE, OPEN)

    @staticmethod
    def _is_taken(observation: Observation) -> NDArray[np.bool_]:
        """Whether the person has let go of the hammer (N,)."""
        return np.asarray(observation["phase"][:, _WAIT:].sum(axis=1) > 0.0)

    def _is_delivered(self, observation: Observation) -> NDArray[np.bool_]:
        left, near = observation["vec_object_to_target"], self.params.delivered_m
        taken = self._is_taken(observation)
        return np.asarray(taken & (np.hypot(left[:, 0], left[:, 1]) < near) & (np.abs(left[:, 2]) < near))
