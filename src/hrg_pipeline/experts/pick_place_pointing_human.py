"""The expert of PickPlacePointingHuman: grips the cube, waits with it until somebody points, then brings it there."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from hrg_pipeline.experts.base import Array, Observation
from hrg_pipeline.experts.pick_place_human import Bools, PickPlaceHumanExpert, PickPlaceParams


class PickPlacePointingHumanExpertParams(PickPlaceParams):
    """Where it waits."""

    name: Literal["PickPlacePointingHuman"] = "PickPlacePointingHuman"
    wait_z_m: float = Field(default=1.0, gt=0.0)
    """Height of the end effector at which it waits with the cube until somebody points [m]."""


class PickPlacePointingHumanExpert(PickPlaceHumanExpert):
    """As PickPlaceHuman's, but nothing is delivered before somebody has pointed."""

    params: PickPlacePointingHumanExpertParams
    obs_keys: ClassVar[tuple[str, ...]] = (*PickPlaceHumanExpert.obs_keys, "target_known", "robot0_eef_pos")

    def motion(self, observation: Observation) -> Array:
        """Return Cartesian steps (N, 3)."""
        waits = (observation["object_gripped"][:, 0] > 0.0) & ~_is_known(observation)
        rise = np.zeros((len(waits), 3))
        rise[:, 2] = self.params.wait_z_m - observation["robot0_eef_pos"][:, 2]
        return np.where(waits[:, None], self.towards(rise), super().motion(observation))

    def _is_delivered(self, observation: Observation) -> Bools:
        return super()._is_delivered(observation) & _is_known(observation)


def _is_known(observation: Observation) -> Bools:
    return np.asarray(observation["target_known"][:, 0] > 0.0)
