"""Sizes of people in a compiled model."""

from __future__ import annotations

import mujoco
import numpy as np

from hrg_pipeline.engine.scene import human_prefix
from hrg_pipeline.human.body import BODY_NAMES, girth_widths
from hrg_pipeline.human.params import HumanParams


class HumanSize:
    """Sizes of a person's geoms in a model, to be scaled without compiling it again.

    Args:
        model: as compiled; its sizes are remembered.
        person: whose geoms.
    """

    def __init__(self, model: mujoco.MjModel, person: int = 0) -> None:
        prefix = human_prefix(person)
        bodies = {model.body(prefix + name).id: k for k, name in enumerate(BODY_NAMES)}
        self._geoms = np.array([g for g in range(model.ngeom) if int(model.geom_bodyid[g]) in bodies])
        self._owner = np.array([bodies[int(model.geom_bodyid[g])] for g in self._geoms])
        self._is_capsule = model.geom_type[self._geoms] == mujoco.mjtGeom.mjGEOM_CAPSULE
        self._nodes = np.array(
            [model.body_bvhadr[b] + k for b in bodies for k in range(model.body_bvhnum[b])], dtype=np.int64
        )
        self._bodies = np.array(list(bodies))
        self._size = model.geom_size[self._geoms].copy()
        self._pos = model.geom_pos[self._geoms].copy()
        self._aabb = model.geom_aabb[self._geoms].copy()
        self._bound = model.geom_rbound[self._geoms].copy()
        self._centre = model.body_ipos[self._bodies].copy()
        self._boxes = model.bvh_aabb[self._nodes].copy()

    def apply(self, model: mujoco.MjModel, scale: float, girth: float) -> None:
        """Write the sizes of a person.

        Args:
            model: whose sizes are written.
            scale: stature over that of the remembered sizes.
            girth: girth over that of the remembered sizes.
        """
        widths = girth_widths(girth)[self._owner]
        along = np.where(self._is_capsule, widths[:, 1], widths[:, 0])
        model.geom_size[self._geoms] = scale * self._size * np.stack((widths[:, 0], along, widths[:, 0]), axis=1)
        model.geom_pos[self._geoms] = scale * self._pos
        # Boxes and balls around the geoms only need to be large enough.
        most = scale * np.maximum(widths.max(axis=1), 1.0)
        model.geom_aabb[self._geoms, :3] = scale * self._aabb[:, :3]
        model.geom_aabb[self._geoms, 3:] = most[:, None] * self._aabb[:, 3:]
        model.geom_rbound[self._geoms] = self._bound * most
        model.body_ipos[self._bodies] = scale * self._centre
        model.bvh_aabb[self._nodes, :3] = scale * self._boxes[:, :3]
        model.bvh_aabb[self._nodes, 3:] = scale * max(girth, 1.0) * self._boxes[:, 3:]


def sizes_vary(human: HumanParams) -> bool:
    """Tell whether people of different episodes differ in size, so that every environment needs its own mjModel."""
    return human.stature_range is not None or human.build_range is not None
