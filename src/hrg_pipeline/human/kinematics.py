"""Forward kinematics of the 24 bodies."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial.transform import Rotation

from hrg_pipeline.human.body import N_BODIES, FloatArray, IntArray, Skeleton
from hrg_pipeline.physics.jit import kernel

POSTURE_SIZE = 75
"""A posture: root position (3) [m], root rotation vector (3) and 23 joint rotation vectors (69) [rad]."""


@kernel
def forward_kinematics(skeleton: Skeleton, posture: FloatArray, out_pos: FloatArray, out_quat: FloatArray) -> None:
    """Place every body of one posture in the world.

    Args:
        skeleton: the person.
        posture: (75,) root position, root rotation vector, rotation vectors of ``BODY_NAMES[1:]`` in the
            parent's frame.
        out_pos: (24, 3) joint positions [m], world frame; written.
        out_quat: (24, 4) unit quaternions wxyz of the body frames; written.
    """
    parent, offset = skeleton.parent, skeleton.offset
    out_pos[0, 0], out_pos[0, 1], out_pos[0, 2] = posture[0], posture[1], posture[2]
    for body in range(parent.shape[0]):
        k = 3 + 3 * body
        rx, ry, rz = posture[k], posture[k + 1], posture[k + 2]
        angle_sq = rx * rx + ry * ry + rz * rz
        # Joints that do not turn are common (fingers, clavicles): no trigonometry for them.
        w, x, y, z = 1.0, 0.0, 0.0, 0.0
        if angle_sq > 0.0:
            angle = math.sqrt(angle_sq)
            scale = math.sin(0.5 * angle) / angle
            w, x, y, z = math.cos(0.5 * angle), scale * rx, scale * ry, scale * rz
        if body == 0:
            out_quat[0, 0], out_quat[0, 1], out_quat[0, 2], out_quat[0, 3] = w, x, y, z
        else:
            place_body(parent, offset, body, w, x, y, z, 1.0, out_pos, out_quat)


@kernel
def place_body(
    parent: IntArray,
    offset: FloatArray,
    body: int,
    w: float,
    x: float,
    y: float,
    z: float,
    scale: float,
    out_pos: FloatArray,
    out_quat: FloatArray,
) -> None:
    """Place one body whose parent is in place.

    Args:
        parent: (24,) indices of the parents.
        offset: (24, 3) joints in their parents' frames [m].
        body: index of the body, not 0.
        w: unit quaternion in the parent's frame.
        x: its second number.
        y: its third.
        z: its fourth.
        scale: factor on the offsets.
        out_pos: (24, 3) [m]; row ``body`` is written.
        out_quat: (24, 4); row ``body`` is written.
    """
    # Unsigned: the compiler then needs no code for negative indices.
    p = np.uint64(parent[body])
    pw, px, py, pz = out_quat[p, 0], out_quat[p, 1], out_quat[p, 2], out_quat[p, 3]
    ox, oy, oz = scale * offset[body, 0], scale * offset[body, 1], scale * offset[body, 2]
    tx, ty, tz = 2.0 * (py * oz - pz * oy), 2.0 * (pz * ox - px * oz), 2.0 * (px * oy - py * ox)
    out_pos[body, 0] = out_pos[p, 0] + ox + pw * tx + py * tz - pz * ty
    out_pos[body, 1] = out_pos[p, 1] + oy + pw * ty + pz * tx - px * tz
    out_pos[body, 2] = out_pos[p, 2] + oz + pw * tz + px * ty - py * tx
    out_quat[body, 0] = pw * w - px * x - py * y - pz * z
    out_quat[body, 1] = pw * x + px * w + py * z - pz * y
    out_quat[body, 2] = pw * y - px * z + py * w + pz * x
    out_quat[body, 3] = pw * z + px * y - py * x + pz * w


def rotations_of(postures: FloatArray) -> FloatArray:
    """Unit quaternions wxyz (n, 24, 4) of postures (n, 75)."""
    rotvecs = np.asarray(postures, dtype=np.float64)[:, 3:].reshape(-1, 3)
    return np.asarray(Rotation.from_rotvec(rotvecs).as_quat(scalar_first=True).reshape(-1, N_BODIES, 4))
