"""The parameters that every task shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hrg_pipeline.human.params import HumanParams
from hrg_pipeline.shield.params import ShieldParams


class TaskParams(BaseModel):
    """What all tasks have: clock, episode, rewards that do not depend on the task, shield, human."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env_id: str
    """Name of the task; the gymnasium id is ``hrg/<env_id>-v0``."""
    seed: int = Field(default=0, ge=0)
    """Root of this environment's seed tree."""
    horizon: int = Field(default=100, ge=1)
    """Steps until the episode is truncated (1 step = 0.1 s)."""
    reward_scale: float = 1.0
    """Factor on the whole reward."""
    reward_shaping: bool = False
    """Add the dense reward terms (and neutralise the -1 per step of the sparse one)."""
    task_reward: float = 1.0
    """Reward of a step in which the goal is reached."""
    collision_reward: float = 0.0
    """Added in a step with an illegal collision (static, robot itself, or critical human contact)."""
    simulation_crash_reward: float = -10.0
    """Added when the physics became unstable; the episode ends."""
    done_at_success: bool = True
    """End the episode when the goal is reached; otherwise the next goal is drawn."""
    done_at_collision: bool = False
    """End the episode at an illegal collision."""
    safe_vel: float = Field(default=0.01, gt=0.0)
    """A human contact is critical when the robot's contact point moves faster than this [m/s]."""
    collision_debounce_delay: float = Field(default=0.01, ge=0.0)
    """Human contacts closer together than this are one contact [s]."""
    shield: ShieldParams = ShieldParams()
    human: HumanParams = HumanParams()

    @model_validator(mode="before")
    @classmethod
    def _over_this_tasks_defaults(cls, given: Any) -> Any:
        """Keep what the task sets for people and shield where only some of it is given."""
        if not isinstance(given, Mapping):
            return given
        sections = {name: cls.model_fields[name].default for name in ("shield", "human")}
        return {**given, **{k: _merged(default, given[k]) for k, default in sections.items() if k in given}}


def _merged(default: Any, given: Any) -> Any:
    """Return given values over those of a default, section by section; what is no section replaces it."""
    if not (isinstance(default, BaseModel) and isinstance(given, Mapping)):
        return given
    below = {name: getattr(default, name) for name in type(default).model_fields}
    return {**below, **{name: _merged(below.get(name), value) for name, value in given.items()}}
