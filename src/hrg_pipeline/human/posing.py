"""From a plan to sampled postures: feet, pelvis, trunk, arms."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hrg_pipeline.human import plan as p
from hrg_pipeline.human.body import (
    ANKLE_HEIGHT,
    BODY_INDEX,
    PELVIS_HEIGHT,
    FloatArray,
    Skeleton,
    stature_of,
)
from hrg_pipeline.human.ik import (
    bump,
    frame_from_xy,
    matrix_to_rotvec,
    min_jerk,
    rotvec_to_matrix,
    two_bone,
    unit,
)
from hrg_pipeline.human.kinematics import POSTURE_SIZE

FOOT_HALF_WIDTH = 0.052
"""Sideways distance of an ankle from the middle of a stance, share of stature (step width .09-.135 m)."""
TOE_OUT_RAD = 0.10
STEP_HEIGHT_M = 0.05
PELVIS_WINDOW_S = 0.6
"""The pelvis follows the middle of the feet, smoothed over this time."""
_HEEL_RISE_GAIN = 60.0
"""Pitch of a trailing foot over the cube of its distance behind the pelvis [rad/m^3]."""
_SWING_PITCH_GAIN = 5.0
"""Toes hang by this much while the foot is up [rad/m]; they still clear the floor."""
_ARM_SWING_GAIN = 0.45
_ELBOW_POLE = (-0.70, 0.32, -0.65)
_SIGN = {"L": 1.0, "R": -1.0}


class _Feet(NamedTuple):
    """Ankle x, y, height above its rest [m] and yaw [rad] of both feet, (n, 4) each."""

    left: FloatArray
    right: FloatArray


def foot_target(stance: p.Stance, side: str, stature_m: float) -> tuple[float, float, float]:
    """Ankle x, y [m] and foot yaw [rad] of one foot in a stance, world frame."""
    spot = stance.to_world(np.array([0.0, _SIGN[side] * FOOT_HALF_WIDTH * stature_m, 0.0]))
    return float(spot[0]), float(spot[1]), stance.yaw + _SIGN[side] * TOE_OUT_RAD


def postures_from_plan(plan: p.MotionPlan, skeleton: Skeleton, rate_hz: float) -> FloatArray:
    """Sample the postures of a plan.

    Args:
        plan: what the person does.
        skeleton: the person.
        rate_hz: samples a second.

    Returns:
        (n, 75) postures over the plan's duration.
    """
    stature = stature_of(skeleton)
    times = np.arange(round(plan.duration_s * rate_hz) + 1) / rate_hz
    channels = _channels(plan, times)
    feet = _feet(plan, times, stature)
    pelvis_xy_yaw = _pelvis(feet, rate_hz)
    heading = _about_z(pelvis_xy_yaw[:, 2])
    floor = np.column_stack((pelvis_xy_yaw[:, :2], np.zeros(len(times))))
    shift = np.column_stack((channels[:, p.SWAY], PELVIS_HEIGHT * stature - channels[:, p.DROP]))
    pelvis = floor + _apply(heading, shift)

    postures = np.zeros((len(times), POSTURE_SIZE))
    postures[:, :3] = pelvis
    postures[:, 5] = pelvis_xy_yaw[:, 2]
    trunk = channels[:, [p.SIDE, p.LEAN, p.TWIST]] / 3.0
    neck = np.column_stack((np.zeros(len(times)), channels[:, p.NECK_PITCH], channels[:, p.NECK_YAW])) / 2.0
    for name, rotvec in (
        ("Torso", trunk),
        ("Spine", trunk),
        ("Chest", trunk),
        ("Neck", neck),
        ("Head", neck),
    ):
        _put(postures, name, rotvec)
    _pose_legs(postures, skeleton, pelvis, heading, feet)
    _pose_arms(postures, skeleton, pelvis, floor, heading, channels, feet)
    return postures


def _put(postures: FloatArray, name: str, rotvec: FloatArray) -> None:
    start = 3 + 3 * BODY_INDEX[name]
    postures[:, start : start + 3] = rotvec


def _about_z(angle: FloatArray) -> FloatArray:
    return rotvec_to_matrix(np.column_stack((np.zeros((len(angle), 2)), angle)))


def _apply(rotation: FloatArray, vector: FloatArray) -> FloatArray:
    """Rotate one vector (3,) or one per sample (n, 3) by (n, 3, 3)."""
    return np.asarray(np.einsum("nij,nj->ni", rotation, np.broadcast_to(vector, (len(rotation), 3))))


def _channels(plan: p.MotionPlan, times: FloatArray) -> FloatArray:
    """(n, 22) channels at the given times."""
    segments = plan.segments()
    edges = plan.edges_s()
    keys = np.array([plan.start_pose, *(segment.pose for segment in segments)])
    if not segments:
        return np.repeat(keys, len(times), axis=0)
    index = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, len(segments) - 1)
    fraction = (times - edges[index]) / (edges[index + 1] - edges[index])
    channels = keys[index] + (keys[index + 1] - keys[index]) * min_jerk(fraction)[:, None]
    lift = np.array([segment.lift_m for segment in segments])[index] * bump(fraction)[:, None]
    channels[:, p.LEFT_HAND + p.HAND_Z] += lift[:, 0]
    channels[:, p.RIGHT_HAND + p.HAND_Z] += lift[:, 1]
    grip = np.array([np.nan if segment.grip_m is None else segment.grip_m for segment in segments])[index]
    _keep_grip(channels, grip)
    return np.asarray(channels)


def _keep_grip(channels: FloatArray, grip_m: FloatArray) -> None:
    """Move the hands along the line between them to their distance (n,); nan: leave them."""
    held = np.flatnonzero(~np.isnan(grip_m))
    left, right = (channels[held, start : start + 3] for start in (p.LEFT_HAND, p.RIGHT_HAND))
    middle, half = 0.5 * (left + right), 0.5 * grip_m[held, None] * unit(left - right)
    channels[held, p.LEFT_HAND : p.LEFT_HAND + 3] = middle + half
    channels[held, p.RIGHT_HAND : p.RIGHT_HAND + 3] = middle - half


def _feet(plan: p.MotionPlan, times: FloatArray, stature: float) -> _Feet:
    place = {side: np.array(foot_target(plan.start, side, stature)) for side in p.SIDES}
    path = {side: np.tile([*place[side][:2], 0.0, place[side][2]], (len(times), 1)) for side in p.SIDES}
    edges = plan.edges_s()
    for segment, begin in zip(plan.segments(), edges[:-1], strict=True):
        for step in segment.steps:
            start = begin + step.start * segment.duration_s
            fraction = (times - start) / ((step.end - step.start) * segment.duration_s)
            move = np.array(step.target) - place[step.side]
            path[step.side][:, [0, 1, 3]] += min_jerk(fraction)[:, None] * move
            path[step.side][:, 2] += STEP_HEIGHT_M * bump(fraction)
            place[step.side] = np.array(step.target)
    return _Feet(left=path["L"], right=path["R"])


def _pelvis(feet: _Feet, rate_hz: float) -> FloatArray:
    """x, y, yaw of the pelvis (n, 3): the middle of the feet, smoothed by a Hann window."""
    middle = 0.5 * (feet.left + feet.right)[:, [0, 1, 3]]
    half = round(0.5 * PELVIS_WINDOW_S * rate_hz)
    window = np.hanning(2 * half + 3)[1:-1]
    window /= window.sum()
    padded = np.concatenate((np.repeat(middle[:1], half, axis=0), middle, np.repeat(middle[-1:], half, axis=0)))
    # Convolve what is left after the first value, so that a person who stands still does so to the last bit.
    rest = padded - middle[0]
    smooth = [np.convolve(rest[:, k], window, mode="valid") for k in range(3)]
    return np.asarray(np.column_stack(smooth) + middle[0])


def _pose_legs(postures: FloatArray, skeleton: Skeleton, pelvis: FloatArray, heading: FloatArray, feet: _Feet) -> None:
    stature = stature_of(skeleton)
    for side, foot in (("L", feet.left), ("R", feet.right)):
        hip = pelvis + _apply(heading, skeleton.offset[BODY_INDEX[f"{side}_Hip"]])
        heel_up = _heel_rise(pelvis, heading, foot)
        toe = skeleton.offset[BODY_INDEX[f"{side}_Toe"]]
        foot_pitch = heel_up + _SWING_PITCH_GAIN * foot[:, 2]
        pitch = np.column_stack((np.zeros_like(heel_up), foot_pitch, np.zeros_like(heel_up)))
        foot_frame = _about_z(foot[:, 3]) @ rotvec_to_matrix(pitch)
        # The foot turns about the ball: the ankle comes up by as much as the ball would sink.
        ankle_height = ANKLE_HEIGHT * stature + foot[:, 2] + toe[0] * np.sin(heel_up)
        ankle = np.column_stack((foot[:, :2], ankle_height))
        knee_pole = heading[:, :, 0] + foot_frame[:, :, 0]
        thigh_m = -float(skeleton.offset[BODY_INDEX[f"{side}_Knee"], 2])
        shank_m = -float(skeleton.offset[BODY_INDEX[f"{side}_Ankle"], 2])
        upper, _, flex = two_bone(hip, ankle, knee_pole, thigh_m, shank_m)
        lateral = unit(np.cross(-upper, knee_pole))
        thigh = np.stack((np.cross(lateral, -upper), lateral, -upper), axis=2)
        knee = np.column_stack((np.zeros_like(flex), flex, np.zeros_like(flex)))
        shank = thigh @ rotvec_to_matrix(knee)
        _put(postures, f"{side}_Hip", matrix_to_rotvec(heading.transpose(0, 2, 1) @ thigh))
        _put(postures, f"{side}_Knee", knee)
        _put(postures, f"{side}_Ankle", matrix_to_rotvec(shank.transpose(0, 2, 1) @ foot_frame))


def _heel_rise(pelvis: FloatArray, heading: FloatArray, foot: FloatArray) -> FloatArray:
    """How far (n,) [rad] a foot is pitched because it stays behind the pelvis."""
    behind = np.sum((pelvis[:, :2] - foot[:, :2]) * heading[:, :2, 0], axis=1)
    return np.asarray(np.minimum(_HEEL_RISE_GAIN * np.maximum(behind, 0.0) ** 3, 0.6))


def chest_pose(skeleton: Skeleton, heading: FloatArray, trunk_third: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Orientation of the chest (n, 3, 3) and position of its joint relative to the pelvis (n, 3).

    Args:
        skeleton: the person.
        heading: (n, 3, 3) orientation of the pelvis.
        trunk_third: (n, 3) rotation vector of each of the three trunk joints.
    """
    third = rotvec_to_matrix(trunk_third)
    frame = heading
    position = np.zeros((len(heading), 3))
    for name in ("Torso", "Spine", "Chest"):
        position = position + _apply(frame, skeleton.offset[BODY_INDEX[name]])
        frame = frame @ third
    return frame, position


