"""Turn robosuite's gripper models into what a gripper record says, and find its joints in a compiled model."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import ModelError
from hrg_pipeline.robots.grippers import Gripper, get_gripper
from hrg_pipeline.robots.model import GRIP_SITE, GRIPPER_PREFIX

Array = NDArray[np.float64]

_COUPLING_SLACK = 0.05
"""How far a coupled joint may be from where its driver puts it, in the swept volume [rad]."""
_SWEEP_STEPS = 33
"""Openings at which the swept volume is sampled: with these the arcs between them bulge by less than 0.05 mm."""


class GripperJoints(NamedTuple):
    """Where the joints of a gripper are in a compiled model (g driven joints, h in all)."""

    actuators: NDArray[np.int64]
    """Position actuators of the driven joints (g,)."""
    closed: Array
    """Position of the driven joints when closed (g,)."""
    opened: Array
    """Position of the driven joints when open (g,)."""
    qpos: NDArray[np.int64]
    """Addresses in qpos of all joints, the driven ones first (h,)."""
    dof: NDArray[np.int64]
    """The same in qvel (h,)."""
    qpos_closed: Array
    """Positions of all joints when closed (h,)."""
    qpos_opened: Array
    """Positions of all joints when open (h,)."""


def apply_gripper(spec: mujoco.MjSpec, gripper: Gripper) -> None:
    """Change the gripper in a scene to what its record says: control ranges, couplings, damping, masses.

    Args:
        spec: scene with the gripper on the arm; changed.
        gripper: its record.

    Raises:
        ModelError: if the model has other joints or actuators than the record.
    """
    joints = {j.name.removeprefix(GRIPPER_PREFIX): j for j in spec.joints if j.name.startswith(GRIPPER_PREFIX)}
    if set(joints) != set(gripper.joints):
        raise ModelError(f"{gripper.name} has joints {sorted(joints)}, its record {sorted(gripper.joints)}")
    for tendon in [t for t in spec.tendons if t.name.startswith(GRIPPER_PREFIX)]:
        spec.delete(tendon)
    for equality in [e for e in spec.equalities if e.name.startswith(GRIPPER_PREFIX)]:
        spec.delete(equality)
    for name, (closed, opened) in gripper.drivers.items():
        actuator = [a for a in spec.actuators if a.target == joints[name].name]
        if len(actuator) != 1:
            raise ModelError(f"joint '{name}' of {gripper.name} needs one actuator, has {len(actuator)}")
        actuator[0].ctrlrange = [min(closed, opened), max(closed, opened)]
    for name, coupling in gripper.couplings.items():
        follower, driver = joints[name], joints[coupling.driver]
        # MuJoCo counts both joints from their reference positions.
        constant = coupling.offset + coupling.factor * driver.ref - follower.ref
        equality = spec.add_equality(
            name=f"{GRIPPER_PREFIX}{name}_coupling",
            type=mujoco.mjtEq.mjEQ_JOINT,
            objtype=mujoco.mjtObj.mjOBJ_JOINT,
            name1=follower.name,
            name2=driver.name,
        )
        equality.data[:5] = [constant, coupling.factor, 0.0, 0.0, 0.0]
    base = joints[next(iter(gripper.drivers))].parent.parent
    for driver in gripper.drivers:
        # The parts of a linkage lie inside each other; so do finger and palm.
        linked = [driver, *(name for name, coupling in gripper.couplings.items() if coupling.driver == driver)]
        parts = [base.name, *(joints[name].parent.name for name in linked)]
        for first, second in itertools.combinations(parts, 2):
            spec.add_exclude(bodyname1=first, bodyname2=second)
    for joint in joints.values():
        if gripper.damping is not None:
            joint.damping = [gripper.damping, 0.0, 0.0]  # linear, no higher powers of the speed
        if gripper.armature is not None:
            joint.armature = gripper.armature
    if gripper.base_mass_kg is not None:
        _spread_mass(base, gripper.base_mass_kg)


def find_joints(model: mujoco.MjModel, gripper: Gripper) -> GripperJoints:
    """Find the joints of a gripper in a compiled model."""
    ids = [model.joint(GRIPPER_PREFIX + name).id for name in gripper.joints]
    actuators = [
        a
        for name in gripper.drivers
        for a in range(model.nu)
        if model.actuator_trntype[a] == mujoco.mjtTrn.mjTRN_JOINT
        and model.actuator_trnid[a, 0] == model.joint(GRIPPER_PREFIX + name).id
    ]
    closed, opened = (np.array([gripper.positions(share)[name] for name in gripper.joints]) for share in (0.0, 1.0))
    driven = len(gripper.drivers)
    return GripperJoints(
        actuators=np.array(actuators, dtype=np.int64),
        closed=closed[:driven],
        opened=opened[:driven],
        qpos=model.jnt_qposadr[ids].astype(np.int64),
        dof=model.jnt_dofadr[ids].astype(np.int64),
        qpos_closed=closed,
        qpos_opened=opened,
    )


def finger_sides(model: mujoco.MjModel, gripper_name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the geoms of both sides of a gripper, which close against each other.

    One side is what the first driven joint moves, the other side all other fingers.
    """
    gripper = get_gripper(gripper_name)
    side = dict(zip(gripper.joints, joint_sides(gripper).tolist(), strict=True))
    found: tuple[list[int], list[int]] = [], []
    for geom in range(model.ngeom):
        body = int(model.geom_bodyid[geom])
        while body > 0:
            joint = int(model.body_jntadr[body])
            name = model.joint(joint).name.removeprefix(GRIPPER_PREFIX) if joint >= 0 else ""
            if name in side:
                found[side[name]].append(geom)
                break
            body = int(model.body_parentid[body])
    return np.array(found[0], dtype=np.int64), np.array(found[1], dtype=np.int64)


