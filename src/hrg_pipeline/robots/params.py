"""What can be chosen about the robot."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from hrg_pipeline.robots.grippers import GRIPPERS
from hrg_pipeline.robots.records import ROBOTS


class RobotParams(BaseModel):
    """The arm, its gripper and its start noise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "panda"
    """Which arm; each has one data record in ``hrg_pipeline.robots``."""
    gripper: str | None = None
    """Which gripper; none means the arm's own."""
    initialization_noise: float = Field(default=0.02, ge=0.0, le=0.5)
    """Standard deviation of the Gaussian noise on the start joint angles [rad]."""

    @field_validator("name")
    @classmethod
    def _known_arm(cls, name: str) -> str:
        if name not in ROBOTS:
            raise ValueError(f"expected one of {', '.join(sorted(ROBOTS))}")
        return name

    @field_validator("gripper")
    @classmethod
    def _known_gripper(cls, gripper: str | None) -> str | None:
        if gripper is not None and gripper not in GRIPPERS:
            raise ValueError(f"expected one of {', '.join(sorted(GRIPPERS))}, or null for the arm's own")
        return gripper
