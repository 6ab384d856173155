"""Whether a motion of the arm would touch what stands around it, or the arm itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.engine.obstacles import OBSTACLES, static_pairs
from hrg_pipeline.engine.scene import CYCLE_S
from hrg_pipeline.engine.watched import motion_limits, robot_geometry, watched_bodies
from hrg_pipeline.human.body import BODY_NAMES
from hrg_pipeline.human.params import HumanParams
from hrg_pipeline.shield.factory import make_shield_model, make_shield_state
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.static import configuration_gap
from hrg_pipeline.shield.sweep import sweep_is_free

if TYPE_CHECKING:
    from hrg_pipeline.engine.scene import Scene
    from hrg_pipeline.shield.state import ShieldState

Array = NDArray[np.float64]

_ROBOT = ("n_capsules", "capsule_ends", "capsule_radius", "rho")
"""What the shield knows of the robot, the object in its gripper included."""


class CollisionChecker:
    """Checks joint motions against obstacles and the arm itself, with the shield's capsules.

    Args:
        scene: the scene whose robot is checked.
        obstacles: which of ``OBSTACLES``.
        gripper: whether the gripper, and what it holds, keep clear of obstacles; if not, they may touch all but the
            robot's own base.
        margin_m: distance that is kept [m].
        robots: state of the shields of several robots of this scene; what they hold belongs to them. None: one robot
            with an empty hand.
    """

    def __init__(
        self,
        scene: Scene,
        obstacles: tuple[str, ...] = OBSTACLES,
        *,
        gripper: bool = True,
        margin_m: float = 0.005,
        robots: ShieldState | None = None,
    ) -> None:
        self.margin_m = margin_m
        self._robots = robots
        self._model = make_shield_model(
            robot_geometry(scene),
            watched_bodies(HumanParams()),
            ShieldParams(),
            motion_limits(scene),
            CYCLE_S,
            people=1,
            statics=static_pairs(scene, obstacles, gripper=gripper, held=True),
            inertias=scene.inertias,
            joint_names=BODY_NAMES,
        )
        self._state = make_shield_state(self._model, 1)

    def gap(self, i: int, q: Array) -> float:
        """Distance of robot ``i`` from obstacles and itself in a configuration (n,) [m]; negative where they overlap.

        Links that are always close to each other may overlap by a slack, which is added.
        """
        self._take(i)
        return configuration_gap(self._model.record, self._state.rows, 0, q)

    def is_free(self, i: int, start: Array, end: Array) -> bool:
        """Tell whether robot ``i`` keeps the margin all the way from one configuration (n,) [rad] to another.

        What is closer than the margin at the start must come no closer.
        """
        self._take(i)
        return sweep_is_free(self._model.record, self._state.rows, 0, start, end, self.margin_m)

    def _take(self, i: int) -> None:
        """Look at the robot of environment ``i``, with what it holds now."""
        if self._robots is not None:
            for name in _ROBOT:
                getattr(self._state, name)[0] = getattr(self._robots, name)[i]
