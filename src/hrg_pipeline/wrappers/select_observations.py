"""Concatenate chosen sensors into one vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv, VectorObservationWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from hrg_pipeline.errors import ConfigError


class SelectObservations(VectorObservationWrapper[Any, Any, Any]):
    """Give learners one flat float32 vector: the sensors or groups named in ``keys``, in that order.

    Raises:
        ConfigError: if a key is neither a sensor nor a group.

    Example:
        >>> from hrg_pipeline.envs import EnvSpec
        >>> from hrg_pipeline.robots.params import RobotParams
        >>> from hrg_pipeline.tasks.reach_human import ReachHumanParams
        >>> vector = EnvSpec.create(RobotParams(), ReachHumanParams()).make_vector(2)
        >>> env = SelectObservations(vector, keys=["object-state", "goal_difference"])
        >>> env.single_observation_space.shape
        (19,)
        >>> env.close()
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], keys: Sequence[str]) -> None:
        super().__init__(env)
        sensors = env.single_observation_space
        groups: dict[str, tuple[str, ...]] = getattr(env.unwrapped, "observation_groups", {})
        if not isinstance(sensors, gym.spaces.Dict):
            raise ConfigError(f"select_observations needs a Dict of sensors, got {sensors}")
        self.sensors: list[str] = []
        for key in keys:
            if key not in sensors.spaces and key not in groups:
                raise ConfigError(
                    f"unknown observation '{key}' in run.obs_keys; "
                    f"groups: {sorted(groups)}; sensors: {sorted(sensors.spaces)}"
                )
            self.sensors.extend(groups.get(key, (key,)))
        size = sum(int(np.prod(sensors[name].shape or ())) for name in self.sensors)
        if size == 0:
            raise ConfigError("run.obs_keys is empty; name at least one sensor or group")
        self.single_observation_space = gym.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def observations(self, observations: Any) -> NDArray[np.float32]:
        """Concatenate the chosen sensors (N, k)."""
        return np.concatenate([observations[name] for name in self.sensors], axis=1, dtype=np.float32)
