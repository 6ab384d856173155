"""A motion as it was recorded: somebody else's skeleton, in our axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from hrg_pipeline.human.body import BODY_INDEX, N_BODIES, PARENTS, FloatArray
from hrg_pipeline.human.clip import Hand

MIN_FRAMES = 4


@dataclass(frozen=True, eq=False)
class LoopFrames:
    """An idle loop as the recording's authors wrote it down, in frames."""

    anchor: float
    amplitudes: tuple[float, ...]
    speeds: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Recording:
    """Sampled poses of a recorded skeleton whose rest pose is a T-pose.

    World and body axes are ours: x forward, y left, z up; the robot stands at the origin, the floor is z = 0 as far as
    the recording knows it.
    """

    name: str
    family: str
    rate_hz: float
    root_position: FloatArray
    """(n, 3) the recorded skeleton's root in the world [m]."""
    rotations: FloatArray
    """(n, 24, 4) unit quaternions wxyz in the order of ``BODY_NAMES``: root in the world, then joints in their
    parents' frames."""
    rest: FloatArray
    """(24, 3) joints of the recorded skeleton at rest, from its root [m]."""
    has_legs: bool
    """Whether the legs were recorded; else they are straight throughout."""
    placed: bool
    """Whether the recording says where the person is relative to the robot."""
    keyframes: tuple[int, ...] = ()
    loops: Mapping[str, LoopFrames] = field(default_factory=dict)
    hand: Hand = "none"
    target: tuple[float, float, float] | None = None
    source: str = ""
    licence: str = "unknown"
    notes: tuple[str, ...] = ()
    """What the reader noticed."""

    @property
    def offset(self) -> FloatArray:
        """(24, 3) joint positions in their parents' frames at rest [m]."""
        offset = self.rest.copy()
        for body in range(1, N_BODIES):
            offset[body] -= self.rest[PARENTS[body]]
        return offset

    def joints(self) -> FloatArray:
        """(n, 24, 3) joint positions of the recorded skeleton in the world [m]."""
        return place_joints(self.offset, self.root_position, self.rotations)[0]


def place_joints(
    offset: FloatArray, root_position: FloatArray, rotations: FloatArray
) -> tuple[FloatArray, list[Rotation]]:
    """Forward kinematics of many samples.

    Args:
        offset: (24, 3) joint positions in their parents' frames [m].
        root_position: (n, 3) [m].
        rotations: (n, 24, 4) unit quaternions wxyz, root in the world, then in parents.

    Returns:
        (n, 24, 3) joint positions [m] and the 24 world orientations, each of n samples.
    """
    joints = np.empty((len(root_position), N_BODIES, 3))
    frames: list[Rotation] = []
    for body, parent in enumerate(PARENTS):
        local = Rotation.from_quat(rotations[:, body], scalar_first=True)
        frames.append(local if parent < 0 else frames[parent] * local)
        place = root_position if parent < 0 else joints[:, parent] + frames[parent].apply(offset[body])
        joints[:, body] = place
    return joints, frames


def aligned(rotations: FloatArray) -> FloatArray:
    """The same rotations (n, ..., 4), each in the sign that is nearer to the one before."""
    flips = np.sum(rotations[1:] * rotations[:-1], axis=-1) < 0.0
    signs = np.where(np.cumsum(flips, axis=0) % 2, -1.0, 1.0)
    out = rotations.copy()
    out[1:] *= signs[..., None]
    return out


def normalised(rotations: FloatArray) -> FloatArray:
    """Quaternions (..., 4) scaled to length 1."""
    return np.asarray(rotations / np.linalg.norm(rotations, axis=-1, keepdims=True))


def step_speeds(joints: FloatArray, rate_hz: float) -> FloatArray:
    """(n - 1, 24) speed of each joint between samples [m/s]."""
    return np.asarray(np.linalg.norm(np.diff(joints, axis=0), axis=2) * rate_hz)


def hand_joints(hand: Hand) -> list[int]:
    """Bodies of the hands that a clip's ``hand`` names; both where it names none."""
    sides = {"left": "L", "right": "R"}.get(hand, "LR")
    return [BODY_INDEX[f"{side}_Hand"] for side in sides]
