"""From a recorded skeleton to our body: directions of limbs kept, steps scaled, feet on the floor."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from hrg_pipeline.human.body import ANKLE_HEIGHT, BODY_INDEX, N_BODIES, PARENTS, FloatArray, Skeleton, stature_of
from hrg_pipeline.human.reaching import standing_drop
from hrg_pipeline.human.recorded.legs import plan_feet, pose_legs
from hrg_pipeline.human.recorded.recording import Recording, aligned, hand_joints, normalised, place_joints

# Bone of each body whose direction is kept: from its joint to this child's. The feet are not among them (soles are
# level at rest in both bodies, whatever the height of the ankle), nor is the trunk (its joints are not comparable).
_BONES = {
    "Hip": "Knee", "Knee": "Ankle", "Shoulder": "Elbow", "Elbow": "Wrist", "Wrist": "Hand",
}  # fmt: skip
_FLOOR_SMOOTH_S = 0.12
DEFAULT_PLACE_XY = (1.3, 0.0)
"""Where a person stands on average, facing the robot, when the recording does not say it [m]."""
_SQUAT_SHARE = 0.45
"""The hips sink at most to this share of their standing height."""


def rest_alignment(recording: Recording, skeleton: Skeleton) -> list[Rotation]:
    """Rotation of each of our bodies that brings its rest bone into the direction of the recorded one's."""
    alignment = [Rotation.identity() for _ in range(N_BODIES)]
    for side in "LR":
        for part, child in _BONES.items():
            body, end = BODY_INDEX[f"{side}_{part}"], BODY_INDEX[f"{side}_{child}"]
            theirs = recording.rest[end] - recording.rest[body]
            alignment[body] = _shortest(skeleton.offset[end], theirs)
        alignment[BODY_INDEX[f"{side}_Hand"]] = alignment[BODY_INDEX[f"{side}_Wrist"]]
    return alignment


def _shortest(start: FloatArray, end: FloatArray) -> Rotation:
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(a, b)
    sine, cosine = float(np.linalg.norm(axis)), float(a @ b)
    return Rotation.from_rotvec(axis / max(sine, 1e-12) * math.atan2(sine, cosine))


def retarget(recording: Recording, skeleton: Skeleton) -> FloatArray:
    """Rotations of our body whose limbs point where the recorded ones do.

    With A_b the alignment of a rest bone, the world orientation of each body is that of the recorded one times A_b,
    so the joint rotation becomes A_parent^-1 q A_b.

    Returns:
        (n, 24, 4) unit quaternions wxyz.
    """
    alignment = rest_alignment(recording, skeleton)
    rotations = np.empty_like(recording.rotations)
    for body, parent in enumerate(PARENTS):
        local = Rotation.from_quat(recording.rotations[:, body], scalar_first=True)
        before = alignment[parent].inv() if parent >= 0 else Rotation.identity()
        rotations[:, body] = (before * local * alignment[body]).as_quat(scalar_first=True)
    return aligned(normalised(rotations))


