"""End episodes after a number of steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper


class TimeLimit(VectorWrapper[Any, Any, Any]):
    """Truncate every episode after ``max_episode_steps`` steps.

    Example:
        >>> from hrg_pipeline.envs import EnvSpec
        >>> from hrg_pipeline.robots.params import RobotParams
        >>> from hrg_pipeline.tasks.reach_human import ReachHumanParams
        >>> vector = EnvSpec.create(RobotParams(), ReachHumanParams()).make_vector(2)
        >>> env = TimeLimit(vector, max_episode_steps=1)
        >>> _ = env.reset(seed=0)
        >>> _, _, _, truncated, _ = env.step(env.action_space.sample() * 0)
        >>> truncated.tolist()
        [True, True]
        >>> env.close()
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], max_episode_steps: int) -> None:
        super().__init__(env)
        self.max_episode_steps = max_episode_steps
        self._steps = np.zeros(self.num_envs, dtype=np.int64)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start new episodes and their clocks."""
        mask = (options or {}).get("reset_mask", np.ones(self.num_envs, dtype=np.bool_))
        self._steps[np.asarray(mask)] = 0
        return self.env.reset(seed=seed, options=options)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step, and truncate what has run its time without ending."""
        observation, reward, terminated, truncated, info = self.env.step(actions)
        self._steps += 1
        return observation, reward, terminated, truncated | (self._steps >= self.max_episode_steps), info

    def get_state(self, i: int) -> dict[str, Any]:
        """Return how long the episode of environment ``i`` has run."""
        return {"steps": int(self._steps[i])}

    def set_state(self, i: int, state: dict[str, Any]) -> None:
        """Put the clock of environment ``i`` back."""
        self._steps[i] = state["steps"]
