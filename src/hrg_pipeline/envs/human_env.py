"""N environments of one task, stepped together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from hrg_pipeline.engine.engine import Engine
from hrg_pipeline.envs.picture import SceneView
from hrg_pipeline.envs.seeds import spawn_generators
from hrg_pipeline.errors import HrgError
from hrg_pipeline.physics.contacts import N_CRITICAL, N_HUMAN, N_ROBOT, N_STATIC, ContactFlag, is_illegal
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.shield.params import ShieldType
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.registry import TASK_CLASSES

Observation = dict[str, NDArray[np.float32]]
Info = dict[str, Any]

_CRITICAL = int(ContactFlag.HUMAN_CRIT)
_STATE = ("_achieved", "_steps", "_goals_reached", "_costs", "_weld_force")


class HumanVectorEnv(VectorEnv[Observation, NDArray[np.float32], NDArray[Any]]):
    """A task next to a human, behind the shield, for ``num_envs`` environments.

    Nothing resets by itself (``AutoresetMode.DISABLED``): call ``reset`` with ``options={"reset_mask": mask}`` for the
    environments that are done. Each environment has its own seed tree, so results do not depend on the number of
    threads, and environment ``i`` does not depend on how many others there are.

    Args:
        params: the task's parameters.
        robot: the arm.
        num_envs: how many environments.
        n_threads: threads that step them; default one per core.
    """

    def __init__(self, params: TaskParams, robot: RobotParams, num_envs: int = 1, n_threads: int | None = None) -> None:
        self.params = params
        self.robot_params = robot
        self.num_envs = num_envs
        self.metadata = {
            "autoreset_mode": AutoresetMode.DISABLED,
            "render_modes": ["rgb_array"],
            "render_fps": 10,
        }
        self.engine = Engine(
            robot.name,
            params.human,
            params.shield,
            num_envs=num_envs,
            n_threads=n_threads,
            seed=params.seed,
            horizon_s=0.1 * params.horizon,
            safe_vel=params.safe_vel,
            debounce_s=params.collision_debounce_delay,
            gripper=robot.gripper,
            layout=TASK_CLASSES[params.env_id].layout(params),
        )
        self.task = TASK_CLASSES[params.env_id](params, self.engine)
        self.observation_groups = dict(self.task.observation_groups)
        self.single_observation_space = gym.spaces.Dict(
            {
                name: gym.spaces.Box(-np.inf, np.inf, (values.shape[1],), np.float32)
                for name, values in self.task.observe().items()
            }
        )
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (self.engine.dof + 1,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._achieved = self.task.achieved_goal(self.task.observe())
        self._rngs = spawn_generators(params.seed, num_envs)
        self._steps = np.zeros(num_envs, dtype=np.int64)
        self._goals_reached = np.zeros(num_envs, dtype=np.int64)
        self._costs = np.zeros(num_envs)
        self._weld_force = np.zeros(num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Start new episodes.

        Args:
            seed: one number for all (each environment gets its own branch), or one per environment, or None to go on
                with the present random streams.
            options: ``{"reset_mask": (N,) bool}`` resets only those environments.
        """
        mask = np.ones(self.num_envs, dtype=np.bool_)
        if options and "reset_mask" in options:
            mask = np.asarray(options["reset_mask"], dtype=np.bool_)
            if mask.shape != (self.num_envs,):
                raise HrgError(f"reset_mask has shape {mask.shape}, expected ({self.num_envs},)")
        if seed is not None:
            for i, rng in enumerate(spawn_generators(seed, self.num_envs)):
                if mask[i] and rng is not None:
                    self._rngs[i] = rng
        for i in np.flatnonzero(mask).tolist():
            try:
                self._reset_one(i)
            except Exception as error:
                error.add_note(f"while resetting environment {i}")
                raise
        observation = self.task.observe()
        self._achieved = self.task.achieved_goal(observation)
        return self._observations(observation), self._info(observation)

    def step(self, actions: NDArray[np.float32]) -> tuple[Observation, NDArray[Any], NDArray[Any], NDArray[Any], Info]:
        """Advance every environment by 0.1 s.

        Args:
            actions: joint steps and gripper in [-1, 1] (N, n + 1); values outside are clipped.
        """
        commands = np.clip(np.array(actions, dtype=np.float64), -1.0, 1.0)
        if commands.shape != self.action_space.shape or not np.isfinite(commands).all():
            raise HrgError(f"actions must be finite with shape {self.action_space.shape}, got {commands.shape}")
        before = self._achieved
        self.engine.step(commands)
        self._steps += 1
        self.task.advance()
        observation = self.task.observe()
        achieved, desired = self.task.achieved_goal(observation), self.task.desired_goal(observation)
        self._achieved = achieved
        info = self._info(observation)
        info["previous_achieved_goal"] = before
        self._costs += info["cost"]
        if self.engine.scene.layout.welds:
            np.maximum(self._weld_force, self.engine.objects.weld_force, out=self._weld_force)
            info["weld_force_max_n"] = self._weld_force.copy()
        info["episode_cost"] = self._costs.copy()
        success = self.task.success(achieved, desired, info)
        self._goals_reached += success
        info["is_success"] = success
        info["is_failure"] = self.task.failed(achieved, desired, info)
        info["n_goal_reached"] = self._goals_reached.copy()
        terms = self.task.reward_terms(achieved, desired, info)
        info.update({f"reward/{name}": values for name, values in terms.items()})
        reward = self.task.total_reward(terms)
        terminated = self.task.terminated(info)
        result = self._observations(observation)
        for i in np.flatnonzero(success & ~terminated):
            self.task.next_goal(int(i), self._rngs[i])
        return result, reward, terminated, np.zeros(self.num_envs, dtype=np.bool_), info

    def set_shield_type(self, shield_type: ShieldType, mask: NDArray[np.bool_] | None = None) -> None:
        """Choose what the shield does from now on: OFF, SSM or PFL.

        Args:
            shield_type: the mode.
            mask: in which environments (N,); None: in all.
        """
        self.engine.set_shield_type(np.ones(self.num_envs, dtype=np.bool_) if mask is None else mask, shield_type)

    def get_state(self, i: int) -> dict[str, Any]:
        """Return everything that decides the future of environment ``i``, its random stream included."""
        return {
            "engine": self.engine.get_state(i),
            "task": self.task.get_state(i),
            "rng": self._rngs[i].bit_generator.state,
            "env": {name: getattr(self, name)[i].copy() for name in _STATE},
        }

    def set_state(self, i: int, state: dict[str, Any]) -> Observation:
        """Put environment ``i`` back into a state of ``get_state``; it then goes on exactly as it did.

        Returns:
            The observations of all environments now.
        """
        self.engine.set_state(i, state["engine"])
        self.task.set_state(i, state["task"])
        self._rngs[i].bit_generator.state = state["rng"]
        for name in _STATE:
            getattr(self, name)[i] = state["env"][name]
        return self._observations(self.task.observe())

    @cached_property
    def view(self) -> SceneView:
        """Where everything is, for whoever draws it."""
        return SceneView(self.engine)

    def close_extras(self, **kwargs: Any) -> None:
        """Stop the threads."""
        self.engine.close()

    def _reset_one(self, i: int) -> None:
        rng = self._rngs[i]
        start = self.task.sample_start(i, rng)
        noise = self.robot_params.initialization_noise * rng.standard_normal(len(start))
        self.engine.reset(i, start + noise, rng)
        self.task.phase[i] = 0
        self.task.begin(i, rng)
        self.task.sample_goal(i, rng)
        self._steps[i] = 0
        self._goals_reached[i] = 0
        self._costs[i] = self._weld_force[i] = 0.0

    def _info(self, observation: Mapping[str, NDArray[np.float64]]) -> Info:
        engine = self.engine
        counters = engine.contact_counters.copy()
        flags = engine.contact_flags.copy()
        return {
            "collision": flags != 0,
            "collision_type": flags,
            "illegal_collision": is_illegal(flags),
            "n_collisions": counters.sum(axis=1),
            "n_collisions_static": counters[:, N_STATIC],
            "n_collisions_robot": counters[:, N_ROBOT],
            "n_collisions_human": counters[:, N_HUMAN],
            "n_collisions_critical": counters[:, N_CRITICAL],
            "timeout": self._steps >= self.params.horizon,
            "n_goal_reached": self._goals_reached.copy(),
            "is_success": np.zeros(self.num_envs, dtype=np.bool_),
            "is_failure": np.zeros(self.num_envs, dtype=np.bool_),
            "phase": self.task.phase.copy(),
            **self.task.info(observation),
            "failure": engine.failure.copy(),
            "episode_cost": self._costs.copy(),
            "cost": ((flags & _CRITICAL) != 0).astype(np.float64),
            **engine.shield_info(),
        }

    @staticmethod
    def _observations(observation: Mapping[str, NDArray[np.float64]]) -> Observation:
        return {name: values.astype(np.float32) for name, values in observation.items()}
