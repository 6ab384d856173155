"""Replace actions that would take the arm into an obstacle or into itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import NDArray

from hrg_pipeline.engine.collision import CollisionChecker
from hrg_pipeline.engine.engine import ACTION_SCALE
from hrg_pipeline.envs.seeds import spawn_generators
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.wrappers.params import Replacement

STREAM = 3_000_000
"""Branch of the seed tree that replacements are drawn from; environments have others."""

Array = NDArray[np.float64]


class CollisionPrevention(VectorWrapper[Any, Any, Any]):
    """Look at the whole joint motion that an action asks for, and replace the action if it is not free.

    What moves is compared with obstacles and the arm itself by the shield's capsules, whatever mode the shield is in.
    The gripper's command is never changed.

    Infos: ``action_replaced`` (N,), whether the last action was; ``action_resamples`` (N,), how many were in this
    episode; ``executed_action`` (N, n + 1), what was carried out.

    Args:
        env: vector of environments with joint steps.
        replace: ``zero`` stands still; ``resample`` takes the first free one of ``n_resamples`` random motions;
            ``nearest`` takes that one of them that is nearest to the action. Without a free one it stands still.
        n_resamples: how many are drawn.
        obstacles: what is kept clear of.
        gripper: whether gripper and held object keep clear of obstacles, too.
        margin_m: distance that is kept [m].

    Raises:
        ConfigError: an unknown way to replace.

    Example:
        >>> from hrg_pipeline.envs import EnvSpec
        >>> from hrg_pipeline.robots.params import RobotParams
        >>> from hrg_pipeline.tasks.reach_human import ReachHumanParams
        >>> vector = EnvSpec.create(RobotParams(), ReachHumanParams()).make_vector(2)
        >>> env = CollisionPrevention(vector, replace="zero")
        >>> _ = env.reset(seed=0)
        >>> env.step(env.action_space.sample() * 0)[4]["action_replaced"].tolist()
        [False, False]
        >>> env.close()
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        replace: Replacement = "zero",
        n_resamples: int = 20,
        obstacles: Sequence[str] = ("table", "base", "walls", "floor", "self"),
        gripper: bool = True,
        margin_m: float = 0.005,
    ) -> None:
        super().__init__(env)
        known = get_args(Replacement)
        if replace not in known:
            raise ConfigError(f"unknown replacement '{replace}'; choose one of {', '.join(known)}")
        inner: Any = env.unwrapped
        self.replace, self.n_resamples = replace, n_resamples
        self._engine = inner.engine
        self.checker = CollisionChecker(
            self._engine.scene, tuple(obstacles), gripper=gripper, margin_m=margin_m, robots=self._engine.shields
        )
        self._rngs = spawn_generators(inner.params.seed, self.num_envs, (STREAM,))
        self._count = np.zeros(self.num_envs, dtype=np.int64)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start new episodes, their counts, and with a seed their random streams."""
        mask = np.asarray((options or {}).get("reset_mask", np.ones(self.num_envs, dtype=np.bool_)))
        self._count[mask] = 0
        if seed is not None:
            for i, rng in enumerate(spawn_generators(seed, self.num_envs, (STREAM,))):
                if mask[i] and rng is not None:
                    self._rngs[i] = rng
        return self.env.reset(seed=seed, options=options)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step with actions (N, n + 1) of which no motion, if carried out as asked for, touches anything."""
        wanted = np.clip(np.array(actions, dtype=np.float64), -1.0, 1.0)
        executed = np.array([self._free_action(i, action) for i, action in enumerate(wanted)])
        replaced = (executed != wanted).any(axis=1)
        self._count += replaced
        *result, info = self.env.step(executed)
        more = {
            "action_replaced": replaced,
            "action_resamples": self._count.copy(),
            "executed_action": executed.astype(np.float32),
        }
        return result[0], result[1], result[2], result[3], info | more

    def get_state(self, i: int) -> dict[str, Any]:
        """Return the count and the random stream of environment ``i``."""
        return {"count": int(self._count[i]), "rng": self._rngs[i].bit_generator.state}

    def set_state(self, i: int, state: dict[str, Any]) -> None:
        """Put count and random stream of environment ``i`` back."""
        self._count[i] = state["count"]
        self._rngs[i].bit_generator.state = state["rng"]

    def _free_action(self, i: int, action: Array) -> Array:
        if self._is_free(i, action):
            return action
        replacement = action.copy()
        replacement[:-1] = 0.0
        if self.replace == "zero":
            return replacement
        draws = self._rngs[i].uniform(-1.0, 1.0, (self.n_resamples, len(action) - 1))
        if self.replace == "nearest":
            draws = draws[np.argsort(((draws - action[:-1]) ** 2).sum(axis=1), kind="stable")]
        for draw in draws:
            if self._is_free(i, draw):
                replacement[:-1] = draw
                break
        return replacement

    def _is_free(self, i: int, action: Array) -> bool:
        q, robot = self._engine.q[i], self._engine.robot
        end = np.clip(q + ACTION_SCALE * action[: len(q)], robot.q_min, robot.q_max)
        return self.checker.is_free(i, q, end)
