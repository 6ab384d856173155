"""What a task or the shield must know about an arm."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hrg_pipeline.robots.grippers import get_gripper


@dataclass(frozen=True)
class Robot:
    """An arm with its gripper, as it stands on its pedestal at the world origin.

    Joint arrays have one entry per arm joint, from the base to the wrist.
    """

    name: str
    title: str
    """Manufacturer and model."""
    model: str
    """Class name in ``robosuite.models.robots``, or an MJCF file in ``robots/assets``."""
    gripper: str
    """Name in ``grippers.GRIPPERS``; every gripper fits every arm."""
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
    torque_max: tuple[float, ...]
    """Torque limits of the motors, dry friction that the drives compensate taken off [Nm]."""
    visual_capsules: bool = False
    """Whether capsules also enclose the visual meshes, where the collision model is smaller than the arm."""
    kp: float = 100.0
    """Proportional gain around the shield's set-point [1/s^2]."""
    kd: float = 20.0
    """Derivative gain, critical damping [1/s]."""

    @property
    def dof(self) -> int:
        """Number of arm joints."""
        return len(self.home_qpos)

    def with_gripper(self, gripper: str | None) -> Robot:
        """Return the record with another gripper; None keeps its own.

        The home pose stays: the gripper still points straight down, its grip site is as much higher or lower as the
        gripper is shorter or longer.

        Raises:
            ConfigError: if there is no such gripper.
        """
        return self if gripper is None else replace(self, gripper=get_gripper(gripper).name)
