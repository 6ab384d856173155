"""The loops that are timed: our environments, MuJoCo alone, robosuite's Lift."""

from __future__ import annotations

import time
from typing import Any

import mujoco
import numpy as np

from hrg_pipeline.config.params import RunParams
from hrg_pipeline.engine.scene import CYCLES_PER_STEP
from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.human.curves import place_pose
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Rows
from hrg_pipeline.robots.model import quiet_robosuite
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams
from hrg_pipeline.wrappers.attach import attach_wrappers
from hrg_pipeline.wrappers.params import WrapperParams

EPISODE_STEPS = 100
PHYSICS_STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)


class EnvLoop:
    """Environments with their wrappers, stepped as in training: random actions, finished episodes reset.

    Args:
        shield: ``OFF`` or ``SSM``.
        num_envs: how many.
        n_threads: threads that step them; None: one per core.
        robot: which arm.
    """

    def __init__(self, shield: str, num_envs: int, n_threads: int | None = None, robot: str = "panda") -> None:
        task = ReachHumanParams.model_validate({"shield": {"type": shield}, "horizon": EPISODE_STEPS})
        robot_params = RobotParams.model_validate({"name": robot})
        spec = attach_wrappers(EnvSpec.create(robot_params, task), WrapperParams(), RunParams().obs_keys)
        self.env: Any = spec.make_vector(num_envs, seed=0, n_threads=n_threads)
        self.name = f"{shield.lower()}_{num_envs}"
        if n_threads is not None:
            self.name += f"_{n_threads}t"
        if robot != "panda":
            self.name += f"_{robot}"
        self.rng = np.random.default_rng(np.random.SeedSequence(0))
        self.env.reset(seed=0)

    def actions(self, n_steps: int) -> np.ndarray:
        """Draw actions (n_steps, N, n + 1)."""
        shape = (n_steps, *self.env.action_space.shape)
        return self.rng.uniform(-1.0, 1.0, shape).astype(np.float32)

    def run(self, n_steps: int) -> dict[str, float]:
        """Return the wall time of one environment step [s], over ``n_steps`` of all environments together."""
        n_calls = max(n_steps // self.env.num_envs, 1)
        actions = self.actions(n_calls)
        started = time.perf_counter()
        for action in actions:
            _, _, terminated, truncated, _ = self.env.step(action)
            done = terminated | truncated
            if done.any():
                self.env.reset(options={"reset_mask": done})
        return {self.name: (time.perf_counter() - started) / (n_calls * self.env.num_envs)}


class PythonShare:
    """Of an environment's step, what is spent outside the compiled engine.

    Args:
        loop: the environments.
    """

    def __init__(self, loop: EnvLoop) -> None:
        self._loop = loop
        self._engine = loop.env.unwrapped.engine
        self._step = self._engine.step
        self._inside = 0.0

    def _timed(self, actions: np.ndarray) -> None:
        started = time.perf_counter()
        self._step(actions)
        self._inside += time.perf_counter() - started

    def run(self, n_steps: int) -> dict[str, float]:
        """Return the wall times of a whole step and of what is not the engine's in it [s], an environment."""
        self._inside = 0.0
        self._engine.step = self._timed
        try:
            whole = self._loop.run(n_steps)[self._loop.name]
        finally:
            del self._engine.step
        num_envs = self._loop.env.num_envs
        steps = max(n_steps // num_envs, 1) * num_envs
        return {f"whole_{num_envs}": whole, f"python_{num_envs}": whole - self._inside / steps}


class Resets:
    """Starting a new episode in one environment of several.

    Args:
        loop: the environments.
    """

    def __init__(self, loop: EnvLoop) -> None:
        self._env = loop.env

    def run(self, n_steps: int) -> dict[str, float]:
        """Return the wall time of one reset [s]."""
        mask = np.zeros(self._env.num_envs, dtype=bool)
        started = time.perf_counter()
        for k in range(n_steps):
            mask[:] = False
            mask[k % len(mask)] = True
            self._env.reset(options={"reset_mask": mask})
        return {"reset": (time.perf_counter() - started) / n_steps}


class HumanPoses:
    """The 25 poses of the human in one step.

    Args:
        loop: one environment.
    """

    def __init__(self, loop: EnvLoop) -> None:
        self._engine = loop.env.unwrapped.engine

    def run(self, n_steps: int) -> dict[str, float]:
        """Return the wall time of 25 poses [s]."""
        clips, frame = self._engine.people.records, self._engine._arrays.human_frame[0, 0].copy()
        started = time.perf_counter()
        _play(clips, frame, n_steps * CYCLES_PER_STEP, np.empty((24, 3)), np.empty((24, 4)))
        return {"human": (time.perf_counter() - started) / n_steps}


@kernel
def _play(clips: Rows, frame: np.ndarray, n: int, pos: np.ndarray, quat: np.ndarray) -> None:
    for k in range(n):
        place_pose(clips[k % clips.shape[0]], 0.004 * (k % 2000), frame, pos, quat)


class EngineAndFloor:
    """The engine's step alone, and what MuJoCo needs for the same time from the same states.

    Args:
        loop: one environment; its engine is measured.
        floor: name of the measurement of MuJoCo.
    """

    def __init__(self, loop: EnvLoop, floor: str) -> None:
        self._loop = loop
        self._engine = loop.env.unwrapped.engine
        self._name = f"engine_{loop.name.removesuffix('_1')}"
        self._floor = floor
        self._model = self._engine.scene.model
        self._data = mujoco.MjData(self._model)

    def run(self, n_steps: int) -> dict[str, float]:
        """Return the wall times of ``engine.step`` and of ``mj_step(m, d, 25)`` [s]."""
        states = np.empty((n_steps, mujoco.mj_stateSize(self._model, PHYSICS_STATE)))
        engine_s = floor_s = 0.0
        for k, action in enumerate(self._loop.actions(n_steps).astype(np.float64)):
            if k % EPISODE_STEPS == 0:
                self._loop.env.reset()
            started = time.perf_counter()
            self._engine.step(action)
            engine_s += time.perf_counter() - started
            mujoco.mj_getState(self._model, self._engine.data(0), states[k], PHYSICS_STATE)
        for state in states:
            mujoco.mj_setState(self._model, self._data, state, PHYSICS_STATE)
            started = time.perf_counter()
            mujoco.mj_step(self._model, self._data, nstep=CYCLES_PER_STEP)
            floor_s += time.perf_counter() - started
        return {self._name: engine_s / n_steps, self._floor: floor_s / n_steps}


class LiftLoop:
    """robosuite's Lift as it comes: Panda, default controller, nothing drawn, 10 Hz; its resets are not counted."""

    def __init__(self) -> None:
        with quiet_robosuite():
            import robosuite

            self._env: Any = robosuite.make(
                "Lift",
                robots="Panda",
                has_renderer=False,
                has_offscreen_renderer=False,
                use_camera_obs=False,
                control_freq=10,
                ignore_done=True,
            )
            self._env.reset()
            self._low, self._high = self._env.action_spec
            # robosuite compiles its controllers in the first step, which takes several seconds.
            self._env.step(np.zeros_like(self._low))
        self._rng = np.random.default_rng(np.random.SeedSequence(0))

    def run(self, n_steps: int) -> dict[str, float]:
        """Return the wall time of one step [s]."""
        actions = self._rng.uniform(self._low, self._high, (n_steps, len(self._low)))
        started = time.perf_counter()
        for action in actions:
            self._env.step(action)
        return {"lift": (time.perf_counter() - started) / n_steps}

    def close(self) -> None:
        """Free the simulation."""
        self._env.close()
