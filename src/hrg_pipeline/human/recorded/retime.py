"""Slowing down what is too fast for the shield's assumptions, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.signal import butter, sosfiltfilt

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_INDEX, FloatArray, Skeleton, make_shield_bodies
from hrg_pipeline.human.motion import SAMPLE_RATE_HZ, library_from_rotations, motion_peaks
from hrg_pipeline.human.recorded.recording import aligned, normalised, place_joints

CHECK_STEP_S = 0.001
SPEED_SHARE, ACCELERATION_SHARE = 0.98, 0.95
"""Shares of the bounds that a clip may use; the rest is for what lies between two checked instants."""
LOW_PASS_HZ = 6.0
"""Human movement lies below (Winter, Biomechanics and Motor Control of Human Movement); what is faster and breaks
the bound of acceleration is noise of the recording."""
_BIN_S, _GRID_S = 0.02, 0.005
_EASE_S, _REST_S, _AT_REST = 0.5, 0.12, 0.05
_DILATE_S, _SMOOTH_S = 0.25, 0.10
_MASK_DILATE_S, _MASK_SMOOTH_S = 0.20, 0.08
_MOSTLY = 0.25
_MAX_ROUNDS = 60
_SLOWEST = 12.0


@dataclass(frozen=True, eq=False)
class Timing:
    """Which instant of the recording is shown at which time of the clip."""

    clip_s: FloatArray
    """(m,) rising times of the clip [s]."""
    recorded_s: FloatArray
    """(m,) the instants of the recording [s]."""

    def to_clip(self, recorded_s: float) -> float:
        """Time of the clip at which an instant of the recording is shown [s]."""
        inside = slice(*np.searchsorted(self.recorded_s, (1e-12, self.recorded_s[-1] - 1e-12)).tolist())
        first, last = max(inside.start - 1, 0), min(inside.stop + 1, len(self.recorded_s))
        return float(np.interp(recorded_s, self.recorded_s[first:last], self.clip_s[first:last]))


@dataclass(frozen=True, eq=False)
class Fitted:
    """A motion that keeps the bounds."""

    root_position: FloatArray
    rotations: FloatArray
    timing: Timing
    speed: float
    """Highest speed of a joint at 1 kHz [m/s]."""
    acceleration: float
    """Highest acceleration of a joint [m/s^2]."""
    smoothed_s: float
    """Time during which noise was filtered out [s]."""
    slowed_s: float
    """Recorded time that is shown slower than recorded [s]."""
    slowest: float
    """Largest factor by which the motion was slowed down, apart from starting and stopping."""


def keep_bounds(
    root_position: FloatArray, rotations: FloatArray, rate_hz: float, skeleton: Skeleton, hand_speed_max: float
) -> Fitted:
    """Filter noise, start and end at rest, and slow down until every joint keeps the shield's bounds at 1 kHz.

    The motion is sampled at the library's rate and checked as the library plays it. The pace is smooth, so slowing
    down adds next to no acceleration of its own. Poses stay as they are, save where noise was filtered.

    Args:
        root_position: (n, 3) [m].
        rotations: (n, 24, 4) unit quaternions wxyz.
        rate_hz: samples a second.
        skeleton: the person.
        hand_speed_max: bound of the hands' speed, if it is below the shield's [m/s].

    Raises:
        MotionError: if the motion would have to be slowed down more than twelvefold somewhere.
    """
    bodies = make_shield_bodies(skeleton)
    v_max, a_max = SPEED_SHARE * bodies.v_max, ACCELERATION_SHARE * bodies.a_max
    hands = [BODY_INDEX["L_Hand"], BODY_INDEX["R_Hand"]]
    v_max[hands] = np.minimum(v_max[hands], SPEED_SHARE * hand_speed_max)
    root_position, rotations, smoothed_s = _without_noise(root_position, rotations, rate_hz, skeleton, a_max)
    times = np.arange(len(root_position)) / rate_hz
    place = CubicSpline(times, root_position)
    turn = CubicSpline(times, aligned(rotations).reshape(len(times), -1))
    speeds = np.linalg.norm(np.diff(place_joints(skeleton.offset, root_position, rotations)[0], axis=0), axis=2)
    ends = [bool(speeds[k].max() * rate_hz > _AT_REST) for k in (0, -1)]
    grid = np.linspace(0.0, times[-1], max(8, round(times[-1] / _GRID_S) + 1))
    slowness = np.ones_like(grid)
    for _ in range(_MAX_ROUNDS):
        timing = _timing(grid, slowness, ends[0], ends[1])
        shown = np.clip(timing.recorded_s, 0.0, times[-1])
        new_root = place(shown)
        new_rotations = aligned(normalised(turn(shown).reshape(len(shown), -1, 4)))
        library = library_from_rotations([new_root], [new_rotations], [SAMPLE_RATE_HZ])
        edges = np.arange(0.0, timing.clip_s[-1] + _BIN_S, _BIN_S)
        speed, acceleration = motion_peaks(library, skeleton, 0, CHECK_STEP_S, edges)
        factor = np.maximum((speed / v_max).max(axis=1), np.sqrt((acceleration / a_max).max(axis=1)))
        if factor.max() <= 1.0:
            return Fitted(
                root_position=new_root,
                rotations=new_rotations,
                timing=timing,
                speed=float(speed.max()),
                acceleration=float(acceleration.max()),
                smoothed_s=smoothed_s,
                slowed_s=float((slowness > 1.001).mean() * times[-1]),
                slowest=float(slowness.max()),
            )
        slowness = _slower(slowness, grid, factor, edges, timing)
        if slowness.max() > _SLOWEST:
            break
    worst = float(np.interp(edges[int(factor.argmax())], timing.clip_s, shown))
    raise MotionError(
        f"cannot be brought within the bounds: near {worst:.2f} s of the recording it would have to be slowed down "
        f"more than {min(float(slowness.max()), _SLOWEST):.0f} times"
    )


def _slower(
    slowness: FloatArray, grid: FloatArray, factor: FloatArray, edges: FloatArray, timing: Timing
) -> FloatArray:
    """Slow down around the parts of the clip that are too fast."""
    needed = np.ones_like(grid)
    middles = np.interp(0.5 * (edges[:-1] + edges[1:]), timing.clip_s, timing.recorded_s)
    step = grid[1] - grid[0]
    for k in np.flatnonzero(factor > 1.0):
        index = min(len(grid) - 1, round(float(middles[k]) / step))
        needed[index] = max(needed[index], 1.0 + 1.05 * (factor[k] - 1.0) + 0.003)
    wide = maximum_filter1d(needed, 2 * round(_DILATE_S / step) + 1, mode="nearest")
    return np.asarray(slowness * gaussian_filter1d(wide, _SMOOTH_S / step, mode="nearest", truncate=2.5))


def _timing(grid: FloatArray, slowness: FloatArray, ease_start: bool, ease_end: bool) -> Timing:
    """Times of the clip's samples and what they show: a smooth start and stop where the recording has none."""
    step = grid[1] - grid[0]
    elapsed = np.concatenate(([0.0], np.cumsum(0.5 * (slowness[1:] + slowness[:-1]) * step)))
    total = float(elapsed[-1])
    ease = [min(_EASE_S, total) if wanted else 0.0 for wanted in (ease_start, ease_end)]
    rest = [_REST_S if wanted else 0.0 for wanted in (ease_start, ease_end)]
    duration = total + 0.5 * sum(ease) + sum(rest)
    n = int(np.ceil(duration * SAMPLE_RATE_HZ - 1e-9)) + 1
    clip_s = np.arange(n) / SAMPLE_RATE_HZ
    spare = clip_s[-1] - duration
    if not (ease_start or ease_end):
        # Nothing to ease: the rounding of the duration to whole samples is spread over the clip.
        passed = clip_s * (total / clip_s[-1])
    else:
        lead = rest[0] + (0.0 if ease_end else spare)
        passed = _eased(clip_s - lead, ease[0], total, ease[1])
    recorded = CubicSpline(elapsed, grid)(np.clip(passed, 0.0, total))
    return Timing(clip_s, np.maximum.accumulate(np.clip(recorded, grid[0], grid[-1])))


