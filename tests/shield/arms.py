"""Arms with masses, and the records that the energy kernels take."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hrg_pipeline.engine.watched import robot_geometry
from hrg_pipeline.human.body import make_shield_bodies
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import make_rows
from hrg_pipeline.robots.dynamics import LinkInertias, extract_inertias
from hrg_pipeline.shield.energy import (
    energy_fields,
    energy_norm,
    energy_scratch,
    point_speeds,
    reflected_mass,
)
from hrg_pipeline.shield.energy_bounds import energy_curvature
from hrg_pipeline.shield.factory import make_shield_model
from hrg_pipeline.shield.reach import forward_kinematics, reach_bounds
from tests.shield.toys import general_arm, human_bodies

CAPSULES = 24
"""Padded, so that the kernels are compiled once per number of joints and not once per robot."""
HELD = (1.3, np.array([0.03, -0.05, 0.21]), 0.07)
"""Mass, centre in the last link's frame, radius of gyration."""


@kernel
def call_norm(models, rows, q_s):
    return energy_norm(models[0], rows[0], rows[0].frames, q_s)


@kernel
def call_curvature(models, rows, q_s, q_ss, q_sss):
    return energy_curvature(models[0], rows[0], q_s, q_ss, q_sss)


@kernel
def call_mass(models, rows, link, point, direction):
    return reflected_mass(models[0], rows[0], link, point, direction)


@kernel
def call_speeds(models, rows, q_s, points, speeds):
    point_speeds(models[0], rows[0], rows[0].frames, q_s, points, speeds)


class Arm(NamedTuple):
    """A shield model with the records that the kernels take."""

    shield: object
    models: np.ndarray
    rows: np.ndarray

    @property
    def n(self) -> int:
        return len(self.shield.joint_pos)

    def place(self, q) -> None:
        shield = self.shield
        forward_kinematics(
            shield.base_pos, shield.base_rot, shield.joint_pos, shield.joint_rot, q, self.rows[0]["frames"]
        )

    def norm(self, q, q_s) -> float:
        self.place(q)
        return call_norm(self.models, self.rows, q_s)


def held_fields(joint_pos, mass=0.0, centre=None, radius_gyration=0.0):
    """What the kernels read about an object in the gripper; by default there is none."""
    centre = np.zeros(3) if centre is None else np.array(centre, dtype=np.float64)
    return {
        "held_mass": np.array(float(mass)),
        "held_centre": centre,
        "held_radius_gyration": np.array(float(radius_gyration)),
        "held_rho": reach_bounds(joint_pos, np.array([len(joint_pos) - 1]), centre[None, None])[0],
    }


def make_arm(geometry, bodies, inertias: LinkInertias, held=()) -> Arm:
    shield = make_shield_model(geometry, bodies)
    n, count = len(geometry.q_min), len(geometry.capsule_link)
    axis = geometry.joint_axis / np.linalg.norm(geometry.joint_axis, axis=1, keepdims=True)
    link = np.zeros(CAPSULES, dtype=np.int64)
    link[:count] = geometry.capsule_link
    models = make_rows(1, {**energy_fields(inertias, axis, shield.joint_pos), "capsule_link": link})
    row = {"frames": np.zeros((n, 4, 3)), "n_capsules": np.array(count)}
    rows = make_rows(1, {**row, **held_fields(shield.joint_pos, *held), **energy_scratch(n)})
    return Arm(shield, models, rows)


def toy_arm(held=()) -> Arm:
    rng = np.random.default_rng(3)
    root = rng.normal(0.0, 0.1, (7, 3, 3))
    inertias = LinkInertias(
        mass=rng.uniform(0.5, 5.0, 7),
        centre=rng.uniform(-0.15, 0.15, (7, 3)),
        inertia=root @ root.transpose(0, 2, 1),
        armature=rng.uniform(0.0, 0.3, 7),
    )
    return make_arm(general_arm(), human_bodies(), inertias, held)


def robot_arm(scene, opening=0.5, held=()) -> Arm:
    inertias = extract_inertias(scene.model, list(scene.arm_joints), scene.gripper_joints, opening)
    return make_arm(robot_geometry(scene), make_shield_bodies(scene.skeleton), inertias, held)
