"""What a task is: scene, observations, goals, rewards, all batch-first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.tasks.params import TaskParams

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Task(ABC):
    """One task for N environments that are stepped together.

    Every array has the environment as its first axis; a single environment is the case N = 1. Success and rewards are
    pure functions of achieved goal, desired goal and info, so that goals can be relabelled afterwards.
    """

    observation_groups: ClassVar[Mapping[str, tuple[str, ...]]]
    """Group name to the sensors that are concatenated under it."""

    def __init__(self, params: TaskParams, engine: Engine) -> None:
        self.params = params
        self.engine = engine

    @abstractmethod
    def sample_start(self, i: int, rng: np.random.Generator) -> Array:
        """Draw the start configuration of environment ``i`` (n,) [rad]."""

    @abstractmethod
    def sample_goal(self, i: int, rng: np.random.Generator) -> None:
        """Draw the (next) goal of environment ``i``."""

    @abstractmethod
    def observe(self) -> dict[str, Array]:
        """Return every sensor as an array (N, k)."""

    @abstractmethod
    def achieved_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return what is achieved now (N, g)."""

    @abstractmethod
    def desired_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return what is wanted (N, g)."""

    @abstractmethod
    def success(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Bools:
        """Tell which environments have reached their goal (N,)."""

    @abstractmethod
    def dense_terms(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> dict[str, Array]:
        """Return the named terms of the dense reward, each (N,)."""

    def reward_terms(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> dict[str, Array]:
        """Return all named reward terms before ``reward_scale``, each (N,).

        The sparse term is ``task_reward`` in a step that reaches the goal and -1 otherwise; with ``reward_shaping`` a
        constant 1 neutralises that -1 and the dense terms are added.
        """
        params = self.params
        terms = {"sparse": np.where(self.success(achieved, desired, info), params.task_reward, -1.0)}
        if params.reward_shaping:
            terms["shaping_offset"] = np.ones(len(terms["sparse"]))
            terms.update(self.dense_terms(achieved, desired, info))
        terms["collision"] = np.where(info["illegal_collision"], params.collision_reward, 0.0)
        terms["instability"] = np.where(info["failure"] != 0, params.simulation_crash_reward, 0.0)
        return terms

    def reward(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Array:
        """Return the reward (N,)."""
        return self.total_reward(self.reward_terms(achieved, desired, info))

    def total_reward(self, terms: Mapping[str, Array]) -> Array:
        """Add named terms up and scale them (N,)."""
        return np.asarray(self.params.reward_scale * sum(terms.values()), dtype=np.float64)

    def terminated(self, info: Mapping[str, Array]) -> Bools:
        """Tell which episodes are over for a reason of the task (N,); reads ``info["is_success"]``."""
        done = np.asarray(info["failure"] != 0)
        if self.params.done_at_success:
            done = done | info["is_success"]
        if self.params.done_at_collision:
            done = done | np.asarray(info["illegal_collision"], dtype=np.bool_)
        return done
