"""Distances of segments and boxes, velocities and energies of an arm: plain numpy, from the definitions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hrg_pipeline.robots.dynamics import LinkInertias
from hrg_pipeline.shield.model import RobotGeometry
from tests.shield.toys import rotation


class Held(NamedTuple):
    """An object in the gripper: its axis in the frame of the last joint's anchor."""

    ends: np.ndarray
    radius: float
    mass: float

    @property
    def gyration(self) -> float:
        return float(np.linalg.norm(self.ends[1] - self.ends[0])) / 2 + self.radius


def _to_segment(point, segment) -> np.ndarray:
    along = segment[..., 1, :] - segment[..., 0, :]
    length_sq = (along * along).sum(-1)
    share = ((point - segment[..., 0, :]) * along).sum(-1) / np.where(length_sq > 0.0, length_sq, 1.0)
    return np.linalg.norm(point - segment[..., 0, :] - np.clip(share, 0.0, 1.0)[..., None] * along, axis=-1)


def segment_distances(a, b) -> np.ndarray:
    """Distances of segments (..., 2, 3): at an end of one of them, or where the common normal meets both."""
    a, b = np.broadcast_arrays(a, b)
    best = np.minimum(_to_segment(a[..., 0, :], b), _to_segment(a[..., 1, :], b))
    best = np.minimum(best, np.minimum(_to_segment(b[..., 0, :], a), _to_segment(b[..., 1, :], a)))
    d, e, r = a[..., 1, :] - a[..., 0, :], b[..., 1, :] - b[..., 0, :], a[..., 0, :] - b[..., 0, :]
    dd, ee, de, dr, er = ((x * y).sum(-1) for x, y in ((d, d), (e, e), (d, e), (d, r), (e, r)))
    det = dd * ee - de * de
    crossing = det > 0.0
    det = np.where(crossing, det, 1.0)
    s, t = np.clip((de * er - ee * dr) / det, 0.0, 1.0), np.clip((dd * er - de * dr) / det, 0.0, 1.0)
    normal = np.linalg.norm(r + s[..., None] * d - t[..., None] * e, axis=-1)
    return np.where(crossing, np.minimum(best, normal), best)


def box_distances(pos, rot, half, segments) -> np.ndarray:
    """Distances of a box from segments (..., 2, 3) by ternary search: it is convex along a segment."""
    local = (segments - pos) @ rot

    def at(share):
        point = local[..., 0, :] + share[..., None] * (local[..., 1, :] - local[..., 0, :])
        return np.linalg.norm(np.maximum(np.abs(point) - half, 0.0), axis=-1)

    low, high = np.zeros(local.shape[:-2]), np.ones(local.shape[:-2])
    for _ in range(70):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        left = at(a) <= at(b)
        low, high = np.where(left, low, a), np.where(left, b, high)
    return np.minimum(at(0.5 * (low + high)), np.minimum(at(np.zeros_like(low)), at(np.ones_like(low))))


def cross(a, b) -> np.ndarray:
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


class Links(NamedTuple):
    """Where the links of an arm are: joint anchors (n, 3), rotations (n, 3, 3) and unit axes (n, 3), world."""

    origin: np.ndarray
    rot: np.ndarray
    axis: np.ndarray

    def at(self, link: int, local) -> np.ndarray:
        """World place of a point in the frame of a joint's anchor."""
        return self.origin[link] + self.rot[link] @ local

    def velocity(self, link: int, point, dq) -> np.ndarray:
        """Velocity (3,) of a point of a link: every joint before it turns it about its axis."""
        return sum(cross(self.axis[j], point - self.origin[j]) * dq[j] for j in range(link + 1))

    def spin(self, link: int, dq) -> np.ndarray:
        return sum(self.axis[j] * dq[j] for j in range(link + 1))


def links(geometry: RobotGeometry, q) -> Links:
    pos, rot = geometry.base_pos, geometry.base_rot
    origin, rots, axes = [], [], []
    for i in range(len(q)):
        unit = geometry.joint_axis[i] / np.linalg.norm(geometry.joint_axis[i])
        pos = pos + rot @ geometry.joint_pos[i]
        rot = rot @ geometry.joint_rot[i]
        origin.append(pos + rot @ geometry.joint_anchor[i])
        axes.append(rot @ unit)
        rot = rot @ rotation(unit, q[i])
        rots.append(rot)
        pos = origin[-1] - rot @ geometry.joint_anchor[i]
    return Links(np.array(origin), np.array(rots), np.array(axes))


