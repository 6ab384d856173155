"""Cartesian steps of the end effector instead of joint steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorActionWrapper, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from hrg_pipeline.engine.engine import ACTION_SCALE
from hrg_pipeline.robots.ik import forward, solve

_ITERATIONS = 6


class IkPositionDelta(VectorActionWrapper[Any, Any, Any]):
    """Move the end effector by x, y, z in the world, the gripper keeping the orientation of the task's start pose.

    Actions are in [-1, 1] (N, 4): three steps of up to ``action_limit`` from where the end effector is, and the
    gripper. Inverse kinematics turns them into joint steps; if one of these is more than the environment takes, all are
    shortened alike, so that the direction stays.

    Args:
        env: vector of environments with joint steps.
        action_limit: Cartesian step of a full action [m].
        gain: share of the joint step that is commanded.
        workspace: ranges of x, y, z that the end effector is sent to (3, 2) [m]; None: anywhere.

    Example:
        >>> from hrg_pipeline.envs import EnvSpec
        >>> from hrg_pipeline.robots.params import RobotParams
        >>> from hrg_pipeline.tasks.reach_human import ReachHumanParams
        >>> vector = EnvSpec.create(RobotParams(), ReachHumanParams()).make_vector(2)
        >>> env = IkPositionDelta(vector, action_limit=0.1)
        >>> env.single_action_space.shape
        (4,)
        >>> env.close()
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        action_limit: float = 0.1,
        gain: float = 1.0,
        workspace: Sequence[Sequence[float]] | None = None,
    ) -> None:
        super().__init__(env)
        inner: Any = env.unwrapped
        self.action_limit, self.gain = action_limit, gain
        self.workspace = None if workspace is None else np.array(workspace, dtype=np.float64)
        self._engine = inner.engine
        self._posture: NDArray[np.float64] = inner.task.start_pose
        self._rot = forward(self._engine.arm, self._posture[None]).rot
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (4,), np.float32)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def actions(self, actions: Any) -> NDArray[np.float64]:
        """Turn Cartesian steps (N, 4) into joint steps (N, n + 1), both in [-1, 1]."""
        commands = np.clip(np.asarray(actions, dtype=np.float64), -1.0, 1.0)
        arm, q = self._engine.arm, self._engine.q
        wanted = forward(arm, q).pos + self.action_limit * commands[:, :3]
        if self.workspace is not None:
            wanted = np.clip(wanted, self.workspace[:, 0], self.workspace[:, 1])
        rot = np.repeat(self._rot, len(q), axis=0)
        goal, _ = solve(arm, q, wanted, rot, self._posture, _ITERATIONS)
        step = self.gain * (goal - q) / ACTION_SCALE
        step /= np.maximum(np.abs(step).max(axis=1, keepdims=True), 1.0)
        return np.concatenate([step, commands[:, 3:]], axis=1)
