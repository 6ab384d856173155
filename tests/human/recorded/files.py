"""Recordings written by the tests themselves."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from hrg_pipeline.human.body import BODY_NAMES, FloatArray

MOCAP = Path(__file__).parents[3].parent / "shared" / "mocap"
"""Recordings that are not part of the project."""

FACING_THE_ROBOT = {"position_offset": [0.0, 0.9, -0.5], "orientation_quat": [0.0, 1.0, 0.0, 0.0]}


def waves(n: int, rate_hz: float, seed: int, size: float, fastest_hz: float = 1.0) -> FloatArray:
    """A smooth random signal (n,) of about the given size."""
    rng = np.random.default_rng(seed)
    t = np.arange(n) / rate_hz
    parts = [np.sin(2 * np.pi * rng.uniform(0.1, fastest_hz) * t + rng.uniform(0, 6)) for _ in range(3)]
    return np.asarray(size * np.sum(parts, axis=0) / 3)


def animation(n: int = 300, seed: int = 0, size: float = 0.5, legs: bool = False) -> dict[str, FloatArray]:
    """The arrays of a pickle: a person who stands and moves arms, trunk and head."""
    moving = ["Torso", "Neck", "L_Thorax", "R_Thorax", "L_Shoulder", "R_Shoulder", "L_Elbow", "R_Elbow"]
    moving += ["L_Hip", "R_Hip", "L_Knee", "R_Knee", "L_Ankle", "R_Ankle"] if legs else []
    arrays: dict[str, FloatArray] = {f"Pelvis_pos_{axis}": np.zeros(n) for axis in "xyz"}
    arrays["Pelvis_pos_x"] += waves(n, 100.0, seed + 1, 0.1, 0.3)
    arrays["Pelvis_pos_z"] += 1.5 + waves(n, 100.0, seed + 2, 0.1, 0.3)
    arrays["Pelvis_pos_y"] += 0.25
    arrays["Pelvis_quat"] = Rotation.from_euler("y", waves(n, 100.0, seed + 3, 0.2, 0.3)[:, None]).as_quat()
    for index, joint in enumerate(BODY_NAMES[1:]):
        for k, axis in enumerate("xyz"):
            amount = size if joint in moving else 0.0
            arrays[f"{joint}_{axis}"] = waves(n, 100.0, seed + 10 + 3 * index + k, amount, 0.6)
    return arrays


def write_pickle(
    path: Path, arrays: Mapping[str, Any], info: Mapping[str, Any] | None = FACING_THE_ROBOT, protocol: int = 4
) -> Path:
    """Write a pickle and the JSON beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(dict(arrays), protocol=protocol))
    if info is not None:
        path.with_name(f"{path.stem}_info.json").write_text(json.dumps(info))
    return path


# A skeleton with the names of CMU's conversions [m], x left, y up, z forward: name, parent, offset.
SKELETON: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("Hips", "", (0.0, 0.0, 0.0)),
    ("LHipJoint", "Hips", (0.0, 0.0, 0.0)),
    ("LeftUpLeg", "LHipJoint", (0.09, -0.05, 0.0)),
    ("LeftLeg", "LeftUpLeg", (0.0, -0.42, 0.0)),
    ("LeftFoot", "LeftLeg", (0.0, -0.41, 0.0)),
    ("LeftToeBase", "LeftFoot", (0.0, -0.05, 0.14)),
    ("RHipJoint", "Hips", (0.0, 0.0, 0.0)),
    ("RightUpLeg", "RHipJoint", (-0.09, -0.05, 0.0)),
    ("RightLeg", "RightUpLeg", (0.0, -0.42, 0.0)),
    ("RightFoot", "RightLeg", (0.0, -0.41, 0.0)),
    ("RightToeBase", "RightFoot", (0.0, -0.05, 0.14)),
    ("LowerBack", "Hips", (0.0, 0.05, 0.0)),
    ("Spine", "LowerBack", (0.0, 0.12, 0.0)),
    ("Spine1", "Spine", (0.0, 0.12, 0.0)),
    ("Neck", "Spine1", (0.0, 0.15, 0.0)),
    ("Neck1", "Neck", (0.0, 0.05, 0.0)),
    ("Head", "Neck1", (0.0, 0.06, 0.0)),
    ("LeftShoulder", "Spine1", (0.03, 0.10, 0.0)),
    ("LeftArm", "LeftShoulder", (0.15, 0.0, 0.0)),
    ("LeftForeArm", "LeftArm", (0.29, 0.0, 0.0)),
    ("LeftHand", "LeftForeArm", (0.25, 0.0, 0.0)),
    ("RightShoulder", "Spine1", (-0.03, 0.10, 0.0)),
    ("RightArm", "RightShoulder", (-0.15, 0.0, 0.0)),
    ("RightForeArm", "RightArm", (-0.29, 0.0, 0.0)),
    ("RightHand", "RightForeArm", (-0.25, 0.0, 0.0)),
)


def bvh_text(
    root: FloatArray,
    turns: Mapping[str, Rotation],
    *,
    order: str = "ZXY",
    unit: float = 0.01,
    axes: Rotation | None = None,
    frame_time_s: float = 1 / 120,
) -> str:
    """A BVH file of the skeleton.

    Args:
        root: (n, 3) root positions [m], x left, y up, z forward.
        turns: local rotations by joint, in the same axes; the other joints do not turn.
        order: of the Euler angles.
        unit: metres to a unit of the file.
        axes: turns our axes (x left, y up, z forward) into those of the file.
        frame_time_s: time between frames.
    """
    axes = axes or Rotation.identity()
    children: dict[str, list[str]] = {}
    for name, parent, _ in SKELETON:
        children.setdefault(parent, []).append(name)
    offsets = {name: axes.apply(offset) / unit for name, _, offset in SKELETON}
    columns: list[FloatArray] = []

    def numbers(row: FloatArray) -> str:
        return " ".join(f"{value:.9f}" for value in row)

    def write(name: str, depth: int) -> list[str]:
        pad = "  " * depth
        is_root = depth == 0
        rotation = " ".join(f"{axis}rotation" for axis in order)
        head = f"{pad}{'ROOT' if is_root else 'JOINT'} {name}\n{pad}{{\n{pad}  OFFSET {numbers(offsets[name])}"
        position = "6 Xposition Yposition Zposition" if is_root else "3"
        lines = [head, f"{pad}  CHANNELS {position} {rotation}"]
        if is_root:
            columns.append(axes.apply(root) / unit)
        turn = turns.get(name, Rotation.identity(len(root)))
        columns.append((axes * turn * axes.inv()).as_euler(order, degrees=True))
        for child in children.get(name, []):
            lines += write(child, depth + 1)
        if name not in children:
            lines.append(f"{pad}  End Site\n{pad}  {{\n{pad}    OFFSET 0 0 0\n{pad}  }}")
        return [*lines, f"{pad}}}"]

    lines = ["HIERARCHY", *write("Hips", 0), "MOTION", f"Frames: {len(root)}", f"Frame Time: {frame_time_s:.7f}"]
    table = np.concatenate(columns, axis=1)
    return "\n".join([*lines, *(numbers(row) for row in table)]) + "\n"
