"""How much energy or speed a contact with each part of the body may have, as data with its sources.

Regions: ISO/TS 15066:2016, Annex A: its body model (stiffness, effective mass), its forces at the onset of pain and the
energies that it derives from them. Shapes of the contact: the limits that JakobThumm/sara-shield ships for its human
``mujoco_mocap``; it names ISO/TS 15066 for blunt contacts and Kirschner (2024) for wedges, edges and sheets.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import ConfigError
from hrg_pipeline.human.body import BODY_NAMES, N_BODIES

Float = NDArray[np.float64]

CONTACT_TYPES: Final = ("link", "blunt", "wedge", "edge", "sheet")
"""Shapes that touch: a link of the arm, and four kinds of tool."""
LINK, BLUNT, WEDGE, EDGE, SHEET = range(len(CONTACT_TYPES))
UNCONSTRAINED, CONSTRAINED = 0, 1
"""First axis of the limits: the part of the body can give way, or is clamped."""

TRANSIENT_FACTOR: Final = 2.0
"""A contact that the person can leave may press this much harder than one that lasts (ISO/TS 15066, Annex A)."""


class Region(NamedTuple):
    """A region of the body model of ISO/TS 15066, Annex A."""

    stiffness: float
    """k [N/mm]."""
    mass: float
    """Effective mass m_H [kg]."""
    force: float
    """Largest quasi-static force F [N], the same at all the region's points."""
    energy: float
    """Largest transferred energy E [J]; within a tenth ``(2 F)^2 / 2k``."""
    transient: bool = True
    """Whether a transient contact may be harder; the head has no such allowance, contact there is not permitted."""


REGIONS: Final[dict[str, Region]] = {
    # Our capsules cannot tell a skull from a face, so the face's energy decides wherever one of them may be touched;
    # sara-shield takes 0.11 J for the whole head too.
    "skull": Region(150.0, 4.4, 130.0, 0.23, transient=False),
    "face": Region(75.0, 4.4, 65.0, 0.11, transient=False),
    "neck": Region(50.0, 1.2, 150.0, 0.84),
    "back": Region(35.0, 40.0, 210.0, 2.5),
    "chest": Region(25.0, 40.0, 140.0, 1.6),
    "abdomen": Region(10.0, 40.0, 110.0, 2.4),
    "pelvis": Region(25.0, 40.0, 180.0, 2.6),
    "upper arm": Region(30.0, 3.0, 150.0, 1.5),
    "forearm": Region(40.0, 2.0, 160.0, 1.3),
    "hand": Region(75.0, 0.6, 140.0, 0.49),
    "thigh": Region(50.0, 75.0, 220.0, 1.9),
    "lower leg": Region(60.0, 75.0, 130.0, 0.52),
}
"""Back stands for back and shoulders, each limb for its distal joint too."""

_SHAPES: Final[dict[str, tuple[float, float, float]]] = {
    "upper arm": (0.5, 0.2, 0.5),
    "forearm": (2.0, 0.375, 0.9),
    "hand": (2.0, 0.375, 0.9),
    "torso": (0.5, 0.2, 0.5),
    "head": (0.11, 0.11, 0.11),
}
"""Unconstrained limits of sara-shield's bodies for wedge, edge and sheet [J]."""
_CLAMPED_LINK_J, _CLAMPED_WEDGE_J, _CLAMPED_EDGE_J, _CLAMPED_SHEET_J = 0.01, 0.05, 0.02, 0.11
"""Its constrained limits [J], the same for all its bodies; a clamped blunt contact has the unconstrained limit."""


class BodyRow(NamedTuple):
    """Where the limits of one body come from."""

    regions: tuple[str, ...]
    """Regions that its capsule may cover; the most sensitive one decides."""
    shapes: str
    """Row of ``_SHAPES``."""
    in_reference: bool
    """Whether sara-shield has this body. Where not, no shape may have more than a blunt contact."""
    source: str


_TORSO = "sara-shield's Torso, one capsule with the chest's energy, covers abdomen and back too"
_ROWS: Final[dict[str, BodyRow]] = {
    "Pelvis": BodyRow(("pelvis", "abdomen"), "torso", False, "reaches into the abdomen; shapes as sara-shield's Torso"),
    "L_Hip": BodyRow(("thigh",), "upper arm", False, "hip to knee; shapes as the upper arm's, a limb with much muscle"),
    "Torso": BodyRow(("chest", "abdomen", "back"), "torso", True, _TORSO),
    "L_Knee": BodyRow(("lower leg",), "upper arm", False, "knee to ankle; the smaller one of the arms' shapes"),
    "Spine": BodyRow(("chest", "abdomen", "back"), "torso", True, _TORSO),
    "L_Ankle": BodyRow(
        ("lower leg", "hand"),
        "upper arm",
        False,
        "ISO/TS 15066 has no feet: the smaller of their neighbour and the part with the most similar bones",
    ),
    "Chest": BodyRow(("chest", "back"), "torso", True, _TORSO),
    "L_Toe": BodyRow(("lower leg", "hand"), "upper arm", False, "as L_Ankle"),
    "Neck": BodyRow(
        ("neck", "skull", "face"),
        "head",
        True,
        "sara-shield's Head spans neck to head, and the capsule is so wide that it holds the face: the head's limits",
    ),
    "L_Thorax": BodyRow(("chest", "back"), "torso", False, "collar bone and shoulder; shapes as sara-shield's Torso"),
    "Head": BodyRow(("skull", "face"), "head", True, "sara-shield's Head: the face's energy everywhere"),
    "L_Shoulder": BodyRow(("upper arm",), "upper arm", True, "shoulder to elbow, sara-shield's UpperArm"),
    "L_Elbow": BodyRow(("forearm",), "forearm", True, "elbow to wrist, sara-shield's LowerArm"),
    "L_Wrist": BodyRow(("hand",), "hand", True, "wrist to hand, sara-shield's Hand"),
    "L_Hand": BodyRow(("hand",), "hand", True, "fingers, as sara-shield's Hand"),
}
BODY_ROWS: Final = tuple(_ROWS["L_" + name[2:] if name.startswith("R_") else name] for name in BODY_NAMES)
"""One row per body, in the order of ``human.body.BODY_NAMES``."""

