"""The body: 24 joints and capsules from stature, and what the shield puts around them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrg_pipeline.errors import ConfigError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Vec = tuple[float, float, float]

BODY_NAMES: tuple[str, ...] = (
    "Pelvis", "L_Hip", "R_Hip", "Torso", "L_Knee", "R_Knee", "Spine", "L_Ankle", "R_Ankle", "Chest",
    "L_Toe", "R_Toe", "Neck", "L_Thorax", "R_Thorax", "Head", "L_Shoulder", "R_Shoulder",
    "L_Elbow", "R_Elbow", "L_Wrist", "R_Wrist", "L_Hand", "R_Hand",
)  # fmt: skip
"""Names of the 24 bodies (and of the joint each one turns about), in SMPL order: parents before children."""

PARENTS: tuple[int, ...] = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
"""Index of the parent of each body; -1 for the Pelvis."""

N_BODIES = len(BODY_NAMES)
BODY_INDEX: dict[str, int] = {name: index for index, name in enumerate(BODY_NAMES)}
STATURE_MIN_M, STATURE_MAX_M = 1.5, 2.0

# Everything below is a fraction of stature. Heights and lengths: Drillis & Contini (1966), as tabulated in
# Winter, Biomechanics and Motor Control of Human Movement (hip .530, knee .285, ankle .039; upper arm .186,
# forearm .146, hand .108, foot .152; acromion .818). Joint centres lie inside the surface breadths: hips .05,
# shoulders .115 from the midline. The four trunk joints are spread evenly between pelvis and neck.
UPPER_ARM, FOREARM, PALM, HAND = 0.186, 0.146, 0.055, 0.108
THIGH, SHANK, ANKLE_HEIGHT, FOOT = 0.245, 0.246, 0.039, 0.152
HIP_HALF, SHOULDER_HALF, PELVIS_HEIGHT = 0.05, 0.115, 0.550
_TOE_HEIGHT, _TOE_FORWARD, _HEEL_BACK = 0.017, 0.075, 0.040
_HEAD_TOP_ABOVE_JOINT = 0.115

# Offset of the joint in the parent's frame, x forward, y left, z up. "L_" rows stand for both sides.
_OFFSETS: dict[str, Vec] = {
    "Pelvis": (0.0, 0.0, 0.0),
    "L_Hip": (0.0, HIP_HALF, ANKLE_HEIGHT + THIGH + SHANK - PELVIS_HEIGHT),
    "Torso": (0.0, 0.0, 0.060),
    "Spine": (0.0, 0.0, 0.065),
    "Chest": (0.0, 0.0, 0.060),
    "Neck": (0.0, 0.0, 0.095),
    "Head": (0.0, 0.0, 0.055),
    "L_Knee": (0.0, 0.0, -THIGH),
    "L_Ankle": (0.0, 0.0, -SHANK),
    "L_Toe": (_TOE_FORWARD, 0.0, _TOE_HEIGHT - ANKLE_HEIGHT),
    "L_Thorax": (0.0, 0.035, 0.065),
    "L_Shoulder": (0.0, SHOULDER_HALF - 0.035, 0.0),
    "L_Elbow": (0.0, UPPER_ARM, 0.0),
    "L_Wrist": (0.0, FOREARM, 0.0),
    "L_Hand": (0.0, PALM, 0.0),
}

# Physics capsules in the body's own frame: end a, end b, radius. Radii are common values of simulated
# humanoids.
_FOOT_R, _TOE_R, _HEAD_R, _FINGER_R = 0.0229, 0.0140, 0.0543, 0.0160
_HEAD_END = _HEAD_TOP_ABOVE_JOINT - _HEAD_R
_FINGER_END = HAND - PALM - _FINGER_R
_FOOT_Z = _FOOT_R - ANKLE_HEIGHT
_TOE_Z = _TOE_R - _TOE_HEIGHT
_TOE_END = FOOT - _HEEL_BACK - _TOE_FORWARD - _TOE_R
_GEOMS: dict[str, tuple[Vec, Vec, float]] = {
    "Pelvis": ((0.0, 0.030, -0.008), (0.0, -0.030, -0.008), 0.066),
    "Torso": ((0.0, 0.024, 0.032), (0.0, -0.024, 0.032), 0.060),
    "Spine": ((0.0, 0.027, 0.030), (0.0, -0.027, 0.030), 0.061),
    "Chest": ((0.0, 0.034, 0.035), (0.0, -0.034, 0.035), 0.064),
    "Neck": ((0.0, 0.0, 0.0), (0.0, 0.0, 0.055), 0.034),
    "Head": ((0.008, 0.0, 0.022), (0.008, 0.0, _HEAD_END), _HEAD_R),
    "L_Hip": ((0.0, 0.0, 0.0), (0.0, 0.0, -THIGH), 0.0429),
    "L_Knee": ((0.0, 0.0, 0.0), (0.0, 0.0, -SHANK), 0.0314),
    "L_Ankle": ((_FOOT_R - _HEEL_BACK, 0.0, _FOOT_Z), (_TOE_FORWARD, 0.0, _FOOT_Z), _FOOT_R),
    "L_Toe": ((0.0, 0.0, _TOE_Z), (_TOE_END, 0.0, _TOE_Z), _TOE_R),
    "L_Thorax": ((0.0, 0.0, 0.0), (0.0, SHOULDER_HALF - 0.035, 0.0), 0.034),
    "L_Shoulder": ((0.0, 0.0, 0.0), (0.0, UPPER_ARM, 0.0), 0.0286),
    "L_Elbow": ((0.0, 0.0, 0.0), (0.0, FOREARM, 0.0), 0.0240),
    "L_Wrist": ((0.0, 0.0, 0.0), (0.0, PALM, 0.0), 0.0240),
    "L_Hand": ((0.0, 0.0, 0.0), (0.0, _FINGER_END, 0.0), _FINGER_R),
}

# What covers each body in the shield: the two measured joints that are fixed in the body's own frame (so the
# capsule between them is rigid with it, whatever the pose), the least radius [m], and the acceleration bound
# of the joint [m/s^2]. Least radii: SaRA-shield's tables after DIN 33402-2, 95th percentile; 0 where it has
# none. Acceleration bounds: SaRA-shield, mujoco_mocap.
_COVERS: dict[str, tuple[str, str, float, float]] = {
    "Pelvis": ("L_Hip", "R_Hip", 0.0, 20.0),
    "L_Hip": ("L_Hip", "L_Knee", 0.0, 20.0),
    "Torso": ("Torso", "Spine", 0.217, 20.0),
    "L_Knee": ("L_Knee", "L_Ankle", 0.0, 30.0),
    "Spine": ("Spine", "Chest", 0.217, 25.0),
    "L_Ankle": ("L_Ankle", "L_Toe", 0.0, 30.0),
    "Chest": ("Chest", "Neck", 0.217, 20.0),
    "L_Toe": ("L_Toe", "L_Toe", 0.0, 30.0),
    "Neck": ("Neck", "Head", 0.217, 25.0),
    "L_Thorax": ("L_Thorax", "L_Shoulder", 0.0, 25.0),
    "Head": ("Head", "Head", 0.217, 25.0),
    "L_Shoulder": ("L_Shoulder", "L_Elbow", 0.100, 50.0),
    "L_Elbow": ("L_Elbow", "L_Wrist", 0.066, 50.0),
    "L_Wrist": ("L_Wrist", "L_Hand", 0.103, 50.0),
    "L_Hand": ("L_Hand", "L_Hand", 0.103, 50.0),
}
# Girth changes the radii of these; heads, hands and feet of heavy people are hardly larger. Capsules that lie across
# the trunk become wider as well.
_TRUNK = ("Pelvis", "Torso", "Spine", "Chest")
_GIRTH = (*_TRUNK, "L_Hip", "L_Knee", "L_Thorax", "L_Shoulder", "L_Elbow")

_ROOTS = ("L_Shoulder", "R_Shoulder", "L_Hip", "R_Hip", "Neck")

JOINT_SPEED_MAX = 2.0
"""Fastest a measured joint may move [m/s] (ISO 13855: upper limbs at short distance)."""
_COVER_MARGIN_M = 0.005


class Skeleton(NamedTuple):
    """Joints and physics capsules of one person [m]; at rest a T-pose, x forward, y left, z up."""

    parent: IntArray
    """(24,) index of the parent, -1 for the Pelvis; a parent comes before its children."""
    offset: FloatArray
    """(24, 3) joint position in the parent's frame."""
    geom_a: FloatArray
    """(24, 3) first end of the body's capsule, in the body's frame."""
    geom_b: FloatArray
    """(24, 3) second end; equal to the first for a sphere."""
    geom_radius: FloatArray
    """(24,) radius of the body's capsule."""


