"""Recordings of the human-robot-animations collection: arrays in a pickle, facts in a JSON beside it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_NAMES, FloatArray
from hrg_pipeline.human.clip import Hand
from hrg_pipeline.human.recorded.pickle_reader import Array, read_arrays
from hrg_pipeline.human.recorded.recording import MIN_FRAMES, LoopFrames, Recording, aligned

CMU_RATE_HZ, VICON_RATE_HZ = 120.0, 100.0
"""Frames a second of the collection's two origins; the files do not say it (reference, section 10.1)."""
LICENCES = {"cmu": "CMU Graphics Lab Motion Capture Database, free use", "vicon": "MIT"}
ANGLE_LIMIT_RAD = 1.56
"""The collection cuts every joint angle off here."""

# Joints at rest relative to the root [m], x left, y up, z forward: the anchors of human-robot-gym's body (the
# SMPL mean shape), reference section 10.2. "L_" and "R_" differ a little.
_ANCHORS: dict[str, tuple[float, float, float]] = {
    "Pelvis": (0.0, 0.0, 0.0),
    "L_Hip": (0.0677, -0.3147, 0.0214),
    "R_Hip": (-0.0695, -0.3139, 0.0239),
    "L_Knee": (0.1020, -0.6899, 0.0169),
    "R_Knee": (-0.1078, -0.6964, 0.0150),
    "L_Ankle": (0.0884, -1.0879, -0.0268),
    "R_Ankle": (-0.0920, -1.0948, -0.0273),
    "L_Toe": (0.1148, -1.1437, 0.0925),
    "R_Toe": (-0.1174, -1.1430, 0.0961),
    "Torso": (-0.0043, -0.1144, 0.0015),
    "Spine": (0.0012, 0.0208, 0.0026),
    "Chest": (0.0026, 0.0737, 0.0280),
    "Neck": (-0.0002, 0.2876, -0.0148),
    "Head": (0.0050, 0.3526, 0.0365),
    "L_Thorax": (0.0815, 0.1955, -0.0060),
    "R_Thorax": (-0.0791, 0.1926, -0.0106),
    "L_Shoulder": (0.1724, 0.2260, -0.0149),
    "R_Shoulder": (-0.1752, 0.2251, -0.0197),
    "L_Elbow": (0.4320, 0.2132, -0.0424),
    "R_Elbow": (-0.4289, 0.2118, -0.0411),
    "L_Wrist": (0.6813, 0.2222, -0.0435),
    "R_Wrist": (-0.6842, 0.2196, -0.0467),
    "L_Hand": (0.7653, 0.2140, -0.0585),
    "R_Hand": (-0.7688, 0.2134, -0.0570),
}
REST = np.array([_ANCHORS[name] for name in BODY_NAMES])[:, [2, 0, 1]]
"""(24, 3) the same in our axes: x forward, y left, z up."""
TO_OURS = Rotation.from_quat((0.5, 0.5, 0.5, 0.5))
"""Turns the collection's axes (x left, y up, z forward) into ours."""

_LEG_JOINTS = ("L_Hip", "R_Hip", "L_Knee", "R_Knee", "L_Ankle", "R_Ankle")
_MIDDLE_LOOPS = {"robothumanhandover": "reach_out", "collaborativehammering": "present"}
_FAMILIES = {"CMU": "cmu"}


@dataclass(frozen=True)
class Info:
    """What the JSON beside a recording says."""

    position_offset: FloatArray
    orientation: Rotation
    keyframes: tuple[int, ...] = ()
    amplitudes: Mapping[str, tuple[float, ...]] | None = None
    speeds: Mapping[str, tuple[float, ...]] | None = None
    hand: Hand = "none"
    target: tuple[float, float, float] | None = None
    rate_hz: float | None = None


def info_path(path: Path) -> Path:
    """The JSON that belongs to a recording."""
    return path.with_name(f"{path.stem}_info.json")


