"""Forward and inverse kinematics of an arm's grip site, for many configurations at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import ModelError
from hrg_pipeline.robots.geometry import Chain, fixed_transform
from hrg_pipeline.robots.model import GRIP_SITE
from hrg_pipeline.robots.robot import Robot

Array = NDArray[np.float64]

_DAMPING = 0.02
"""Of the least squares: joint speeds stay bounded near singularities [m, rad]."""
_STEP_RAD = 0.3
"""No joint turns further in one iteration."""
_POSTURE_GAIN = 0.1
"""Share of the way to the preferred posture that is taken in every iteration, where the hand does not feel it."""
_TRIES, _SPREAD_RAD = 60, 0.6
"""Start configurations that are tried for a pose, and how far they scatter about the first."""
_ROOM_RAD = 0.1
"""A start configuration stays this far from the joint limits."""
_POSITION_TOLERANCE_M, _ANGLE_TOLERANCE_RAD = 1e-4, 1e-3


class Arm(NamedTuple):
    """A serial arm of n hinges with a grip site on its last link."""

    chain: Chain
    grip_pos: Array
    """Grip site in the body frame of the last link (3,) [m]."""
    grip_rot: Array
    """Its axes there (3, 3)."""
    q_min: Array
    """(n,) [rad]"""
    q_max: Array
    """(n,) [rad]"""


class Frames(NamedTuple):
    """Where configurations put the hand; world frame."""

    pos: Array
    """Grip site (N, 3) [m]."""
    rot: Array
    """Its axes (N, 3, 3)."""
    jacobian: Array
    """Velocity and angular velocity of the grip site by joint speed (N, 6, n)."""
    link_pos: Array
    """Anchor of the last joint (N, 3) [m]."""
    link_rot: Array
    """Axes of the last link's body (N, 3, 3)."""


def make_arm(model: mujoco.MjModel, chain: Chain, joints: tuple[int, ...], robot: Robot) -> Arm:
    """Read the grip site from a compiled scene.

    Args:
        model: compiled scene.
        chain: of its arm.
        joints: joint ids of the arm, from the base to the wrist.
        robot: record with the joint limits.
    """
    site = model.site(GRIP_SITE)
    hand = fixed_transform(model, int(model.site_bodyid[site.id]), int(model.jnt_bodyid[joints[-1]]))
    turn = Rotation.from_quat(model.site_quat[site.id], scalar_first=True).as_matrix()
    return Arm(
        chain,
        hand[:3, :3] @ model.site_pos[site.id] + hand[:3, 3],
        hand[:3, :3] @ turn,
        np.array(robot.q_min),
        np.array(robot.q_max),
    )


def forward(arm: Arm, q: Array) -> Frames:
    """Place the hand.

    Args:
        arm: the arm.
        q: joint angles (N, n) [rad].
    """
    chain = arm.chain
    pos, rot = link_frames(chain, q)
    # A joint turns neither its axis nor a point on it.
    axes = np.einsum("nkij,kj->nki", rot, chain.axis)
    anchors = pos + np.einsum("nkij,kj->nki", rot, chain.anchor)
    grip = pos[:, -1] + rot[:, -1] @ arm.grip_pos
    linear = np.cross(axes, grip[:, None] - anchors)
    jacobian = np.concatenate([linear, axes], axis=2).transpose(0, 2, 1)
    return Frames(grip, rot[:, -1] @ arm.grip_rot, jacobian, anchors[:, -1], rot[:, -1])


def link_frames(chain: Chain, q: Array) -> tuple[Array, Array]:
    """Place the links.

    Args:
        chain: of the arm.
        q: joint angles (N, n) [rad].

    Returns:
        Origins (N, n, 3) [m] and axes (N, n, 3, 3) of the frames of their bodies, world.
    """
    count, n = q.shape
    pos, rot = np.tile(chain.base_position, (count, 1)), np.tile(chain.base_rotation, (count, 1, 1))
    origins, axes = np.empty((count, n, 3)), np.empty((count, n, 3, 3))
    for k in range(n):
        pos = pos + rot @ chain.translation[k]
        rot = rot @ chain.rotation[k]
        anchor = pos + rot @ chain.anchor[k]
        rot = rot @ _turns(chain.axis[k], q[:, k])
        pos = anchor - rot @ chain.anchor[k]
        origins[:, k], axes[:, k] = pos, rot
    return origins, axes


