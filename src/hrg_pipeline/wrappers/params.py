"""Which wrappers go around an environment."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class WrapperParams(BaseModel):
    """One switch or section per wrapper; the order is fixed and documented in docs/wrappers.md."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_limit: bool = True
    """End an episode as truncated after ``environment.horizon`` steps."""
    select_observations: bool = True
    """Concatenate the entries named in ``run.obs_keys`` into one flat vector, as the learners need it."""
