"""Evaluates a policy on fresh episodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hrg_pipeline.errors import HrgError
from hrg_pipeline.learning.agent import Agent
from hrg_pipeline.learning.episode_info import (
    EPISODE_KEYS,
    AnyVectorEnv,
    require_disabled_autoreset,
    reset_lanes,
)
from hrg_pipeline.learning.progress import Progress

PolicyFunction = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Observations (N, k) to actions (N, n)."""


@runtime_checkable
class EpisodicPolicy(Protocol):
    """A policy that is told when an episode begins, because something in it, such as noise, belongs to the episode."""

    def begin(self, lane: int, seed: int) -> None:
        """Start an episode in an environment, by the episode's seed."""

    def act(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn the observations of all environments (N, k) into actions (N, n), each row by itself."""


class _ByLane:
    """A function without memory, asked for each lane by itself: matrix products round differently in batches."""

    def __init__(self, act: PolicyFunction) -> None:
        self._act = act

    def begin(self, lane: int, seed: int) -> None:
        """Nothing is remembered."""

    def act(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn observations (N, k) into actions (N, n)."""
        return np.concatenate([self._act(observations[i : i + 1]) for i in range(len(observations))])


_COLUMN_NAMES = {"is_success": "success", "episode_cost": "cost"}


def episode_seed(eval_seed: int, episode: int) -> int:
    """Seed of one evaluation episode.

    Args:
        eval_seed: Seed of the evaluation.
        episode: Index of the episode.

    Returns:
        A 32 bit seed; it depends on nothing else.
    """
    return int(np.random.SeedSequence([eval_seed, episode]).generate_state(1)[0])


def evaluate(
    policy: Agent | PolicyFunction | EpisodicPolicy,
    vector_env: AnyVectorEnv,
    n_episodes: int,
    seed: int,
    progress: bool = False,
    start: int = 0,
) -> pd.DataFrame:
    """Run episodes and describe each one.

    Episode k starts from ``episode_seed(seed, k)`` and sees nothing of the other lanes: the table is the
    same, to the bit, whatever the number of environments. Agents act deterministically.

    Args:
        policy: An agent, a function from observations to actions, or a policy that is told of episodes.
        vector_env: Fresh vector env with autoreset disabled; stays open.
        n_episodes: How many episodes.
        seed: Seed of the evaluation.
        progress: Show progress.
        start: Index of the first episode; an evaluation of 10 episodes from 5 has the last 10 of one of 15.

    Returns:
        One row an episode, in order: ``episode``, ``seed``, ``return``, ``length`` [steps], ``success``,
        the safety values of ``SAFETY_KEYS``, ``truncated`` (ran out of time), ``failure`` (code, 0 is none).

    Raises:
        HrgError: The env resets itself, no episode is asked for, or the first has a negative index.
    """
    require_disabled_autoreset(vector_env)
    if n_episodes < 1:
        raise HrgError(f"n_episodes is {n_episodes}, expected at least 1")
    if start < 0:
        raise HrgError(f"start is {start}, expected an index of an episode, from 0")
    actor: EpisodicPolicy
    if isinstance(policy, Agent):
        actor = _ByLane(policy.predict)
    elif isinstance(policy, EpisodicPolicy):
        actor = policy
    else:
        actor = _ByLane(policy)
    display = Progress("evaluate", n_episodes, "episode", enabled=progress)
    try:
        rows = _run_lanes(actor, vector_env, start, n_episodes, seed, display)
    finally:
        display.close()
    return pd.DataFrame([rows[start + k] for k in range(n_episodes)])


def _run_lanes(
    actor: EpisodicPolicy, env: AnyVectorEnv, start: int, n_episodes: int, seed: int, display: Progress
) -> dict[int, dict[str, Any]]:
    """Run episodes side by side until ``n_episodes`` from ``start`` on are done; returns their rows by index."""
    n = env.num_envs
    # A lane with nothing left to do runs further episodes, which nobody reads: all lanes step together.
    episode = start + np.arange(n)
    returns, lengths = np.zeros(n), np.zeros(n, dtype=np.int64)
    observations = reset_lanes(env, np.ones(n, dtype=np.bool_), [episode_seed(seed, int(k)) for k in episode]).copy()
    for lane in range(n):
        actor.begin(lane, episode_seed(seed, int(episode[lane])))
    rows: dict[int, dict[str, Any]] = {}
    while len(rows) < n_episodes:
        step_observations, rewards, terminated, truncated, infos = env.step(actor.act(observations))
        observations = np.array(step_observations)
        returns += rewards
        lengths += 1
        dones = np.logical_or(terminated, truncated)
        if not dones.any():
            continue
        for i in np.flatnonzero(dones):
            k = int(episode[i])
            if k < start + n_episodes:
                which = {"episode": k, "seed": episode_seed(seed, k)}
                rows[k] = which | _row(int(i), returns[i], lengths[i], not terminated[i], infos)
        episode[dones] = episode.max() + 1 + np.arange(dones.sum())
        seeds = [episode_seed(seed, int(k)) if done else None for k, done in zip(episode, dones, strict=True)]
        observations[dones] = reset_lanes(env, dones, seeds)[dones]
        for lane in np.flatnonzero(dones).tolist():
            actor.begin(lane, episode_seed(seed, int(episode[lane])))
        returns[dones], lengths[dones] = 0.0, 0
        success = np.mean([row.get("success", False) for row in rows.values()]) if rows else 0.0
        display.update(len(rows), {"success": f"{success:.2f}"})
    return rows


def _row(i: int, total: float, length: int, truncated: bool, infos: dict[str, Any]) -> dict[str, Any]:
    values = {_COLUMN_NAMES.get(key, key): infos[key][i].item() for key in EPISODE_KEYS if key in infos}
    failure = values.pop("failure", 0)
    return {
        "return": float(total),
        "length": int(length),
        **values,
        "truncated": truncated,
        "failure": failure,
    }
