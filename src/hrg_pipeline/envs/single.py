"""One environment with gymnasium's plain interface: a vector of length one."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from hrg_pipeline.errors import HrgError


def _first(tree: Any) -> Any:
    return {key: value[0] for key, value in tree.items()} if isinstance(tree, dict) else tree[0]


def _plain(info: dict[str, Any]) -> dict[str, Any]:
    return {key: value[0].item() if value[0].ndim == 0 else value[0] for key, value in info.items()}


class SingleEnv(gym.Env[Any, Any]):
    """The only environment of a vector, with scalars for arrays of length one.

    Args:
        vector: a vector environment with ``num_envs == 1`` that does not reset by itself.
        render_mode: ``"rgb_array"`` or None.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012  # gymnasium's own convention

    def __init__(self, vector: VectorEnv[Any, Any, Any], render_mode: str | None = None) -> None:
        if vector.num_envs != 1:
            raise HrgError(f"a single environment needs a vector of length 1, got {vector.num_envs}")
        if render_mode not in (None, "rgb_array"):
            raise HrgError(f"unknown render_mode '{render_mode}'; choose 'rgb_array' or None")
        self.vector = vector
        self.render_mode = render_mode
        self.observation_space = vector.single_observation_space
        self.action_space = vector.single_action_space
        self._renderer: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start a new episode."""
        super().reset(seed=seed)
        observation, info = self.vector.reset(seed=seed, options=options)
        return _first(observation), _plain(info)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Advance by 0.1 s."""
        observation, reward, terminated, truncated, info = self.vector.step(np.asarray(action)[None])
        return _first(observation), float(reward[0]), bool(terminated[0]), bool(truncated[0]), _plain(info)

    def render(self) -> Any:
        """Return a picture of the scene (480, 640, 3) if ``render_mode`` is ``"rgb_array"``."""
        if self.render_mode is None:
            return None
        from hrg_pipeline.envs.picture import ScenePicture

        if self._renderer is None:
            self._renderer = ScenePicture(self.vector.unwrapped)
        return self._renderer.frame(0)

    def close(self) -> None:
        """Free the renderer and stop the threads."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
        self.vector.close()
