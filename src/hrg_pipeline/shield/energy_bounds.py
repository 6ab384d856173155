"""Upper bounds of the robot's kinetic energy over pieces of a trajectory, from its values at their edges.

``f`` is ``energy.energy_norm``; the records are those of that module. Everything holds for joint speeds,
accelerations and jerks up to given bounds (``build_ltt``: ``extremes`` columns 2, 3 and 4), so it is computed once per
trajectory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row

Float = NDArray[np.float64]


@kernel
def _jerk_bound(rho: Float, q_s: Float, q_ss: Float, q_sss: Float) -> float:
    """Upper bound of |d^3p/ds^3| of a point that the joints reach at most ``rho`` (n,) [m] far.

    As in ``curvature_bound`` every partial derivative of p by joint angles is at most the rho of its largest index;
    third derivatives meet three speeds, second ones a speed and an acceleration, three times.
    """
    total, s, a = 0.0, 0.0, 0.0
    for k in range(rho.shape[0]):
        s1, a1 = s + q_s[k], a + q_ss[k]
        total += rho[k] * (q_sss[k] + 3.0 * (a1 * s1 - a * s) + s1**3 - s**3)
        s, a = s1, a1
    return total


@kernel
def energy_curvature(model: Row, row: Row, q_s_max: Float, q_ss_max: Float, q_sss_max: Float) -> float:
    """A bound of ``|d^2y/ds^2|`` on a whole trajectory, where ``f = |y|``.

    y stacks ``sqrt(m_b) v_b`` and ``sqrt(I_b) R_b^T w_b`` of all bodies b and ``sqrt(a_j) q_s,j`` of all rotors; the
    root of an inertia stretches by at most the root of its largest eigenvalue.

    ``v_b''`` is bounded as the third derivative of the centre's position. In the body's frame the axis k is ``zeta_k =
    R_b^T z_k``, a unit vector that only the joints between k and b turn, each by a rotation: all its partial
    derivatives by their angles are at most 1. With ``T = sum q_s,j`` and ``A = sum q_ss,j`` over k < j <= b, ``|(zeta_k
    q_s,k)''| <= q_sss,k + 2 q_ss,k T + q_s,k (A + T^2)``, summed over k <= b.

    Args:
        model: Record of the model.
        row: Record of the environment, for the held object.
        q_s_max: Largest joint speeds (n,) [rad/s].
        q_ss_max: Largest joint accelerations (n,) [rad/s^2].
        q_sss_max: Largest joint jerks (n,) [rad/s^3].
    """
    n = q_s_max.shape[0]
    total, spin = 0.0, 0.0
    for b in range(n):
        spin, t, a = 0.0, 0.0, 0.0
        for k in range(b, -1, -1):
            spin += q_sss_max[k] + 2.0 * q_ss_max[k] * t + q_s_max[k] * (a + t * t)
            t += q_s_max[k]
            a += q_ss_max[k]
        jerk = _jerk_bound(model.centre_rho[b], q_s_max, q_ss_max, q_sss_max)
        total += model.link_mass[b] * jerk**2 + model.inertia_top[b] * spin**2
        total += model.armature[b] * q_sss_max[b] ** 2
    jerk = _jerk_bound(row.held_rho, q_s_max, q_ss_max, q_sss_max)
    total += row.held_mass * (jerk**2 + (row.held_radius_gyration * spin) ** 2)
    return float(np.sqrt(total))


@kernel
def energy_bound(f0: float, f1: float, curvature: float, ds: float, speed: float) -> float:
    """Upper bound of the kinetic energy on a piece of path [J].

    y stays within ``curvature ds^2 / 8`` of the chord between its values at the edges, and no point of the chord is
    longer than the longer of these. A NaN stays one.

    Args:
        f0: ``energy_norm`` at the start of the piece.
        f1: At its end.
        curvature: From ``energy_curvature``.
        ds: Its length [s of path].
        speed: Largest path speed on it.
    """
    f = np.maximum(f0, f1) + 0.125 * curvature * ds * ds  # Python's max would drop a NaN
    return float(0.5 * (speed * f) ** 2)
