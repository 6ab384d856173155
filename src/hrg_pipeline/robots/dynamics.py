"""Jacobians and the joint-space mass matrix of a serial arm, from its link frames."""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.robots.gripper_model import GripperJoints

Array = NDArray[np.float64]


class LinkInertias(NamedTuple):
    """What each joint of an arm carries, its gripper rigid; frames have the joint's anchor as origin (n joints)."""

    mass: Array
    """(n,) [kg]."""
    centre: Array
    """Centres of mass (n, 3) [m]."""
    inertia: Array
    """About the centres of mass (n, 3, 3) [kg m^2]."""
    armature: Array
    """Rotor inertia of each joint (n,) [kg m^2]."""


def extract_inertias(
    model: mujoco.MjModel, joints: list[int], gripper: GripperJoints, opening: float = 0.5
) -> LinkInertias:
    """Lump all bodies onto the links that carry them.

    Args:
        model: compiled scene.
        joints: hinge joint ids of the arm from the base to the wrist (n,).
        gripper: its joints, held still.
        opening: at this opening, 0 closed to 1 open.
    """
    data = mujoco.MjData(model)
    data.qpos[gripper.qpos] = gripper.qpos_closed + opening * (gripper.qpos_opened - gripper.qpos_closed)
    mujoco.mj_kinematics(model, data)
    link_of = {int(model.jnt_bodyid[joint]): k for k, joint in enumerate(joints)}
    size = len(joints)
    mass, centre, about_origin = np.zeros(size), np.zeros((size, 3)), np.zeros((size, 3, 3))
    for body in range(1, model.nbody):
        carrier = body
        while carrier not in link_of and carrier > 0:
            carrier = int(model.body_parentid[carrier])
        if carrier == 0:
            continue
        k = link_of[carrier]
        turn = data.xmat[carrier].reshape(3, 3)
        position = turn.T @ (data.xipos[body] - data.xpos[carrier]) - model.jnt_pos[joints[k]]
        axes = turn.T @ data.ximat[body].reshape(3, 3)
        mass[k] += model.body_mass[body]
        centre[k] += model.body_mass[body] * position
        about_origin[k] += axes @ np.diag(model.body_inertia[body]) @ axes.T
        about_origin[k] += model.body_mass[body] * _point_inertia(position)
    centre /= mass[:, None]
    inertia = np.array([about_origin[k] - mass[k] * _point_inertia(centre[k]) for k in range(size)])
    return LinkInertias(mass, centre, inertia, model.dof_armature[model.jnt_dofadr[joints]].copy())


@kernel
def joint_axes(frames: Array, axis: Array, world: Array) -> None:
    """Turn joint axes into the world.

    Args:
        frames: three rows of each link's rotation, then the position of its joint's anchor [m] (n, 4, 3), world.
        axis: unit axes in the link frames (n, 3).
        world: (n, 3), written.
    """
    for k in range(axis.shape[0]):
        for r in range(3):
            world[k, r] = frames[k, r, 0] * axis[k, 0] + frames[k, r, 1] * axis[k, 1] + frames[k, r, 2] * axis[k, 2]


@kernel
def point_jacobian(frames: Array, axes: Array, link: int, point: Array, jacobian: Array) -> None:
    """Velocity of a point fixed to a link per joint speed: ``z_j × (p - o_j)``.

    Args:
        frames: as in ``joint_axes`` (n, 4, 3).
        axes: from ``joint_axes`` (n, 3).
        link: index of the joint that carries the point.
        point: in the world (3,) [m].
        jacobian: (3, n) [m/rad], written; columns behind the link are 0.
    """
    for j in range(axes.shape[0]):
        if j > link:
            jacobian[0, j] = jacobian[1, j] = jacobian[2, j] = 0.0
            continue
        x, y, z = point[0] - frames[j, 3, 0], point[1] - frames[j, 3, 1], point[2] - frames[j, 3, 2]
        jacobian[0, j] = axes[j, 1] * z - axes[j, 2] * y
        jacobian[1, j] = axes[j, 2] * x - axes[j, 0] * z
        jacobian[2, j] = axes[j, 0] * y - axes[j, 1] * x


@kernel
def mass_matrix(
    frames: Array, axes: Array, mass: Array, centre: Array, inertia: Array, armature: Array, matrix: Array
) -> None:
    """Joint-space mass matrix by composite rigid bodies.

    From the wrist to the base, everything behind joint j becomes one rigid body of mass m, centre c, inertia I. Turning
    joint j alone gives it the momentum ``p = m z_j × (c - o_j)`` and, about c, ``I z_j``; joint i <= j feels of that
    ``M_ij = z_i · (I z_j + (c - o_i) × p)``.

    Args:
        frames: as in ``joint_axes`` (n, 4, 3).
        axes: from ``joint_axes`` (n, 3).
        mass: of the links (n,) [kg].
        centre: their centres of mass in the link frames (n, 3) [m].
        inertia: about these (n, 3, 3) [kg m^2].
        armature: rotor inertia of the joints (n,) [kg m^2].
        matrix: (n, n) [kg m^2], written.
    """
    n = mass.shape[0]
    total = 0.0
    c, before, d = np.zeros(3), np.zeros(3), np.zeros(3)
    whole, spin, momentum = np.zeros((3, 3)), np.zeros(3), np.zeros(3)
    for j in range(n - 1, -1, -1):
        turn = frames[j, :3]
        for r in range(3):
            before[r] = c[r]
            d[r] = turn[r, 0] * centre[j, 0] + turn[r, 1] * centre[j, 1] + turn[r, 2] * centre[j, 2] + frames[j, 3, r]
        total_before = total
        total = total_before + mass[j]
        for r in range(3):
            c[r] = (total_before * before[r] + mass[j] * d[r]) / total
            d[r] -= before[r]
        # Two bodies about their common centre: their own inertias and that of the reduced mass between the centres.
        reduced = mass[j] * total_before / total
        gap = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
        for r in range(3):
            for s in range(3):
                turned = 0.0
                for a in range(3):
                    for b in range(3):
                        turned += turn[r, a] * inertia[j, a, b] * turn[s, b]
                whole[r, s] += turned - reduced * d[r] * d[s]
            whole[r, r] += reduced * gap
        for r in range(3):
            spin[r] = whole[r, 0] * axes[j, 0] + whole[r, 1] * axes[j, 1] + whole[r, 2] * axes[j, 2]
            d[r] = c[r] - frames[j, 3, r]
        momentum[0] = total * (axes[j, 1] * d[2] - axes[j, 2] * d[1])
        momentum[1] = total * (axes[j, 2] * d[0] - axes[j, 0] * d[2])
        momentum[2] = total * (axes[j, 0] * d[1] - axes[j, 1] * d[0])
        for i in range(j + 1):
            x, y, z = c[0] - frames[i, 3, 0], c[1] - frames[i, 3, 1], c[2] - frames[i, 3, 2]
            value = (
                axes[i, 0] * (spin[0] + y * momentum[2] - z * momentum[1])
                + axes[i, 1] * (spin[1] + z * momentum[0] - x * momentum[2])
                + axes[i, 2] * (spin[2] + x * momentum[1] - y * momentum[0])
            )
            matrix[i, j] = matrix[j, i] = value
        matrix[j, j] += armature[j]


def _point_inertia(position: Array) -> Array:
    """Inertia of a unit mass about the origin (3, 3) [m^2]."""
    return np.asarray(position @ position * np.eye(3) - np.outer(position, position))
