"""Legs for recordings that have none: feet that stand and step under the recorded pelvis."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.spatial.transform import Rotation

from hrg_pipeline.human.body import ANKLE_HEIGHT, BODY_INDEX, FloatArray, Skeleton, stature_of
from hrg_pipeline.human.ik import bump, frame_from_xy, two_bone, unit
from hrg_pipeline.human.posing import FOOT_HALF_WIDTH, STEP_HEIGHT_M, TOE_OUT_RAD

_SIDES = {"L": 1.0, "R": -1.0}
_SMOOTH_S = 0.15
"""The path that the feet follow is the pelvis' path, smoothed over this time."""
_LOOK_AHEAD_S = 0.30
_STEP_AT_M, _STEP_AT_RAD = 0.13, 0.45
"""A foot steps when the place under the hip is going to be this far from it."""
_SETTLE_SHARE, _SETTLE_S = 0.45, 0.8
"""While standing still, a foot is put right when it is off by this share of that."""
_SWING_MIN_S, _SWING_PER_M, _SWING_MAX_S, _BOTH_DOWN_S = 0.38, 0.30, 0.65, 0.06
_RAMP = 0.3
"""Share of a swing in which the foot speeds up, and slows down."""
_HEEL_GAIN, _HEEL_MAX_RAD = 60.0, 0.6
_SWING_PITCH_GAIN = 4.0
_STRAIGHTEST = 0.992
"""Share of its length to which a leg is straightened: beyond, the knee would snap."""
_DROP_S = 0.25


class Feet(NamedTuple):
    """Ankles above their rest places: x, y, height above rest [m], yaw [rad], (n, 4) each."""

    left: FloatArray
    right: FloatArray


def plan_feet(pelvis_xy: FloatArray, yaw: FloatArray, rate_hz: float, stature_m: float) -> Feet:
    """Let the feet stand, and step one after the other where the pelvis goes.

    Args:
        pelvis_xy: (n, 2) point below the hips [m].
        yaw: (n,) direction in which the pelvis faces, without jumps by a turn [rad].
        rate_hz: samples a second.
        stature_m: body height [m].
    """
    sigma = _SMOOTH_S * rate_hz
    centre = gaussian_filter1d(pelvis_xy, sigma, axis=0, mode="nearest")
    heading = gaussian_filter1d(yaw, sigma, mode="nearest")
    n = len(centre)
    sideways = np.column_stack((-np.sin(heading), np.cos(heading))) * FOOT_HALF_WIDTH * stature_m
    wanted = {
        side: np.column_stack((centre + sign * sideways, heading + sign * TOE_OUT_RAD)) for side, sign in _SIDES.items()
    }
    place = {side: wanted[side][0].copy() for side in _SIDES}
    path = {side: np.column_stack((np.tile(wanted[side][0, :2], (n, 1)), np.zeros(n), np.full(n, wanted[side][0, 2])))
            for side in _SIDES}  # fmt: skip
    ahead, settle = round(_LOOK_AHEAD_S * rate_hz), round(_SETTLE_S * rate_hz)
    frame, last = 0, ""
    while frame < n - 1:
        soon, later = min(n - 1, frame + ahead), min(n - 1, frame + settle)
        score = {side: _off(wanted[side][soon] - place[side]) for side in _SIDES}
        # The foot that stepped last waits for the other one.
        side = max(_SIDES, key=lambda s: score[s] * (0.6 if s == last else 1.0))
        still = max(_off(wanted[s][later] - wanted[s][frame]) for s in _SIDES) < 0.15
        if score[side] < (_SETTLE_SHARE if still else 1.0):
            frame += 1
            continue
        guess = float(np.linalg.norm(wanted[side][soon][:2] - place[side][:2]))
        swing_s = min(_SWING_MAX_S, _SWING_MIN_S + _SWING_PER_M * guess)
        end = frame + max(4, round(swing_s * rate_hz))
        # Land where the hip will be in the middle of the time that the foot then stands.
        target = wanted[side][min(n - 1, end + round(0.5 * swing_s * rate_hz))].copy()
        _swing(path[side], place[side], target, frame, end)
        place[side], last = target, side
        frame = end + round(_BOTH_DOWN_S * rate_hz)
    return Feet(path["L"], path["R"])


def _off(difference: FloatArray) -> float:
    """How much a foot is out of place; 1 makes it step."""
    return float(np.hypot(np.hypot(difference[0], difference[1]) / _STEP_AT_M, difference[2] / _STEP_AT_RAD))


def _swing(path: FloatArray, start: FloatArray, target: FloatArray, first: int, last: int) -> None:
    """Move a foot between two frames; the path may end before the swing does."""
    frames = np.arange(first, len(path))
    u = np.clip((frames - first) / (last - first), 0.0, 1.0)
    move = target - start
    path[first:, :2] = start[:2] + _ramped(u)[:, None] * move[:2]
    path[first:, 3] = start[2] + _ramped(u) * move[2]
    path[first:, 2] = STEP_HEIGHT_M * bump(u)


