"""What the shield needs of an arm: its kinematic chain and capsules that enclose every part that moves."""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import ModelError

Array = NDArray[np.float64]

_CLEARANCE_M = 1e-4
"""Added to every radius, so that rounding cannot put a vertex outside."""
_ROUND_POINTS = 24
"""Points on the circle that stand for a cylinder's or sphere's outline; the radius is enlarged to enclose it."""


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


class Capsules(NamedTuple):
    """Capsules fixed to the bodies of a chain."""

    joint: NDArray[np.int64]
    """Index of the joint that moves each capsule (m,)."""
    start: Array
    """First end point in that joint's body frame (m, 3) [m]."""
    end: Array
    """Second end point (m, 3) [m]."""
    radius: Array
    """Radius (m,) [m]."""
    body: tuple[str, ...]
    """Name of the body (or group of bodies) that each capsule encloses."""


def extract_chain(model: mujoco.MjModel, joints: list[int]) -> Chain:
    """Read the chain of hinge joints from a compiled model.

    Args:
        model: compiled scene.
        joints: joint ids from the base to the wrist; each joint's body must descend from the previous one's.

    Raises:
        ModelError: if a joint is no hinge, or the bodies form no chain.
    """
    frames, axes, anchors = [], [], []
    previous = 0
    for k, joint in enumerate(joints):
        if model.jnt_type[joint] != mujoco.mjtJoint.mjJNT_HINGE:
            raise ModelError(f"joint '{model.joint(joint).name}' is no hinge; an arm is a chain of hinges")
        body = int(model.jnt_bodyid[joint])
        if k == 0:
            previous = int(model.body_parentid[body])
            base = _fixed_transform(model, previous, 0)
        frames.append(_fixed_transform(model, body, previous))
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


def fit_robot_capsules(model: mujoco.MjModel, joints: list[int], bodies: list[str]) -> Capsules:
    """Fit one capsule around the collision geometry of each moving body, and one around the gripper.

    Bodies behind a slide joint (fingers) are enclosed over the whole range of the slide, in the frame of the last
    hinge before them. Everything behind the last hinge that is not its own link counts as the gripper.

    Args:
        model: compiled scene.
        joints: hinge joint ids of the arm from the base to the wrist (n,).
        bodies: names of the robot's bodies.
    """
    link_of = {int(model.jnt_bodyid[joint]): k for k, joint in enumerate(joints)}
    clouds: dict[tuple[int, str], list[Array]] = {}
    for name in bodies:
        body = model.body(name).id
        vertices = [_geom_vertices(model, geom) for geom in _collision_geoms(model, body)]
        if not vertices:
            continue
        owner, points = _carry_to_link(model, body, np.concatenate(vertices), link_of)
        if owner < 0:
            continue
        group = name if link_of.get(body) == owner else "gripper"
        clouds.setdefault((owner, group), []).append(points)
    keys = sorted(clouds)
    fitted = [fit_capsule(np.concatenate(clouds[key])) for key in keys]
    return Capsules(
        np.array([owner for owner, _ in keys], dtype=np.int64),
        np.array([start for start, _, _ in fitted]),
        np.array([end for _, end, _ in fitted]),
        np.array([radius for _, _, radius in fitted]),
        tuple(group for _, group in keys),
    )


def fit_capsule(points: Array) -> tuple[Array, Array, float]:
    """Return a small capsule (start (3,), end (3,), radius) that encloses ``points`` (k, 3) [m].

    The segment starts along the longest principal axis and is refined for volume by a simplex search; the radius is
    always the largest distance of a point from the segment, so every candidate encloses all points.
    """
    hull = _hull(points)
    centre = hull.mean(axis=0)
    _, _, axes = np.linalg.svd(hull - centre, full_matrices=False)
    along = (hull - centre) @ axes[0]
    across = np.linalg.norm((hull - centre) - np.outer(along, axes[0]), axis=1).max()
    reach = max((along.max() - along.min()) / 2 - across, 0.0)
    middle = centre + axes[0] * (along.max() + along.min()) / 2
    best = np.concatenate([middle - reach * axes[0], middle + reach * axes[0]])
    for start in (best, np.concatenate([middle, middle])):
        found = minimize(
            lambda ends: _capsule_volume(ends, hull),
            start,
            method="Nelder-Mead",
            options={"maxiter": 1500, "xatol": 1e-4, "fatol": 1e-7, "initial_simplex": _simplex(start)},
        )
        if _capsule_volume(found.x, hull) < _capsule_volume(best, hull):
            best = found.x
    radius = float(segment_distances(hull, best[:3], best[3:]).max()) + _CLEARANCE_M
    return best[:3].copy(), best[3:].copy(), radius


