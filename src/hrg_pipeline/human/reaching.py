"""Body poses that bring a hand to a point: how far to lean and turn for it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hrg_pipeline.human import plan as p
from hrg_pipeline.human.body import FOREARM, PALM, PELVIS_HEIGHT, UPPER_ARM, FloatArray, Skeleton, stature_of
from hrg_pipeline.human.posing import chest_pose, direction, shoulder_from_chest

TABLE_EDGE_X_M, TABLE_TOP_Z_M = 0.75, 0.82
_COMFORTABLE_REACH = 0.955
"""Share of the arm's length that a reach uses at most; the trunk leans for the rest."""
_LEANS_RAD = np.radians(np.arange(4.0, 37.0, 4.0))
_HAND_PITCH_AT_POINT = -0.12


class ReachPose(NamedTuple):
    """Channels that a reach sets."""

    lean: float
    twist: float
    hand: FloatArray
    """(6,) x, y, z, azimuth, pitch, roll of the hand."""
    neck_pitch: float
    neck_yaw: float


def standing_pose(stature_m: float) -> FloatArray:
    """Upright, arms hanging: (22,) channels."""
    pose = np.zeros(p.N_CHANNELS)
    pose[p.LEAN], pose[p.NECK_PITCH], pose[p.DROP] = 0.03, 0.06, standing_drop(stature_m)
    for side in p.SIDES:
        set_hand(pose, side, hanging_hand(stature_m, side))
    return pose


def standing_drop(stature_m: float) -> float:
    """How much lower than with locked knees the pelvis is when standing [m]."""
    return 0.0035 * stature_m


def walking_drop(stature_m: float) -> float:
    """How much lower than with locked knees the pelvis is when stepping [m]."""
    return 0.013 * stature_m


def set_hand(pose: FloatArray, side: str, hand: FloatArray) -> None:
    """Write the six channels of one hand into a pose."""
    pose[p.HAND_CHANNEL[side] : p.HAND_CHANNEL[side] + p.HAND_SIZE] = hand


def get_hand(pose: FloatArray, side: str) -> FloatArray:
    """The six channels of one hand, a copy."""
    return pose[p.HAND_CHANNEL[side] : p.HAND_CHANNEL[side] + p.HAND_SIZE].copy()


def hanging_hand(stature_m: float, side: str) -> FloatArray:
    """A hand beside the thigh: (6,)."""
    sign = 1.0 if side == "L" else -1.0
    return np.array([0.055 * stature_m, sign * 0.150 * stature_m, 0.437 * stature_m, 0.0, -1.20, 0.0])


def ready_hand(stature_m: float, side: str) -> FloatArray:
    """A hand in front of the belly, above the table's edge: (6,)."""
    sign = 1.0 if side == "L" else -1.0
    height = max(0.585 * stature_m, TABLE_TOP_Z_M + 0.13)
    return np.array([0.175 * stature_m, sign * 0.100 * stature_m, height, -0.35 * sign, -0.10, 0.0])


def reach_pose(skeleton: Skeleton, local_point: FloatArray, side: str) -> ReachPose | None:
    """Find the least lean with which one hand comes to a point.

    Args:
        skeleton: the person.
        local_point: (3,) wanted hand position relative to the stance [m].
        side: "L" or "R".

    Returns:
        The pose, or None when the point is too far, too near or too far across the body.
    """
    sign = 1.0 if side == "L" else -1.0
    stature = stature_of(skeleton)
    bearing = math.atan2(local_point[1], local_point[0])
    across = -sign * local_point[1]
    if across > 0.09 * stature or abs(bearing) > 1.2:
        return None
    twist = float(np.clip(0.40 * bearing - 0.14 * sign, -0.5, 0.5))
    thirds = np.zeros((len(_LEANS_RAD), 3))
    thirds[:, 1], thirds[:, 2] = _LEANS_RAD / 3.0, twist / 3.0
    heading = np.broadcast_to(np.eye(3), (len(thirds), 3, 3))
    shoulder = shoulder_from_chest(skeleton, *chest_pose(skeleton, heading, thirds), side)
    shoulder = shoulder + np.array([0.0, 0.0, _pelvis_height(stature)])
    azimuth = np.clip(
        np.arctan2(local_point[1] - shoulder[:, 1], np.maximum(local_point[0] - shoulder[:, 0], 0.1)),
        -0.8,
        0.8,
    )
    pointing = direction(azimuth, np.full(len(azimuth), _HAND_PITCH_AT_POINT))
    wrist = local_point - PALM * stature * pointing
    distance = np.linalg.norm(wrist - shoulder, axis=1)
    near, far = 0.15 * stature, _COMFORTABLE_REACH * (UPPER_ARM + FOREARM) * stature
    good = np.flatnonzero((distance >= near) & (distance <= far))
    if len(good) == 0:
        return None
    k = int(good[0])
    lean = float(_LEANS_RAD[k])
    eye_height = _pelvis_height(stature) + 0.37 * stature * math.cos(lean)
    down = math.atan2(eye_height - local_point[2], max(0.2, math.hypot(*local_point[:2]) - 0.37 * stature * lean))
    return ReachPose(
        lean=lean,
        twist=twist,
        hand=np.array([*local_point, azimuth[k], _HAND_PITCH_AT_POINT, 0.0]),
        neck_pitch=float(np.clip(0.75 * (down - lean), -0.2, 0.65)),
        neck_yaw=float(np.clip(0.8 * (bearing - twist), -0.9, 0.9)),
    )


def _pelvis_height(stature_m: float) -> float:
    return PELVIS_HEIGHT * stature_m - standing_drop(stature_m)
