"""BVH files: what of their joints and motion our body can use."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_INDEX, BODY_NAMES, N_BODIES, PARENTS, FloatArray
from hrg_pipeline.human.recorded import animations
from hrg_pipeline.human.recorded.bvh_file import Bvh, Joint, parse_bvh
from hrg_pipeline.human.recorded.recording import Recording, aligned

_FOREARM_M = 0.25
"""Length of a forearm by which the unit of a file without legs is guessed (reference, section 10.2)."""
_LEG_M = 0.80
_UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254}

# Names of joints in our order of preference, without case, spaces, dots, underscores and a prefix such as
# "mixamorig:". Left ones are written with "left", the right ones follow.
_NAMES: dict[str, tuple[str, ...]] = {
    "Pelvis": ("hips", "hip", "pelvis", "root"),
    "Neck": ("neck", "neck1"),
    "Head": ("head",),
    "L_Hip": ("leftupleg", "leftupperleg", "lthigh", "leftthigh", "lfemur", "lefthip"),
    "L_Knee": ("leftleg", "leftlowerleg", "lshin", "leftshin", "ltibia", "leftknee"),
    "L_Ankle": ("leftfoot", "lfoot", "leftankle"),
    "L_Toe": ("lefttoebase", "lefttoe", "ltoes", "ltoe"),
    "L_Thorax": ("leftshoulder", "leftcollar", "lcollar", "lclavicle", "leftclavicle"),
    "L_Shoulder": ("leftarm", "leftupperarm", "lshldr", "lhumerus", "leftuparm"),
    "L_Elbow": ("leftforearm", "lforearm", "lradius", "leftlowerarm", "leftelbow"),
    "L_Wrist": ("lefthand", "lhand", "leftwrist"),
}
_NEEDED = ("Pelvis", "L_Shoulder", "R_Shoulder", "L_Elbow", "R_Elbow", "L_Wrist", "R_Wrist")
_LEGS = ("L_Hip", "R_Hip", "L_Knee", "R_Knee", "L_Ankle", "R_Ankle")
# The segments that Vicon's marker export names. Their offsets are those of markers, not of joints, and their angles
# turn about fixed axes in the order of the channels (reference, section 10.3; found to hold to 1e-14 rad between the
# .bvh and .pkl of the collection).
_VICON = frozenset(("hip", "torso", "left_collar", "left_upper_arm", "left_forearm", "right_upper_arm"))


def read_bvh(path: Path, rate_hz: float | None = None) -> Recording:
    """Read a BVH file and map its joints to our 24 bodies.

    Vicon's export of marker segments and skeletons with CMU's or the usual names are known. Units, and which axes
    are up and forward, follow from the rest pose, whose arms must be stretched out sideways.

    Args:
        path: the file; an ``_info.json`` beside it is read as well.
        rate_hz: frames a second instead of the file's.

    Raises:
        MotionError: one line with the file and what is wrong with it.
    """
    bvh = parse_bvh(path)
    index = animations.info_path(path)
    info = animations.read_info(index) if index.is_file() else None
    if {joint.name for joint in bvh.joints} >= _VICON:
        recording = _from_vicon(path, bvh, info)
    else:
        recording = _from_skeleton(path, bvh)
    recording = replace(recording, rate_hz=rate_hz or recording.rate_hz)
    return animations.with_info(recording, info, path) if info else recording


def _key(name: str) -> str:
    """A joint's name without case, prefix and punctuation."""
    return "".join(c for c in name.rsplit(":", 1)[-1].lower() if c.isalnum())


def _joint_of_body(bvh: Bvh) -> dict[str, int]:
    """Which joint of the file plays which of our bodies; no joint plays two."""
    by_key = {_key(joint.name): index for index, joint in reversed(list(enumerate(bvh.joints)))}
    found: dict[str, int] = {}
    for body in BODY_NAMES:
        left = "L_" + body[2:] if body.startswith("R_") else body
        for name in _NAMES.get(left, ()):
            # "lthigh" -> "rthigh", "leftarm" -> "rightarm"
            key = (name.replace("left", "right", 1) if "left" in name else "r" + name[1:]) if left != body else name
            if key in by_key and by_key[key] not in found.values():
                found[body] = by_key[key]
                break
    return found | _trunk(bvh, found)


