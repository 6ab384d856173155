"""Kinetic energy, point speeds and reflected mass of the robot in a configuration: what a contact would meet.

On a trajectory ``q(s)`` followed with path speed s' the joints move at ``q' = q_s s'``, so the kinetic energy is
``E = 1/2 s'^2 f^2`` with ``f = sqrt(q_s^T M(q) q_s)``, which depends on s alone. A contact anywhere, in any direction,
can at most take all of E: a point that moves at ``v = J q'`` has in the unit direction u the reflected mass
``m_u = 1 / (u^T J M^-1 J^T u)`` (Khatib, IJRR 14(1), 1995), and Cauchy-Schwarz in the metric of M gives ``(u^T v)^2 =
<M^-1 J^T u, q'>_M^2 <= (u^T J M^-1 J^T u) (q'^T M q')``, that is ``1/2 m_u (u^T v)^2 <= E``.

Kernels take two records. Of the model: ``energy_fields``, ``capsule_link``. Of the environment: ``frames (n, 4, 3)``
from ``reach.forward_kinematics``, ``n_capsules``, what begins with ``held_``, ``energy_scratch``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row
from hrg_pipeline.robots.dynamics import LinkInertias, joint_axes, mass_matrix, point_jacobian
from hrg_pipeline.shield.reach import reach_bounds

Float = NDArray[np.float64]


def energy_fields(inertias: LinkInertias, joint_axis: Float, joint_pos: Float) -> dict[str, Float]:
    """What the kernels read of the model's record.

    Args:
        inertias: Of the links, in frames whose origin is the joint's anchor.
        joint_axis: Unit axes in these frames (n, 3).
        joint_pos: Joint anchors, each in the frame before, as ``ShieldModel.joint_pos`` (n, 3) [m].

    Returns:
        link_mass (n,) [kg], link_centre (n, 3) [m], link_inertia (n, 3, 3) [kg m^2], armature (n,) [kg m^2], link_axis
        (n, 3); inertia_top (n,) the largest eigenvalue of each inertia [kg m^2]; centre_rho (n, n) the reach of each
        joint (column) to each centre of mass (row) as from ``reach_bounds`` [m].
    """
    n = len(joint_pos)
    return {
        "link_mass": np.array(inertias.mass, dtype=np.float64),
        "link_centre": np.array(inertias.centre, dtype=np.float64),
        "link_inertia": np.array(inertias.inertia, dtype=np.float64),
        "armature": np.array(inertias.armature, dtype=np.float64),
        "link_axis": np.array(joint_axis, dtype=np.float64),
        "inertia_top": np.array(np.linalg.eigvalsh(inertias.inertia)[:, -1], dtype=np.float64),
        "centre_rho": reach_bounds(joint_pos, np.arange(n), inertias.centre[:, None]),
    }


def energy_scratch(n: int) -> dict[str, Float]:
    """What the kernels write into the environment's record besides their results, for n joints.

    Returns:
        twists (n, 2, 3) angular velocity of each link and velocity of its joint's anchor, per path speed;
        energy_axes (n, 3); energy_mass (n, n); energy_jacobian (3, n).
    """
    return {
        "twists": np.zeros((n, 2, 3)),
        "energy_axes": np.zeros((n, 3)),
        "energy_mass": np.zeros((n, n)),
        "energy_jacobian": np.zeros((3, n)),
    }


@kernel
def link_twists(frames: Float, axis: Float, q_s: Float, twists: Float) -> None:
    """Velocities of all links: each adds its joint's turn to the motion of the link before.

    Args:
        frames: From ``reach.forward_kinematics`` (n, 4, 3).
        axis: Unit joint axes in the link frames (n, 3).
        q_s: Joint speeds (n,) [rad/s].
        twists: Angular velocity [rad/s], velocity of the joint's anchor [m/s] (n, 2, 3), world, written.
    """
    wx = wy = wz = vx = vy = vz = 0.0
    for k in range(axis.shape[0]):
        if k > 0:
            x = frames[k, 3, 0] - frames[k - 1, 3, 0]
            y = frames[k, 3, 1] - frames[k - 1, 3, 1]
            z = frames[k, 3, 2] - frames[k - 1, 3, 2]
            vx, vy, vz = vx + wy * z - wz * y, vy + wz * x - wx * z, vz + wx * y - wy * x
        x, y, z = axis[k, 0] * q_s[k], axis[k, 1] * q_s[k], axis[k, 2] * q_s[k]
        wx += frames[k, 0, 0] * x + frames[k, 0, 1] * y + frames[k, 0, 2] * z
        wy += frames[k, 1, 0] * x + frames[k, 1, 1] * y + frames[k, 1, 2] * z
        wz += frames[k, 2, 0] * x + frames[k, 2, 1] * y + frames[k, 2, 2] * z
        twists[k, 0, 0], twists[k, 0, 1], twists[k, 0, 2] = wx, wy, wz
        twists[k, 1, 0], twists[k, 1, 1], twists[k, 1, 2] = vx, vy, vz


@kernel
def _speed_sq(twist: Float, x: float, y: float, z: float) -> float:
    """Squared speed of a point of a link, given relative to its joint's anchor in world axes."""
    vx = twist[1, 0] + twist[0, 1] * z - twist[0, 2] * y
    vy = twist[1, 1] + twist[0, 2] * x - twist[0, 0] * z
    vz = twist[1, 2] + twist[0, 0] * y - twist[0, 1] * x
    return float(vx * vx + vy * vy + vz * vz)


