"""Analytic inverse kinematics of arms and legs, for many samples at once."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.human.body import FloatArray

_STRAIGHTEST = 0.9995
"""Share of its length to which a limb is straightened at most: at 1 the joint speed is unbounded."""


def min_jerk(fraction: FloatArray) -> FloatArray:
    """Minimum-jerk profile from 0 to 1 over 0..1, held outside (Flash & Hogan 1985)."""
    u = np.clip(fraction, 0.0, 1.0)
    return u * u * u * (10.0 + u * (6.0 * u - 15.0))


def bump(fraction: FloatArray) -> FloatArray:
    """A C2 hill over 0..1 with height 1 at the middle and zero speed and acceleration at its feet."""
    u = np.clip(fraction, 0.0, 1.0)
    return 64.0 * (u * (1.0 - u)) ** 3


def unit(vectors: FloatArray) -> FloatArray:
    """Scale (..., 3) vectors to length 1."""
    return np.asarray(vectors / np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., None])


def rotvec_to_matrix(rotvec: FloatArray) -> FloatArray:
    """Rotation matrices (n, 3, 3) of rotation vectors (n, 3) (Rodrigues)."""
    x, y, z = rotvec.T
    xx, yy, zz = x * x, y * y, z * z
    square = xx + yy + zz
    small = square < 1e-16
    safe = np.sqrt(np.where(small, 1.0, square))
    a = np.where(small, 1.0, np.sin(safe) / safe)
    b = np.where(small, 0.5, (1.0 - np.cos(safe)) / (safe * safe))
    ax, ay, az, bxy, bxz, byz = a * x, a * y, a * z, b * x * y, b * x * z, b * y * z
    matrix = np.empty((len(rotvec), 3, 3))
    matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 0, 2] = 1.0 - b * (yy + zz), bxy - az, bxz + ay
    matrix[:, 1, 0], matrix[:, 1, 1], matrix[:, 1, 2] = bxy + az, 1.0 - b * (xx + zz), byz - ax
    matrix[:, 2, 0], matrix[:, 2, 1], matrix[:, 2, 2] = bxz - ay, byz + ax, 1.0 - b * (xx + yy)
    return matrix


def matrix_to_rotvec(matrix: FloatArray) -> FloatArray:
    """Rotation vectors (n, 3) of rotation matrices (n, 3, 3), for angles clearly below half a turn."""
    axis = np.stack(
        (
            matrix[:, 2, 1] - matrix[:, 1, 2],
            matrix[:, 0, 2] - matrix[:, 2, 0],
            matrix[:, 1, 0] - matrix[:, 0, 1],
        ),
        axis=1,
    )
    twice_sin = np.linalg.norm(axis, axis=1)
    angle = np.arctan2(twice_sin, np.trace(matrix, axis1=1, axis2=2) - 1.0)
    scale = np.where(twice_sin < 1e-8, 0.5, angle / np.maximum(twice_sin, 1e-300))
    return np.asarray(axis * scale[:, None])


def two_bone(
    root: FloatArray, target: FloatArray, pole: FloatArray, upper_m: float, lower_m: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bend a two-bone limb so that its end is at the target and its middle joint points to the pole.

    Args:
        root: (n, 3) first joint [m].
        target: (n, 3) wanted end [m]; brought within reach along the line from the root where it is too far
            or near.
        pole: (n, 3) direction in which the middle joint bends out.
        upper_m: length of the first bone.
        lower_m: length of the second bone.

    Returns:
        Direction of the first bone (n, 3), of the second (n, 3), and the angle between them (n,) [rad], 0 =
        straight.
    """
    span = target - root
    shortest = 1.05 * abs(upper_m - lower_m)
    distance = np.clip(np.linalg.norm(span, axis=1), shortest, _STRAIGHTEST * (upper_m + lower_m))
    along = unit(span)
    out = unit(pole - np.sum(pole * along, axis=1, keepdims=True) * along)
    cos_flex = (distance**2 - upper_m**2 - lower_m**2) / (2.0 * upper_m * lower_m)
    flex = np.arccos(np.clip(cos_flex, -1.0, 1.0))
    cos_root = (upper_m**2 + distance**2 - lower_m**2) / (2.0 * upper_m * distance)
    sin_root = np.sqrt(np.maximum(0.0, 1.0 - cos_root**2))
    upper = cos_root[:, None] * along + sin_root[:, None] * out
    lower = unit(distance[:, None] * along - upper_m * upper)
    return upper, lower, flex


def frame_from_xy(x_axis: FloatArray, y_axis: FloatArray) -> FloatArray:
    """Right-handed frames (n, 3, 3), columns x, y, z: y as given, x as near as possible to the one given."""
    x = unit(x_axis - np.sum(x_axis * y_axis, axis=1, keepdims=True) * y_axis)
    return np.stack((x, y_axis, np.cross(x, y_axis)), axis=2)
