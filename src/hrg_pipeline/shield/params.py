"""What can be chosen about the safety shield."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ShieldParams(BaseModel):
    """Mode and assumptions of the safety shield."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["OFF", "SSM"] = "SSM"
    """OFF: no check. SSM: stop before any contact (speed and separation monitoring)."""
    measurement_error_m: float = Field(default=0.0, ge=0.0, le=0.5)
    """Largest error of a measured joint position [m]."""
    measurement_delay_s: float = Field(default=0.0, ge=0.0, le=0.5)
    """Largest age of a measurement when it arrives [s]."""
    tracking_error_m: float = Field(default=0.02, gt=0.0, le=0.2)
    """How far a point of the robot may be from where it was commanded [m]; beyond it nothing is released."""
    gripper_distance_m: float = Field(default=0.3, ge=0.0, le=1.0)
    """Fingers are held while a person is closer to the robot than this [m]; 0: never, as for handing something over."""
