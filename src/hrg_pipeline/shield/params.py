"""What can be chosen about the safety shield."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ShieldType = Literal["OFF", "SSM", "PFL"]
ContactType = Literal["link", "blunt", "wedge", "edge", "sheet"]
ObstacleName = Literal["table", "base", "walls", "floor", "self"]
Error = Annotated[float, Field(ge=0.0, le=0.5)]


class PflParams(BaseModel):
    """Which contacts power and force limiting allows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Literal["energy", "iso_ts_15066"] = "energy"
    """``energy``: the arm's kinetic energy stays below what the touched body part bears. ``iso_ts_15066``: the speed
    of the touching link stays below that of the two-body model of ISO/TS 15066, Annex A."""
    table: Literal["strict", "sara"] = "strict"
    """Energies that body parts bear: ``sara``: those of sara-shield, which lets a wedge hit forearms and hands harder
    than a blunt tool; ``strict``: no shape more than a blunt one, nor clamped more than the quasi-static force."""
    gripper_contact: ContactType = "edge"
    """What the gripper and a held object touch with; links of the arm are ``link``."""
    payload_kg: float = Field(default=0.0, ge=0.0, le=20.0)
    """Heaviest object that the gripper holds, for the two-body model [kg]."""


class ShieldParams(BaseModel):
    """Mode and assumptions of the safety shield."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ShieldType = "SSM"
    """OFF: no check. SSM: stop before any contact (speed and separation monitoring). PFL: only contacts that a person
    bears (power and force limiting)."""
    pfl: PflParams = PflParams()
    measurement_error_m: Error = 0.0
    """Largest error of a measured joint position [m]."""
    measurement_error_by_joint_m: dict[str, Error] = {}
    """Other errors for some joints of the person, by name [m]."""
    measurement_delay_s: float = Field(default=0.0, ge=0.0, le=0.5)
    """Largest age of a measurement when it arrives, beyond its time stamp [s]."""
    measurement_jitter_s: float = Field(default=0.0, ge=0.0, le=0.5)
    """Width of the range that all these ages lie in [s]; at most ``measurement_delay_s``."""
    measurement_period_s: float = Field(default=0.0, ge=0.0, le=0.5)
    """Longest time between two measurements of a sensor slower than the shield, which repeats the last one [s]."""
    trunk_speed_max_m_s: float = Field(default=2.0, gt=0.0, le=2.0)
    """Fastest that pelvis, trunk, hips, shoulders and neck may move [m/s]; hands, feet and head may always move at 2.0.
    ISO 13855 walks at 1.6."""
    use_acceleration_bounds: bool = True
    """Also use the sets that follow from bounds on accelerations, which are tighter (COMBINED)."""
    tracking_error_m: float = Field(default=0.02, gt=0.0, le=0.2)
    """How far a point of the robot may be from where it was commanded [m]; beyond it nothing is released."""
    obstacles: tuple[ObstacleName, ...] = ("table", "base", "walls", "floor", "self")
    """What the arm must keep clear of: parts of the scene, and the arm itself."""
    obstacle_margin_m: float = Field(default=0.005, ge=0.0, le=0.1)
    """How clear [m]."""
    obstacle_gripper: bool = True
    """Whether the gripper too keeps clear of them; false where it has to reach down to the table."""
    gripper_distance_m: float = Field(default=0.3, ge=0.0, le=1.0)
    """Fingers are held while a person is closer to the robot than this [m]; 0: never, as for handing something over."""

    @model_validator(mode="after")
    def _jitter_within_delay(self) -> Self:
        if self.measurement_jitter_s > self.measurement_delay_s:
            raise ValueError(
                f"measurement_jitter_s is {self.measurement_jitter_s}; it must not exceed measurement_delay_s = "
                f"{self.measurement_delay_s}, of which it is a part"
            )
        return self
