"""Capsules that enclose every part of an arm that moves, its gripper and what it holds."""

from __future__ import annotations

from typing import Literal, NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial import ConvexHull, QhullError

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.robots.geometry import body_pieces, box_corners, cylinder_corners, hull_corners
from hrg_pipeline.robots.model import GRIPPER_PREFIX

Array = NDArray[np.float64]
Edges = tuple[NDArray[np.intp], NDArray[np.intp]]

_CLEARANCE_M = 1e-4
"""Added to every radius, so that neither rounding nor the arcs between sampled gripper poses put a point outside."""
_SPLIT_PAYS = 0.85
"""A body gets two capsules where their volumes add up to less than this share of one's."""
_LOOSE = 1.9
"""A capsule of less than this many times the volume of the convex hull is never split."""
_GRIPPER = "gripper"
_CUTS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


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
    """Name of the body (or group of bodies) that each capsule encloses; two capsules may share one."""
    hull_volume: Array
    """Volume of the convex hull of what the capsules of that body enclose (m,) [m^3]."""

    @property
    def is_gripper(self) -> NDArray[np.int64]:
        """1 for the gripper's (m,)."""
        return np.array([name == _GRIPPER for name in self.body], dtype=np.int64)


class _Group(NamedTuple):
    """Convex pieces that share capsules, in the frame of the joint that moves them."""

    joint: int
    name: str
    pieces: list[Array]


def fit_robot_capsules(
    model: mujoco.MjModel,
    joints: list[int],
    bodies: list[str],
    gripper_qpos: NDArray[np.int64],
    gripper_poses: Array,
    visuals: bool = False,
) -> Capsules:
    """Fit one or two capsules around the collision geometry of each moving link, and around the gripper.

    What is fixed to a link belongs to it; everything behind the last hinge that is a gripper's counts as the gripper
    and is enclosed in all poses of its fingers.

    Args:
        model: compiled scene.
        joints: hinge joint ids of the arm from the base to the wrist (n,).
        bodies: names of the robot's bodies.
        gripper_qpos: addresses of the finger joints in qpos (h,).
        gripper_poses: positions of the finger joints that sample all they can do (k, h).
        visuals: whether geoms of the arm that do not collide are enclosed as well.
    """
    groups = _group_pieces(model, joints, bodies, gripper_qpos, gripper_poses, visuals)
    fitted = [(group, *found) for group in groups for found in _fit_group(group.pieces)]
    volumes = {group.name: hull_volume(np.concatenate(group.pieces)) for group in groups}
    return Capsules(
        np.array([group.joint for group, *_ in fitted], dtype=np.int64),
        np.array([start for _, start, _, _ in fitted]),
        np.array([end for _, _, end, _ in fitted]),
        np.array([radius for *_, radius in fitted]),
        tuple(group.name for group, *_ in fitted),
        np.array([volumes[group.name] for group, *_ in fitted]),
    )


def held_capsule(
    shape: Literal["box", "cylinder"], size: Array, position: Array, rotation: Array
) -> tuple[Array, Array, float]:
    """Return a small capsule (start (3,), end (3,), radius) around an object in the gripper [m].

    Args:
        shape: "box", or "cylinder" along the z axis of the object.
        size: half sizes (3,), or radius and half length (2,) [m].
        position: centre of the object in the frame of the last link (3,) [m].
        rotation: its rotation there (3, 3).
    """
    size = np.asarray(size, dtype=np.float64)
    corners = box_corners(size) if shape == "box" else cylinder_corners(size[0], size[1])
    start, end, radius = fit_capsule(corners)
    return position + rotation @ start, position + rotation @ end, radius


def fit_capsule(points: Array, max_iterations: int = 1500) -> tuple[Array, Array, float]:
    """Return a small capsule (start (3,), end (3,), radius) that encloses ``points`` (k, 3) [m].

    The segment starts along the longest principal axis and is refined for volume by a simplex search; the radius is
    always the largest distance of a point from the segment, so every candidate encloses all points.
    """
    hull = hull_corners(points)
    centre = hull.mean(axis=0)
    _, _, axes = np.linalg.svd(hull - centre, full_matrices=False)
    along = (hull - centre) @ axes[0]
    across = np.linalg.norm((hull - centre) - np.outer(along, axes[0]), axis=1).max()
    reach = max((along.max() - along.min()) / 2 - across, 0.0)
    middle = centre + axes[0] * (along.max() + along.min()) / 2
    best = np.concatenate([middle - reach * axes[0], middle + reach * axes[0]])
    for start in (best, np.concatenate([middle, middle])):
        found = minimize(
            _enclosing_volume,
            start,
            (hull,),
            method="Nelder-Mead",
            options={"maxiter": max_iterations, "xatol": 1e-4, "fatol": 1e-7, "initial_simplex": _simplex(start)},
        )
        if _enclosing_volume(found.x, hull) < _enclosing_volume(best, hull):
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


def capsule_volume(start: Array, end: Array, radius: float) -> float:
    """Volume of a capsule [m^3]."""
    return float(np.pi * radius**2 * np.linalg.norm(end - start) + 4.0 / 3.0 * np.pi * radius**3)


def hull_volume(points: Array) -> float:
    """Volume of the convex hull of points (k, 3) [m^3]; 0 where they are flat."""
    try:
        return float(ConvexHull(points).volume)
    except QhullError:
        return 0.0


