"""An agent: a model of stable-baselines3 and the normalisation of its observations."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Self, TypedDict

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from hrg_pipeline.errors import HrgError
from hrg_pipeline.learning.params import PPOParams, SACParams

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {"sac": SAC, "ppo": PPO}
"""Class of each algorithm name."""

ACTIVATIONS: dict[str, type[torch.nn.Module]] = {
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
    "elu": torch.nn.ELU,
    "leaky_relu": torch.nn.LeakyReLU,
    "silu": torch.nn.SiLU,
}
"""Class of each non-linearity name."""

_NOT_ARGUMENTS = {"name", "normalize_observations", "policy_kwargs"}


def algorithm_class(name: str) -> type[BaseAlgorithm]:
    """Look up an algorithm.

    Args:
        name: Its name in the parameters.

    Returns:
        The class of stable-baselines3.

    Raises:
        HrgError: There is no such algorithm.
    """
    if name not in ALGORITHMS:
        raise HrgError(f"algorithm '{name}' is unknown; choose one of: {', '.join(sorted(ALGORITHMS))}")
    return ALGORITHMS[name]


@dataclass(frozen=True)
class ObservationNormalizer:
    """Running mean and variance of the observations, as collected by VecNormalize.

    Attributes:
        mean: (k,) mean.
        var: (k,) variance.
        count: Observations seen.
        clip: Largest absolute value after the scaling.
        epsilon: Added to the variance.
    """

    mean: NDArray[np.float64]
    var: NDArray[np.float64]
    count: float
    clip: float
    epsilon: float

    @classmethod
    def from_vec_normalize(cls, env: VecNormalize) -> Self:
        """Copy the statistics out of the wrapper that collected them."""
        rms: Any = env.obs_rms
        return cls(rms.mean.copy(), rms.var.copy(), float(rms.count), float(env.clip_obs), float(env.epsilon))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read what ``to_dict`` wrote."""
        return cls(np.array(data["mean"]), np.array(data["var"]), data["count"], data["clip"], data["epsilon"])

    def to_dict(self) -> dict[str, Any]:
        """Numbers and lists only; JSON keeps every bit of them."""
        return {
            "mean": self.mean.tolist(),
            "var": self.var.tolist(),
            "count": self.count,
            "clip": self.clip,
            "epsilon": self.epsilon,
        }

    def __call__(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Shift and scale observations (N, k), in the arithmetic of VecNormalize."""
        scaled = (observations - self.mean) / np.sqrt(self.var + self.epsilon)
        return np.clip(scaled, -self.clip, self.clip).astype(np.float32)


@dataclass(frozen=True)
class Agent:
    """A policy that can act.

    Attributes:
        name: Algorithm, a key of ``ALGORITHMS``.
        model: The model of stable-baselines3.
        normalizer: What its observations go through first, None when it takes them as they are.
    """

    name: str
    model: BaseAlgorithm
    normalizer: ObservationNormalizer | None = None

    def predict(self, observations: ArrayLike, deterministic: bool = True) -> NDArray[np.float32]:
        """Choose actions.

        Args:
            observations: (N, k) as the env gives them.
            deterministic: The mean action; otherwise one drawn from the policy (global torch generator).

        Returns:
            (N, n) actions in the bounds of the action space.
        """
        batch = np.asarray(observations, dtype=np.float32)
        if self.normalizer is not None:
            batch = self.normalizer(batch)
        actions, _ = self.model.predict(batch, deterministic=deterministic)
        return np.asarray(actions, dtype=np.float32)


def _policy_arguments(params: SACParams | PPOParams) -> dict[str, Any]:
    arguments = params.policy_kwargs.model_dump()
    arguments["net_arch"] = list(params.policy_kwargs.net_arch)
    arguments["activation_fn"] = ACTIVATIONS[params.policy_kwargs.activation_fn]
    return arguments


def build_model(params: SACParams | PPOParams, env: VecEnv) -> BaseAlgorithm:
    """Make an untrained model.

    Seeds the global random states: call it inside ``contained_randomness``.

    Args:
        params: Algorithm and its arguments.
        env: What it will learn in; already normalised if it is to be.

    Returns:
        The model of stable-baselines3.

    Raises:
        HrgError: The parameters do not fit the number of environments.
    """
    if isinstance(params, SACParams) and params.train_freq[1] == "episode" and env.num_envs > 1:
        raise HrgError(f"algorithm.train_freq in episodes needs run.n_envs=1, not {env.num_envs}; or use [n, step]")
    arguments = params.model_dump(exclude=_NOT_ARGUMENTS)
    return algorithm_class(params.name)(env=env, policy_kwargs=_policy_arguments(params), **arguments)


def normalized(params: SACParams | PPOParams, env: VecEnv) -> VecEnv:
    """Put observation normalisation around a vec env when the parameters ask for it.

    Args:
        params: Algorithm and its arguments.
        env: The plain vec env.

    Returns:
        The env to build the model on.
    """
    if not params.normalize_observations:
        return env
    return VecNormalize(env, norm_obs=True, norm_reward=False, gamma=params.gamma)


class ActionFingerprint(TypedDict):
    """What a policy does on fixed observations."""

    sha256: str
    """Hash of the actions' bytes, shape and type."""
    actions: NDArray[np.float32]
    """(M, n) actions, in the order of the observations."""


def fingerprint_observations(space: spaces.Space[Any], n: int = 64, seed: int = 0) -> NDArray[np.float32]:
    """Draw the observations of a fingerprint.

    Args:
        space: Flat box (k,); draws are standard normal, clipped to its bounds.
        n: How many.
        seed: Of the draws.

    Returns:
        (n, k) observations.

    Raises:
        HrgError: The space is not a flat box.
    """
    if not isinstance(space, spaces.Box) or len(space.shape) != 1:
        raise HrgError(f"observation space is {space}, expected one flat Box of shape (k,)")
    draws = np.random.default_rng(np.random.SeedSequence(seed)).standard_normal((n, space.shape[0]))
    return np.clip(draws, space.low, space.high).astype(np.float32)


def action_fingerprint(agent: Agent, observations: NDArray[np.float32]) -> ActionFingerprint:
    """Say what an agent does on some observations, for a comparison to the bit.

    Args:
        agent: The agent.
        observations: (M, k), for example from ``fingerprint_observations``.

    Returns:
        The actions and their hash.
    """
    actions = np.ascontiguousarray(agent.predict(observations))
    digest = hashlib.sha256(f"{actions.shape}{actions.dtype.str}".encode())
    digest.update(actions.tobytes())
    return {"sha256": digest.hexdigest(), "actions": actions}
