"""The expert of HumanObjectInspection: grips the cube, waits, holds it up in front of the person's face."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from hrg_pipeline.experts.base import CLOSE, OPEN, Array, Observation
from hrg_pipeline.experts.pick_place_human import PickPlaceHumanExpert, PickPlaceParams


class HumanObjectInspectionExpertParams(PickPlaceParams):
    """Where it waits, and how it holds the cube up."""

    name: Literal["HumanObjectInspection"] = "HumanObjectInspection"
    wait_m: tuple[float, float, float] = (0.33, 0.0, 1.05)
    """Where it waits with the cube until the person is there; world [m]."""
    back_m: float = Field(default=0.06, ge=0.0)
    """It holds the cube this much nearer to its own base than the target is, farther from the person [m]."""
    hand_m: float = Field(default=0.3, ge=0.0)
    """It draws back before a hand that is closer than this to the end effector [m]."""
    yield_m: float = Field(default=0.04, ge=0.0)
    """How far, at most [m]."""


class HumanObjectInspectionExpert(PickPlaceHumanExpert):
    """Decides from where gripper, cube and target are, and from what the person does; it never lets go."""

    params: HumanObjectInspectionExpertParams
    obs_keys: ClassVar[tuple[str, ...]] = (
        "phase",
        "object_gripped",
        "object_pos",
        "vec_eef_to_object",
        "vec_object_to_target",
        "target_pos",
        "dist_eef_to_human_lh",
        "dist_eef_to_human_rh",
        "gripper_aperture",
    )

    def motion(self, observation: Observation) -> Array:
        """Return Cartesian steps (N, 3)."""
        cube = self._grip(observation["vec_eef_to_object"])
        opened = observation["gripper_aperture"][:, 0] >= self.params.open_aperture
        gripped = observation["object_gripped"][:, 0] > 0.0
        approach = observation["phase"][:, 0] > 0.0
        wait = np.array(self.params.wait_m) - observation["object_pos"]
        aside = observation["target_pos"] * np.array([1.0, 1.0, 0.0])
        hand = np.minimum(observation["dist_eef_to_human_lh"], observation["dist_eef_to_human_rh"])
        back = self.params.back_m + np.clip(self.params.hand_m - hand, 0.0, self.params.yield_m)
        back = back * aside / np.maximum(np.linalg.norm(aside, axis=1, keepdims=True), 1e-6)
        choices = (
            (gripped & approach, wait),
            (gripped, observation["vec_object_to_target"] - back),
            (self._is_at(cube) | (self._is_above(cube) & opened), cube),
        )
        wanted = cube + np.array([0.0, 0.0, self.params.hover_m])
        for condition, vector in reversed(choices):
            wanted = np.where(condition[:, None], vector, wanted)
        return self.towards(wanted)

    def gripper(self, observation: Observation) -> Array:
        """Close where the cube is between the fingers, else open (N,)."""
        gripped = observation["object_gripped"][:, 0] > 0.0
        close = gripped | self._is_at(self._grip(observation["vec_eef_to_object"]))
        return np.asarray(np.where(close, CLOSE, OPEN))