def shoulder_from_chest(skeleton: Skeleton, chest: FloatArray, position: FloatArray, side: str) -> FloatArray:
    """Position (n, 3) of a shoulder, in the frame that the chest's orientation and position are given in."""
    reach = skeleton.offset[BODY_INDEX[f"{side}_Thorax"]] + skeleton.offset[BODY_INDEX[f"{side}_Shoulder"]]
    return position + _apply(chest, reach)


def _pose_arms(
    postures: FloatArray,
    skeleton: Skeleton,
    pelvis: FloatArray,
    floor: FloatArray,
    heading: FloatArray,
    channels: FloatArray,
    feet: _Feet,
) -> None:
    chest, chest_joint = chest_pose(skeleton, heading, channels[:, [p.SIDE, p.LEAN, p.TWIST]] / 3.0)
    other_foot = {"L": feet.right, "R": feet.left}
    for index, side in enumerate(p.SIDES):
        sign = _SIGN[side]
        hand = channels[:, p.HAND_CHANNEL[side] : p.HAND_CHANNEL[side] + p.HAND_SIZE].copy()
        ahead = np.sum((other_foot[side][:, :2] - floor[:, :2]) * heading[:, :2, 0], axis=1)
        hand[:, p.HAND_X] += _ARM_SWING_GAIN * channels[:, p.ARM_SWING][:, index] * ahead
        hand_site = floor + _apply(heading, hand[:, :3])
        pointing = _apply(heading, direction(hand[:, p.HAND_AZIMUTH], hand[:, p.HAND_PITCH]))
        wrist = hand_site - abs(skeleton.offset[BODY_INDEX[f"{side}_Hand"], 1]) * pointing

        shoulder = shoulder_from_chest(skeleton, chest, chest_joint, side)
        pole = _apply(heading, elbow_pole(side))
        upper_m = abs(float(skeleton.offset[BODY_INDEX[f"{side}_Elbow"], 1]))
        lower_m = abs(float(skeleton.offset[BODY_INDEX[f"{side}_Wrist"], 1]))
        upper, lower, flex = two_bone(pelvis + shoulder, wrist, pole, upper_m, lower_m)
        arm = frame_from_xy(lower, sign * upper)
        elbow = np.column_stack((np.zeros((len(flex), 2)), -sign * flex))
        forearm = arm @ rotvec_to_matrix(elbow)
        _put(postures, f"{side}_Shoulder", matrix_to_rotvec(chest.transpose(0, 2, 1) @ arm))
        _put(postures, f"{side}_Elbow", elbow)
        bend = _apply(forearm.transpose(0, 2, 1), _turn_between(lower, pointing))
        _put(postures, f"{side}_Wrist", _turned_up(bend, hand[:, p.HAND_ROLL]))


