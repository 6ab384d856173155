"""A robot as robosuite models it: arm, gripper and pedestal, ready to stand in an arena."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import mujoco

from hrg_pipeline.robots.robot import Robot

ARM_PREFIX = "robot0_"
GRIPPER_PREFIX = "gripper0_right_"
GRIP_SITE = GRIPPER_PREFIX + "grip_site"

ASSETS = Path(__file__).parent / "assets"
"""Our own MJCF files."""
MOUNT_PREFIX = "fixed_mount0_"
ENDLESS_RAD = 6.28319
"""Range to either side that a joint without stops gets [rad]."""
_MOUNT = "RethinkMount"


@contextlib.contextmanager
def quiet_robosuite() -> Iterator[None]:
    """Drop what robosuite prints and warns about while it is imported and its models are built.

    Its import also overwrites the user's choice of OpenGL backend; that is put back.
    """
    logger = logging.getLogger("robosuite_logs")
    logger.addFilter(_drop)
    chosen_gl = os.environ.get("MUJOCO_GL")
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeFilter(_drop)
        os.environ.pop("MUJOCO_GL", None)
        if chosen_gl is not None:
            os.environ["MUJOCO_GL"] = chosen_gl


def build_robot_model(robot: Robot) -> Any:
    """Return robosuite's model of a robot with its gripper, on its pedestal at the world origin.

    Only the model classes of robosuite are used, neither its step loop nor its controllers.
    """
    with quiet_robosuite():
        from robosuite.models import grippers, robots
        from robosuite.models.bases import robot_base_factory

        if robot.model.endswith(".xml"):
            model = _own_arm_class()(str(ASSETS / robot.model), idn=0)
        else:
            model = getattr(robots, robot.model)(idn=0)
        model.add_base(robot_base_factory(_MOUNT, idn=0))
        model.add_gripper(getattr(grippers, robot.gripper)(idn="0_right"))
        model.set_base_xpos([0.0, 0.0, 0.0])
    return model


def prepare_arm(spec: mujoco.MjSpec, robot: Robot) -> None:
    """Make the joints, motors and collision pairs of an arm in a scene those that its record describes.

    Dry friction is taken out of every joint: the drives compensate it, and without it a step in free space has no
    constraint to solve. (robosuite's is a placeholder of 0.1 Nm on every arm joint and 1 N on the fingers; where it is
    a published figure, the record's torque limits leave room for it.) Joints that turn without end get finite ranges.

    Args:
        spec: scene with the arm; changed.
        robot: its record.
    """
    motors = [actuator for actuator in spec.actuators if actuator.name.startswith(ARM_PREFIX)]
    for motor, torque in zip(motors, robot.torque_max, strict=True):
        motor.ctrlrange = [-torque, torque]
    for joint in spec.joints:
        joint.frictionloss = 0.0
        if joint.name.startswith(ARM_PREFIX) and joint.range[0] == joint.range[1]:
            joint.limited = mujoco.mjtLimited.mjLIMITED_TRUE
            joint.range = [-ENDLESS_RAD, ENDLESS_RAD]
    for body in (b for b in spec.bodies if b.name.startswith(ARM_PREFIX)):
        for geom in body.geoms:
            if geom.contype or geom.conaffinity:
                # With one flag alone, as robosuite has it for some arms, links pass through the table or each other.
                geom.contype = geom.conaffinity = 1
    # The first link turns on what carries it, closer to it than any clearance.
    first = next(joint for joint in spec.joints if joint.name.startswith(ARM_PREFIX)).parent
    bodies = [b for b in spec.bodies if b.name.startswith((ARM_PREFIX, MOUNT_PREFIX))]
    for body in bodies:
        if not _moves(body):
            spec.add_exclude(bodyname1=first.name, bodyname2=body.name)


@cache
def _own_arm_class() -> Any:
    """Return a class that loads an arm from an MJCF file of ours, as robosuite loads its own."""
    from robosuite.models.robots.manipulators.manipulator_model import ManipulatorModel

    class OwnArm(ManipulatorModel):  # type: ignore[misc]  # robosuite ships no types
        arms = ("right",)
        arm_type = "single"
        default_base = _MOUNT
        top_offset = (0.0, 0.0, 1.0)
        _horizontal_radius = 0.5

    return OwnArm


def _moves(body: mujoco.MjsBody) -> bool:
    while body.name != "world":
        if body.joints:
            return True
        body = body.parent
    return False


def _drop(record: logging.LogRecord) -> bool:
    return False
