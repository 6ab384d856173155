"""A gymnasium vector env as the vec env of stable-baselines3."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, NoReturn

import gymnasium
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from hrg_pipeline.envs.states import get_states, set_states
from hrg_pipeline.errors import HrgError
from hrg_pipeline.learning.episode_info import (
    EPISODE_KEYS,
    AnyVectorEnv,
    require_disabled_autoreset,
    reset_lanes,
)


class EngineVecEnv(VecEnv):
    """All lanes of one vector env, reset as they finish, with episode statistics.

    The dict of a lane is empty except in the last step of an episode, where it holds
    ``terminal_observation``, ``TimeLimit.truncated``, ``is_success`` and ``episode``: return ``r``, length
    ``l`` [steps], time since the start ``t`` [s], and the last value of every info key in ``episode_keys``
    that the env has. No monitor around each lane is needed.

    Args:
        env: Vector env with autoreset disabled and flat box observations (N, k).
        episode_keys: Info keys whose last value goes into ``episode``.

    Raises:
        HrgError: The env resets itself, or its observations are not one flat box.
    """

    def __init__(self, env: AnyVectorEnv, episode_keys: Sequence[str] = EPISODE_KEYS) -> None:
        require_disabled_autoreset(env)
        space = env.single_observation_space
        if not isinstance(space, gymnasium.spaces.Box) or len(space.shape) != 1:
            raise HrgError(f"observation space is {space}, expected one flat Box of shape (k,)")
        self.env = env
        self._episode_keys = tuple(episode_keys)
        self._next_seed: int | None = None
        self._actions: NDArray[np.float32] | None = None
        self._background: ThreadPoolExecutor | None = None
        self._stepping: Future[Any] | None = None
        self._meanwhile: Callable[[], None] = _nothing
        self._returns = np.zeros(env.num_envs)
        self._lengths = np.zeros(env.num_envs, dtype=np.int64)
        self._started = time.perf_counter()
        # Copies: the model seeds its action space, which is none of the env's business. Both are stored with
        # the model, generator included, so that has to be the same in every run.
        super().__init__(env.num_envs, deepcopy(space), deepcopy(env.single_action_space))
        self.observation_space.seed(0)
        self.action_space.seed(0)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Use a seed for all lanes at the next reset; the vector env derives one for each lane from it."""
        self._next_seed = seed
        return [seed] * self.num_envs

    def reset(self) -> NDArray[np.float32]:
        """Start a new episode in every lane.

        Returns:
            (N, k) first observations.
        """
        observations, _ = self.env.reset(seed=self._next_seed)
        self._next_seed = None
        self._returns[:] = 0.0
        self._lengths[:] = 0
        return np.array(observations, dtype=np.float32)

    @contextmanager
    def in_background(self, meanwhile: Callable[[], None]) -> Iterator[None]:
        """Let the environments step in another thread from ``step_async`` on.

        Args:
            meanwhile: What ``step_wait`` does, in the calling thread, before it waits for them.

        Yields:
            Nothing. No step is under way any more when the block is left.
        """
        self._meanwhile = meanwhile
        self._background = ThreadPoolExecutor(1, "step")
        try:
            yield
        finally:
            self._background.shutdown()
            self._meanwhile, self._background, self._stepping = _nothing, None, None

    def step_async(self, actions: NDArray[np.float32]) -> None:
        """Hold the actions (N, n) for ``step_wait``, or begin with them ``in_background``."""
        self._actions = actions
        if self._background is not None:
            self._stepping = self._background.submit(self.env.step, actions)

    def step_wait(self) -> VecEnvStepReturn:
        """Step every lane; reset those that finished.

        Returns:
            Observations (N, k) (of the next episode where one ended), rewards (N,), dones (N,), N info dicts.
        """
        if self._stepping is None:
            result = self.env.step(self._actions)
        else:
            self._meanwhile()
            result = self._stepping.result()
        env_observations, env_rewards, terminated, truncated, infos = result
        # Copies: the learner keeps and changes these, and the env may reuse its buffers.
        observations = np.array(env_observations, dtype=np.float32)
        rewards = np.array(env_rewards, dtype=np.float32)
        self._returns += env_rewards
        self._lengths += 1
        dones = np.logical_or(terminated, truncated)
        lane_infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if dones.any():
            self._finish(dones, terminated, observations, infos, lane_infos)
        return observations, rewards, dones, lane_infos

    def _finish(
        self,
        dones: NDArray[np.bool_],
        terminated: NDArray[np.bool_],
        observations: NDArray[np.float32],
        infos: dict[str, Any],
        lane_infos: list[dict[str, Any]],
    ) -> None:
        """Describe the episodes that ended, then put the first observations of the next ones in place."""
        elapsed = time.perf_counter() - self._started
        unknown = [key for key in self._episode_keys if key not in infos and key not in EPISODE_KEYS]
        if unknown:
            known = sorted(key for key in infos if not key.startswith("_"))
            raise HrgError(f"run.log_info_keys has {unknown}, which no info of this environment has; choose of {known}")
        for i in np.flatnonzero(dones):
            episode = {key: infos[key][i].item() for key in self._episode_keys if key in infos}
            episode |= {"r": float(self._returns[i]), "l": int(self._lengths[i]), "t": elapsed}
            lane_infos[i]["episode"] = episode
            lane_infos[i]["terminal_observation"] = observations[i].copy()
            lane_infos[i]["TimeLimit.truncated"] = not terminated[i]
            if "is_success" in episode:
                lane_infos[i]["is_success"] = episode["is_success"]
        observations[dones] = reset_lanes(self.env, dones)[dones]
        self._returns[dones] = 0.0
        self._lengths[dones] = 0

    def get_state(self) -> dict[str, Any]:
        """Return what decides the future of all lanes, and the statistics of their episodes so far."""
        return {"envs": get_states(self.env), "returns": self._returns.copy(), "lengths": self._lengths.copy()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Put all lanes back into a state of ``get_state``; they then go on exactly as they did."""
        set_states(self.env, state["envs"])
        self._returns[:] = state["returns"]
        self._lengths[:] = state["lengths"]

    def close(self) -> None:
        """Close the vector env."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of the vector env, once per lane asked for."""
        return [getattr(self.env, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> NoReturn:
        """Refused: lanes are rows of arrays, not objects."""
        raise HrgError(f"cannot set '{attr_name}' of single lanes: all lanes are one vector env")

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> NoReturn:
        """Refused: lanes are rows of arrays, not objects."""
        raise HrgError(f"cannot call '{method_name}' of single lanes: all lanes are one vector env")

    def env_is_wrapped(
        self, wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """No lane has a wrapper of its own."""
        return [False for _ in self._get_indices(indices)]


def _nothing() -> None:
    """Do nothing."""
