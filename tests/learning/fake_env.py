"""A point mass that has to reach a goal: a vector env with the manners of the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from hrg_pipeline.learning.episode_info import SAFETY_KEYS

_OTHERS = ("assumption/", "verdict/", "contact_", "mean_path_speed", "max_")
"""Beginnings of the names of values that are always zero here."""


_STATE = ("_position", "_goal", "_time", "_over", "_min_distance")


class PointReachVectorEnv(VectorEnv[Any, Any, Any]):
    """Velocity-controlled points in the plane; terminated at the goal, truncated at the horizon.

    It reuses its output buffers on purpose, and refuses to step a lane whose episode is over.
    """

    metadata: ClassVar[dict[str, Any]] = {"autoreset_mode": AutoresetMode.DISABLED}

    def __init__(self, num_envs: int, seed: int = 0, horizon: int = 20) -> None:
        self.num_envs = num_envs
        self.horizon = horizon
        self.single_observation_space = spaces.Box(-np.inf, np.inf, (4,), np.float32)
        self.single_action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.reset_seeds: list[Any] = []
        self.n_closed = 0
        self._rngs = self._make_rngs(seed)
        self._position = np.zeros((num_envs, 2))
        self._goal = np.zeros((num_envs, 2))
        self._time = np.zeros(num_envs, dtype=np.int64)
        self._over = np.ones(num_envs, dtype=np.bool_)
        self._min_distance = np.full(num_envs, np.inf)
        self._observations = np.zeros((num_envs, 4), dtype=np.float32)
        self._rewards = np.zeros(num_envs)

    def _make_rngs(self, seed: int) -> list[np.random.Generator]:
        return [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(self.num_envs)]

    def reset(  # type: ignore[override]  # one seed per lane is allowed, as in gymnasium's own vector envs
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        mask = np.ones(self.num_envs, dtype=np.bool_) if options is None else options["reset_mask"]
        self.reset_seeds.append(seed)
        if isinstance(seed, int):
            self._rngs = self._make_rngs(seed)
        for i in np.flatnonzero(mask):
            lane_seed = None if seed is None or isinstance(seed, int) else seed[i]
            if lane_seed is not None:
                self._rngs[i] = np.random.default_rng(lane_seed)
            self._position[i] = self._rngs[i].uniform(-1.0, 1.0, 2)
            self._goal[i] = self._rngs[i].uniform(-1.0, 1.0, 2)
        self._time[mask], self._over[mask], self._min_distance[mask] = 0, False, np.inf
        return self._observe(), {}

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        assert not self._over.any(), "a finished lane was stepped"
        assert actions.dtype == np.float32 and actions.shape == (self.num_envs, 2)
        self._position += 0.2 * np.clip(actions, -1.0, 1.0)
        self._time += 1
        distance = np.linalg.norm(self._goal - self._position, axis=1)
        self._min_distance = np.minimum(self._min_distance, distance)
        success = distance < 0.25
        truncated = self._time >= self.horizon
        self._over = success | truncated
        self._rewards[:] = -distance
        infos = {
            "is_success": success,
            "n_collisions_human": self._time // 8,
            "n_collisions_critical": np.zeros(self.num_envs, dtype=np.int64),
            "n_collisions_static": np.zeros(self.num_envs, dtype=np.int64),
            "n_collisions_robot": np.zeros(self.num_envs, dtype=np.int64),
            "failsafe_interventions": self._time // 2,
            "min_human_distance": self._min_distance,
            "time_slowed_s": 0.1 * self._time,
            "time_stopped_s": np.zeros(self.num_envs),
            **{key: np.zeros(self.num_envs) for key in SAFETY_KEYS if key.startswith(_OTHERS)},
            "episode_cost": np.zeros(self.num_envs),
            "failure": np.zeros(self.num_envs, dtype=np.int64),
        }
        return self._observe(), self._rewards, success, truncated, infos

    def get_state(self, i: int) -> dict[str, Any]:
        arrays = {name: getattr(self, name)[i].copy() for name in _STATE}
        return arrays | {"rng": self._rngs[i].bit_generator.state}

    def set_state(self, i: int, state: dict[str, Any]) -> None:
        for name in _STATE:
            getattr(self, name)[i] = state[name]
        self._rngs[i].bit_generator.state = state["rng"]

    def close_extras(self, **kwargs: Any) -> None:
        self.n_closed += 1

    def _observe(self) -> NDArray[np.float32]:
        self._observations[:, :2] = self._position
        self._observations[:, 2:] = self._goal - self._position
        return self._observations


@dataclass
class PointReachSpec:
    """Makes the env, as an ``EnvSpec`` does, and remembers the last one made."""

    horizon: int = 20
    env: PointReachVectorEnv | None = None
    n_threads: int | None = None

    def make_vector(self, num_envs: int, seed: int, n_threads: int | None = None) -> PointReachVectorEnv:
        self.env = PointReachVectorEnv(num_envs, seed, self.horizon)
        self.n_threads = n_threads
        return self.env


def go_to_goal(observations: NDArray[np.float32]) -> NDArray[np.float32]:
    """A perfect policy."""
    return np.clip(observations[:, 2:] / 0.2, -1.0, 1.0).astype(np.float32)
