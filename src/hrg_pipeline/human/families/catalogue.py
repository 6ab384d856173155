"""Which families there are, and what each one's clips carry."""

from __future__ import annotations

from dataclasses import dataclass

from hrg_pipeline.human.families.board import HammeringWriter, LiftingWriter
from hrg_pipeline.human.families.handover import PresentingWriter, ReceivingWriter
from hrg_pipeline.human.families.inspecting import InspectionWriter
from hrg_pipeline.human.families.placing import PickPlaceWriter, StackingWriter
from hrg_pipeline.human.families.pointing import PointingWriter
from hrg_pipeline.human.families.walking import WalkWriter
from hrg_pipeline.human.families.work import WorkWriter
from hrg_pipeline.human.families.writer import FamilyWriter


@dataclass(frozen=True)
class Family:
    """One kind of motion."""

    name: str
    description: str
    task: str
    """The task that it is made for."""
    writer: type[FamilyWriter]
    keyframes: tuple[str, ...] = ()
    """What each of a clip's ``keyframes_s`` is."""
    loops: tuple[str, ...] = ()
    """Stages in which a clip waits for the robot."""


_FAMILIES = (
    Family(
        "reach",
        "Works at the table: reaches, looks, steps aside, leaves and comes back.",
        "ReachHuman",
        WorkWriter,
    ),
    Family(
        "walk",
        "Walks up to the table, looks around, retreats.",
        "ReachHuman",
        WalkWriter,
        ("arrived", "leaves"),
    ),
    Family(
        "pick_place",
        "Takes objects from the table and puts them elsewhere, next to the robot.",
        "PickPlaceCloseHumanCart",
        PickPlaceWriter,
        ("picked", "placed"),
    ),
    Family(
        "pointing",
        "Points at a place on the table: the line from elbow to hand meets it.",
        "PickPlacePointingHumanCart",
        PointingWriter,
        ("points", "lowers"),
        ("point",),
    ),
    Family(
        "object_inspection",
        "Bends to an object that the robot holds in front of the face, inspects it from several sides.",
        "HumanObjectInspectionCart",
        InspectionWriter,
        ("ready", "inspected"),
        ("ready",),
    ),
    Family(
        "robot_human_handover",
        "Holds out an open hand, palm up, takes the tool that is laid in it and leaves with it.",
        "RobotHumanHandoverCart",
        ReceivingWriter,
        ("reaches out", "retreats"),
        ("reach_out",),
    ),
    Family(
        "human_robot_handover",
        "Comes with a tool, holds it out to the robot, waits until it is put down and leaves.",
        "HumanRobotHandoverCart",
        PresentingWriter,
        ("presents", "waits"),
        ("present", "wait"),
    ),
    Family(
        "collaborative_lifting",
        "Holds one end of a board with both hands, lifts, tilts, turns and lowers it, with a step now and then.",
        "CollaborativeLiftingCart",
        LiftingWriter,
    ),
    Family(
        "collaborative_hammering",
        "Carries a board to the table, lays it down and holds it, then carries it away.",
        "CollaborativeHammeringCart",
        HammeringWriter,
        ("presents", "retreats"),
        ("present",),
    ),
    Family(
        "collaborative_stacking",
        "Comes with a cube in each hand and puts them on a stack, in turn with the robot.",
        "CollaborativeStackingCart",
        StackingWriter,
        ("places first", "first placed", "waits for second", "third placed", "waits for fourth"),
        ("wait_for_second", "wait_for_fourth"),
    ),
)

FAMILIES: dict[str, Family] = {family.name: family for family in _FAMILIES}
"""Every family by its name."""