def map_to_body(recording: Recording, skeleton: Skeleton) -> tuple[FloatArray, FloatArray]:
    """Bring a recording to our body.

    Steps are scaled with the length of the legs. The feet are on the floor: with recorded legs the lowest sole is,
    without them both legs are posed anew over feet that stand and step. Then the motion is shifted on the floor so
    that the hands are, on the average of the decisive frames, where the recorded ones were; a recording that does
    not say where the person stands is put in front of the robot.

    Args:
        recording: what was recorded.
        skeleton: our person.

    Returns:
        Root position (n, 3) [m] and rotations (n, 24, 4), wxyz.
    """
    recorded = recording if recording.placed else _in_front_of_robot(recording)
    rotations = retarget(recorded, skeleton)
    frame = Rotation.from_quat(recorded.rotations[:, 0], scalar_first=True)
    l_hip, r_hip = BODY_INDEX["L_Hip"], BODY_INDEX["R_Hip"]
    hips = recorded.root_position + frame.apply(0.5 * (recorded.rest[l_hip] + recorded.rest[r_hip]))
    scale = _leg_length(skeleton.offset) / _leg_length(recorded.offset)
    middle = hips.mean(axis=0)
    ours = middle + scale * (hips - middle)
    hip_offset = 0.5 * (skeleton.offset[l_hip] + skeleton.offset[r_hip])
    if recorded.has_legs:
        root = ours - frame.apply(hip_offset)
        joints, frames = place_joints(skeleton.offset, root, rotations)
        lowest = lowest_point(joints, frames, skeleton)
        root[:, 2] -= gaussian_filter1d(lowest, _FLOOR_SMOOTH_S * recorded.rate_hz, mode="nearest")
    else:
        standing = _leg_length(skeleton.offset) + (ANKLE_HEIGHT * stature_of(skeleton))
        standing -= standing_drop(stature_of(skeleton))
        sunk = scale * np.maximum(np.percentile(hips[:, 2], 95.0) - hips[:, 2], 0.0)
        ours[:, 2] = np.maximum(standing - sunk, _SQUAT_SHARE * standing)
        root = ours - frame.apply(hip_offset)
        yaw = heading(rotations[:, 0])
        feet = plan_feet(ours[:, :2], yaw, recorded.rate_hz, stature_of(skeleton))
        pose_legs(rotations, root, yaw, skeleton, feet, recorded.rate_hz)
    if recorded.placed:
        root[:, :2] += _hand_shift(recorded, skeleton, root, rotations)
    return root, aligned(normalised(rotations))


def _leg_length(offset: FloatArray) -> float:
    """Mean length of thigh and shank of both legs [m]."""
    bones = [offset[BODY_INDEX[f"{side}_{joint}"]] for side in "LR" for joint in ("Knee", "Ankle")]
    return 0.5 * float(sum(np.linalg.norm(bone) for bone in bones))


def heading(root: FloatArray) -> FloatArray:
    """Direction (n,) in which a pelvis (n, 4) faces, without jumps by a turn [rad].

    Taken from the sideways axis, which stays level when a person bends forward.
    """
    left = Rotation.from_quat(root, scalar_first=True).apply((0.0, 1.0, 0.0))
    return np.asarray(np.unwrap(np.arctan2(-left[:, 0], left[:, 1])))


def lowest_point(joints: FloatArray, frames: list[Rotation], skeleton: Skeleton) -> FloatArray:
    """Height (n,) of the lowest point of the whole body [m]."""
    heights = []
    for body in range(N_BODIES):
        for end in (skeleton.geom_a[body], skeleton.geom_b[body]):
            point = joints[:, body] + frames[body].apply(end)
            heights.append(point[:, 2] - skeleton.geom_radius[body])
    return np.asarray(np.min(heights, axis=0))


def _hand_shift(recording: Recording, skeleton: Skeleton, root: FloatArray, rotations: FloatArray) -> FloatArray:
    """Shift (2,) that puts our hands where the recorded ones are, on the average of the decisive frames [m]."""
    keys = sorted({*recording.keyframes, *(round(loop.anchor) for loop in recording.loops.values())})
    frames = np.array(keys) if keys else np.arange(len(root))
    hands = hand_joints(recording.hand)
    theirs = recording.joints()[frames][:, hands, :2]
    ours = place_joints(skeleton.offset, root[frames], rotations[frames])[0][:, hands, :2]
    return np.asarray((theirs - ours).mean(axis=(0, 1)))


def _in_front_of_robot(recording: Recording) -> Recording:
    """Turn and shift a recording so that the person on average faces the robot from the usual place."""
    yaw = heading(recording.rotations[:, 0])
    facing = math.atan2(float(np.sin(yaw).mean()), float(np.cos(yaw).mean()))
    turn = Rotation.from_rotvec((0.0, 0.0, math.pi - facing))
    root = turn.apply(recording.root_position)
    root[:, :2] += np.array(DEFAULT_PLACE_XY) - root[:, :2].mean(axis=0)
    rotations = recording.rotations.copy()
    rotations[:, 0] = (turn * Rotation.from_quat(rotations[:, 0], scalar_first=True)).as_quat(scalar_first=True)
    return replace(recording, root_position=root, rotations=aligned(rotations))