def solve(
    arm: Arm, q: Array, pos: Array, rot: Array, posture: Array | None = None, iterations: int = 8
) -> tuple[Array, Array]:
    """Find joint angles near ``q`` that put the grip site into a pose: damped least squares.

    A joint that would pass its limit stays there, and the others go on without it. Where joints are to spare, they
    drift to ``posture``.

    Args:
        arm: the arm.
        q: where to begin (N, n) [rad].
        pos: wanted positions of the grip site in the world (N, 3) [m].
        rot: wanted axes of the grip site (N, 3, 3).
        posture: preferred joint angles (N, n) or (n,) [rad]; None: no preference.
        iterations: how many.

    Returns:
        Joint angles (N, n) [rad], and what is left of the error: position [m] and angle [rad] (N, 2).
    """
    q = np.clip(q, arm.q_min, arm.q_max)
    eye = np.eye(q.shape[1])
    frames = forward(arm, q)
    error = _error(frames, pos, rot)
    for _ in range(iterations):
        free = np.ones_like(q)
        for _ in range(2):
            jacobian = frames.jacobian * free[:, None]
            transposed = jacobian.transpose(0, 2, 1)
            inverse = transposed @ np.linalg.inv(jacobian @ transposed + _DAMPING**2 * np.eye(6))
            step = (inverse @ error[:, :, None])[:, :, 0]
            if posture is not None:
                wish = _POSTURE_GAIN * (posture - q) * free
                step += ((eye - inverse @ jacobian) @ wish[:, :, None])[:, :, 0]
            step *= _STEP_RAD / np.maximum(np.abs(step).max(axis=1, keepdims=True), _STEP_RAD)
            beyond = (q + step < arm.q_min) | (q + step > arm.q_max)
            if not beyond.any():
                break
            free[beyond] = 0.0
        q = np.clip(q + step, arm.q_min, arm.q_max)
        frames = forward(arm, q)
        error = _error(frames, pos, rot)
    left = np.stack([np.linalg.norm(error[:, :3], axis=1), np.linalg.norm(error[:, 3:], axis=1)], axis=1)
    return q, left


def start_configuration(
    arm: Arm,
    home: Array,
    places: Sequence[Array],
    closing: Array,
    accept: Callable[[Array], bool] | None = None,
    tilt: float = 0.0,
    polish: bool = False,
) -> Array:
    """Find a configuration with the gripper pointing straight down, or tilted ahead, at one of several places.

    Before it is tilted, the fingers close along the world's x or y axis; no joint is next to its limit. The first place
    that works is taken, and of the configurations that put the gripper there the one nearest to ``home``.

    Args:
        arm: the arm.
        home: configuration to stay near (n,) [rad].
        places: positions of the grip site in the world (3,) [m], the best one first.
        closing: direction in which the fingers close, in the frame of the grip site (3,).
        accept: function of a configuration (n,) that may refuse it; None: every one will do.
        tilt: 0 where the gripper points down, pi / 2 where it points along the world's x axis [rad].
        polish: also find what is far from ``home``, where the wish to stay near it pulls at the hand.

    Returns:
        Joint angles (n,) [rad].

    Raises:
        ModelError: if none is found.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(0)))
    scatter = _SPREAD_RAD * rng.standard_normal((_TRIES, len(home)))
    scatter[0] = 0.0
    for pos in places:
        wanted = [pointing(closing, 0.5 * np.pi * quarter, tilt) for quarter in range(4)]
        candidates = np.concatenate([_all_solutions(arm, home, scatter, pos, rot, polish) for rot in wanted])
        distance = np.abs(candidates - home).max(axis=1)
        for k in np.argsort(distance, kind="stable"):
            room = np.minimum(candidates[k] - arm.q_min, arm.q_max - candidates[k]).min()
            if room >= _ROOM_RAD and (accept is None or accept(candidates[k])):
                return np.asarray(candidates[k])
    way = "pointing down" if tilt == 0.0 else f"tilted ahead by {tilt:.2f} rad"
    raise ModelError(f"no configuration with the gripper {way} at {np.round(places, 3).tolist()} m")


def _all_solutions(arm: Arm, home: Array, scatter: Array, pos: Array, rot: Array, polish: bool) -> Array:
    """Configurations (k, n) that reach a pose exactly, from starts scattered about home (K, n)."""
    count = len(scatter)
    wanted = np.tile(pos, (count, 1)), np.tile(rot, (count, 1, 1))
    q, left = solve(arm, home + scatter, *wanted, posture=home, iterations=60)
    if polish:
        q, left = solve(arm, q, *wanted, iterations=20)
    return q[(left <= (_POSITION_TOLERANCE_M, _ANGLE_TOLERANCE_RAD)).all(axis=1)]


def down(closing: Array, yaw: float) -> Array:
    """Axes of a grip site (3, 3) that points straight down, its fingers closing at an angle ``yaw`` from +x [rad]."""
    across = closing - closing[2] * np.array([0.0, 0.0, 1.0])
    across = across / np.linalg.norm(across)
    site = np.stack([across, np.cross([0.0, 0.0, 1.0], across), [0.0, 0.0, 1.0]], axis=1)
    cos, sin = np.cos(yaw), np.sin(yaw)
    world = np.array([[cos, sin, 0.0], [sin, -cos, 0.0], [0.0, 0.0, -1.0]])
    return np.asarray(world @ site.T)


def pointing(closing: Array, yaw: float, tilt: float) -> Array:
    """Axes of a grip site (3, 3) that points down, turned about the world's y axis by ``tilt``, toward +x [rad]."""
    cos, sin = np.cos(tilt), np.sin(tilt)
    ahead = np.array([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]])
    return np.asarray(ahead @ down(closing, yaw))


def _error(frames: Frames, pos: Array, rot: Array) -> Array:
    """What is missing to a pose: position [m], rotation vector [rad] (N, 6), world frame."""
    turn = Rotation.from_matrix(rot @ frames.rot.transpose(0, 2, 1)).as_rotvec()
    return np.concatenate([pos - frames.pos, turn], axis=1)


def _turns(axis: Array, angle: Array) -> Array:
    """Rotations about a unit axis (3,) by angles (N,) [rad], as matrices (N, 3, 3) (Rodrigues)."""
    cross = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
    sin, cos = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.asarray(np.eye(3) + sin * cross + (1.0 - cos) * (cross @ cross))
