"""A robot as robosuite models it: arm, gripper and pedestal, ready to stand in an arena."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator
from typing import Any

from hrg_pipeline.robots.records import Robot

ARM_PREFIX = "robot0_"
GRIPPER_PREFIX = "gripper0_right_"
GRIP_SITE = GRIPPER_PREFIX + "grip_site"


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

        model = getattr(robots, robot.model)(idn=0)
        model.add_base(robot_base_factory(model.default_base, idn=0))
        model.add_gripper(getattr(grippers, robot.gripper)(idn="0_right"))
        model.set_base_xpos([0.0, 0.0, 0.0])
    return model


def _drop(record: logging.LogRecord) -> bool:
    return False