def _turned_up(bend: FloatArray, roll: FloatArray) -> FloatArray:
    """Wrist rotation vectors (n, 3) that turn the palm up by a roll (n,) [rad] before they bend the wrist."""
    if not roll.any():
        return bend
    turn = np.zeros_like(bend)
    turn[:, 1] = -roll
    return matrix_to_rotvec(rotvec_to_matrix(bend) @ rotvec_to_matrix(turn))


def elbow_pole(side: str) -> FloatArray:
    """Direction (3,) in which an elbow bends out, relative to the way the pelvis faces."""
    return np.array([_ELBOW_POLE[0], _SIGN[side] * _ELBOW_POLE[1], _ELBOW_POLE[2]])


def direction(azimuth: FloatArray, pitch: FloatArray) -> FloatArray:
    """Unit vectors (n, 3) from azimuth (left of forward) and pitch (up) [rad]."""
    return np.stack(
        (np.cos(pitch) * np.cos(azimuth), np.cos(pitch) * np.sin(azimuth), np.sin(pitch)),
        axis=-1,
    )


def _turn_between(start: FloatArray, end: FloatArray) -> FloatArray:
    """Shortest rotation vectors (n, 3) that turn one unit vector to another."""
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis, axis=1)
    angle = np.arctan2(sine, np.sum(start * end, axis=1))
    scale = np.where(sine < 1e-12, 1.0, angle / np.maximum(sine, 1e-300))
    return np.asarray(axis * scale[:, None])


def wrapped(angle: float) -> float:
    """The same angle in [-pi, pi) [rad]."""
    return (angle + math.pi) % (2.0 * math.pi) - math.pi
