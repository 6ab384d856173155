"""Where the gripper can get to while it keeps its orientation, most often straight down."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import ModelError

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

Array = NDArray[np.float64]
Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
"""Ranges of x, y, z in the world [m]."""

START: tuple[float, float, float] = (0.305, 0.0, 1.2)
"""Where the gripper waits, pointing down, unless an arm has to hold it farther ahead [m]."""

_WAYPOINTS, _ITERATIONS = 4, 10
_DRAWS, _ROUNDS = 8, 64
_TOLERANCE = (1e-3, 1e-2)


class Reach:
    """The start pose, and places that a straight move of the grip site gets to from there.

    Args:
        engine: the engine.
        start: wanted for the grip site (3,) [m].
        tilt: how far the gripper is turned from pointing down toward +x [rad];
            None: it points down, near the home pose.
    """

    def __init__(self, engine: Engine, start: tuple[float, float, float] = START, tilt: float | None = None) -> None:
        self._engine, self._start, self._tilt = engine, start, tilt

    @cached_property
    def start_pose(self) -> Array:
        """Joint angles with the gripper pointing down, or tilted, at the start (n,) [rad]."""
        if self._tilt is None:
            return self._engine.start_pose(np.array(self._start))
        return self._engine.start_pose(np.array(self._start), self._tilt, polish=True)

    def configurations(self, points: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Move the grip site from the start to places, the gripper pointing as it does there all the way.

        Args:
            points: in the world (K, 3) [m].

        Returns:
            Joint angles there (K, n) [rad], and whether the arm got there, clear of what the shield keeps it from
            at every waypoint (K,).
        """
        from hrg_pipeline.robots.ik import forward, solve

        arm, engine = self._engine.arm, self._engine
        count = len(points)
        q = np.tile(self.start_pose, (count, 1))
        begin = forward(arm, self.start_pose[None])
        good = np.ones(count, dtype=np.bool_)
        for share in np.linspace(0.0, 1.0, _WAYPOINTS + 1)[1:]:
            wanted = begin.pos + share * (points - begin.pos)
            q, left = solve(arm, q, wanted, np.tile(begin.rot, (count, 1, 1)), self.start_pose, _ITERATIONS)
            for k in np.flatnonzero(good):
                good[k] = engine.is_clear(q[k])
        # On the way the gripper may leave the straight line, as close to its own foot some arms must.
        return q, good & (left <= _TOLERANCE).all(axis=1)

    def sample(
        self, box: Box, rng: np.random.Generator, hover_m: float = 0.0, clearance_m: float | None = None
    ) -> Array:
        """Draw a place in a box that can be reached.

        Args:
            box: where.
            rng: what draws.
            hover_m: the grip site has to get as far above the place as well [m].
            clearance_m: distance that the whole robot keeps there from table and pedestal [m]; None: no matter.

        Returns:
            The place (3,) [m].

        Raises:
            ModelError: if no place of many can be reached.
        """
        low, high = np.array(box, dtype=np.float64).T
        for _ in range(_ROUNDS):
            points = rng.uniform(low, high, (_DRAWS, 3))
            q, good = self.configurations(points)
            if hover_m > 0.0:
                good &= self.configurations(points + np.array([0.0, 0.0, hover_m]))[1]
            for k in np.flatnonzero(good):
                if clearance_m is None or self._engine.is_free(q[k], clearance_m):
                    return np.asarray(points[k])
        raise ModelError(f"no place in the box {box} m can be reached with the gripper pointing down")
