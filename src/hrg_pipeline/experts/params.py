"""What can be chosen about every expert."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ExpertParams(BaseModel):
    """How exactly an expert acts; each expert adds its own thresholds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Which expert; the name of its task."""
    signal_to_noise: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of the expert in the action; the rest is Ornstein-Uhlenbeck noise. 1: no noise."""
    noise_rate: float = Field(default=0.5, gt=0.0)
    """How fast the noise forgets [1/s]."""
    noise_std: float = Field(default=0.5, ge=0.0)
    """Stationary standard deviation of the noise, as a share of a full action."""
