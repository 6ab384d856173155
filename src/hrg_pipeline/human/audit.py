"""A slow second opinion on the bounds of a clip: interpolation, kinematics and differences in plain numpy."""

from __future__ import annotations

import math

import numpy as np
from scipy.interpolate import make_interp_spline

from hrg_pipeline.human.body import BODY_NAMES, PARENTS, FloatArray, make_shield_bodies, make_skeleton
from hrg_pipeline.human.clip import Clip, Loop

STEP_S = 0.001
PERTURBATION_MAX = 1.1**3
"""An episode multiplies amplitudes and speeds of a loop by up to this, or divides them by it."""
_BEFORE_S, _LOOPING_S, _AFTER_S = 0.5, (2.0, 6.0), 0.5


def joint_tracks(clip: Clip, times: FloatArray) -> FloatArray:
    """Position of every joint.

    Args:
        clip: any clip; the skeleton is that of its stature.
        times: (T,) time in the clip [s]; the first and the last posture are held outside.

    Returns:
        (T, 24, 3) [m], world frame.
    """
    rotations = clip.rotations.copy()
    for k in range(1, len(rotations)):
        flipped = np.sum(rotations[k] * rotations[k - 1], axis=1) < 0.0
        rotations[k, flipped] *= -1.0
    samples = np.concatenate((clip.root_position, rotations.reshape(len(rotations), -1)), axis=1)
    at_samples = np.arange(len(samples)) / clip.rate_hz
    curve = make_interp_spline(at_samples, samples, k=3, bc_type="clamped")
    values = np.ascontiguousarray(curve(np.clip(times, 0.0, at_samples[-1])).T)
    offsets = make_skeleton(clip.stature_m).offset
    quats: list[FloatArray] = []
    tracks = np.empty((len(PARENTS), 3, len(times)))
    for body, parent in enumerate(PARENTS):
        local = values[3 + 4 * body : 7 + 4 * body]
        local = local / np.sqrt((local * local).sum(axis=0))
        if parent < 0:
            tracks[body] = values[:3]
            quats.append(local)
            continue
        tracks[body] = tracks[parent] + _rotated(quats[parent], offsets[body])
        quats.append(_product(quats[parent], local) if body in PARENTS else local)
    return np.asarray(tracks.transpose(2, 0, 1))


def _product(a: FloatArray, b: FloatArray) -> FloatArray:
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    return np.stack(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        )
    )


def _rotated(quat: FloatArray, vector: FloatArray) -> FloatArray:
    w, x, y, z = quat
    a, b, c = vector
    tx, ty, tz = 2.0 * (y * c - z * b), 2.0 * (z * a - x * c), 2.0 * (x * b - y * a)
    return np.stack((a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx))


def played_loop(loop: Loop, amplitudes: FloatArray, speeds: FloatArray, looping_s: float) -> FloatArray:
    """Time in the clip (T,) at every millisecond: up to the anchor, in the loop, and on from wherever it is then.

    Args:
        loop: whose anchor is meant.
        amplitudes: (k,) as perturbed [s].
        speeds: (k,) as perturbed.
        looping_s: how long the person waits.
    """
    t = np.arange(-_BEFORE_S, looping_s + _AFTER_S, STEP_S)
    waiting = np.clip(t, 0.0, looping_s)
    back_and_forth = (amplitudes * np.sin(waiting[:, None] * speeds / amplitudes)).sum(axis=1)
    return np.asarray(loop.anchor_s + np.minimum(t, 0.0) + back_and_forth + np.maximum(t - looping_s, 0.0))


def bound_violations(clip: Clip, rng: np.random.Generator) -> list[str]:
    """Play a clip as it is, and every loop of it perturbed, and list the joints that exceed the shield's bounds.

    Speeds and accelerations are differences at every millisecond. Every loop is played twice: with its speeds as
    large and its amplitudes as small as they get, and with factors drawn at random; it ends at a random instant.

    Returns:
        One line for each way of playing and joint that is too fast or too sudden; empty when all keep their bounds.
    """
    found = _too_much(clip, "as recorded", np.arange(-5 * STEP_S, clip.duration_s + 5 * STEP_S, STEP_S))
    for stage, loop in clip.loops.items():
        size = len(loop.speeds)
        extreme = np.full((2, size), [[1.0 / PERTURBATION_MAX], [PERTURBATION_MAX]])
        drawn = 1.1 ** np.clip(rng.standard_normal((2, size)), -3.0, 3.0)
        for factors in (extreme, drawn):
            amplitudes, speeds = factors * (loop.amplitudes_s, loop.speeds)
            times = played_loop(loop, amplitudes, speeds, rng.uniform(*_LOOPING_S))
            found += _too_much(clip, f"in the loop '{stage}'", times)
    return found


def _too_much(clip: Clip, how: str, times: FloatArray) -> list[str]:
    bounds = make_shield_bodies(make_skeleton(clip.stature_m))
    tracks = joint_tracks(clip, times)
    speed = np.linalg.norm(np.diff(tracks, axis=0), axis=2).max(axis=0) / STEP_S
    acceleration = np.linalg.norm(np.diff(tracks, n=2, axis=0), axis=2).max(axis=0) / STEP_S**2
    found = []
    for values, limits, unit in ((speed, bounds.v_max, "m/s"), (acceleration, bounds.a_max, "m/s^2")):
        for body, name in enumerate(BODY_NAMES):
            if not (math.isfinite(values[body]) and values[body] <= limits[body]):
                found.append(f"{clip.name} {how}: {name} {values[body]:.3f} {unit}, may be {limits[body]:.1f}")
    return found
