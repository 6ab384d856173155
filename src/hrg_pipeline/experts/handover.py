"""What the experts of both handovers share: coming to a place from above, whatever is beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hrg_pipeline.experts.base import Array, Expert
from hrg_pipeline.experts.params import ExpertParams

Bools = NDArray[np.bool_]


class HandoverExpertParams(ExpertParams):
    """How it comes to a place, and what counts as being there."""

    hover_m: float = Field(default=0.12, gt=0.0)
    """Height above a place at which it travels there [m]."""
    band_m: float = Field(default=0.04, gt=0.0)
    """It goes straight up while it is farther than this below that height [m]."""
    grip_m: float = Field(default=0.008, ge=0.0)
    """Height above the axis of the handle at which it is gripped: fingers that swing down as they close miss the table
    [m]."""
    horizontal_m: float = Field(default=0.012, gt=0.0)
    """As near as this, seen from above, is there [m]."""
    vertical_m: float = Field(default=0.008, gt=0.0)
    """As near as this in height is there [m]."""
    cone: float = Field(default=0.25, ge=0.0)
    """Going down is allowed inside a cone above a place; this is the tangent of its half angle."""
    open_aperture: float = Field(default=0.9, gt=0.0, lt=1.0)
    """A gripper that is open so far counts as open, 0 closed to 1 open."""


class HandoverExpert(Expert):
    """Comes to places from above; vectors (N, 3) [m] point to them, from the end effector or from what it holds."""

    params: HandoverExpertParams

    def approach(self, vector: Array, go_down: Bools | None = None, hover_m: float | None = None) -> Array:
        """Displacements (N, 3) [m] that lead to a place: up, across, down.

        Args:
            vector: to the place (N, 3) [m].
            go_down: whose way down is free (N,); default all.
            hover_m: height above the place at which to travel [m]; default that of the parameters.
        """
        above = vector + np.array([0.0, 0.0, self.params.hover_m if hover_m is None else hover_m])
        down = self.is_above(vector) | self.is_at(vector)
        if go_down is not None:
            down &= go_down
        return np.where(down[:, None], vector, self.straight_up_first(above))

    def straight_up_first(self, vector: Array) -> Array:
        """Displacements (N, 3) [m] that lead to a place, up before across."""
        up = vector[:, 2] > self.params.band_m
        return np.where((up & ~self.is_near(vector))[:, None], vector * np.array([0.0, 0.0, 1.0]), vector)

    def grip(self, vector: Array) -> Array:
        """From the end effector to where it grips a handle that a vector points to (N, 3) [m]."""
        return np.asarray(vector + np.array([0.0, 0.0, self.params.grip_m]))

    def is_at(self, vector: Array) -> Bools:
        """Whether a place is reached (N,)."""
        return self.is_near(vector) & (np.abs(vector[:, 2]) < self.params.vertical_m)

    def is_near(self, vector: Array) -> Bools:
        """Whether a place is reached, seen from above (N,)."""
        return np.asarray(np.hypot(vector[:, 0], vector[:, 1]) < self.params.horizontal_m)

    def is_above(self, vector: Array) -> Bools:
        """Whether it is in the cone above a place (N,)."""
        wide = self.params.horizontal_m - vector[:, 2] * self.params.cone
        return np.asarray((vector[:, 2] < 0.0) & (np.hypot(vector[:, 0], vector[:, 1]) < wide))