@kernel
def _centre_speed_sq(frame: Float, twist: Float, centre: Float) -> float:
    """Squared speed of a point of a link, given in the link's frame (3,)."""
    cx, cy, cz = centre[0], centre[1], centre[2]
    return _speed_sq(
        twist,
        frame[0, 0] * cx + frame[0, 1] * cy + frame[0, 2] * cz,
        frame[1, 0] * cx + frame[1, 1] * cy + frame[1, 2] * cz,
        frame[2, 0] * cx + frame[2, 1] * cy + frame[2, 2] * cz,
    )


@kernel
def energy_norm(model: Row, row: Row, frames: Float, q_s: Float) -> float:
    """``f = sqrt(q_s^T M q_s)``; ``f^2 / 2`` is the energy at s' = 1 [J].

    Summed over the bodies, which takes fewer operations than the mass matrix: ``m |v|^2 + w^T I w`` of each link and of
    the held object, and the rotors' ``armature q_s^2``.

    Args:
        model: Record of the model.
        row: Record of the environment; ``twists`` is written.
        frames: Of the links (n, 4, 3).
        q_s: (n,) [rad/s].
    """
    twists = row.twists
    mass, centre, inertia, armature = model.link_mass, model.link_centre, model.link_inertia, model.armature
    link_twists(frames, model.link_axis, q_s, twists)
    total = 0.0
    last = q_s.shape[0] - 1
    for k in range(last + 1):
        turn, w, i = frames[k], twists[k, 0], inertia[k]
        x = turn[0, 0] * w[0] + turn[1, 0] * w[1] + turn[2, 0] * w[2]
        y = turn[0, 1] * w[0] + turn[1, 1] * w[1] + turn[2, 1] * w[2]
        z = turn[0, 2] * w[0] + turn[1, 2] * w[1] + turn[2, 2] * w[2]
        spin = i[0, 0] * x * x + i[1, 1] * y * y + i[2, 2] * z * z
        spin += 2.0 * (i[0, 1] * x * y + i[0, 2] * x * z + i[1, 2] * y * z)
        total += mass[k] * _centre_speed_sq(turn, twists[k], centre[k]) + spin + armature[k] * q_s[k] * q_s[k]
    if row.held_mass != 0.0:
        w = twists[last, 0]
        spin = row.held_radius_gyration**2 * (w[0] * w[0] + w[1] * w[1] + w[2] * w[2])
        total += row.held_mass * (_centre_speed_sq(frames[last], twists[last], row.held_centre) + spin)
    return float(np.sqrt(total))