ENERGY_MODELS: Final = ("strict", "sara")


def energy_limits(model: str = "strict") -> Float:
    """Largest kinetic energy of the robot in a contact.

    Args:
        model: "sara": sara-shield's figures, in which a wedge may hit forearm and hand harder than a blunt tool, and
            a blunt contact may clamp with the energy of one that the person can leave. "strict": no shape has more than
            a blunt contact, and no clamping has more than ``F^2 / 2k``, at which the quasi-static force is reached.

    Returns:
        [J], (2, 5, 24): unconstrained and constrained; ``CONTACT_TYPES``; bodies.

    Raises:
        ConfigError: There is no such model.
    """
    if model not in ENERGY_MODELS:
        raise ConfigError(f"energy table is {model!r}; choose one of {', '.join(ENERGY_MODELS)}")
    limits = np.empty((2, len(CONTACT_TYPES), N_BODIES))
    for body, row in enumerate(BODY_ROWS):
        regions = [REGIONS[name] for name in row.regions]
        blunt = min(region.energy for region in regions)
        shapes = np.array(_SHAPES[row.shapes])
        limits[UNCONSTRAINED, :, body] = (blunt, blunt, *shapes)
        limits[CONSTRAINED, :, body] = (_CLAMPED_LINK_J, blunt, _CLAMPED_WEDGE_J, _CLAMPED_EDGE_J, _CLAMPED_SHEET_J)
        if model == "strict" or not row.in_reference:
            limits[:, :, body] = np.minimum(limits[:, :, body], blunt)
        if model == "strict":
            pressed = min(contact_energy(region.force, region.stiffness) for region in regions)
            limits[CONSTRAINED, :, body] = np.minimum(limits[CONSTRAINED, :, body], pressed)
    return limits


def speed_limits(robot_mass_kg: float, payload_kg: float) -> Float:
    """Largest relative speed at the point of contact by the two-body model of ISO/TS 15066, Annex A.

    ``v = F / sqrt(mu k)`` with ``mu = 1 / (1 / m_H + 1 / m_R)`` and ``m_R = M / 2 + m_L``. The force is the transient
    one where the part of the body can give way. Where it is clamped, it is the quasi-static one, and ``mu = m_R``:
    what cannot recoil takes all the energy. The head has no transient force; the standard does not permit contact with
    it, and the quasi-static force of the face, the lower one, only says how slow is slow enough if it happens (it
    stands for 0.03 J, less than the 0.11 J of ``energy_limits``). The formula knows no shape: it is for blunt contacts.

    Args:
        robot_mass_kg: M, mass of the robot's moving parts.
        payload_kg: m_L, tool and held object.

    Returns:
        [m/s], (2, 24): unconstrained and constrained; bodies.

    Raises:
        ConfigError: A mass is not positive, or the payload is negative.
    """
    if not (0.0 < robot_mass_kg < np.inf and 0.0 <= payload_kg < np.inf):
        raise ConfigError(f"masses are {robot_mass_kg} and {payload_kg} kg; expected a positive and a non-negative one")
    robot = 0.5 * robot_mass_kg + payload_kg
    limits = np.empty((2, N_BODIES))
    for body, row in enumerate(BODY_ROWS):
        regions = [REGIONS[name] for name in row.regions]
        limits[UNCONSTRAINED, body] = min(
            np.sqrt(2.0 * contact_energy(transient_force(region), region.stiffness) / reduced_mass(region.mass, robot))
            for region in regions
        )
        limits[CONSTRAINED, body] = min(
            np.sqrt(2.0 * contact_energy(region.force, region.stiffness) / robot) for region in regions
        )
    return limits


def transient_force(region: Region) -> float:
    """Largest force of a contact that the person can leave [N]."""
    return region.force * (TRANSIENT_FACTOR if region.transient else 1.0)


def contact_energy(force_n: float, stiffness_n_mm: float) -> float:
    """Energy at which a spring of the stiffness presses with the force, ``F^2 / 2k`` [J]."""
    return force_n**2 / (2000.0 * stiffness_n_mm)


def reduced_mass(first_kg: float, second_kg: float) -> float:
    """Mass that two free bodies have for each other in a collision [kg]."""
    return 1.0 / (1.0 / first_kg + 1.0 / second_kg)
