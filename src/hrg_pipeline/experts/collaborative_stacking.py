"""The expert of CollaborativeStacking: grip a cube, wait aside, put it on the stack, rise, fetch the other one."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hrg_pipeline.experts.base import CLOSE, OPEN, Array, Observation
from hrg_pipeline.experts.handover import HandoverExpert, HandoverExpertParams

_WAITS = (2, 4)
"""Phases of the task in which the person waits for a cube."""


class CollaborativeStackingExpertParams(HandoverExpertParams):
    """Where it waits, and how it puts a cube down and makes room."""

    name: Literal["CollaborativeStacking"] = "CollaborativeStacking"
    hover_m: float = Field(default=0.1, gt=0.0)
    """Height above a place at which it travels there [m]."""
    horizontal_m: float = Field(default=0.008, gt=0.0)
    """As near as this, seen from above, is there [m]."""
    vertical_m: float = Field(default=0.006, gt=0.0)
    """As near as this in height is there [m]."""
    wait_z_m: float = Field(default=1.08, gt=0.0)
    """Height at which it waits with a cube, above where that lay [m]."""
    wait_x_m: float = Field(default=0.32, gt=0.0)
    """It waits no farther ahead than this [m]."""
    delivered_m: float = Field(default=0.012, gt=0.0)
    """A cube that is as near as this to its place, seen from above and in height, is let go [m]."""
    rise_m: float = Field(default=0.2, gt=0.0)
    """It rises straight up to this height above a cube that it has let go [m]."""
    retreat_m: float = Field(default=0.2, ge=0.0)
    """From there it draws back towards its base by this much, out of the way of the person's hand [m]."""


class CollaborativeStackingExpert(HandoverExpert):
    """Decides from where gripper, next cube and its place are, and from whether the person waits."""

    params: CollaborativeStackingExpertParams
    obs_keys: ClassVar[tuple[str, ...]] = (
        "phase",
        "object_gripped",
        "object_pos",
        "vec_eef_to_object",
        "vec_object_to_target",
        "gripper_aperture",
    )

    def motion(self, observation: Observation) -> Array:
        """Return Cartesian steps (N, 3)."""
        params, phase = self.params, observation["phase"]
        cube, place = self.grip(observation["vec_eef_to_object"]), observation["vec_object_to_target"]
        opened = observation["gripper_aperture"][:, 0] >= params.open_aperture
        gripped = observation["object_gripped"][:, 0] > 0.0
        asked, delivered = self._is_asked(observation), self._is_delivered(observation)
        still = np.zeros_like(cube)
        rise = cube * np.array([0.0, 0.0, 1.0]) + np.array([0.0, 0.0, params.rise_m])
        rise[:, 1] = 0.0
        rise[:, 0] = np.where(rise[:, 2] < params.band_m, cube[:, 0] - params.retreat_m, 0.0)
        wait = still.copy()
        wait[:, 0] = np.minimum(params.wait_x_m - observation["object_pos"][:, 0], 0.0)
        wait[:, 2] = params.wait_z_m - observation["object_pos"][:, 2]
        choices = (
            (phase[:, 5:].sum(axis=1) > 0.0, np.where(opened[:, None], rise, still)),
            (delivered & opened, rise),
            (delivered, still),
            (gripped & asked, self.approach(place)),
            (gripped, self.straight_up_first(wait)),
        )
        wanted = self.approach(cube, opened | self.is_at(cube))
        for condition, vector in reversed(choices):
            wanted = np.where(condition[:, None], vector, wanted)
        return self.towards(wanted)

    def gripper(self, observation: Observation) -> Array:
        """Open where a cube is in its place, close where it is between the fingers, else open (N,)."""
        gripped = observation["object_gripped"][:, 0] > 0.0
        close = gripped | self.is_at(self.grip(observation["vec_eef_to_object"]))
        done = self._is_delivered(observation) | (observation["phase"][:, 5:].sum(axis=1) > 0.0)
        return np.where(close & ~done, CLOSE, OPEN)

    @staticmethod
    def _is_asked(observation: Observation) -> NDArray[np.bool_]:
        """Whether the person waits for a cube (N,)."""
        return np.asarray(observation["phase"][:, list(_WAITS)].sum(axis=1) > 0.0)

    def _is_delivered(self, observation: Observation) -> NDArray[np.bool_]:
        left, near = observation["vec_object_to_target"], self.params.delivered_m
        there = (np.hypot(left[:, 0], left[:, 1]) < near) & (np.abs(left[:, 2]) < self.params.vertical_m)
        return np.asarray(there & self._is_asked(observation))
