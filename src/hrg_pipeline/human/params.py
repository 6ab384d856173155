"""What can be chosen about the human and how the human moves."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NonNegative = Annotated[float, Field(ge=0.0)]


class ProceduralMotionParams(BaseModel):
    """A seeded library of work at the table: walking up, reaching, turning, stepping back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_clips: int = Field(default=48, ge=1, le=4096)
    """Distinct motions in the library; each episode draws one."""
    hand_speed_max: float = Field(default=1.6, gt=0.1, le=2.0)
    """No hand moves faster than this [m/s] (ISO 13855 walking speed; the shield assumes 2.0)."""


class HumanParams(BaseModel):
    """The person beside the robot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stature_m: float = Field(default=1.75, ge=1.5, le=2.0)
    """Body height [m]; segment lengths and radii follow (Drillis & Contini)."""
    human_rand: tuple[NonNegative, NonNegative, NonNegative] = (0.05, 0.20, 0.10)
    """Half widths of the uniform offset of an episode's motion: x, y [m], yaw [rad] about where they work."""
    gives_way: bool = True
    """Halt before touching the arm, and after half a second step back for a while, as people do; false: play the
    motion through whatever stands in the way, pushing the arm along."""
    motion: ProceduralMotionParams = ProceduralMotionParams()
