"""Sensors that every task has: the arm, and where the person who takes part is relative to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hrg_pipeline.human.body import BODY_NAMES

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

Array = NDArray[np.float64]

PROPRIOCEPTION = ("robot0_joint_pos", "robot0_joint_vel", "robot0_eef_pos")
HUMAN = (
    "vec_eef_to_human_lh",
    "vec_eef_to_human_rh",
    "vec_eef_to_human_head",
    "dist_eef_to_human_lh",
    "dist_eef_to_human_rh",
    "dist_eef_to_human_head",
)
_HUMAN_POINTS = {"lh": "L_Hand", "rh": "R_Hand", "head": "Head"}
_HUMAN_JOINTS = (
    "Torso",
    "Chest",
    "Head",
    "L_Shoulder",
    "R_Shoulder",
    "L_Elbow",
    "R_Elbow",
    "L_Hand",
    "R_Hand",
)

_BODY_INDICES = np.array([BODY_NAMES.index(name) for name in (*_HUMAN_POINTS.values(), *_HUMAN_JOINTS)])


def observe_robot(engine: Engine) -> dict[str, Array]:
    """Return joint angles [rad], joint speeds [rad/s], end effector (world, [m]) and gripper opening (0..1)."""
    return {
        "robot0_joint_pos": engine.q,
        "robot0_joint_vel": engine.dq,
        "robot0_eef_pos": engine.eef_pos,
        "gripper_aperture": engine.gripper_opening()[:, None],
    }


def observe_gripper(engine: Engine) -> dict[str, Array]:
    """Return positions and speeds of the finger joints, the driven ones first [m] or [rad], and per second."""
    return {"robot0_gripper_qpos": engine.gripper_qpos, "robot0_gripper_qvel": engine.gripper_qvel}


def observe_object(engine: Engine, thing: int, name: str) -> dict[str, Array]:
    """Return where an object is, in the world and seen from the gripper.

    Args:
        engine: of the environment.
        thing: index of the object.
        name: what its sensors are called after.

    Returns:
        ``<name>_pos`` and ``vec_eef_to_<name>`` (N, 3) [m], world; ``<name>_quat`` (N, 4), world, and
        ``quat_eef_to_<name>`` in the frame of the grip site, both wxyz with w >= 0.
    """
    pos = engine.objects.pos[:, thing].copy()
    turn = Rotation.from_quat(engine.objects.quat[:, thing], scalar_first=True)
    seen = Rotation.from_matrix(engine.eef_rot).inv() * turn
    return {
        f"{name}_pos": pos,
        f"{name}_quat": turn.as_quat(canonical=True, scalar_first=True),
        f"vec_eef_to_{name}": pos - engine.eef_pos,
        f"quat_eef_to_{name}": seen.as_quat(canonical=True, scalar_first=True),
    }


def observe_human(engine: Engine) -> dict[str, Array]:
    """Return vectors (world frame) and distances [m] from the end effector to hands and head, and nine joints.

    All are those of person 0; other people are not observed.
    """
    positions = engine.human_positions(_BODY_INDICES)
    points, joints = positions[:, : len(_HUMAN_POINTS)], positions[:, len(_HUMAN_POINTS) :]
    vectors = points - engine.eef_pos[:, None]
    distances = norm(vectors)
    observation = {f"vec_eef_to_human_{short}": vectors[:, k] for k, short in enumerate(_HUMAN_POINTS)}
    observation.update({f"dist_eef_to_human_{short}": distances[:, k, None] for k, short in enumerate(_HUMAN_POINTS)})
    observation["human_joint_pos"] = joints.reshape(len(joints), -1)
    return observation


def norm(vectors: Array) -> Array:
    """Euclidean norm along the last axis; ``np.linalg.norm`` costs several times as much on small arrays."""
    lengths: Array = np.sqrt(np.einsum("...k,...k->...", vectors, vectors))
    return lengths