def joint_sides(gripper: Gripper) -> NDArray[np.int64]:
    """Tell which side of a gripper each of its joints moves (h,): 0 or 1."""
    first = next(iter(gripper.drivers))
    driver = {name: name for name in gripper.drivers} | {name: c.driver for name, c in gripper.couplings.items()}
    return np.array([int(driver[name] != first) for name in gripper.joints], dtype=np.int64)


def closing_direction(model: mujoco.MjModel, gripper_name: str) -> Array:
    """Direction from one side of an open gripper to the other, in the frame of the grip site (3,), unit length."""
    joints = find_joints(model, get_gripper(gripper_name))
    data = mujoco.MjData(model)
    data.qpos[joints.qpos] = joints.qpos_opened
    mujoco.mj_kinematics(model, data)
    one, other = (data.geom_xpos[geoms].mean(axis=0) for geoms in finger_sides(model, gripper_name))
    axes = data.site_xmat[model.site(GRIP_SITE).id].reshape(3, 3)
    across = axes.T @ (other - one)
    across[2] = 0.0
    return np.asarray(across / np.linalg.norm(across))


def sweep(gripper: Gripper) -> Array:
    """Return joint positions that sample everything a gripper can do (k, h), joints in the order of its record.

    Fingers do not carry each other, so they may all move together; joints that follow another one are also sampled
    a little before and behind it.
    """
    coupled = np.array([name in gripper.couplings for name in gripper.joints])
    poses = []
    for opening in np.linspace(0.0, 1.0, _SWEEP_STEPS):
        middle = np.array(list(gripper.positions(float(opening)).values()))
        poses += [middle + slack * coupled for slack in ((-_COUPLING_SLACK, 0.0, _COUPLING_SLACK))]
    return np.array(poses if coupled.any() else poses[1::3])


def _spread_mass(body: mujoco.MjsBody, mass_kg: float) -> None:
    """Give a body the mass and inertia of its collision geoms at the density that makes up ``mass_kg``."""
    solid = [g for g in body.geoms if g.contype or g.conaffinity]
    body.explicitinertial = False
    body.ipos = [np.nan, np.nan, np.nan]  # what tells the compiler to take the geoms
    for geom in body.geoms:
        geom.mass = mass_kg / len(solid) if geom in solid else 0.0
