"""What a task is: scene, observations, goals, rewards, all batch-first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.engine.layout import Layout
from hrg_pipeline.tasks.params import TaskParams

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Task(ABC):
    """One task for N environments that are stepped together.

    Every array has the environment as its first axis; a single environment is the case N = 1. Success, failure and
    rewards are pure functions of achieved goal, desired goal and info, so that goals can be relabelled afterwards.

    An episode begins with ``sample_start``, ``begin`` (objects are put in their places) and ``sample_goal``. After
    every step of the engine comes ``advance`` (phases), then ``observe``, goals, ``info``, success, failure, rewards.
    ``next_goal`` follows a success that does not end the episode.
    """

    phases: ClassVar[tuple[str, ...]] = ("only",)
    """Names of the phases, in their order; every environment is in one of them, ``self.phase``."""
    state: ClassVar[tuple[str, ...]] = ()
    """Names of arrays (N, ...) of the task that decide the future, besides ``phase``."""
    observation_groups: ClassVar[Mapping[str, tuple[str, ...]]]
    """Group name to the sensors that are concatenated under it."""

    def __init__(self, params: TaskParams, engine: Engine) -> None:
        self.params = params
        self.engine = engine
        self.phase = np.zeros(engine.num_envs, dtype=np.int64)
        """Index into ``phases`` (N,)."""

    @classmethod
    def layout(cls, params: TaskParams) -> Layout:
        """Return what the task puts into the scene."""
        return Layout()

    @property
    def start_pose(self) -> Array:
        """The start configuration without noise (n,) [rad]: its gripper orientation is that of Cartesian actions."""
        return np.array(self.engine.robot.home_qpos)

    def begin(self, i: int, rng: np.random.Generator) -> None:  # noqa: B027  # most tasks have no objects
        """Put the objects of environment ``i`` in their places; robot and people are in theirs."""

    def advance(self) -> None:  # noqa: B027  # or only one phase
        """Go on to the next phase where its time has come; called after every step of the engine."""

    def next_goal(self, i: int, rng: np.random.Generator) -> None:
        """Go on after a success that did not end the episode: another goal, unless a task has more to do."""
        self.sample_goal(i, rng)

    def info(self, observation: Mapping[str, Array]) -> dict[str, NDArray[Any]]:
        """Return what rewards, success and failure need besides goals, and what else is worth knowing, each (N,)."""
        return {}

    def get_state(self, i: int) -> dict[str, Any]:
        """Return what decides the future of environment ``i``, besides what the engine holds."""
        return {name: np.copy(getattr(self, name)[i]) for name in ("phase", *self.state)}

    def set_state(self, i: int, state: dict[str, Any]) -> None:
        """Put environment ``i`` back into a state of ``get_state``."""
        for name in ("phase", *self.state):
            getattr(self, name)[i] = state[name]

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

    def failed(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Bools:
        """Tell which environments can no longer reach it, which ends the episode (N,); never, by default."""
        return np.zeros(len(achieved), dtype=np.bool_)

    def sparse_reward(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Array:
        """Return the sparse term (N,): ``task_reward`` in a step that reaches the goal and -1 otherwise."""
        return np.where(self.success(achieved, desired, info), self.params.task_reward, -1.0)

    @abstractmethod
    def dense_terms(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> dict[str, Array]:
        """Return the named terms of the dense reward, each (N,)."""

    def reward_terms(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> dict[str, Array]:
        """Return all named reward terms before ``reward_scale``, each (N,).

        With ``reward_shaping`` a constant 1 neutralises the -1 of the sparse term, and the dense terms are added.
        """
        params = self.params
        terms = {"sparse": self.sparse_reward(achieved, desired, info)}
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
        """Tell which episodes are over for a reason of the task (N,); reads ``is_success`` and ``is_failure``."""
        done = np.asarray((info["failure"] != 0) | info.get("is_failure", False))
        if self.params.done_at_success:
            done = done | info["is_success"]
        if self.params.done_at_collision:
            done = done | np.asarray(info["illegal_collision"], dtype=np.bool_)
        return done

    def _go_on(self, phase: str, ready: Bools) -> NDArray[np.int64]:
        """Let those that are in a phase and ready go on to the next one; returns which (k,)."""
        number = self.phases.index(phase)
        members = np.flatnonzero((self.phase == number) & ready)
        self.phase[members] = number + 1
        return members

    def _is_past_keyframe(self, number: int) -> Bools:
        """Tell whose clip of person 0 is past one of its keyframes (N,)."""
        times = [self.engine.people.facts(i).keyframes_s[number] for i in range(self.engine.num_envs)]
        return np.asarray(self.engine.people.time > np.array(times))