def local_ends(geometry: RobotGeometry, held: Held | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Capsule ends in the frames of the joints' anchors (L, 2, 3), their links (L,) and radii (L,)."""
    ends = np.stack([geometry.capsule_p1, geometry.capsule_p2], axis=1)
    ends = ends - geometry.joint_anchor[geometry.capsule_link][:, None]
    link, radius = geometry.capsule_link, geometry.capsule_radius
    if held is not None:
        ends = np.concatenate([ends, held.ends[None]])
        link, radius = np.append(link, len(geometry.q_min) - 1), np.append(radius, held.radius)
    return ends, link, radius


def capsule_axes(geometry: RobotGeometry, q, held: Held | None = None) -> np.ndarray:
    """World ends of all capsules (L, 2, 3)."""
    ends, link, _ = local_ends(geometry, held)
    where = links(geometry, q)
    return np.array([[where.at(k, end) for end in pair] for k, pair in zip(link, ends, strict=True)])


def capsule_speeds(geometry: RobotGeometry, q, dq, held: Held | None = None) -> np.ndarray:
    """Largest speed of any point of each capsule's axis (L,): a convex function has its maximum at an end."""
    ends, link, _ = local_ends(geometry, held)
    where = links(geometry, q)
    return np.array(
        [max(np.linalg.norm(where.velocity(k, where.at(k, e), dq)) for e in p) for k, p in zip(link, ends, strict=True)]
    )


def kinetic_energy(geometry: RobotGeometry, inertias: LinkInertias, q, dq, held: Held | None = None) -> float:
    """Half of ``m v² + w I w`` of every link and what is held, and of ``a q'²`` of the rotors [J]."""
    where = links(geometry, q)
    total = float(inertias.armature @ np.square(dq))
    for k in range(len(q)):
        v = where.velocity(k, where.at(k, inertias.centre[k]), dq)
        w = where.rot[k].T @ where.spin(k, dq)
        total += inertias.mass[k] * v @ v + w @ inertias.inertia[k] @ w
    if held is not None:
        last = len(q) - 1
        v, w = where.velocity(last, where.at(last, held.ends.mean(0)), dq), where.spin(last, dq)
        total += held.mass * (v @ v + held.gyration**2 * w @ w)
    return 0.5 * float(total)


def curvatures(geometry: RobotGeometry, q_s, q_ss, held: Held | None = None) -> np.ndarray:
    """Bounds of |d²p/ds²| (L,): ``rho`` of the later joint bounds every second derivative by two joint angles."""
    ends, link, _ = local_ends(geometry, held)
    where = links(geometry, np.zeros(len(q_s)))
    step = [0.0, *np.linalg.norm(np.diff(where.origin, axis=0), axis=1)]
    out = []
    for k, pair in zip(link, ends, strict=True):
        far = max(np.linalg.norm(end) for end in pair)
        rho = [far + sum(step[j + 1 : k + 1]) if j <= k else 0.0 for j in range(len(q_s))]
        total = sum(rho[j] * q_ss[j] for j in range(len(q_s)))
        total += sum(rho[max(i, j)] * q_s[i] * q_s[j] for i in range(len(q_s)) for j in range(len(q_s)))
        out.append(total)
    return np.array(out)


def trajectory_at(ltt, s: float) -> tuple[np.ndarray, np.ndarray]:
    """Joint positions and their derivatives by s."""
    q, q_s = [], []
    for phases in ltt:
        k = max(0, int(np.searchsorted(phases[:, 0], s, side="right")) - 1)
        x = s - phases[k, 0]
        q.append(phases[k, 1] + phases[k, 2] * x + phases[k, 3] * x**2 / 2 + phases[k, 4] * x**3 / 6)
        q_s.append(phases[k, 2] + phases[k, 3] * x + phases[k, 4] * x**2 / 2)
    return np.array(q), np.array(q_s)