def family_of(group: str) -> str:
    """Name of a family from a folder's name: ``RobotHumanHandover`` -> ``robot_human_handover``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", _FAMILIES.get(group, group))
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or "recorded"


def read_animation(path: Path, rate_hz: float | None = None) -> Recording:
    """Read one ``.pkl`` of the collection and the ``_info.json`` beside it.

    Args:
        path: the pickle.
        rate_hz: frames a second; None: 120 for clips with recorded legs (CMU), 100 for the others (Vicon).

    Raises:
        MotionError: one line with the file and what is wrong with it.
    """
    arrays = read_arrays(path)
    root, quat, angles, n_cut = _checked(path, arrays)
    info = read_info(info_path(path)) if info_path(path).is_file() else None
    has_legs = any(np.abs(angles[:, BODY_NAMES.index(joint)]).max() > 1e-6 for joint in _LEG_JOINTS)
    moves_legs = any(np.ptp(angles[:, BODY_NAMES.index(joint)], axis=0).max() > 1e-6 for joint in _LEG_JOINTS)
    rate = rate_hz or (info.rate_hz if info else None) or (CMU_RATE_HZ if moves_legs else VICON_RATE_HZ)

    turn = TO_OURS * info.orientation if info else TO_OURS
    rotations = np.empty((len(root), len(BODY_NAMES), 4))
    # Their rest frames have other axes than ours: R_ours = B R_theirs B^-1 (B = TO_OURS), the root as well.
    rotations[:, 0] = (turn * Rotation.from_quat(quat) * TO_OURS.inv()).as_quat(scalar_first=True)
    for body in range(1, len(BODY_NAMES)):
        local = Rotation.from_euler("xyz", angles[:, body])  # about fixed axes x, y, z: R = Rz Ry Rx
        rotations[:, body] = (TO_OURS * local * TO_OURS.inv()).as_quat(scalar_first=True)
    notes = [f"{n_cut} frames have an angle cut off at ±{ANGLE_LIMIT_RAD} rad"] if n_cut else []
    if info is None:
        notes.append("no _info.json: placed in front of the robot")
    recording = Recording(
        name=f"{family_of(path.parent.name)}/{path.stem}",
        family=family_of(path.parent.name),
        rate_hz=rate,
        root_position=turn.apply(root + info.position_offset) if info else turn.apply(root),
        rotations=aligned(rotations),
        rest=REST,
        has_legs=has_legs,
        placed=info is not None,
        source=f"human-robot-animations {path.parent.name}/{path.stem}",
        licence=LICENCES["cmu" if moves_legs else "vicon"],
        notes=tuple(notes),
    )
    return with_info(recording, info, path) if info else recording


def with_info(recording: Recording, info: Info, path: Path) -> Recording:
    """Return the recording with keyframes, loops, hand and target of its JSON.

    Raises:
        MotionError: for keyframes that the recording does not have.
    """
    n = len(recording.root_position)
    keys = info.keyframes
    if any(not 0 <= key < n for key in keys) or list(keys) != sorted(keys):
        raise MotionError(f"'{info_path(path)}' has keyframes {list(keys)}; they must rise within 0..{n - 1}")
    loops: dict[str, LoopFrames] = {}
    notes = list(recording.notes)
    for stage, amplitudes in (info.amplitudes or {}).items():
        name, anchor = _loop_place(stage, path.parent.name, keys)
        if anchor is None:
            notes.append(f"loop '{stage}' has no known place and is left out")
        else:
            loops[name] = LoopFrames(anchor, amplitudes, (info.speeds or {})[stage])
    return replace(recording, keyframes=keys, loops=loops, hand=info.hand, target=info.target, notes=tuple(notes))


def _loop_place(stage: str, group: str, keys: tuple[int, ...]) -> tuple[str, float | None]:
    """Name and anchor frame of a loop (reference, sections 2.6 to 2.11); a list without a stage has the name ''."""
    middle = 0.5 * (keys[0] + keys[1]) if len(keys) >= 2 else None
    place = {
        "present": middle,
        "wait": keys[1] if len(keys) >= 2 else None,
        "wait_for_second": keys[2] if len(keys) >= 3 else None,
        "wait_for_fourth": keys[4] if len(keys) >= 5 else None,
    }
    if stage:
        return stage, place.get(stage)
    if group.lower() in _MIDDLE_LOOPS:
        return _MIDDLE_LOOPS[group.lower()], middle
    return "ready", keys[0] if keys else None


def _checked(path: Path, arrays: Mapping[str, Array]) -> tuple[FloatArray, FloatArray, FloatArray, int]:
    """Return root positions (n, 3), root quaternions xyzw (n, 4), joint angles (n, 24, 3), and how many frames are cut.

    Raises:
        MotionError: for arrays that are missing, do not fit together or hold values that are no numbers.
    """
    names = [f"Pelvis_pos_{axis}" for axis in "xyz"]
    joint_names = [[f"{joint}_{axis}" for axis in "xyz"] for joint in BODY_NAMES[1:]]
    wanted = [*names, "Pelvis_quat", *(name for row in joint_names for name in row)]
    missing = [name for name in wanted if name not in arrays]
    if missing:
        found = sorted({name.removesuffix("_quat").rsplit("_pos", 1)[0].rstrip("xyz").rstrip("_") for name in arrays})
        raise MotionError(
            f"'{path}' cannot be played: {len(missing)} of {len(wanted)} arrays are missing, the first is "
            f"'{missing[0]}'; it holds only {', '.join(found[:6]) or 'nothing'}"
        )
    n = len(arrays[names[0]]) if arrays[names[0]].ndim else 0
    if n < MIN_FRAMES:
        raise MotionError(f"'{path}' has {n} frames; at least {MIN_FRAMES} are needed")
    for name in wanted:
        expected = (n, 4) if name == "Pelvis_quat" else (n,)
        if arrays[name].shape != expected:
            raise MotionError(f"'{path}': {name} has shape {arrays[name].shape}; expected {expected}")
        if not np.isfinite(arrays[name]).all():
            raise MotionError(f"'{path}': {name} is not finite at frame {int(np.argmin(np.isfinite(arrays[name])))}")
    quat = np.asarray(arrays["Pelvis_quat"], dtype=np.float64)
    lengths = np.linalg.norm(quat, axis=1)
    if np.abs(lengths - 1.0).max() > 0.01:
        worst = int(np.abs(lengths - 1.0).argmax())
        raise MotionError(f"'{path}': Pelvis_quat has length {lengths[worst]:.3g} at frame {worst}; expected 1")
    root = np.stack([np.asarray(arrays[name], dtype=np.float64) for name in names], axis=1)
    angles = np.zeros((n, len(BODY_NAMES), 3))
    for body, row in enumerate(joint_names, start=1):
        angles[:, body] = np.stack([arrays[name] for name in row], axis=1)
    # A joint that is always at the limit (the palm-up wrists of the handovers) was put there on purpose.
    moving = np.ptp(angles, axis=0) > 1e-9
    cut = (np.abs(angles) >= ANGLE_LIMIT_RAD - 1e-9) & moving
    return root, quat, angles, int(cut.any(axis=(1, 2)).sum())


def read_info(path: Path) -> Info:
    """Read the JSON beside a recording.

    Raises:
        MotionError: one line with the file and the key that cannot be.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise MotionError(f"'{path}' is no JSON: {(str(error).splitlines() or [type(error).__name__])[0]}") from error
    if not isinstance(content, dict):
        raise MotionError(f"'{path}' holds a {type(content).__name__}; expected keys and values")
    offset = _numbers(path, content, "position_offset", 3) or (0.0, 0.0, 0.0)
    quat = _numbers(path, content, "orientation_quat", 4) or (0.0, 0.0, 0.0, 1.0)
    if abs(math.hypot(*quat) - 1.0) > 0.01:
        raise MotionError(f"'{path}': orientation_quat is {list(quat)}; expected length 1")
    keyframes = _numbers(path, content, "keyframes") or ()
    target = _numbers(path, content, "target_pos")
    rate = _numbers(path, {"fps": [content["fps"]]} if "fps" in content else {}, "fps", 1)
    if rate and not 1.0 <= rate[0] <= 1000.0:
        raise MotionError(f"'{path}': fps is {rate[0]}; it must lie in [1, 1000]")
    amplitudes, speeds = _by_stage(path, content, "loop_amplitudes"), _by_stage(path, content, "loop_speeds")
    for stage in {*amplitudes, *speeds}:
        lengths = len(amplitudes.get(stage, ())), len(speeds.get(stage, ()))
        if lengths[0] != lengths[1] or min(amplitudes.get(stage, (0.0,))) <= 0.0:
            raise MotionError(f"'{path}': loop '{stage}' needs as many positive amplitudes as speeds, got {lengths}")
    hands = [content[key] for key in ("object_holding_hand", "first_placing_hand", "pointing_hand") if key in content]
    if any(hand not in ("left", "right", "both") for hand in hands):
        raise MotionError(f"'{path}': a hand is {hands[0]!r}; valid are left, right, both")
    return Info(
        position_offset=np.array(offset),
        orientation=Rotation.from_quat(quat),
        keyframes=tuple(int(key) for key in keyframes),
        amplitudes=amplitudes,
        speeds=speeds,
        hand=hands[0] if hands else "none",
        # Two numbers are a place on the floor plan that the collection itself does not use.
        target=(target[0], target[1], target[2]) if target and len(target) == 3 else None,
        rate_hz=rate[0] if rate else None,
    )


def _numbers(path: Path, content: Mapping[str, Any], key: str, size: int | None = None) -> tuple[float, ...] | None:
    """Return a list of numbers, None where the key is missing."""
    values = content.get(key)
    if values is None:
        return None
    good = isinstance(values, list) and all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) for value in values
    )
    if not good or (size is not None and len(values) != size):
        raise MotionError(f"'{path}': {key} is {str(values)[:60]}; expected a list of {size or 'finite'} numbers")
    return tuple(float(value) for value in values)


def _by_stage(path: Path, content: Mapping[str, Any], key: str) -> dict[str, tuple[float, ...]]:
    """Return the lists of a key by stage; a plain list has the stage ''."""
    values = content.get(key)
    if values is None:
        return {}
    stages = values if isinstance(values, dict) else {"": values}
    return {str(stage): _numbers(path, {key: row}, key) or () for stage, row in stages.items()}
