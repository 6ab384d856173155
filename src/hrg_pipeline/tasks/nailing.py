"""What is hammered with and on: hammer, board, nail, and how hands hold the board."""

from __future__ import annotations

from hrg_pipeline.engine.layout import Colour, HandWeld, Nail, SceneObject, Shape, Vector

HAMMER, BOARD, NAIL = 0, 1, 0
"""Indices of both objects, and of the nail."""
FIRMLY, RIGHT, LEFT = 0, 1, 2
"""Indices of the welds: the right hand carries the board; both hands hold it while it lies on the table."""
TABLE_M: Vector = (1.9, 2.0, 0.05)
"""Size of the table, longer than usual, so that the middle of the board lies on it [m]."""
HALF_M: Vector = (0.45, 0.2, 0.015)
"""Half lengths of the board [m]."""
RIGHT_M: Vector = (-0.45, -0.2, 0.015)
"""Where the right hand holds the board: the near corner [m]."""
LEFT_M: Vector = (-0.05, 0.2, 0.015)
"""The same for the left one: the left edge, as far from the right hand as in the clips [m]."""
HAND_SPRING = (300.0, 10.0)
"""How a hand gives that holds the board down: stiffness [N/m] and damping [N s/m]."""
FACE_M = 0.105
"""From the gripper's place on the handle down to the hammer's face [m]."""
DEPTH_M = 0.025
"""How far the nail is driven in [m]."""
_HEAD_HALF_M, _TIP_M = 0.003, 0.003
_WOOD: Colour = (0.76, 0.58, 0.36, 1.0)
_DARK_WOOD: Colour = (0.45, 0.30, 0.18, 1.0)
_IRON: Colour = (0.30, 0.32, 0.36, 1.0)
_DENSITY_KG_M3 = 300.0


def hands() -> tuple[HandWeld, ...]:
    """Return how hands hold the board: the right one firmly, or either one by a ball joint that gives."""
    nowhere = (0.0, 0.0, 0.0)
    return (
        HandWeld("firmly", "R_Hand", "board", nowhere),
        HandWeld("right", "R_Hand", "board", nowhere, ball=RIGHT_M, spring=HAND_SPRING),
        HandWeld("left", "L_Hand", "board", nowhere, ball=LEFT_M, spring=HAND_SPRING),
    )


def hammer() -> SceneObject:
    """Return the hammer; its frame has its origin where the gripper holds the handle, the head is below."""
    handle = Shape("box", (0.016, 0.016, 0.0325), (0.0, 0.0, -0.0025), mass_kg=0.05, friction=3.0, colour=_WOOD)
    head = Shape("cylinder", (0.03, 0.035), pos=(0.0, 0.0, 0.035 - FACE_M), mass_kg=0.15, colour=_DARK_WOOD)
    return SceneObject("hammer", (handle, head))


def board() -> SceneObject:
    """Return the board; its frame has its origin in the middle, x points to the robot, z up."""
    mass = _DENSITY_KG_M3 * 8.0 * HALF_M[0] * HALF_M[1] * HALF_M[2]
    return SceneObject("board", (Shape("box", HALF_M, mass_kg=mass, colour=_WOOD),))


def nail(friction_n: float) -> Nail:
    """Return the nail, held by friction [N]; its frame has its origin in the middle of the top of its head."""
    long = 2.0 * _HEAD_HALF_M + DEPTH_M
    head = Shape("cylinder", (0.012, _HEAD_HALF_M), pos=(0.0, 0.0, -_HEAD_HALF_M), mass_kg=0.01, colour=_IRON)
    half = 0.5 * (DEPTH_M + _TIP_M)
    shank_at = (0.0, 0.0, -2.0 * _HEAD_HALF_M - half)
    shank = Shape("cylinder", (0.003, half), pos=shank_at, mass_kg=0.005, colour=_IRON)
    return Nail("nail", "board", (head, shank), HALF_M[2] + long, DEPTH_M, friction_n)