@kernel
def reflected_mass(model: Row, row: Row, link: int, point: Float, direction: Float) -> float:
    """Mass that a contact feels at a point in a direction, ``1 / (u^T J M^-1 J^T u)`` [kg].

    Args:
        model: Record of the model.
        row: Record of the environment; ``energy_axes``, ``energy_mass`` and ``energy_jacobian`` are written.
        link: Index of the joint that carries the point.
        point: World (3,) [m].
        direction: Unit vector u (3,), world.

    Returns:
        The mass; inf if no joint can move the point in this direction.
    """
    frames, axes, m, jacobian = row.frames, row.energy_axes, row.energy_mass, row.energy_jacobian
    n = axes.shape[0]
    joint_axes(frames, model.link_axis, axes)
    mass_matrix(frames, axes, model.link_mass, model.link_centre, model.link_inertia, model.armature, m)
    if row.held_mass != 0.0:
        frame, c = frames[n - 1], np.empty(3)
        for r in range(3):
            c[r] = frame[3, r]
            for k in range(3):
                c[r] += frame[r, k] * row.held_centre[k]
        point_jacobian(frames, axes, n - 1, c, jacobian)
        for i in range(n):
            for j in range(n):
                moved, turned = 0.0, 0.0
                for r in range(3):
                    moved += jacobian[r, i] * jacobian[r, j]
                    turned += axes[i, r] * axes[j, r]
                m[i, j] += row.held_mass * (moved + row.held_radius_gyration**2 * turned)
    point_jacobian(frames, axes, link, point, jacobian)
    # Cholesky M = L L^T in place, and L x = J^T u along with it: the answer is 1 / |x|^2, x in jacobian[0].
    total = 0.0
    x = jacobian[0]
    for i in range(n):
        value = jacobian[0, i] * direction[0] + jacobian[1, i] * direction[1] + jacobian[2, i] * direction[2]
        for j in range(i + 1):
            entry = m[i, j]
            for k in range(j):
                entry -= m[i, k] * m[j, k]
            m[i, j] = np.sqrt(entry) if i == j else entry / m[j, j]
        for j in range(i):
            value -= m[i, j] * x[j]
        x[i] = value / m[i, i]
        total += x[i] * x[i]
    return 1.0 / total


@kernel
def point_speeds(model: Row, row: Row, frames: Float, q_s: Float, points: Float, speeds: Float) -> None:
    """Largest speed of any point of each capsule's axis, per path speed.

    The velocity is affine along the axis and its norm convex, so the larger of the ends' is the largest. The normal at
    a point of a capsule's surface passes through its axis, ``p = a + r n``, so with ``n . (w x r n) = 0`` the surface
    approaches another body exactly as fast as the axis point a does: no radius enters. As ``|d^2p/ds^2| <= alpha``
    (``curvature_bound``), between two edges the speed is at most ``(v0 + v1 + alpha ds) / 2``.

    Args:
        model: Record of the model.
        row: Record of the environment; ``twists`` is written.
        frames: Of the links (n, 4, 3).
        q_s: (n,) [rad/s].
        points: Ends of the capsules in the same configuration (L, 2, 3) [m].
        speeds: (L,) [m/s], the first ``row.n_capsules`` written.
    """
    twists = row.twists
    link_twists(frames, model.link_axis, q_s, twists)
    for i in range(row.n_capsules):
        k = model.capsule_link[i]
        o, largest = frames[k, 3], 0.0
        for end in range(2):
            p = points[i, end]
            value = _speed_sq(twists[k], p[0] - o[0], p[1] - o[1], p[2] - o[2])
            if not value <= largest:  # also lets a NaN through
                largest = value
        speeds[i] = np.sqrt(largest)