def _trunk(bvh: Bvh, found: dict[str, int]) -> dict[str, int]:
    """The joints between pelvis and shoulders, of which files have one to many, as our three."""
    top = found.get("Neck", found.get("L_Thorax", found.get("L_Shoulder")))
    if "Pelvis" not in found or top is None:
        return {}
    chain = _chain(bvh, top)
    below = chain.index(found["Pelvis"]) + 1 if found["Pelvis"] in chain else 0
    between = [joint for joint in chain[below:-1] if joint not in found.values()]
    names: dict[int, tuple[str, ...]] = {0: (), 1: ("Chest",), 2: ("Torso", "Chest")}
    ours = names.get(len(between), ("Torso", "Spine", "Chest"))
    chosen = between if len(between) <= 3 else [between[0], between[len(between) // 2], between[-1]]
    return dict(zip(ours, chosen, strict=True))


def _angles(bvh: Bvh, joint: Joint, *, fixed_axes: bool) -> Rotation:
    """Local rotation of a joint in every frame: about its own turned axes in the order of its channels."""
    columns = [k for k, name in enumerate(joint.channels) if name.endswith("rotation")]
    if not columns:
        return Rotation.from_quat(np.tile((0.0, 0.0, 0.0, 1.0), (len(bvh.frames), 1)))
    order = "".join(joint.channels[k][0] for k in columns)
    values = bvh.frames[:, [joint.first + k for k in columns]]
    if len(order) != len(set(order)):
        raise MotionError(f"joint '{joint.name}' turns twice about one axis: {joint.channels}")
    return Rotation.from_euler(order.lower() if fixed_axes else order, values, degrees=True)


def _positions(bvh: Bvh, joint: Joint) -> FloatArray:
    """(n, 3) position of the root [units of the file]."""
    out = np.tile(joint.offset, (len(bvh.frames), 1))
    for k, name in enumerate(joint.channels):
        if name.endswith("position"):
            out[:, "XYZ".index(name[0])] = bvh.frames[:, joint.first + k]
    return out


def _from_vicon(path: Path, bvh: Bvh, info: animations.Info | None) -> Recording:
    """Follow the collection's conversion of its own Vicon exports (reference, section 10.3)."""
    by_name = {joint.name: joint for joint in bvh.joints}
    root = by_name["hip"]
    n = len(bvh.frames)
    position = _positions(bvh, root) * np.array([-1.0, 1.0, -1.0]) * 0.001
    order = [root.channels.index(f"{axis}rotation") + root.first for axis in "ZXY"]
    pelvis = Rotation.from_euler("ZYX", bvh.frames[:, order] * np.array([1.0, 1.0, -1.0]), degrees=True)
    turn = animations.TO_OURS * info.orientation if info else animations.TO_OURS
    back = animations.TO_OURS.inv()
    rotations = np.tile((1.0, 0.0, 0.0, 0.0), (n, N_BODIES, 1))
    rotations[:, 0] = (turn * pelvis * back).as_quat(scalar_first=True)
    half_turn = Rotation.from_quat((0.0, 1.0, 0.0, 0.0))  # x and z point the other way
    segments = {
        "Torso": "torso", "Neck": "neck", "Head": "head", "L_Thorax": "left_collar", "R_Thorax": "right_collar",
        "L_Shoulder": "left_upper_arm", "R_Shoulder": "right_upper_arm", "L_Elbow": "left_forearm",
        "R_Elbow": "right_forearm", "L_Wrist": "left_hand", "R_Wrist": "right_hand",
    }  # fmt: skip
    for name, segment in segments.items():
        if segment in by_name:
            local = half_turn * _angles(bvh, by_name[segment], fixed_axes=True) * half_turn.inv()
            rotations[:, BODY_INDEX[name]] = (animations.TO_OURS * local * back).as_quat(scalar_first=True)
    group = animations.family_of(path.parent.name)
    return Recording(
        name=f"{group}/{path.stem}",
        family=group,
        rate_hz=1.0 / bvh.frame_time_s,
        root_position=turn.apply(position + info.position_offset) if info else turn.apply(position),
        rotations=aligned(rotations),
        rest=animations.REST,
        has_legs=False,
        placed=info is not None,
        source=f"Vicon BVH {path.parent.name}/{path.name}",
        notes=() if info else ("no _info.json: placed in front of the robot",),
    )


def _from_skeleton(path: Path, bvh: Bvh) -> Recording:
    """Use a skeleton whose joints have the usual names."""
    played_by = _joint_of_body(bvh)
    missing = [body for body in _NEEDED if body not in played_by]
    if missing:
        names = ", ".join(joint.name for joint in bvh.joints[:12])
        raise MotionError(f"'{path}' has no joint for {', '.join(missing)}; it has {names}")
    has_legs = all(body in played_by for body in _LEGS)
    place = np.zeros((len(bvh.joints), 3))
    for k, item in enumerate(bvh.joints):
        place[k] = np.array(item.offset) + (place[item.parent] if item.parent >= 0 else 0.0)
    root = played_by["Pelvis"]
    ours, unit = _axes(path, place, played_by), _unit(place, played_by, has_legs=has_legs)

    frames: list[Rotation] = []
    for item in bvh.joints:
        local = _angles(bvh, item, fixed_axes=False)
        frames.append(frames[item.parent] * local if item.parent >= 0 else local)
    at = _positions(bvh, bvh.joints[0])
    for k in _chain(bvh, root):
        at = at + frames[bvh.joints[k].parent].apply(bvh.joints[k].offset)

    rest = animations.REST.copy()
    for name, joint in played_by.items():
        rest[BODY_INDEX[name]] = ours.apply(place[joint] - place[root]) * unit
    for side in "LR":  # the hand, and toes that the file may not have
        wrist = bvh.joints[played_by[f"{side}_Wrist"]]
        forearm = rest[BODY_INDEX[f"{side}_Wrist"]] - rest[BODY_INDEX[f"{side}_Elbow"]]
        reach = ours.apply(wrist.end) * unit if wrist.end else np.zeros(3)
        if np.linalg.norm(reach) < 0.02:
            reach = 0.3 * forearm
        rest[BODY_INDEX[f"{side}_Hand"]] = rest[BODY_INDEX[f"{side}_Wrist"]] + reach

    rotations = np.tile((1.0, 0.0, 0.0, 0.0), (len(bvh.frames), N_BODIES, 1))
    world: list[Rotation] = []
    for body, name in enumerate(BODY_NAMES):
        parent = PARENTS[body]
        if name in played_by:
            world.append(ours * frames[played_by[name]] * ours.inv())
        else:
            world.append(world[parent])
        local = world[parent].inv() * world[body] if parent >= 0 else world[body]
        rotations[:, body] = local.as_quat(scalar_first=True)
    group = animations.family_of(path.parent.name)
    return Recording(
        name=f"{group}/{path.stem}",
        family=group,
        rate_hz=1.0 / bvh.frame_time_s,
        root_position=ours.apply(at) * unit,
        rotations=aligned(rotations),
        rest=rest,
        has_legs=has_legs,
        placed=False,
        source=f"BVH {path.parent.name}/{path.name}",
        notes=("placed in front of the robot",),
    )


def _chain(bvh: Bvh, joint: int) -> list[int]:
    """Joints between the root (left out) and a joint (included)."""
    chain: list[int] = []
    while bvh.joints[joint].parent >= 0:
        chain.insert(0, joint)
        joint = bvh.joints[joint].parent
    return chain


def _axes(path: Path, place: FloatArray, played_by: dict[str, int]) -> Rotation:
    """Rotation from the file's axes to ours, from where the shoulders and the head or legs are at rest."""
    left = place[played_by["L_Shoulder"]] - place[played_by["R_Shoulder"]]
    low, high = played_by["Pelvis"], played_by.get("Head", played_by.get("Neck", played_by["L_Shoulder"]))
    up = place[high] - place[low]
    if "L_Knee" in played_by and np.linalg.norm(up) < 1e-9:
        up = place[low] - place[played_by["L_Knee"]]
    sides, heights = _snapped(left), _snapped(up)
    if sides is None or heights is None or abs(float(sides @ heights)) > 0.5:
        raise MotionError(f"'{path}': its rest pose does not show which way is up and left; a T-pose is expected")
    forward = np.cross(sides, heights)
    return Rotation.from_matrix(np.stack((forward, sides, heights)))


def _snapped(direction: FloatArray) -> FloatArray | None:
    """The axis that a direction is nearest to; None if it is near none."""
    length = float(np.linalg.norm(direction))
    axis = int(np.abs(direction).argmax())
    if length < 1e-9 or abs(direction[axis]) < 0.8 * length:
        return None
    out = np.zeros(3)
    out[axis] = math.copysign(1.0, direction[axis])
    return out


def _unit(place: FloatArray, played_by: dict[str, int], *, has_legs: bool) -> float:
    """Metres to a unit of the file: the usual unit that gives limbs of about human length."""

    def span(a: str, b: str) -> float:
        return float(np.linalg.norm(place[played_by[a]] - place[played_by[b]]))

    if has_legs:
        length, expected = span("L_Hip", "L_Knee") + span("L_Knee", "L_Ankle"), _LEG_M
    else:
        length, expected = span("L_Elbow", "L_Wrist"), _FOREARM_M
    if length <= 0.0:
        return 1.0
    return min(_UNITS.values(), key=lambda unit: abs(math.log(unit * length / expected)))
