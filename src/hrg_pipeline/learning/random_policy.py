"""A policy that acts at random: what any training should beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STREAM = 3_000_000
"""Branch of an episode's seed tree that the actions grow from; environment and experts have others."""


class RandomPolicy:
    """Uniform actions in [-1, 1]; those of an episode depend on its seed alone.

    Args:
        n_actions: numbers of an action.
        n_lanes: environments that are stepped together.
    """

    def __init__(self, n_actions: int, n_lanes: int) -> None:
        self._n_actions = n_actions
        self._rngs = [np.random.default_rng(0)] * n_lanes

    def begin(self, lane: int, seed: int) -> None:
        """Start an episode in an environment, by the episode's seed."""
        self._rngs[lane] = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAM,)))

    def act(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Draw the actions (N, n) of all environments; observations (N, k) are not looked at."""
        drawn = [rng.uniform(-1.0, 1.0, self._n_actions) for rng in self._rngs[: len(observations)]]
        return np.array(drawn, dtype=np.float32)