def _group_pieces(
    model: mujoco.MjModel,
    joints: list[int],
    bodies: list[str],
    gripper_qpos: NDArray[np.int64],
    gripper_poses: Array,
    visuals: bool,
) -> list[_Group]:
    """Collect the convex pieces of each link, and hulls of what the gripper's pieces sweep, in the links' frames."""
    link_of = {int(model.jnt_bodyid[joint]): k for k, joint in enumerate(joints)}
    pieces = {
        name: body_pieces(model, model.body(name).id, visuals and not name.startswith(GRIPPER_PREFIX))
        for name in bodies
    }
    data = mujoco.MjData(model)
    clouds: dict[tuple[int, str, str, int], list[Array]] = {}
    for k, pose in enumerate(gripper_poses):
        data.qpos[gripper_qpos] = pose
        mujoco.mj_kinematics(model, data)
        for name in bodies:
            body = carrier = int(model.body(name).id)
            while carrier not in link_of and carrier > 0:
                carrier = int(model.body_parentid[carrier])
            in_gripper = name.startswith(GRIPPER_PREFIX)
            if carrier == 0 or (k > 0 and not in_gripper):
                continue
            turn, origin = data.xmat[carrier].reshape(3, 3), data.xpos[carrier]
            group = _GRIPPER if in_gripper else model.body(carrier).name
            for number, piece in enumerate(pieces[name]):
                world = piece @ data.xmat[body].reshape(3, 3).T + data.xpos[body]
                clouds.setdefault((link_of[carrier], group, name, number), []).append((world - origin) @ turn)
    groups: dict[tuple[int, str], list[Array]] = {}
    for (joint, group, *_), points in clouds.items():
        groups.setdefault((joint, group), []).append(hull_corners(np.concatenate(points)))
    return [_Group(joint, name, hulls) for (joint, name), hulls in sorted(groups.items())]


def _fit_group(pieces: list[Array]) -> list[tuple[Array, Array, float]]:
    """Fit one capsule around convex pieces, or two where that pays."""
    cloud = hull_corners(np.concatenate(pieces))
    one = fit_capsule(cloud)
    if capsule_volume(*one) < _LOOSE * hull_volume(cloud):
        return [one]
    centre = cloud.mean(axis=0)
    _, _, axes = np.linalg.svd(cloud - centre, full_matrices=False)
    limit = _SPLIT_PAYS * capsule_volume(*one)
    best: tuple[Array, Array] | None = None
    edges = [_edges(piece) for piece in pieces]
    for axis in axes[:2]:
        low, high = (cloud @ axis).min(), (cloud @ axis).max()
        for share in _CUTS:
            halves = _cut(pieces, edges, axis, low + share * (high - low))
            if halves is None:
                continue
            volume = sum(capsule_volume(*fit_capsule(half, 250)) for half in halves)
            if volume < limit:
                best, limit = halves, volume
    return [one] if best is None else [fit_capsule(half) for half in best]


def _cut(pieces: list[Array], edges: list[Edges], axis: Array, height: float) -> tuple[Array, Array] | None:
    """Cut convex pieces by a plane; return points whose hulls hold what is on either side of it."""
    below, above = [], []
    for piece, (start, end) in zip(pieces, edges, strict=True):
        heights = piece @ axis - height
        low, high = piece[heights <= 0.0], piece[heights >= 0.0]
        if len(low) and len(high):
            crossed = (heights[start] < 0.0) != (heights[end] < 0.0)
            first, second = start[crossed], end[crossed]
            share = heights[first] / (heights[first] - heights[second])
            seam = piece[first] + share[:, None] * (piece[second] - piece[first])
            low, high = np.concatenate([low, seam]), np.concatenate([high, seam])
        below.append(low)
        above.append(high)
    halves = np.concatenate(below), np.concatenate(above)
    return halves if min(len(half) for half in halves) > 0 else None


def _edges(corners: Array) -> Edges:
    """Indices of both ends of every edge of a convex hull; all pairs of corners where it is flat."""
    try:
        facets = ConvexHull(corners).simplices
    except QhullError:
        return np.triu_indices(len(corners), 1)
    edges = np.concatenate([facets[:, [0, 1]], facets[:, [1, 2]], facets[:, [2, 0]]])
    return edges[:, 0], edges[:, 1]


@kernel
def _enclosing_volume(ends: Array, points: Array) -> float:
    """Volume of the smallest capsule around the segment with these ends (6,) that holds all points (k, 3)."""
    x, y, z = ends[3] - ends[0], ends[4] - ends[1], ends[5] - ends[2]
    length_sq = x * x + y * y + z * z
    farthest = 0.0
    for k in range(points.shape[0]):
        a, b, c = points[k, 0] - ends[0], points[k, 1] - ends[1], points[k, 2] - ends[2]
        along = a * x + b * y + c * z
        distance_sq = a * a + b * b + c * c
        if along >= length_sq:
            distance_sq = (a - x) ** 2 + (b - y) ** 2 + (c - z) ** 2
        elif along > 0.0:
            distance_sq -= along * along / length_sq
        farthest = max(farthest, distance_sq)
    return float(np.pi * farthest * (np.sqrt(length_sq) + 4.0 / 3.0 * np.sqrt(farthest)))


def _simplex(start: Array) -> Array:
    return np.vstack([start, start + 0.02 * np.eye(len(start))])
