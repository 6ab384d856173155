"""How people may move at worst: within bounds of speed and acceleration, and with bones that do not stretch."""

from __future__ import annotations

import numpy as np

from tests.shield.toys import rotation


def unit(vectors) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def clipped(vectors, longest) -> np.ndarray:
    """Vectors (..., 3) shortened to at most ``longest``."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    most = np.broadcast_to(np.asarray(longest, dtype=float)[..., None], length.shape)
    return vectors * np.minimum(1.0, most / np.maximum(length, 1e-12))


def steered(vel, wish, v_max, a_max, dt: float) -> np.ndarray:
    """Next velocities (J, 3): towards the wish, as fast as the bounds allow."""
    return clipped(vel + clipped(wish - vel, np.asarray(a_max) * dt), v_max)


def chase(pos, vel, targets, v_max, a_max, dt: float, steps: int) -> np.ndarray:
    """Every joint for itself runs to its target (J, 3) and stays: positions (steps + 1, J, 3), ``pos`` first."""
    out = [pos]
    for _ in range(steps):
        wish = unit(targets - pos) * np.minimum(v_max, np.linalg.norm(targets - pos, axis=-1) / dt)[..., None]
        now = steered(vel, wish, v_max, a_max, dt)
        pos, vel = pos + dt * (vel + now) / 2 if np.isfinite(a_max).all() else pos + dt * now, now
        out.append(pos)
    return np.array(out)


def swing(rng, pos, members, root: int, drift, turn_max: float, turn_rate: float, dt: float, steps: int) -> np.ndarray:
    """A person who drifts while one stiff limb turns about its root, positions (steps + 1, J, 3).

    The turn speeds up at ``turn_rate`` [rad/s²] and reverses at times, never above ``turn_max`` [rad/s].
    """
    axis, speed, angle, sign = rng.normal(size=3), 0.0, 0.0, rng.choice([-1.0, 1.0])
    out, relative = [pos], (pos - pos[root])[members]
    for k in range(steps):
        if rng.uniform() < 0.03:
            sign = -sign
        now = np.clip(speed + sign * turn_rate * dt, -turn_max, turn_max)
        angle, speed = angle + dt * (speed + now) / 2, now
        moved = pos + (k + 1) * dt * drift
        moved[members] = moved[root] + relative @ rotation(axis, angle).T
        out.append(moved)
    return np.array(out)
