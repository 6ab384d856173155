"""What the shield is told about the robot and the people of a scene."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.engine.human import PACE_CHANGE
from hrg_pipeline.engine.scene import Scene
from hrg_pipeline.human.body import ShieldBodies, make_shield_bodies_for
from hrg_pipeline.human.params import HumanParams
from hrg_pipeline.shield.model import MotionLimits, RobotGeometry


def robot_geometry(scene: Scene) -> RobotGeometry:
    """Chain and capsules of the arm."""
    chain, capsules, robot = scene.chain, scene.capsules, scene.robot
    return RobotGeometry(
        base_pos=chain.base_position,
        base_rot=chain.base_rotation,
        joint_pos=chain.translation,
        joint_rot=chain.rotation,
        joint_axis=chain.axis,
        joint_anchor=chain.anchor,
        q_min=np.array(robot.q_min),
        q_max=np.array(robot.q_max),
        capsule_link=capsules.joint,
        capsule_p1=capsules.start,
        capsule_p2=capsules.end,
        capsule_radius=capsules.radius,
        capsule_is_gripper=capsules.is_gripper,
    )


def watched_bodies(human: HumanParams) -> ShieldBodies:
    """Capsules and bounds of everybody who may come.

    Who gives way changes the pace of a motion whose own acceleration is bounded already.
    """
    bodies = make_shield_bodies_for(human.statures_m, human.girths)
    change = PACE_CHANGE if human.gives_way else 0.0
    return bodies._replace(a_max=bodies.a_max + bodies.v_max * change)


def motion_limits(scene: Scene) -> MotionLimits:
    """Limits of commands and planned trajectories."""
    robot = scene.robot
    return MotionLimits(
        v_max=np.array(robot.v_max),
        a_max_ltt=np.array(robot.a_max_trajectory),
        j_max_ltt=np.array(robot.j_max_trajectory),
        a_max=np.array(robot.a_max),
        j_max=np.array(robot.j_max),
    )
