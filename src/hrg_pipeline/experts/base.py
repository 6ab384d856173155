"""What an expert is: named observations to a motion and a gripper command."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.experts.params import ExpertParams
from hrg_pipeline.robots.params import RobotParams

Array = NDArray[np.float64]
Observation = Mapping[str, Array]

OPEN, CLOSE, HOLD = -1.0, 1.0, 0.0
"""Gripper commands."""


class Expert(ABC):
    """A policy for N environments of one task that remembers nothing.

    Args:
        params: how it acts.
        action_limit: Cartesian step of a full action [m]; experts with joint steps have no use for it.
        robot: which arm and gripper it acts with; None: the default ones.
    """

    obs_keys: ClassVar[tuple[str, ...]]
    """The sensors that it reads."""
    cartesian: ClassVar[bool] = True
    """Whether it acts through the wrapper ``ik_position_delta``; else in joint steps."""

    def __init__(self, params: ExpertParams, action_limit: float, robot: RobotParams | None = None) -> None:
        self.params = params
        self.action_limit = action_limit
        self.robot = robot or RobotParams()

    @abstractmethod
    def motion(self, observation: Observation) -> Array:
        """Return the motion without noise, as an action in [-1, 1] without its gripper (N, m)."""

    @abstractmethod
    def gripper(self, observation: Observation) -> Array:
        """Return the gripper command in [-1, 1] (N,)."""

    def towards(self, vectors: Array) -> Array:
        """Turn wanted displacements (N, 3) [m] into actions; those that are too long keep their direction."""
        steps = vectors / self.action_limit
        return np.asarray(steps / np.maximum(np.abs(steps).max(axis=1, keepdims=True), 1.0))
