"""Motion libraries from sampled postures and rotations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import spline_filter1d

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import N_BODIES, FloatArray
from hrg_pipeline.human.clip import MIN_SAMPLES
from hrg_pipeline.human.curves import ROOT_SIZE, MotionLibrary, check_library, motion_frame, pose_at
from hrg_pipeline.human.derivatives import motion_peaks
from hrg_pipeline.human.kinematics import POSTURE_SIZE, rotations_of

__all__ = [
    "SAMPLE_RATE_HZ",
    "MotionLibrary",
    "check_library",
    "check_postures",
    "library_from_postures",
    "library_from_rotations",
    "motion_frame",
    "motion_peaks",
    "pose_at",
]

SAMPLE_RATE_HZ = 50.0


def library_from_postures(
    clips: Sequence[FloatArray],
    rate_hz: float = SAMPLE_RATE_HZ,
    pivots_xy: FloatArray | None = None,
) -> MotionLibrary:
    """Interpolate sampled postures.

    Args:
        clips: one (n_i, 75) array of postures a clip, samples at ``rate_hz``.
        rate_hz: samples a second.
        pivots_xy: (C, 2) points that a yaw offset turns the clips about; the last root position where not
            given.

    Raises:
        MotionError: no clips, a wrong shape or rate, or a value that is not finite.
    """
    for index, clip in enumerate(clips):
        check_postures(clip, f"clip {index}")
    rotations = [rotations_of(clip) for clip in clips]
    return library_from_rotations([clip[:, :3] for clip in clips], rotations, [rate_hz] * len(clips), pivots_xy)


def library_from_rotations(
    roots: Sequence[FloatArray],
    rotations: Sequence[FloatArray],
    rates_hz: Sequence[float],
    pivots_xy: FloatArray | None = None,
) -> MotionLibrary:
    """Interpolate sampled root positions and rotations by cubic B-splines.

    The signs of the quaternions may be any: q and -q are the same rotation, and the nearer one is taken.

    Args:
        roots: one (n_i, 3) array a clip [m].
        rotations: one (n_i, 24, 4) array of unit quaternions wxyz a clip.
        rates_hz: samples a second of each clip.
        pivots_xy: (C, 2) points that a yaw offset turns the clips about; the last root positions where not given.

    Raises:
        MotionError: no clips or a rate that cannot be.
    """
    if not roots:
        raise MotionError("a motion library needs at least one clip, got none")
    for rate_hz in rates_hz:
        if not (math.isfinite(rate_hz) and rate_hz > 0.0):
            raise MotionError(f"rate_hz is {rate_hz}; it must be positive and finite")
    turning = np.array([max(float(np.abs(r[:, body, 1:]).max()) for r in rotations) > 0.0 for body in range(N_BODIES)])
    column = np.where(turning, ROOT_SIZE + 4 * (np.cumsum(turning) - 1), -1)
    points = []
    for root, rotation in zip(roots, rotations, strict=True):
        samples = np.concatenate((root, _unbroken(rotation)[:, turning].reshape(len(root), -1)), axis=1)
        inner = spline_filter1d(samples, order=3, axis=0, mode="mirror", output=np.float64)
        points.append(np.concatenate((inner[1:2], inner, inner[-2:-1])))
    count = np.array([len(p) for p in points], dtype=np.int64)
    pivots = np.array([root[-1, :2] for root in roots]) if pivots_xy is None else np.asarray(pivots_xy, np.float64)
    library = MotionLibrary(
        points=np.ascontiguousarray(np.concatenate(points)),
        first=np.concatenate(([0], np.cumsum(count)[:-1])).astype(np.int64),
        n_points=count,
        length_s=(count - 3) / np.asarray(rates_hz, np.float64),
        rate_hz=np.array(rates_hz, dtype=np.float64),
        pivot_xy=np.ascontiguousarray(pivots),
        column=column.astype(np.int64),
    )
    check_library(library)
    return library


def _unbroken(rotations: FloatArray) -> FloatArray:
    """The same rotations (n, 24, 4) by quaternions that do not change sign from sample to sample."""
    along = np.sum(rotations[1:] * rotations[:-1], axis=2)
    signs = np.cumprod(np.where(along < 0.0, -1.0, 1.0), axis=0)
    return np.concatenate((rotations[:1], rotations[1:] * signs[..., None]))


def check_postures(postures: FloatArray, what: str) -> None:
    """Refuse sampled postures that cannot be a clip.

    Raises:
        MotionError: wrong shape, too few samples, or a value that is not finite.
    """
    if postures.ndim != 2 or postures.shape[1] != POSTURE_SIZE or postures.shape[0] < MIN_SAMPLES:
        raise MotionError(f"{what} has shape {postures.shape}; expected (n, {POSTURE_SIZE}) with n >= {MIN_SAMPLES}")
    if not np.isfinite(postures).all():
        row, column = np.argwhere(~np.isfinite(postures))[0]
        raise MotionError(f"{what} has {postures[row, column]} at sample {row}, column {column}; must be finite")
