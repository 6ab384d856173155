"""Which wrappers go around an environment."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

Range = tuple[float, float]


class IkParams(BaseModel):
    """Cartesian actions instead of joint steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = False
    """Take Cartesian steps of the end effector."""
    action_limit: float = Field(default=0.1, gt=0.0, le=0.5)
    """Step of a full action along each axis, from where the end effector is [m]."""
    gain: float = Field(default=1.0, gt=0.0, le=1.0)
    """Share of the joint step that is commanded; human-robot-gym commands 0.2 of it."""
    workspace: tuple[Range, Range, Range] | None = None
    """Ranges of x, y, z that the end effector is sent to [m]; null: anywhere."""


class WrapperParams(BaseModel):
    """One switch or section per wrapper; the order is fixed and documented in docs/wrappers.md."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_limit: bool = True
    """End an episode as truncated after ``environment.horizon`` steps."""
    ik_position_delta: IkParams = IkParams()
    select_observations: bool = True
    """Concatenate the entries named in ``run.obs_keys`` into one flat vector, as the learners need it."""
