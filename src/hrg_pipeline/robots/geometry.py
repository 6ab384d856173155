"""An arm's kinematic chain, and the convex pieces that its bodies consist of."""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import ModelError

Array = NDArray[np.float64]

_ROUND_POINTS = 24
"""Points on the circle that stand for a cylinder's or sphere's outline; the radius is enlarged to enclose it."""
_RINGS = 6
"""Rings of such points on each half of a sphere."""


class Chain(NamedTuple):
    """A serial chain of hinges, one row per joint; a joint's frame is that of the body it moves."""

    base_position: Array
    """Position of the first joint's parent frame in the world (3,) [m]."""
    base_rotation: Array
    """Rotation of that frame (3, 3)."""
    translation: Array
    """From the previous joint's body frame to this one at zero angle, in the previous frame (n, 3) [m]."""
    rotation: Array
    """Rotation of this body frame in the previous one at zero angle (n, 3, 3)."""
    axis: Array
    """Joint axis in the body frame, unit length (n, 3)."""
    anchor: Array
    """A point of the axis in the body frame (n, 3) [m]."""


def extract_chain(model: mujoco.MjModel, joints: list[int]) -> Chain:
    """Read the chain of hinge joints from a compiled model.

    Args:
        model: compiled scene.
        joints: joint ids from the base to the wrist; each joint's body must descend from the previous one's.

    Raises:
        ModelError: if a joint is no hinge or is not at zero in the model's reference pose, or the bodies form no chain.
    """
    frames, axes, anchors = [], [], []
    previous = 0
    for k, joint in enumerate(joints):
        if model.jnt_type[joint] != mujoco.mjtJoint.mjJNT_HINGE:
            raise ModelError(f"joint '{model.joint(joint).name}' is no hinge; an arm is a chain of hinges")
        if model.qpos0[model.jnt_qposadr[joint]] != 0.0:
            raise ModelError(f"joint '{model.joint(joint).name}' has a reference angle other than 0")
        body = int(model.jnt_bodyid[joint])
        if k == 0:
            previous = int(model.body_parentid[body])
            base = fixed_transform(model, previous, 0)
        frames.append(fixed_transform(model, body, previous))
        axes.append(model.jnt_axis[joint].copy())
        anchors.append(model.jnt_pos[joint].copy())
        previous = body
    return Chain(
        base[:3, 3].copy(),
        base[:3, :3].copy(),
        np.array([frame[:3, 3] for frame in frames]),
        np.array([frame[:3, :3] for frame in frames]),
        np.array(axes),
        np.array(anchors),
    )


def body_pieces(model: mujoco.MjModel, body: int, visuals: bool = False) -> list[Array]:
    """Return the corners of convex hulls that enclose each of a body's collision geoms, in the body frame [m].

    MuJoCo collides with the convex hulls of meshes, so these are what the body can touch with.

    Args:
        model: compiled scene.
        body: its id.
        visuals: whether geoms that do not collide count as well.
    """
    first, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
    geoms = [g for g in range(first, first + count) if visuals or model.geom_contype[g] or model.geom_conaffinity[g]]
    return [hull_corners(_geom_vertices(model, geom)) for geom in geoms]


def body_vertices(model: mujoco.MjModel, body: int) -> Array:
    """Return points whose convex hull encloses a body's collision geometry, in the body frame (k, 3) [m]."""
    pieces = body_pieces(model, body)
    return np.concatenate(pieces) if pieces else np.zeros((0, 3))


def hull_corners(points: Array) -> Array:
    """Return the corners of the convex hull of points (k, 3); all points where they are flat."""
    try:
        corners: Array = points[ConvexHull(points).vertices]
    except QhullError:
        return points
    return corners


def _geom_vertices(model: mujoco.MjModel, geom: int) -> Array:
    kind, size = model.geom_type[geom], model.geom_size[geom]
    types = mujoco.mjtGeom
    if kind == types.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
        local = model.mesh_vert[first : first + count].astype(np.float64)
    elif kind == types.mjGEOM_BOX:
        local = box_corners(size)
    elif kind == types.mjGEOM_CYLINDER:
        local = cylinder_corners(size[0], size[1])
    elif kind in (types.mjGEOM_SPHERE, types.mjGEOM_CAPSULE):
        half = size[1] if kind == types.mjGEOM_CAPSULE else 0.0
        local = _round_corners(size[0], half)
    else:
        raise ModelError(f"geom '{model.geom(geom).name}' has a shape that no capsule is computed for: {kind}")
    rotation = Rotation.from_quat(model.geom_quat[geom], scalar_first=True)
    placed: Array = rotation.apply(local) + model.geom_pos[geom]
    return placed


def box_corners(half_size: Array) -> Array:
    """Return the corners of a box (8, 3) from its half sizes (3,) [m]."""
    return np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * half_size


def cylinder_corners(radius: float, half_length: float) -> Array:
    """Return points (k, 3) whose convex hull encloses a cylinder along z [m]."""
    ring = _ring(radius / np.cos(np.pi / _ROUND_POINTS))
    top = np.array([0.0, 0.0, half_length])
    return np.concatenate([ring + top, ring - top])


def _round_corners(radius: float, half_length: float) -> Array:
    """Points whose convex hull encloses a capsule along z, or a sphere."""
    # A latitude-longitude net inside a sphere keeps its faces outside the ball that is smaller by both cosines.
    outer = radius / (np.cos(np.pi / _ROUND_POINTS) * np.cos(np.pi / (4 * _RINGS)))
    points = []
    for k in range(_RINGS):
        angle = k * np.pi / (2 * _RINGS)
        height = np.array([0.0, 0.0, half_length + outer * np.sin(angle)])
        ring = _ring(outer * np.cos(angle))
        points += [ring + height, ring - height]
    pole = np.array([[0.0, 0.0, half_length + outer]])
    return np.concatenate([*points, pole, -pole])


def _ring(radius: float) -> Array:
    angle = np.arange(_ROUND_POINTS) * 2 * np.pi / _ROUND_POINTS
    return radius * np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=1)


def fixed_transform(model: mujoco.MjModel, body: int, ancestor: int) -> Array:
    """Pose of a body in an ancestor's frame with all joints between them at zero (4, 4)."""
    pose = np.eye(4)
    while body != ancestor:
        if body == 0:
            raise ModelError(f"body '{model.body(ancestor).name}' is no ancestor: the arm is no serial chain")
        step = np.eye(4)
        step[:3, :3] = Rotation.from_quat(model.body_quat[body], scalar_first=True).as_matrix()
        step[:3, 3] = model.body_pos[body]
        pose = step @ pose
        body = int(model.body_parentid[body])
    return pose