class ShieldBodies(NamedTuple):
    """Capsules between measured joints that enclose the physics ones in every pose; the joints' bounds."""

    proximal: IntArray
    """(24,) joint at one end."""
    distal: IntArray
    """(24,) joint at the other end; the same joint for a ball."""
    radius: FloatArray
    """(24,) [m]."""
    v_max: FloatArray
    """(24,) assumed speed bound of each joint [m/s]."""
    a_max: FloatArray
    """(24,) assumed acceleration bound of each joint [m/s^2]."""
    parent: IntArray
    """(24,) joint that each joint's bone begins at, -1 for the Pelvis."""
    root: IntArray
    """(24,) shoulder, hip or neck that each body of a limb hangs on; -1 for the trunk."""
    neighbour: IntArray
    """(24, 24) 1 for bodies that overlap or adjoin when the person stands straight, arms out."""


def _left_name(name: str) -> str:
    return "L_" + name[2:] if name.startswith("R_") else name


def _mirror(name: str, point: Vec) -> Vec:
    return (point[0], -point[1], point[2]) if name.startswith("R_") else point


def make_skeleton(stature_m: float = 1.75, girth: float = 1.0) -> Skeleton:
    """Build the person of a given body height.

    All lengths are proportional to the stature: people of one girth are similar in the sense of geometry.

    Args:
        stature_m: body height [m], 1.5 to 2.0.
        girth: factor on the radii of trunk and limbs; joints stay where they are.

    Raises:
        ConfigError: the stature is outside the range that the proportions are meant for.
    """
    if not STATURE_MIN_M <= stature_m <= STATURE_MAX_M:
        raise ConfigError(f"stature_m is {stature_m}; it must lie in [{STATURE_MIN_M}, {STATURE_MAX_M}] m")
    offset = np.array([_mirror(name, _OFFSETS[_left_name(name)]) for name in BODY_NAMES])
    geoms = [_GEOMS[_left_name(name)] for name in BODY_NAMES]
    geom_a = np.array([_mirror(name, geom[0]) for name, geom in zip(BODY_NAMES, geoms, strict=True)])
    geom_b = np.array([_mirror(name, geom[1]) for name, geom in zip(BODY_NAMES, geoms, strict=True)])
    widths = girth_widths(girth)
    radius = np.array([geom[2] for geom in geoms]) * widths[:, 0]
    geom_a[:, 1] *= widths[:, 1]
    geom_b[:, 1] *= widths[:, 1]
    return Skeleton(
        parent=np.array(PARENTS, dtype=np.int64),
        offset=offset * stature_m,
        geom_a=geom_a * stature_m,
        geom_b=geom_b * stature_m,
        geom_radius=radius * stature_m,
    )


