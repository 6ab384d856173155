"""Ranges of human joints, and the check that a motion keeps to them."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.human.body import BODY_INDEX, FloatArray

Range = tuple[float, float]

# Rounded clinical values [deg], in the axes of the body at rest: about x (sideways), y (forward is positive
# for the trunk, flexion negative for the hip), z (turning). Joints in one row add up.
JOINT_RANGES_DEG: dict[tuple[str, ...], tuple[Range, Range, Range]] = {
    ("Torso", "Spine", "Chest"): ((-35.0, 35.0), (-25.0, 80.0), (-45.0, 45.0)),
    ("Neck", "Head"): ((-40.0, 40.0), (-50.0, 50.0), (-80.0, 80.0)),
    ("L_Hip",): ((-45.0, 45.0), (-120.0, 20.0), (-45.0, 45.0)),
    ("R_Hip",): ((-45.0, 45.0), (-120.0, 20.0), (-45.0, 45.0)),
    ("L_Knee",): ((-1.0, 1.0), (0.0, 140.0), (-1.0, 1.0)),
    ("R_Knee",): ((-1.0, 1.0), (0.0, 140.0), (-1.0, 1.0)),
    ("L_Ankle",): ((-35.0, 35.0), (-20.0, 45.0), (-45.0, 45.0)),
    ("R_Ankle",): ((-35.0, 35.0), (-20.0, 45.0), (-45.0, 45.0)),
    ("L_Elbow",): ((-1.0, 1.0), (-1.0, 1.0), (-150.0, 0.0)),
    ("R_Elbow",): ((-1.0, 1.0), (-1.0, 1.0), (0.0, 150.0)),
    ("L_Wrist",): ((-70.0, 70.0), (-80.0, 80.0), (-70.0, 70.0)),
    ("R_Wrist",): ((-70.0, 70.0), (-80.0, 80.0), (-70.0, 70.0)),
}
SHOULDER_BACK_MAX_DEG = 50.0
"""How far the upper arm may point behind the trunk."""
ROTATION_MAX_DEG = 175.0
"""No joint may come near half a turn, where a rotation vector jumps."""


def joint_rotvec(postures: FloatArray, name: str) -> FloatArray:
    """Rotation vectors (n, 3) of one joint in postures (n, 75)."""
    start = 3 + 3 * BODY_INDEX[name]
    return postures[:, start : start + 3]


def first_violation(postures: FloatArray) -> str | None:
    """Name the first joint that leaves its range in postures (n, 75); None when all keep to it."""
    for names, ranges in JOINT_RANGES_DEG.items():
        angles = np.degrees(sum((joint_rotvec(postures, name) for name in names), np.zeros((len(postures), 3))))
        for axis, (low, high) in enumerate(ranges):
            least, most = float(angles[:, axis].min()), float(angles[:, axis].max())
            if least < low - 1e-6 or most > high + 1e-6:
                joint = "+".join(names)
                return f"{joint} about {'xyz'[axis]}: {least:.1f}..{most:.1f} deg, may be {low}..{high}"
    for side, sign in (("L", 1.0), ("R", -1.0)):
        rotvec = joint_rotvec(postures, f"{side}_Shoulder")
        turn = float(np.degrees(np.linalg.norm(rotvec, axis=1).max()))
        if turn > ROTATION_MAX_DEG:
            return f"{side}_Shoulder turns by {turn:.1f} deg, may be {ROTATION_MAX_DEG}"
        upper_arm = _turned_y(rotvec) * sign
        behind = float(np.degrees(np.arcsin(np.clip(-upper_arm[:, 0], -1.0, 1.0)).max()))
        if behind > SHOULDER_BACK_MAX_DEG:
            return f"{side}_Shoulder points {behind:.1f} deg behind the trunk, may be {SHOULDER_BACK_MAX_DEG}"
    return None


def _turned_y(rotvec: FloatArray) -> FloatArray:
    """The y axis after each rotation (Rodrigues), (n, 3)."""
    angle = np.maximum(np.linalg.norm(rotvec, axis=1, keepdims=True), 1e-12)
    axis = rotvec / angle
    y = np.array([0.0, 1.0, 0.0])
    return np.asarray(
        y * np.cos(angle) + np.cross(axis, y) * np.sin(angle) + axis * axis[:, 1:2] * (1.0 - np.cos(angle))
    )
