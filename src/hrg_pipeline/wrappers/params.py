"""Which wrappers go around an environment."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from hrg_pipeline.shield.params import ObstacleName

Range = tuple[float, float]
Replacement = Literal["zero", "resample", "nearest"]


class CollisionPreventionParams(BaseModel):
    """Actions whose motion would touch an obstacle or the arm itself are replaced."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = False
    """Look at the joint motion of every action before it is carried out."""
    replace: Replacement = "zero"
    """What comes instead: zero (no motion), resample (the first free one of random motions), nearest (the free one of
    them that is nearest to the action)."""
    n_resamples: int = Field(default=20, ge=1)
    """How many random motions are drawn for resample and nearest."""
    obstacles: tuple[ObstacleName, ...] = ("table", "base", "walls", "floor", "self")
    """What the arm keeps clear of."""
    gripper: bool = True
    """Whether the gripper, and what it holds, keep clear of them too; false where it has to reach down to the table."""
    margin_m: float = Field(default=0.005, ge=0.0, le=0.1)
    """How clear [m]."""


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


class VisualizationParams(BaseModel):
    """Show what happens, step by step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = False
    """Show the first environment after every step: in a window where there is a display, else as picture files."""
    folder: str = "data/08_reporting/frames"
    """Where picture files go."""


class WrapperParams(BaseModel):
    """One switch or section per wrapper; the order is fixed and documented in docs/wrappers.md."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_limit: bool = True
    """End an episode as truncated after ``environment.horizon`` steps."""
    collision_prevention: CollisionPreventionParams = CollisionPreventionParams()
    ik_position_delta: IkParams = IkParams()
    select_observations: bool = True
    """Concatenate the entries named in ``run.obs_keys`` into one flat vector, as the learners need it."""
    visualization: VisualizationParams = VisualizationParams()
