"""How long joint motions take next to people, where the shield slows an arm down."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.robots.capsules import Capsules
from hrg_pipeline.robots.geometry import Chain
from hrg_pipeline.robots.ik import link_frames

Array = NDArray[np.float64]

FREE_M, CLOSE_M = 0.8, 0.2
"""Distance between people's joints and the middles of links beyond which the arm is as fast as it can, and at which it
hardly moves [m]; in between its speed is about linear."""
SLOWEST = 0.02
"""Share of its speed that an arm is still given close to people, so that there is a best way among bad ones."""
_SAMPLES = 3
"""Configurations of a motion that are looked at."""


class Motions(NamedTuple):
    """Motions in which all joints turn uniformly."""

    turns: Array
    """How far the joint turns that turns the farthest (E,) [rad]: all arms here take about as long."""
    points: Array
    """Middles of the L capsules on the way (E, samples, L, 3) [m], world frame."""

    def meet(self, people: Array) -> bool:
        """Tell whether any motion comes close to people (K, 3) [m]."""
        return bool(self._nearest(people).min() < FREE_M)

    def times(self, people: Array) -> Array:
        """Estimate how long each motion takes (E,), in radians of a joint that nobody slows down.

        Args:
            people: points of people who stand still (K, 3) [m].
        """
        speed = np.clip((self._nearest(people) - CLOSE_M) / (FREE_M - CLOSE_M), SLOWEST, 1.0)
        return np.asarray(self.turns * (1.0 / speed).mean(-1))

    def _nearest(self, people: Array) -> Array:
        """Return the distance of any link to any person (E, samples) [m]."""
        squares = (self.points**2).sum(-1)[..., None] - 2.0 * self.points @ people.T + (people**2).sum(-1)
        return np.asarray(np.sqrt(np.maximum(squares.min((-2, -1)), 0.0)))


class Crowding:
    """Makes motions of an arm.

    Args:
        chain: of the arm.
        capsules: of its links and gripper.
    """

    def __init__(self, chain: Chain, capsules: Capsules) -> None:
        self._chain, self._link = chain, capsules.joint
        self._middle = 0.5 * (capsules.start + capsules.end)

    def motions(self, starts: Array, ends: Array) -> Motions:
        """Sample the motions from configurations (E, n) to others (E, n) [rad]; one start or end may do for all."""
        shares = np.linspace(0.0, 1.0, _SAMPLES)[:, None]
        q = (1.0 - shares) * starts[:, None] + shares * ends[:, None]
        origins, axes = link_frames(self._chain, q.reshape(-1, q.shape[-1]))
        points = origins[:, self._link] + np.einsum("elij,lj->eli", axes[:, self._link], self._middle)
        return Motions(np.abs(ends - starts).max(axis=1), points.reshape(len(q), _SAMPLES, *points.shape[1:]))