def girth_widths(girth: float) -> FloatArray:
    """Factors (24, 2) of the radius of each body's capsule, and of the sideways position of its ends."""
    grows = np.array([_left_name(name) in _GIRTH for name in BODY_NAMES])
    widens = np.array([name in _TRUNK for name in BODY_NAMES])
    return np.stack((np.where(grows, girth, 1.0), np.where(widens, girth, 1.0)), axis=1)


def stature_of(skeleton: Skeleton) -> float:
    """Body height [m] that a skeleton was built for."""
    return float(-skeleton.offset[BODY_INDEX["L_Knee"], 2] / THIGH)


def make_shield_bodies(skeleton: Skeleton) -> ShieldBodies:
    """Cover every body by a capsule between two joints that are fixed in that body's frame.

    The distance to a segment is convex, so the farthest point of a geom capsule from it is at one of the
    geom's ends: the radius below is the least that encloses the geom, or SaRA's if that is larger, plus 5 mm.
    """
    proximal, distal, radius, a_max = [], [], [], []
    for body, name in enumerate(BODY_NAMES):
        first, second, least, bound = _COVERS[_left_name(name)]
        if name.startswith("R_"):
            first, second = "R" + first[1:], "R" + second[1:]
        i, j = BODY_INDEX[first], BODY_INDEX[second]
        ends = [np.zeros(3) if k == body else skeleton.offset[k] for k in (i, j)]
        reach = max(
            _distance_to_segment(skeleton.geom_a[body], ends[0], ends[1]),
            _distance_to_segment(skeleton.geom_b[body], ends[0], ends[1]),
        )
        proximal.append(i)
        distal.append(j)
        radius.append(max(least, reach + float(skeleton.geom_radius[body]) + _COVER_MARGIN_M))
        a_max.append(bound)
    return ShieldBodies(
        proximal=np.array(proximal, dtype=np.int64),
        distal=np.array(distal, dtype=np.int64),
        radius=np.array(radius),
        v_max=np.full(N_BODIES, JOINT_SPEED_MAX),
        a_max=np.array(a_max),
        parent=skeleton.parent.copy(),
        root=np.array([_root_of(body) for body in range(N_BODIES)]),
        neighbour=_neighbours(skeleton, np.array(proximal), np.array(distal), np.array(radius)),
    )


