"""Which capsules of a robot are always near each other, so that nothing is clamped between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.shield.model import RobotGeometry

_SAMPLES = 500
_SEED = 15_066
_NEAR_M = 0.02
"""Capsules closer than this leave no room for a body part."""
_MOSTLY = 0.5


def link_neighbours(geometry: RobotGeometry) -> NDArray[np.int64]:
    """Find pairs of capsules that are neighbours: on the same or adjacent links, or mostly closer than two centimetres.

    Args:
        geometry: The robot, L capsules.

    Returns:
        (L + 1, L + 1), 1 for neighbours; the last row and column are a held object's, which belongs to the last link.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(_SEED)))
    low, high = np.maximum(geometry.q_min, -np.pi), np.minimum(geometry.q_max, np.pi)
    ends = _capsule_ends(geometry, rng.uniform(low, high, (_SAMPLES, len(low))))
    count = len(geometry.capsule_link)
    near = np.zeros((count, count))
    for a in range(count):
        for b in range(a):
            gap = _segment_distances(ends[:, a], ends[:, b]) - geometry.capsule_radius[a] - geometry.capsule_radius[b]
            near[a, b] = near[b, a] = (gap < _NEAR_M).mean()
    link = np.append(geometry.capsule_link, len(low) - 1)
    neighbours = np.abs(link[:, None] - link) <= 1
    neighbours[:count, :count] |= near > _MOSTLY
    return np.asarray(neighbours, dtype=np.int64)


def _capsule_ends(geometry: RobotGeometry, q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ends of all capsules in many configurations (k, n): (k, L, 2, 3) [m]."""
    count = len(q)
    pos, rot = np.tile(geometry.base_pos, (count, 1)), np.tile(geometry.base_rot, (count, 1, 1))
    local = np.stack([geometry.capsule_p1, geometry.capsule_p2], axis=1)
    ends = np.zeros((count, len(geometry.capsule_link), 2, 3))
    for i in range(q.shape[1]):
        pos = pos + rot @ geometry.joint_pos[i]
        rot = rot @ geometry.joint_rot[i]
        anchor = pos + rot @ geometry.joint_anchor[i]
        axis = geometry.joint_axis[i] / np.linalg.norm(geometry.joint_axis[i])
        cross = np.cross(axis, -np.eye(3))
        turn = np.eye(3) + np.sin(q[:, i, None, None]) * cross + (1.0 - np.cos(q[:, i, None, None])) * cross @ cross
        rot = rot @ turn
        pos = anchor - rot @ geometry.joint_anchor[i]
        for c in np.flatnonzero(geometry.capsule_link == i):
            ends[:, c] = pos[:, None] + local[c] @ rot.transpose(0, 2, 1)
    return ends


def _segment_distances(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances of many pairs of segments (k, 2, 3), by points along the first: at most a tenth of it too large."""
    shares = np.linspace(0.0, 1.0, 11)[:, None, None]
    points = first[:, 0] + shares * (first[:, 1] - first[:, 0])
    along = second[:, 1] - second[:, 0]
    length = np.maximum((along * along).sum(-1), 1e-12)
    share = np.clip(((points - second[:, 0]) * along).sum(-1) / length, 0.0, 1.0)
    return np.asarray(np.linalg.norm(points - second[:, 0] - share[..., None] * along, axis=-1).min(axis=0))