def _ramped(u: FloatArray) -> FloatArray:
    """A path from 0 to 1 over 0..1 with smooth ramps and an even middle: peak speed 1.43, min-jerk has 1.875."""
    r = _RAMP
    ramp = np.where(u < 0.5, u, 1.0 - u)
    x = np.clip(ramp / r, 0.0, 1.0)
    # Integral of the smooth step 6x^5 - 15x^4 + 10x^3.
    rising = r * (x**6 - 3.0 * x**5 + 2.5 * x**4) + np.maximum(ramp - r, 0.0)
    part = rising / (1.0 - r)
    return np.asarray(np.where(u < 0.5, part, 1.0 - part))


def pose_legs(
    rotations: FloatArray, pelvis: FloatArray, yaw: FloatArray, skeleton: Skeleton, feet: Feet, rate_hz: float
) -> None:
    """Write hips, knees, ankles and toes so that the feet are where they should be; lower the pelvis to reach them.

    Args:
        rotations: (n, 24, 4) unit quaternions wxyz; the root is read, the leg joints are written.
        pelvis: (n, 3) root position [m]; its height is lowered where a leg would be too short.
        yaw: (n,) direction in which the pelvis faces [rad].
        skeleton: the person.
        feet: where the feet are.
        rate_hz: samples a second.
    """
    frame = Rotation.from_quat(rotations[:, 0], scalar_first=True)
    forward = np.column_stack((np.cos(yaw), np.sin(yaw), np.zeros_like(yaw)))
    hips = {side: pelvis + frame.apply(skeleton.offset[BODY_INDEX[f"{side}_Hip"]]) for side in _SIDES}
    ankles = {side: _ankle(foot, hips[side], forward, skeleton) for side, foot in zip(_SIDES, feet, strict=True)}
    drop = np.max([_too_high(hips[side], ankles[side].position, skeleton) for side in _SIDES], axis=0)
    drop = maximum_filter1d(drop, 2 * round(_DROP_S * rate_hz) + 1, mode="nearest")
    drop = gaussian_filter1d(drop, 0.4 * _DROP_S * rate_hz, mode="nearest", truncate=2.5)
    pelvis[:, 2] -= drop
    for side in _SIDES:
        body = {part: BODY_INDEX[f"{side}_{part}"] for part in ("Hip", "Knee", "Ankle", "Toe")}
        ankle = ankles[side]
        hip = hips[side] - np.column_stack((np.zeros((len(drop), 2)), drop))
        pole = forward + ankle.frame.apply((1.0, 0.0, 0.0))
        upper, lower, _ = two_bone(hip, ankle.position, pole, *_bones(skeleton))
        lateral = unit(np.cross(-upper, pole))
        thigh = Rotation.from_matrix(frame_from_xy(lateral, -upper)[:, :, [2, 0, 1]])
        shank = Rotation.from_matrix(frame_from_xy(lateral, -lower)[:, :, [2, 0, 1]])
        for name, local in (
            ("Hip", frame.inv() * thigh),
            ("Knee", thigh.inv() * shank),
            ("Ankle", shank.inv() * ankle.frame),
            ("Toe", Rotation.from_euler("Y", -ankle.heel_up[:, None])),
        ):
            rotations[:, body[name]] = local.as_quat(scalar_first=True)


class _Ankle(NamedTuple):
    position: FloatArray
    frame: Rotation
    heel_up: FloatArray


def _ankle(foot: FloatArray, hip: FloatArray, forward: FloatArray, skeleton: Skeleton) -> _Ankle:
    """Where an ankle is and how its foot is turned; a foot behind its hip stands on the ball."""
    behind = np.maximum(np.sum((hip[:, :2] - foot[:, :2]) * forward[:, :2], axis=1), 0.0)
    heel_up = _HEEL_MAX_RAD * np.tanh(_HEEL_GAIN * behind**3 / _HEEL_MAX_RAD)
    pitch = heel_up + _SWING_PITCH_GAIN * foot[:, 2]
    # The foot turns about the ball: the ankle comes up by as much as the ball would sink.
    lift = skeleton.offset[BODY_INDEX["L_Toe"], 0] * np.sin(heel_up)
    height = ANKLE_HEIGHT * stature_of(skeleton) + foot[:, 2] + lift
    frame = Rotation.from_euler("ZY", np.column_stack((foot[:, 3], pitch)))
    return _Ankle(np.column_stack((foot[:, :2], height)), frame, heel_up)


def _bones(skeleton: Skeleton) -> tuple[float, float]:
    """Lengths of thigh and shank [m]."""
    return -float(skeleton.offset[BODY_INDEX["L_Knee"], 2]), -float(skeleton.offset[BODY_INDEX["L_Ankle"], 2])


def _too_high(hip: FloatArray, ankle: FloatArray, skeleton: Skeleton) -> FloatArray:
    """By how much (n,) a hip is too high for its foot, so that the knee stays a little bent [m]."""
    longest = _STRAIGHTEST * sum(_bones(skeleton))
    apart = np.sum((hip[:, :2] - ankle[:, :2]) ** 2, axis=1)
    highest = ankle[:, 2] + np.sqrt(np.maximum(longest**2 - apart, (0.5 * longest) ** 2))
    return np.asarray(np.maximum(hip[:, 2] - highest, 0.0))
