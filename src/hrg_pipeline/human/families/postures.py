"""Poses that a task asks for: lean until the hands reach, look at a point, point at a point."""

from __future__ import annotations

import math

import numpy as np

from hrg_pipeline.human import plan as p
from hrg_pipeline.human import reaching as r
from hrg_pipeline.human.body import (
    BODY_INDEX,
    FOREARM,
    PALM,
    PELVIS_HEIGHT,
    SHOULDER_HALF,
    UPPER_ARM,
    FloatArray,
    Skeleton,
    stature_of,
)
from hrg_pipeline.human.ik import rotvec_to_matrix, two_bone, unit
from hrg_pipeline.human.posing import chest_pose, direction, elbow_pole, shoulder_from_chest

SIGN = {"L": 1.0, "R": -1.0}
EYES_FORWARD, EYES_UP = 0.055, 0.051
"""Where the eyes are relative to the head joint, share of stature (eye height .936, Drillis & Contini 1966)."""
NECK_PITCH_MAX_RAD, NECK_YAW_MAX_RAD = 0.75, 1.2
_LEAN_STEP_RAD = 0.05
_FARTHEST, _NEAREST = 0.96, 0.15
"""Greatest distance from shoulder to wrist, share of the arm; least one, share of stature."""
_DROPS = np.array([0.0, 0.02, 0.04, 0.06, 0.08])
"""How far the knees let the pelvis down, share of stature."""
_BACK_PER_DROP, _FREE_DROP, _BACK_PER_LEAN = 1.75, 0.015, 0.05
"""The hips go back as the knees bend by more than a little, so that the ankles keep their range, and as the trunk
leans (share of stature per rad), to keep the balance."""
_POINTING_TURNS = 12


