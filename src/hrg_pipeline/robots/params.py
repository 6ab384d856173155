"""What can be chosen about the robot."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ROBOT_NAMES = ("panda",)


class RobotParams(BaseModel):
    """The arm and its start noise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["panda"] = "panda"
    """Which arm; each has one data record in ``hrg_pipeline.robots``."""
    initialization_noise: float = Field(default=0.02, ge=0.0, le=0.5)
    """Standard deviation of the Gaussian noise on the start joint angles [rad]."""
