"""The seven robots, one data record each."""

from __future__ import annotations

from hrg_pipeline.errors import ConfigError
from hrg_pipeline.robots.robot import Robot

# Joint limits are those of the MJCF less 0.01 rad, so that no trajectory leans on a joint stop; joints that turn
# without end, or through two turns, get one turn, so that every configuration has one name; the Schunk's are those of
# the reference. Speed, acceleration and jerk limits are those of the reference shield (1 rad/s, 3.14 and 6.28 for the
# UR5e; 10 rad/s^2, 400 rad/s^3; planned 2 rad/s^2, 15 rad/s^3), except where the motors could not follow: a stop that
# saturates a motor leaves the arm moving after its command has come to rest. Accelerations are lowered until stops from
# random trajectories never need all of a motor's torque (docs/robots.md). Torques are those of the MJCF; other sources
# stand with their robot. Home poses are solved for a grip site at (0.30 to 0.45, 0, 1.2) m.
PANDA = Robot(
    name="panda",
    title="Franka Emika Panda",
    model="Panda",
    gripper="PandaGripper",
    home_qpos=(0.0, -0.327, 0.0, -2.549, 0.0, 2.222, 0.7854),
    q_min=(-2.887, -1.752, -2.887, -3.061, -2.887, -0.007, -2.887),
    q_max=(2.887, 1.752, 2.887, -0.080, 2.887, 3.742, 2.887),
    v_max=(1.0,) * 7,
    a_max=(7.0, 3.8, 10.0, 10.0, 10.0, 4.8, 8.0),
    j_max=(400.0,) * 7,
    a_max_trajectory=(2.0, 1.5, 2.0, 2.0, 2.0, 2.0, 2.0),
    j_max_trajectory=(15.0,) * 7,
    torque_max=(80.0, 80.0, 80.0, 80.0, 80.0, 12.0, 12.0),
)
SAWYER = Robot(
    name="sawyer",
    title="Rethink Robotics Sawyer",
    model="Sawyer",
    gripper="RethinkGripper",
    home_qpos=(-0.3642, -1.6078, 0.0, 2.0906, 0.0, 1.0879, -1.7605),
    q_min=(-3.040, -3.799, -3.032, -3.033, -2.966, -2.966, -4.702),
    q_max=(3.040, 2.263, 3.032, 3.033, 2.966, 2.966, 4.702),
    v_max=(1.0,) * 7,
    a_max=(8.0, 6.2, 8.0, 10.0, 4.4, 7.5, 10.0),
    j_max=(400.0,) * 7,
    a_max_trajectory=(2.0,) * 7,
    j_max_trajectory=(15.0,) * 7,
    torque_max=(80.0, 80.0, 40.0, 40.0, 9.0, 9.0, 9.0),
    visual_capsules=True,  # its collision model is a few balls and cylinders inside the links
)
IIWA = Robot(
    name="iiwa",
    title="KUKA LBR iiwa",
    model="IIWA",
    gripper="Robotiq140Gripper",
    home_qpos=(0.0, 0.1672, 0.0, -1.6924, 0.0, 1.282, 0.0),
    q_min=(-2.957, -2.084, -2.957, -2.084, -2.957, -2.084, -3.044),
    q_max=(2.957, 2.084, 2.957, 2.084, 2.957, 2.084, 3.044),
    v_max=(1.0,) * 7,
    a_max=(10.0, 5.5, 10.0, 10.0, 10.0, 10.0, 10.0),
    j_max=(400.0,) * 7,
    a_max_trajectory=(2.0,) * 7,
    j_max_trajectory=(15.0,) * 7,
    torque_max=(176.0, 176.0, 110.0, 110.0, 110.0, 40.0, 40.0),
)
# The motors carry the outstretched arm with little to spare. Speeds: 36 and 48 degrees a second, as the maker says.
JACO = Robot(
    name="jaco",
    title="Kinova Jaco 2, 7 DoF",
    model="Jaco",
    gripper="JacoThreeFingerGripper",
    home_qpos=(3.1661, 3.4034, 0.0, 1.4976, 0.0, 4.3773, 3.1661),
    q_min=(0.01, 0.831, -3.14, 0.534, -3.14, 1.145, 0.01),
    q_max=(6.27, 5.452, 3.14, 5.749, 3.14, 5.138, 6.27),
    v_max=(0.63, 0.63, 0.63, 0.63, 0.63, 0.84, 0.84),
    a_max=(4.0, 1.3, 9.0, 9.0, 9.0, 4.6, 9.0),
    j_max=(400.0,) * 7,
    a_max_trajectory=(1.0, 0.6, 1.5, 1.5, 1.5, 1.0, 2.0),
    j_max_trajectory=(15.0,) * 7,
    torque_max=(30.5, 30.5, 30.5, 30.5, 30.5, 6.8, 6.8),
)
# Torques: at these the Gen3's own supervision warns (user guide, actuator safeties); robosuite has the continuous ones.
KINOVA3 = Robot(
    name="kinova3",
    title="Kinova Gen3, 7 DoF",
    model="Kinova3",
    gripper="Robotiq85Gripper",
    home_qpos=(-0.0622, 0.2376, 0.0, 1.6346, 0.0, 1.2694, -1.633),
    q_min=(-3.14, -2.400, -3.14, -2.650, -3.14, -2.220, -3.14),
    q_max=(3.14, 2.400, 3.14, 2.650, 3.14, 2.220, 3.14),
    v_max=(1.0,) * 7,
    a_max=(8.5, 7.0, 10.0, 10.0, 10.0, 10.0, 10.0),
    j_max=(400.0,) * 7,
    a_max_trajectory=(2.0,) * 7,
    j_max_trajectory=(15.0,) * 7,
    torque_max=(56.7, 56.7, 56.7, 56.7, 29.4, 29.4, 29.4),
)
# Wrist 2: between -3.8 and -2.5 rad the capsules of the gripper and of the wrist's housing overlap, so what lies beyond
# could never be got to.
UR5E = Robot(
    name="ur5e",
    title="Universal Robots UR5e",
    model="UR5e",
    gripper="Robotiq85Gripper",
    home_qpos=(-0.3024, -1.7097, 1.845, -1.7062, -1.5708, -1.8732),
    q_min=(-3.14, -4.71, -3.131, -4.71, -2.4, -3.14),
    q_max=(3.14, 1.57, 3.131, 1.57, 1.57, 3.14),
    v_max=(3.14, 3.14, 3.14, 6.28, 6.28, 6.28),
    a_max=(10.0,) * 6,
    j_max=(400.0,) * 6,
    a_max_trajectory=(2.0,) * 6,
    j_max_trajectory=(15.0,) * 6,
    torque_max=(150.0, 150.0, 150.0, 28.0, 28.0, 28.0),
)
# Torques: 75.5 and 40 Nm less the dry friction (6.1 and 2.2 Nm) that the drives compensate.
SCHUNK = Robot(
    name="schunk",
    title="Schunk LWA 4P",
    model="schunk_lwa4p.xml",
    gripper="RethinkGripper",
    home_qpos=(0.0, 0.0093, -1.3897, 0.0, -1.7427, 0.0),
    q_min=(-2.9, -1.8, -2.6, -2.9, -1.85, -2.9),
    q_max=(2.9, 1.8, 2.6, 2.9, 1.85, 2.9),
    v_max=(1.0,) * 6,
    a_max=(10.0, 4.0, 10.0, 10.0, 10.0, 10.0),
    j_max=(400.0,) * 6,
    a_max_trajectory=(2.0,) * 6,
    j_max_trajectory=(15.0,) * 6,
    torque_max=(69.4, 69.4, 69.4, 69.4, 37.8, 37.8),
)

ROBOTS = {robot.name: robot for robot in (PANDA, SAWYER, IIWA, JACO, KINOVA3, UR5E, SCHUNK)}


def get_robot(name: str, gripper: str | None = None) -> Robot:
    """Return the record of a robot.

    Args:
        name: one of ``ROBOTS``.
        gripper: one of ``grippers.GRIPPERS``; None means the robot's own.

    Raises:
        ConfigError: if there is no such robot or gripper.
    """
    if name not in ROBOTS:
        raise ConfigError(f"unknown robot '{name}'; choose one of {sorted(ROBOTS)}")
    return ROBOTS[name].with_gripper(gripper)
