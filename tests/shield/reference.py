"""The shield's mathematics once more, slow and obvious, in plain numpy."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.shield.model import RobotGeometry, ShieldModel
from hrg_pipeline.shield.state import ShieldState
from tests.shield.toys import rotation


def segment_distance(p1, p2, q1, q2) -> float:
    """Brute force: nested ternary search, the distance is convex in both parameters."""

    def inner(x: float) -> float:
        p = p1 + x * (p2 - p1)
        d = q2 - q1
        y = 0.0 if d @ d == 0.0 else float(np.clip((p - q1) @ d / (d @ d), 0, 1))
        return float(np.linalg.norm(p - q1 - y * d))

    lo, hi = 0.0, 1.0
    for _ in range(100):
        a, b = lo + (hi - lo) / 3, hi - (hi - lo) / 3
        if inner(a) <= inner(b):
            hi = b
        else:
            lo = a
    return min(inner(0.5 * (lo + hi)), inner(0.0), inner(1.0))


def capsules(geometry: RobotGeometry, q) -> np.ndarray:
    """World ends of all capsules (L, 2, 3) by homogeneous transforms."""
    frames = []
    pos, rot = geometry.base_pos, geometry.base_rot
    for i in range(len(q)):
        pos = pos + rot @ geometry.joint_pos[i]
        rot = rot @ geometry.joint_rot[i]
        anchor = pos + rot @ geometry.joint_anchor[i]
        rot = rot @ rotation(geometry.joint_axis[i], q[i])
        pos = anchor - rot @ geometry.joint_anchor[i]
        frames.append((pos, rot))
    ends = np.stack([geometry.capsule_p1, geometry.capsule_p2], axis=1)
    return np.stack(
        [frames[link][0] + e @ frames[link][1].T for link, e in zip(geometry.capsule_link, ends, strict=True)]
    )


def path_position(plan_start, phases, t: float) -> tuple[float, float]:
    """(s, s') by many small exact steps through the phases."""
    s, v, a = plan_start
    for duration, jerk in phases:
        dt = min(duration, max(t, 0.0))
        s, v, a = s + v * dt + a * dt**2 / 2 + jerk * dt**3 / 6, v + a * dt + jerk * dt**2 / 2, a + jerk * dt
        t -= duration
    return s, v


def trajectory(ltt, s: float) -> np.ndarray:
    """Joint positions (n,) at s."""
    out = []
    for phases in ltt:
        k = max(0, int(np.searchsorted(phases[:, 0], s, side="right")) - 1)
        x = s - phases[k, 0]
        out.append(phases[k, 1] + phases[k, 2] * x + phases[k, 3] * x**2 / 2 + phases[k, 4] * x**3 / 6)
    return np.array(out)


def gap(geometry: RobotGeometry, model: ShieldModel, q, human) -> float:
    """Smallest distance of real robot and real human capsules."""
    ends = capsules(geometry, q)
    best = np.inf
    for k, (p1, p2) in enumerate(ends):
        for b in range(len(model.proximal)):
            d = segment_distance_fast(p1, p2, human[model.proximal[b]], human[model.distal[b]])
            best = min(best, d - geometry.capsule_radius[k] - model.body_radius[b])
    return float(best)


def segment_distance_fast(p1, p2, q1, q2) -> float:
    """Distance by sampling one segment finely; over-estimates by at most a thousandth of its length."""
    points = p1 + np.linspace(0, 1, 501)[:, None] * (p2 - p1)
    d = q2 - q1
    y = np.zeros(len(points)) if d @ d == 0.0 else np.clip((points - q1) @ d / (d @ d), 0, 1)
    return float(np.linalg.norm(points - q1 - y[:, None] * d, axis=1).min())


def plan_is_clear(
    geometry, model: ShieldModel, state: ShieldState, i: int, human, age: float, margin: float = 0.0
) -> bool:
    """Dense sampling of the stored plan against the grown human: the exact answer, up to the sampling."""
    start, phases, total = state.plan_start[i], state.plan_phases[i], state.plan_total[i]
    ltt = state.ltt[i, state.active[i]]
    for t in np.linspace(0.0, total, 25):
        s, _ = path_position(start, phases, t)
        ends = capsules(geometry, trajectory(ltt, s))
        for k, (p1, p2) in enumerate(ends):
            for b in range(len(model.proximal)):
                first, second = model.proximal[b], model.distal[b]
                v = max(model.human_v_max[first], model.human_v_max[second])
                grown = model.body_error[b] + v * (age + t) + model.body_radius[b]
                d = segment_distance_fast(p1, p2, human[first], human[second])
                if d < grown + geometry.capsule_radius[k] + model.tracking_error - margin:
                    return False
    return True
