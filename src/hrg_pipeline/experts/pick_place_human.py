"""The expert of PickPlaceHuman: hover above the cube, go down, grip, carry it above the target, go down, let go."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hrg_pipeline.experts.base import CLOSE, OPEN, Array, Expert, Observation
from hrg_pipeline.experts.params import ExpertParams

Bools = NDArray[np.bool_]


class PickPlaceParams(ExpertParams):
    """Where an expert that picks and places hovers, and what counts as being there."""

    hover_m: float = Field(default=0.15, gt=0.0)
    """Height above cube or target at which it travels [m]."""
    grip_m: float = Field(default=0.008, ge=0.0)
    """Height above the middle of the cube at which it is gripped: fingers that swing down as they close miss the table
    [m]."""
    horizontal_m: float = Field(default=0.01, gt=0.0)
    """As near as this, seen from above, is there [m]."""
    vertical_m: float = Field(default=0.006, gt=0.0)
    """As near as this in height is there [m]."""
    cone: float = Field(default=0.25, ge=0.0)
    """Going down is allowed inside a cone above cube or target; this is the tangent of its half angle."""
    open_aperture: float = Field(default=0.9, gt=0.0, lt=1.0)
    """A gripper that is open so far counts as open, 0 closed to 1 open."""


class PickPlaceHumanExpertParams(PickPlaceParams):
    """The expert of PickPlaceHuman."""

    name: Literal["PickPlaceHuman"] = "PickPlaceHuman"


class PickPlaceHumanExpert(Expert):
    """Decides from where the end effector is relative to cube and target; whatever happens, it begins anew."""

    params: PickPlaceParams
    obs_keys: ClassVar[tuple[str, ...]] = (
        "object_gripped",
        "vec_eef_to_object",
        "vec_eef_to_target",
        "vec_object_to_target",
        "gripper_aperture",
    )

    def motion(self, observation: Observation) -> Array:
        """Return Cartesian steps (N, 3)."""
        cube, target = self._grip(observation["vec_eef_to_object"]), self._grip(observation["vec_eef_to_target"])
        hover = np.array([0.0, 0.0, self.params.hover_m])
        opened = observation["gripper_aperture"][:, 0] >= self.params.open_aperture
        gripped = observation["object_gripped"][:, 0] > 0.0
        delivered = self._is_delivered(observation)
        choices = (
            (delivered & opened, cube + hover),
            (delivered, cube),
            (gripped & self._is_above(target), target),
            (gripped, target + hover),
            (self._is_at(cube) | (self._is_above(cube) & opened), cube),
        )
        wanted = cube + hover
        for condition, vector in reversed(choices):
            wanted = np.where(condition[:, None], vector, wanted)
        return self.towards(wanted)

    def gripper(self, observation: Observation) -> Array:
        """Open where the cube is delivered, close where it is between the fingers, else open (N,)."""
        gripped = observation["object_gripped"][:, 0] > 0.0
        close = (gripped | self._is_at(self._grip(observation["vec_eef_to_object"]))) & ~self._is_delivered(observation)
        return np.asarray(np.where(close, CLOSE, OPEN))

    def _grip(self, vector: Array) -> Array:
        """From the end effector to where it holds a cube that a vector points to (N, 3) [m]."""
        return np.asarray(vector + np.array([0.0, 0.0, self.params.grip_m]))

    def _is_delivered(self, observation: Observation) -> Bools:
        left = observation["vec_object_to_target"]
        return self._is_near(left) & (np.abs(left[:, 2]) < self.params.vertical_m)

    def _is_at(self, vector: Array) -> Bools:
        return self._is_near(vector) & (np.abs(vector[:, 2]) < self.params.vertical_m)

    def _is_above(self, vector: Array) -> Bools:
        """Whether the end effector is in the cone above what a vector points to."""
        wide = self.params.horizontal_m - vector[:, 2] * self.params.cone
        return np.asarray((vector[:, 2] < 0.0) & (np.hypot(vector[:, 0], vector[:, 1]) < wide))

    def _is_near(self, vector: Array) -> Bools:
        return np.asarray(np.hypot(vector[:, 0], vector[:, 1]) < self.params.horizontal_m)