def _trunk(skeleton: Skeleton, poses: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Orientation of the chest (n, 3, 3) and position of its joint (n, 3), relative to the floor below."""
    heading = np.broadcast_to(np.eye(3), (len(poses), 3, 3))
    chest, joint = chest_pose(skeleton, heading, poses[:, [p.SIDE, p.LEAN, p.TWIST]] / 3.0)
    height = PELVIS_HEIGHT * stature_of(skeleton) - poses[:, p.DROP]
    return chest, joint + np.column_stack((poses[:, p.SWAY], height))


def eyes(skeleton: Skeleton, poses: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where the eyes are and where they look straight ahead.

    Args:
        skeleton: the person.
        poses: (n, 22) channels.

    Returns:
        Position (n, 3) [m] of the middle between the eyes and unit direction (n, 3), relative to the floor below.
    """
    chest, joint = _trunk(skeleton, poses)
    half = rotvec_to_matrix(np.column_stack((np.zeros(len(poses)), poses[:, p.NECK_PITCH], poses[:, p.NECK_YAW])) / 2.0)
    neck = chest @ half
    head = neck @ half
    stature = stature_of(skeleton)
    up = joint + np.einsum("nij,j->ni", chest, skeleton.offset[BODY_INDEX["Neck"]])
    up = up + np.einsum("nij,j->ni", neck, skeleton.offset[BODY_INDEX["Head"]])
    ahead = np.array([EYES_FORWARD, 0.0, EYES_UP]) * stature
    return up + np.einsum("nij,j->ni", head, ahead), head[:, :, 0]


def look_at(skeleton: Skeleton, pose: FloatArray, local_point: FloatArray, share: float = 0.85) -> None:
    """Turn the head of a pose (22,) to a point (3,) relative to the stance; the eyes do what is left."""
    chest, joint = _trunk(skeleton, pose[None])
    head = joint[0] + chest[0] @ np.array([0.0, 0.0, 0.19 * stature_of(skeleton)])
    seen = chest[0].T @ (np.asarray(local_point) - head)
    down = math.atan2(-seen[2], math.hypot(seen[0], seen[1]))
    pose[p.NECK_PITCH] = np.clip(share * down, -0.35, NECK_PITCH_MAX_RAD)
    pose[p.NECK_YAW] = np.clip(share * math.atan2(seen[1], seen[0]), -NECK_YAW_MAX_RAD, NECK_YAW_MAX_RAD)


def lean_to_reach(skeleton: Skeleton, pose: FloatArray, lean_max: float) -> bool:
    """Lean a pose (22,) forward, then bend its knees, by as little as lets both hands be where they are wanted.

    Leaning and bending bring the hips back.

    Returns:
        Whether they can be; the pose is unchanged where not.
    """
    leans = np.arange(pose[p.LEAN], max(lean_max, pose[p.LEAN]) + 1e-9, _LEAN_STEP_RAD)
    stature = stature_of(skeleton)
    poses = np.repeat(pose[None], len(leans) * len(_DROPS), axis=0)
    poses[:, p.LEAN] = np.tile(leans, len(_DROPS))
    drops = np.repeat(_DROPS, len(leans))
    poses[:, p.DROP] = r.standing_drop(stature) + drops * stature
    back = _BACK_PER_DROP * np.maximum(drops - _FREE_DROP, 0.0) + _BACK_PER_LEAN * np.maximum(
        poses[:, p.LEAN] - 0.05, 0.0
    )
    poses[:, p.SWAY.start] = -back * stature
    chest, joint = _trunk(skeleton, poses)
    near, far = _NEAREST * stature, _FARTHEST * (UPPER_ARM + FOREARM) * stature
    reached, free = np.ones((2, len(poses)), dtype=bool)
    for side in p.SIDES:
        hand = r.get_hand(pose, side)
        wrist = hand[:3] - PALM * stature * direction(hand[p.HAND_AZIMUTH], hand[p.HAND_PITCH])
        distance = np.linalg.norm(wrist - shoulder_from_chest(skeleton, chest, joint, side), axis=1)
        reached &= distance <= far
        free &= distance >= near
    first = int(np.argmax(reached))
    if not (reached[first] and free[first]):
        return False
    pose[:] = poses[first]
    return True


def hand_toward(
    skeleton: Skeleton, side: str, local_point: FloatArray, pitch: float = 0.0, roll: float = 0.0
) -> FloatArray:
    """A hand (6,) at a point relative to the stance, that points away from its shoulder."""
    shoulder_y = SIGN[side] * SHOULDER_HALF * stature_of(skeleton)
    azimuth = math.atan2(local_point[1] - shoulder_y, max(float(local_point[0]), 0.15))
    return np.array([*local_point, np.clip(azimuth, -0.8, 0.8), pitch, roll])


def carrying_hand(stature_m: float, side: str, roll: float = 0.0) -> FloatArray:
    """A hand that carries something in front of the waist, elbow bent: (6,)."""
    sign = SIGN[side]
    return np.array([0.19 * stature_m, sign * 0.12 * stature_m, 0.60 * stature_m, -0.15 * sign, 0.05, roll])


def pointing_hand(
    skeleton: Skeleton, pose: FloatArray, side: str, local_point: FloatArray, stretch: float
) -> FloatArray | None:
    """The hand (6,) whose forearm and palm lie on a line through a point.

    Args:
        skeleton: the person.
        pose: (22,) channels; the trunk stays as it is.
        side: "L" or "R".
        local_point: (3,) what is pointed at, relative to the stance [m].
        stretch: distance from shoulder to wrist, share of the arm.

    Returns:
        The hand, or None when the point is too near or behind.
    """
    stature = stature_of(skeleton)
    upper_m, lower_m = UPPER_ARM * stature, FOREARM * stature
    shoulder = shoulder_from_chest(skeleton, *_trunk(skeleton, pose[None]), side)
    reach = stretch * (upper_m + lower_m)
    target = np.asarray(local_point)[None]
    if np.linalg.norm(target - shoulder) < reach + (PALM + 0.08) * stature or target[0, 0] < 0.1:
        return None
    pole = elbow_pole(side)[None]
    wrist = shoulder + reach * unit(target - shoulder)
    pointing = unit(target - wrist)
    for _ in range(_POINTING_TURNS):
        upper, _, _ = two_bone(shoulder, wrist, pole, upper_m, lower_m)
        elbow = shoulder + upper_m * upper
        pointing = unit(target - elbow)
        wrist = shoulder + reach * unit(elbow + lower_m * pointing - shoulder)
    hand = wrist + PALM * stature * pointing
    x, y, z = pointing[0]
    return np.array([*hand[0], math.atan2(y, x), math.asin(z), 0.0])
