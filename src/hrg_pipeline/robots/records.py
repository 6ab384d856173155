"""One data record per robot: what a task or the shield must know about an arm."""

from __future__ import annotations

from dataclasses import dataclass

from hrg_pipeline.errors import ConfigError


@dataclass(frozen=True)
class Robot:
    """An arm with its gripper, as it stands on its pedestal at the world origin.

    Joint arrays have one entry per arm joint, from the base to the wrist.
    """

    name: str
    model: str
    """Class name in ``robosuite.models.robots``."""
    gripper: str
    """Class name in ``robosuite.models.grippers``."""
    home_qpos: tuple[float, ...]
    """Start configuration with the gripper pointing straight down [rad]."""
    q_min: tuple[float, ...]
    """Lower joint limits that goals and trajectories keep [rad]."""
    q_max: tuple[float, ...]
    """Upper joint limits [rad]."""
    v_max: tuple[float, ...]
    """Joint speed limits [rad/s]."""
    a_max: tuple[float, ...]
    """Joint acceleration limits, stops included [rad/s^2]."""
    j_max: tuple[float, ...]
    """Joint jerk limits, stops included [rad/s^3]."""
    a_max_trajectory: tuple[float, ...]
    """Joint acceleration limits of planned trajectories [rad/s^2]."""
    j_max_trajectory: tuple[float, ...]
    """Joint jerk limits of planned trajectories [rad/s^3]."""
    kp: float = 100.0
    """Proportional gain around the shield's set-point [1/s^2]."""
    kd: float = 20.0
    """Derivative gain, critical damping [1/s]."""

    @property
    def dof(self) -> int:
        """Number of arm joints."""
        return len(self.home_qpos)


# Joint limits are those of the MJCF less 0.01 rad, so that no trajectory leans on a joint stop. Speed, acceleration and
# jerk limits are those of the reference shield (1 rad/s, 10 rad/s^2, 400 rad/s^3; planned 2 rad/s^2, 15 rad/s^3),
# except where the motors of the MJCF (12 Nm at the wrist) could not follow: a stop that saturates a motor leaves the
# arm moving after its command has come to rest (measured: 1.58 times the torque of joint 6 at 10 rad/s^2).
PANDA = Robot(
    name="panda",
    model="Panda",
    gripper="PandaGripper",
    home_qpos=(0.0, -0.327, 0.0, -2.549, 0.0, 2.222, 0.7854),
    q_min=(-2.887, -1.752, -2.887, -3.061, -2.887, -0.007, -2.887),
    q_max=(2.887, 1.752, 2.887, -0.080, 2.887, 3.742, 2.887),
    v_max=(1.0,) * 7,
    a_max=(10.0, 10.0, 10.0, 10.0, 10.0, 5.5, 8.0),
    j_max=(400.0,) * 7,
    a_max_trajectory=(2.0,) * 7,
    j_max_trajectory=(15.0,) * 7,
)

ROBOTS = {robot.name: robot for robot in (PANDA,)}


def get_robot(name: str) -> Robot:
    """Return the record of a robot.

    Raises:
        ConfigError: if there is no such robot.
    """
    if name not in ROBOTS:
        raise ConfigError(f"unknown robot '{name}'; choose one of {sorted(ROBOTS)}")
    return ROBOTS[name]
