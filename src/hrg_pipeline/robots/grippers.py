"""One data record per gripper: how its joints move between closed and open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hrg_pipeline.errors import ConfigError


@dataclass(frozen=True)
class Coupling:
    """A finger joint that follows a driven one: q = offset + factor * q_driver."""

    driver: str
    factor: float
    offset: float = 0.0


@dataclass(frozen=True, eq=False)
class Gripper:
    """A gripper; its opening is 0 when closed and 1 when open, and every driven joint follows it linearly."""

    name: str
    """Class name in ``robosuite.models.grippers``."""
    drivers: Mapping[str, tuple[float, float]]
    """Driven joints: position when closed and when open [m] or [rad]. Each has one position actuator."""
    couplings: Mapping[str, Coupling] = field(default_factory=dict)
    """All other joints; these replace the tendons of the MJCF."""
    damping: float | None = None
    """Damping of every finger joint [Nm s/rad]; None keeps that of the MJCF."""
    armature: float | None = None
    """Armature of every finger joint [kg m^2]; None keeps that of the MJCF."""
    base_mass_kg: float | None = None
    """Mass of the part that carries the fingers, spread over its collision mesh; None keeps that of the MJCF."""

    @property
    def joints(self) -> tuple[str, ...]:
        """All joints, driven ones first."""
        return (*self.drivers, *self.couplings)

    def positions(self, opening: float) -> dict[str, float]:
        """Return the position of every joint [m] or [rad] at an opening from 0 to 1."""
        found = {name: closed + opening * (opened - closed) for name, (closed, opened) in self.drivers.items()}
        for name, coupling in self.couplings.items():
            found[name] = coupling.offset + coupling.factor * found[coupling.driver]
        return found


# robosuite swaps the control ranges of the Rethink fingers, so that they never open fully; these are the joints' own.
RETHINK = Gripper(
    name="RethinkGripper",
    drivers={"l_finger_joint": (-0.0115, 0.020833), "r_finger_joint": (0.0115, -0.020833)},
)
PANDA = Gripper(
    name="PandaGripper",
    drivers={"finger_joint1": (0.0, 0.04), "finger_joint2": (0.0, -0.04)},
)
# The Robotiq fingers are four-bar linkages that keep the finger tips parallel. The MJCF ties them with springs and
# gives the joints neither damping nor rotor inertia, which no time step of 4 ms can follow. The palm of the 2F-140 has
# no mass there, so that MuJoCo would make it 24 kg; the manufacturer says 1.0 kg in all, fingers included.
ROBOTIQ_85 = Gripper(
    name="Robotiq85Gripper",
    drivers={"finger_joint": (0.8, 0.0), "right_outer_knuckle_joint": (0.8, 0.0)},
    couplings={
        "left_inner_finger_joint": Coupling("finger_joint", -1.0),
        "left_inner_knuckle_joint": Coupling("finger_joint", 1.0),
        "right_inner_finger_joint": Coupling("right_outer_knuckle_joint", -1.0),
        "right_inner_knuckle_joint": Coupling("right_outer_knuckle_joint", 1.0),
    },
    damping=0.5,
    armature=0.005,
)
ROBOTIQ_140 = Gripper(
    name="Robotiq140Gripper",
    drivers={"finger_joint": (0.7, 0.0), "right_outer_knuckle_joint": (-0.7, 0.0)},
    couplings={
        "left_inner_finger_joint": Coupling("finger_joint", 1.0),
        "left_inner_knuckle_joint": Coupling("finger_joint", -1.0),
        "right_inner_finger_joint": Coupling("right_outer_knuckle_joint", -1.0),
        "right_inner_knuckle_joint": Coupling("right_outer_knuckle_joint", 1.0),
    },
    damping=0.5,
    armature=0.005,
    base_mass_kg=0.83,
)
JACO = Gripper(
    name="JacoThreeFingerGripper",
    drivers={"joint_thumb": (0.4, 1.51), "joint_index": (0.4, 1.51), "joint_pinky": (0.4, 1.51)},
    couplings={
        f"joint_{finger}_distal": Coupling(f"joint_{finger}", -0.4, 0.604) for finger in ("thumb", "index", "pinky")
    },
    damping=0.15,
    armature=0.001,
)

GRIPPERS = {gripper.name: gripper for gripper in (PANDA, RETHINK, ROBOTIQ_85, ROBOTIQ_140, JACO)}


def get_gripper(name: str) -> Gripper:
    """Return the record of a gripper.

    Raises:
        ConfigError: if there is no such gripper.
    """
    if name not in GRIPPERS:
        raise ConfigError(f"unknown gripper '{name}'; choose one of {sorted(GRIPPERS)}")
    return GRIPPERS[name]