def segment_distances(points: Array, start: Array, end: Array) -> Array:
    """Distance of each point (k, 3) from the segment start-end [m] (k,)."""
    axis = end - start
    length = float(axis @ axis)
    share = np.clip((points - start) @ axis / length, 0.0, 1.0) if length > 0.0 else np.zeros(len(points))
    distances: Array = np.linalg.norm(points - start - share[:, None] * axis, axis=1)
    return distances


def body_vertices(model: mujoco.MjModel, body: int) -> Array:
    """Return points whose convex hull encloses a body's collision geometry, in the body frame (k, 3) [m]."""
    vertices = [_geom_vertices(model, geom) for geom in _collision_geoms(model, body)]
    return np.concatenate(vertices) if vertices else np.zeros((0, 3))


def _collision_geoms(model: mujoco.MjModel, body: int) -> list[int]:
    first, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
    return [g for g in range(first, first + count) if model.geom_contype[g] or model.geom_conaffinity[g]]


def _geom_vertices(model: mujoco.MjModel, geom: int) -> Array:
    kind, size = model.geom_type[geom], model.geom_size[geom]
    types = mujoco.mjtGeom
    if kind == types.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
        local = model.mesh_vert[first : first + count].astype(np.float64)
    elif kind == types.mjGEOM_BOX:
        local = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * size
    elif kind in (types.mjGEOM_SPHERE, types.mjGEOM_CAPSULE, types.mjGEOM_CYLINDER):
        half = 0.0 if kind == types.mjGEOM_SPHERE else size[1] + (size[0] if kind == types.mjGEOM_CAPSULE else 0.0)
        half = size[0] if kind == types.mjGEOM_SPHERE else half
        angle = np.arange(_ROUND_POINTS) * 2 * np.pi / _ROUND_POINTS
        radius = size[0] / np.cos(np.pi / _ROUND_POINTS)
        ring = radius * np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=1)
        top = np.array([0.0, 0.0, half])
        local = np.concatenate([ring + top, ring - top])
    else:
        raise ModelError(f"geom '{model.geom(geom).name}' has a shape that no capsule is computed for: {kind}")
    rotation = Rotation.from_quat(model.geom_quat[geom], scalar_first=True)
    placed: Array = rotation.apply(local) + model.geom_pos[geom]
    return placed


def _fixed_transform(model: mujoco.MjModel, body: int, ancestor: int) -> Array:
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


def _carry_to_link(model: mujoco.MjModel, body: int, points: Array, link_of: dict[int, int]) -> tuple[int, Array]:
    """Express points of a body in the frame of the link that carries it, at both ends of every slide between."""
    while body not in link_of:
        if body == 0:
            return -1, points
        variants = [np.zeros(3)]
        for joint in range(model.body_jntadr[body], model.body_jntadr[body] + model.body_jntnum[body]):
            if model.jnt_type[joint] != mujoco.mjtJoint.mjJNT_SLIDE:
                raise ModelError(f"gripper joint '{model.joint(joint).name}' is no slide; its sweep is not enclosed")
            variants = [model.jnt_axis[joint] * end for end in model.jnt_range[joint]]
        rotation = Rotation.from_quat(model.body_quat[body], scalar_first=True)
        points = np.concatenate([rotation.apply(points + shift) + model.body_pos[body] for shift in variants])
        body = int(model.body_parentid[body])
    return link_of[body], points


def _hull(points: Array) -> Array:
    try:
        corners: Array = points[ConvexHull(points).vertices]
    except QhullError:
        return points
    return corners


def _capsule_volume(ends: Array, points: Array) -> float:
    length = float(np.linalg.norm(ends[3:] - ends[:3]))
    radius = float(segment_distances(points, ends[:3], ends[3:]).max())
    return float(np.pi * radius**2 * length + 4.0 / 3.0 * np.pi * radius**3)


def _simplex(start: Array) -> Array:
    return np.vstack([start, start + 0.02 * np.eye(len(start))])
