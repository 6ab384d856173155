"""Nails that stick in objects of N environments: where, and how deep."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hrg_pipeline.engine.furnish import NAIL_AXES
from hrg_pipeline.engine.layout import OBJECT_PREFIX
from hrg_pipeline.engine.objects import Objects
from hrg_pipeline.engine.scene import Scene

Array = NDArray[np.float64]


class Nails:
    """Nails of every environment; arrays have the environment as first axis.

    All that decides their future is state of the simulator.

    Args:
        scene: the scene, with K nails.
        objects: its objects, which the nails stick in.
        datas: mjData of each environment.
    """

    def __init__(self, scene: Scene, objects: Objects, datas: list[mujoco.MjData]) -> None:
        nails = scene.layout.nails
        self._objects, self._datas = objects, datas
        self._things = [scene.layout.object_index(nail.object) for nail in nails]
        self._heights = np.array([nail.height_m for nail in nails])
        joints = [[scene.model.joint(f"{OBJECT_PREFIX}{nail.name}_{axis}") for axis in NAIL_AXES] for nail in nails]
        self._qpos = np.array([[joint.qposadr[0] for joint in row] for row in joints], dtype=np.int64)
        self._qvel = np.array([[joint.dofadr[0] for joint in row] for row in joints], dtype=np.int64)

    @property
    def depth(self) -> Array:
        """How far each nail has been driven in (N, K) [m]."""
        return self._places()[:, :, 2]

    @property
    def pos(self) -> Array:
        """Origins of the nails' frames in the world (N, K, 3) [m]."""
        places = self._places()
        places[:, :, 2] = self._heights - places[:, :, 2]
        quats = self._objects.quat[:, self._things]
        turned = Rotation.from_quat(quats.reshape(-1, 4), scalar_first=True).apply(places.reshape(-1, 3))
        return np.asarray(self._objects.pos[:, self._things] + turned.reshape(places.shape))

    def place(self, i: int, nail: int, x: float, y: float, depth_m: float = 0.0) -> None:
        """Stick a nail into its object, at rest.

        Args:
            i: environment.
            nail: index of the nail.
            x: in the object's frame [m].
            y: in the object's frame [m].
            depth_m: how far it is driven in already [m].
        """
        data = self._datas[i]
        data.qpos[self._qpos[nail]] = x, y, depth_m
        data.qvel[self._qvel[nail]] = 0.0
        data.qacc_warmstart[self._qvel[nail]] = 0.0

    def _places(self) -> Array:
        """Place in the object and depth (N, K, 3) [m]."""
        return np.array([data.qpos[self._qpos] for data in self._datas])
