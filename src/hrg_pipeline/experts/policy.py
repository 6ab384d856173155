"""An expert as a policy that evaluation can run: flat observations in, noisy actions out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.experts.base import Expert
from hrg_pipeline.experts.noise import OrnsteinUhlenbeck

STREAM = 2_000_000
"""Branch of an episode's seed tree that the noise grows from; the environment has another one."""
STEP_S = 0.1
"""Time between two actions [s]."""


class ExpertPolicy:
    """An expert, with the noise of each episode; the gripper has none.

    Args:
        expert: what acts.
        sizes: length of each of its sensors, in the order of ``obs_keys``.
        n_motion: numbers of an action without the gripper.
        n_lanes: environments that are stepped together.
    """

    def __init__(self, expert: Expert, sizes: Sequence[int], n_motion: int, n_lanes: int) -> None:
        self._expert, self._n_motion = expert, n_motion
        self._cuts = np.cumsum(sizes)[:-1]
        self._noises: list[OrnsteinUhlenbeck | None] = [None] * n_lanes

    def begin(self, lane: int, seed: int) -> None:
        """Start an episode.

        Args:
            lane: environment.
            seed: of the episode; the noise depends on nothing else.
        """
        params = self._expert.params
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(STREAM,))))
        self._noises[lane] = OrnsteinUhlenbeck(self._n_motion, params.noise_rate, params.noise_std, STEP_S, rng)

    def act(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn the observations of all lanes (N, k) into actions (N, m + 1)."""
        parts = np.split(observations.astype(np.float64), self._cuts, axis=1)
        named = dict(zip(self._expert.obs_keys, parts, strict=True))
        share = self._expert.params.signal_to_noise
        motion = np.clip(self._expert.motion(named), -1.0, 1.0)
        if share < 1.0:
            noise = np.array([np.zeros(self._n_motion) if lane is None else lane.draw() for lane in self._noises])
            motion = share * motion + (1.0 - share) * noise
        action = np.concatenate([motion, self._expert.gripper(named)[:, None]], axis=1)
        return np.asarray(np.clip(action, -1.0, 1.0), dtype=np.float32)
