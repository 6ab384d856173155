"""EnvSpec: everything that makes an environment, as a small record that can be stored, hashed and rebuilt."""

from __future__ import annotations

import hashlib
import importlib
import json
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from pydantic import BaseModel, ConfigDict

from hrg_pipeline.envs.human_env import HumanVectorEnv
from hrg_pipeline.envs.single import SingleEnv
from hrg_pipeline.errors import ModelError
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.registry import task_params_class

SHOWS = "visualization"
"""Name of the wrapper that only shows; a trial does without."""


class WrapperSpec(BaseModel):
    """One vector wrapper: where its class is and what it is called with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    entry_point: str
    """``module:Class`` of a ``gymnasium.vector.VectorWrapper``."""
    kwargs: dict[str, Any] = {}

    def apply(self, env: VectorEnv[Any, Any, Any]) -> VectorEnv[Any, Any, Any]:
        """Put the wrapper around an environment."""
        module, _, name = self.entry_point.partition(":")
        wrapped: VectorEnv[Any, Any, Any] = getattr(importlib.import_module(module), name)(env, **self.kwargs)
        return wrapped


class Fingerprint(BaseModel):
    """What was seen when the spec was tried: spaces, model, motion and the first observations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    observation_space: str
    action_space: str
    model_sha256: str
    motion_sha256: str
    """Of all clips that the human may play."""
    rollout_sha256: str


class EnvSpec(BaseModel):
    """Task, robot, wrappers and seed; makes one environment or a vector of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    robot: RobotParams
    task: dict[str, Any]
    """Parameters of the task, complete."""
    wrappers: tuple[WrapperSpec, ...] = ()
    """Wrappers, innermost first."""
    fingerprint: Fingerprint | None = None
    """Filled in by ``prove``."""

    @classmethod
    def create(cls, robot: RobotParams, task: TaskParams) -> EnvSpec:
        """Describe a task without wrappers."""
        return cls(robot=robot, task=task.model_dump(mode="json"))

    @property
    def env_id(self) -> str:
        """Name of the task."""
        return str(self.task["env_id"])

    @property
    def task_params(self) -> TaskParams:
        """The validated parameters of the task."""
        return task_params_class(self.env_id).model_validate(self.task)

    def with_wrapper(self, wrapper: WrapperSpec) -> EnvSpec:
        """Return a spec with one more wrapper around it; what was proven before no longer counts."""
        return self.model_copy(update={"wrappers": (*self.wrappers, wrapper), "fingerprint": None})

    def with_task(self, **changes: Any) -> EnvSpec:
        """Return a spec with other task parameters."""
        task = task_params_class(self.env_id).model_validate({**self.task, **changes})
        return self.model_copy(update={"task": task.model_dump(mode="json"), "fingerprint": None})

    def sha256(self) -> str:
        """Hash of what makes the environment (not of what was seen when it was tried)."""
        content = self.model_dump(mode="json", exclude={"fingerprint"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def make_vector(
        self, num_envs: int = 1, seed: int | None = None, n_threads: int | None = None
    ) -> VectorEnv[Any, Any, Any]:
        """Make ``num_envs`` environments that are stepped together; ``seed`` replaces the task's."""
        params = self.task_params
        if seed is not None:
            params = params.model_copy(update={"seed": seed})
        env: VectorEnv[Any, Any, Any] = HumanVectorEnv(params, self.robot, num_envs, n_threads)
        for wrapper in self.wrappers:
            env = wrapper.apply(env)
        return env

    def make(self, seed: int | None = None, render_mode: str | None = None) -> gym.Env[Any, Any]:
        """Make one environment."""
        return SingleEnv(self.make_vector(1, seed, n_threads=1), render_mode)


def prove(spec: EnvSpec, n_steps: int = 5) -> EnvSpec:
    """Make the environment twice, step it, and return the spec with its fingerprint.

    Raises:
        ModelError: if observations leave the space, are not finite, or differ between the two.
    """
    first, second = _try(spec, n_steps), _try(spec, n_steps)
    if first != second:
        raise ModelError(f"{spec.env_id} is not reproducible: the same seed gave two different rollouts")
    return spec.model_copy(update={"fingerprint": first})


def _try(spec: EnvSpec, n_steps: int) -> Fingerprint:
    seen = tuple(wrapper for wrapper in spec.wrappers if wrapper.name != SHOWS)
    env = spec.model_copy(update={"wrappers": seen}).make()
    rollout = hashlib.sha256()
    actions = np.random.Generator(np.random.PCG64(np.random.SeedSequence(0)))
    try:
        observation, _ = env.reset(seed=0)
        for _ in range(n_steps):
            if not env.observation_space.contains(observation):
                raise ModelError(f"{spec.env_id} gives an observation outside {env.observation_space}")
            leaves = list(observation.values()) if isinstance(observation, dict) else [observation]
            if not all(np.isfinite(leaf).all() for leaf in leaves):
                raise ModelError(f"{spec.env_id} gives an observation that is not finite")
            for leaf in leaves:
                rollout.update(np.ascontiguousarray(leaf).tobytes())
            action = actions.uniform(-1.0, 1.0, env.action_space.shape or ()).astype(np.float32)
            observation, *_ = env.step(action)
        engine = env.unwrapped.vector.unwrapped.engine  # type: ignore[attr-defined]  # our own classes
        return Fingerprint(
            observation_space=str(env.observation_space),
            action_space=str(env.action_space),
            model_sha256=engine.model_sha256(),
            motion_sha256=engine.people.motions.sha256(),
            rollout_sha256=rollout.hexdigest(),
        )
    finally:
        env.close()