def _eased(t: FloatArray, start_s: float, total_s: float, end_s: float) -> FloatArray:
    """Time that has passed when the pace rises smoothly from 0 to 1 at the start and falls back at the end."""
    passed = t - 0.5 * start_s
    if start_s > 0.0:
        passed = np.where(t < start_s, start_s * _smooth_step_integral(t / start_s), passed)
    if end_s > 0.0:
        left = (total_s + 0.5 * (start_s + end_s)) - t
        passed = np.where(left < end_s, total_s - end_s * _smooth_step_integral(left / end_s), passed)
    return np.asarray(passed)


def _smooth_step_integral(x: FloatArray) -> FloatArray:
    """Integral from 0 of the step 6x^5 - 15x^4 + 10x^3."""
    u = np.clip(x, 0.0, 1.0)
    return np.asarray(u**6 - 3.0 * u**5 + 2.5 * u**4)


def _without_noise(
    root_position: FloatArray, rotations: FloatArray, rate_hz: float, skeleton: Skeleton, a_max: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """Low-pass filter where joints accelerate beyond the bounds; everywhere if that is in most places."""
    joints = place_joints(skeleton.offset, root_position, rotations)[0]
    acceleration = np.linalg.norm(np.diff(joints, 2, axis=0), axis=2) * rate_hz**2
    noisy = np.concatenate(([False], (acceleration > a_max).any(axis=1), [False]))
    if not noisy.any() or rate_hz <= 2.5 * LOW_PASS_HZ or len(noisy) < 32:
        return root_position, rotations, 0.0
    wide = maximum_filter1d(noisy.astype(float), 2 * round(_MASK_DILATE_S * rate_hz) + 1, mode="nearest")
    share = np.clip(gaussian_filter1d(wide, _MASK_SMOOTH_S * rate_hz, mode="nearest"), 0.0, 1.0)
    if wide.mean() > _MOSTLY:
        share = np.ones_like(share)
    sections = butter(2, LOW_PASS_HZ, fs=rate_hz, output="sos")
    root = root_position + share[:, None] * (sosfiltfilt(sections, root_position, axis=0) - root_position)
    signed = aligned(rotations)
    turned = signed + share[:, None, None] * (sosfiltfilt(sections, signed, axis=0) - signed)
    return root, normalised(turned), float((share > 0.01).sum() / rate_hz)