def _root_of(body: int) -> int:
    """Shoulder, hip or neck that a body hangs on; -1 for the trunk."""
    while body >= 0 and BODY_NAMES[body] not in _ROOTS:
        body = PARENTS[body]
    return body


def _neighbours(skeleton: Skeleton, proximal: IntArray, distal: IntArray, radius: FloatArray) -> IntArray:
    """Bodies whose capsules overlap in the T-pose, or that hang on each other."""
    pos = np.zeros((N_BODIES, 3))
    for body, parent in enumerate(PARENTS):
        if parent >= 0:
            pos[body] = pos[parent] + skeleton.offset[body]
    near = np.eye(N_BODIES, dtype=np.int64)
    for a in range(N_BODIES):
        for b in range(a):
            points = pos[proximal[a]] + np.linspace(0.0, 1.0, 21)[:, None] * (pos[distal[a]] - pos[proximal[a]])
            gap = min(_distance_to_segment(point, pos[proximal[b]], pos[distal[b]]) for point in points)
            near[a, b] = near[b, a] = gap <= radius[a] + radius[b] or PARENTS[a] == b
    return near


def make_shield_bodies_for(statures_m: tuple[float, float], girths: tuple[float, float]) -> ShieldBodies:
    """Cover everybody whose stature and girth lie within the ranges by one set of radii.

    Radii do not fall with stature or girth, so the largest of the corners' cover everyone between.
    """
    corners = [make_shield_bodies(make_skeleton(h, g)) for h in set(statures_m) for g in set(girths)]
    radius = np.max([bodies.radius for bodies in corners], axis=0)
    return corners[0]._replace(radius=radius, neighbour=np.max([bodies.neighbour for bodies in corners], axis=0))


def _distance_to_segment(point: FloatArray, start: FloatArray, end: FloatArray) -> float:
    along = end - start
    length_sq = float(along @ along)
    fraction = 0.0 if length_sq == 0.0 else min(1.0, max(0.0, float((point - start) @ along) / length_sq))
    return float(np.linalg.norm(point - start - fraction * along))
