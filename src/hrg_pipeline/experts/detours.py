"""Ways of an arm around obstacles, itself and people: a roadmap of its free configurations (Kavraki et al. 1996)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from hrg_pipeline.engine.collision import CollisionChecker
from hrg_pipeline.engine.obstacles import OBSTACLES
from hrg_pipeline.engine.scene import BARE, build_scene
from hrg_pipeline.experts.crowding import Crowding
from hrg_pipeline.human.params import HumanParams
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.robots.robot import Robot

Array = NDArray[np.float64]

N_NODES = 80
"""Configurations of the roadmap."""
CLEAR_OF_OBSTACLES_M, CLEAR_OF_ITSELF_M = 0.025, 0.005
"""Distances kept on the way [m]; the shield keeps 0.02 m from obstacles for the error of the controller."""
_SEED = 20_261_126
_MAX_TRIES = 20_000
_SPREAD_RAD = 0.8
WORTH = 1.2
"""People move, so a way around them that is not so many times faster than the straight one is not taken."""
_THERE_RAD = 0.02
"""An arm is at a node when no joint is farther from it."""
_ROOM = 1.4
"""Nodes are free by this factor, so that whoever stops next to one is not too close either."""


class Detours:
    """Plans joint paths in the scene of a robot with an empty hand at the usual table.

    Deterministic: the same robot has the same roadmap.

    Args:
        robot: which arm and gripper.
    """

    def __init__(self, robot: RobotParams) -> None:
        human = HumanParams()
        # As the engine asks for it, so that a scene that exists is taken.
        scene = build_scene(robot.name, human.stature_m, human.girth, robot.gripper, human.count, BARE)
        around = tuple(name for name in OBSTACLES if name != "self")
        self._checkers = (
            CollisionChecker(scene, around, margin_m=CLEAR_OF_OBSTACLES_M),
            CollisionChecker(scene, ("self",), margin_m=CLEAR_OF_ITSELF_M),
        )
        self._nodes = self._draw_nodes(scene.robot)
        count = len(self._nodes)
        pairs = [(a, b) for a in range(count) for b in range(a) if self._is_free(self._nodes[a], self._nodes[b])]
        self._pairs = np.array(pairs)
        self._crowding = Crowding(scene.chain, scene.capsules)
        # Asked for in every step of an episode.
        self._joined = lru_cache(maxsize=256)(self._find_joined)
        self._motions = self._crowding.motions(*self._nodes[self._pairs.T])

    def is_straight(self, start: Array, goal: Array) -> bool:
        """Tell whether all joints can turn uniformly from one configuration (n,) to another [rad].

        Either end may be closer to something than the distance kept on the way, if the arm then moves away from it.
        """
        middle = 0.5 * (start + goal)
        return self._is_free(start, middle) and self._is_free(goal, middle)

    def next_stop(self, start: Array, goal: Array, people: Array) -> Array:
        """Return where to go in a straight line now (n,) [rad]: the goal, or the first stop on the way to it.

        The way is the fastest one if people stay where they are.

        Args:
            start: configuration of the arm (n,) [rad].
            goal: where it is to get to (n,) [rad]; it is returned where no way is known.
            people: points of people (K, 3) [m].
        """
        straight = self.is_straight(start, goal)
        if straight and not self._crowding.motions(start[None], goal[None]).meet(people):
            return goal
        count, joined = len(self._nodes), self._joined(tuple(goal))
        stops = np.array([*self._nodes, goal])
        last = self._crowding.motions(self._nodes[joined], goal[None])
        times = np.concatenate([self._motions.times(people), last.times(people)])
        ends = np.concatenate([self._pairs, np.column_stack([joined, np.full(len(joined), count)])])
        rest = dijkstra(csr_array((times, ends.T), shape=(count + 1,) * 2), directed=False, indices=count)
        first = self._crowding.motions(start[None], stops)
        times = np.where(first.turns > _THERE_RAD, first.times(people) + rest, np.inf)
        times[:count] *= WORTH
        for k in np.argsort(times, kind="stable"):
            if np.isfinite(times[k]) and (straight if k == count else self._is_free(start, stops[k])):
                return np.asarray(stops[k])
        return goal

    def _find_joined(self, goal: tuple[float, ...]) -> NDArray[np.int64]:
        """Return the nodes from which a straight way leads to a configuration."""
        free = [self._is_free(np.array(goal), node) for node in self._nodes]
        return np.flatnonzero(free)

    def _is_free(self, start: Array, end: Array) -> bool:
        return all(checker.is_free(0, start, end) for checker in self._checkers)

    def _draw_nodes(self, robot: Robot) -> Array:
        """Draw configurations that are free, half of them around the home pose, which is the first (K, n) [rad]."""
        rng = np.random.default_rng(np.random.SeedSequence(_SEED))
        low, high, home = (np.array(q) for q in (robot.q_min, robot.q_max, robot.home_qpos))
        nodes = [home]
        for k in range(_MAX_TRIES):
            if len(nodes) == N_NODES:
                break
            near = np.clip(home + _SPREAD_RAD * rng.standard_normal(len(home)), low, high)
            q = near if k % 2 else rng.uniform(low, high)
            if all(checker.gap(0, q) > _ROOM * checker.margin_m for checker in self._checkers):
                nodes.append(q)
        return np.array(nodes)


@lru_cache(maxsize=8)
def detours_of(robot: RobotParams) -> Detours:
    """Return the roadmap of a robot, made when first asked for."""
    return Detours(robot)
