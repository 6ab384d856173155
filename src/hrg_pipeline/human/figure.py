"""How a person looks in pictures: shapes over the physics capsules, which stay as they are."""

from __future__ import annotations

from typing import NamedTuple

from hrg_pipeline.human.body import FOREARM, SHANK, SHOULDER_HALF, THIGH, UPPER_ARM, Vec

Colour = tuple[float, float, float, float]

SKIN: Colour = (0.87, 0.68, 0.56, 1.0)
HAIR: Colour = (0.24, 0.16, 0.11, 1.0)
DARK: Colour = (0.10, 0.09, 0.10, 1.0)
LIPS: Colour = (0.68, 0.38, 0.35, 1.0)
WHITE: Colour = (0.95, 0.95, 0.95, 1.0)
SHIRT: Colour = (0.24, 0.42, 0.62, 1.0)
TROUSERS: Colour = (0.25, 0.26, 0.31, 1.0)
SHOES: Colour = (0.16, 0.12, 0.10, 1.0)
_OUTFITS: tuple[dict[Colour, Colour], ...] = (
    {},
    {SHIRT: (0.60, 0.18, 0.20, 1.0), TROUSERS: (0.36, 0.33, 0.28, 1.0), HAIR: (0.45, 0.33, 0.20, 1.0)},
    {SHIRT: (0.26, 0.48, 0.28, 1.0), TROUSERS: (0.17, 0.20, 0.30, 1.0), HAIR: (0.12, 0.10, 0.09, 1.0)},
    {SHIRT: (0.80, 0.62, 0.20, 1.0), TROUSERS: (0.30, 0.22, 0.20, 1.0), HAIR: (0.55, 0.54, 0.52, 1.0)},
)
"""What each person wears in place of the colours above."""


class Shape(NamedTuple):
    """A capsule between two points, or an ellipsoid; in the frame of its body, all numbers shares of the stature."""

    kind: str
    """``capsule`` or ``ellipsoid``."""
    start: Vec
    """One end of a capsule, or the centre."""
    end: Vec
    """The other end, or the half axes."""
    radius: float
    """Of a capsule."""
    colour: Colour


def _ball(centre: Vec, half_axes: Vec, colour: Colour) -> Shape:
    return Shape("ellipsoid", centre, half_axes, 0.0, colour)


def _stick(start: Vec, end: Vec, radius: float, colour: Colour) -> Shape:
    return Shape("capsule", start, end, radius, colour)


_O: Vec = (0.0, 0.0, 0.0)
_FINGERS = tuple(
    _stick((x, -0.004, 0.0), (x, length, 0.0), 0.0052, SKIN)
    for x, length in ((-0.0155, 0.030), (-0.005, 0.041), (0.0055, 0.044), (0.0155, 0.040))
)
# "L_" rows stand for both sides. Palms look down in the T-pose, thumbs forward.
_LOOK: dict[str, tuple[Shape, ...]] = {
    "Pelvis": (_ball((-0.004, 0.0, -0.006), (0.066, 0.094, 0.062), TROUSERS),),
    "Torso": (
        _ball((0.0, 0.0, 0.030), (0.064, 0.087, 0.085), SHIRT),
        _ball((0.0, 0.0, -0.024), (0.0625, 0.087, 0.016), DARK),
    ),
    "Spine": (_ball((0.0, 0.0, 0.028), (0.067, 0.092, 0.100), SHIRT),),
    "Chest": (
        _ball((0.0, 0.0, 0.014), (0.070, 0.099, 0.092), SHIRT),
        _ball((0.0, 0.0, 0.070), (0.045, 0.082, 0.030), SHIRT),
    ),
    "Neck": (_stick((-0.004, 0.0, -0.012), (0.004, 0.0, 0.050), 0.031, SKIN),),
    "Head": (
        _ball((0.010, 0.0, 0.054), (0.054, 0.044, 0.060), SKIN),
        _ball((0.024, 0.0, 0.016), (0.038, 0.033, 0.034), SKIN),
        _ball((-0.004, 0.0, 0.066), (0.056, 0.0475, 0.052), HAIR),
        _ball((0.067, 0.0, 0.040), (0.010, 0.007, 0.013), SKIN),
        _ball((0.056, 0.017, 0.052), (0.007, 0.0085, 0.0055), WHITE),
        _ball((0.056, -0.017, 0.052), (0.007, 0.0085, 0.0055), WHITE),
        _ball((0.0605, 0.017, 0.052), (0.0032, 0.0040, 0.0040), DARK),
        _ball((0.0605, -0.017, 0.052), (0.0032, 0.0040, 0.0040), DARK),
        _ball((0.056, 0.017, 0.0625), (0.006, 0.010, 0.0025), HAIR),
        _ball((0.056, -0.017, 0.0625), (0.006, 0.010, 0.0025), HAIR),
        _ball((0.059, 0.0, 0.016), (0.004, 0.013, 0.0035), LIPS),
        _ball((0.008, 0.046, 0.042), (0.010, 0.005, 0.016), SKIN),
        _ball((0.008, -0.046, 0.042), (0.010, 0.005, 0.016), SKIN),
    ),
    "L_Hip": (
        _stick(_O, (0.0, 0.0, -THIGH), 0.037, TROUSERS),
        _ball((0.0, 0.0, -0.070), (0.051, 0.048, 0.120), TROUSERS),
    ),
    "L_Knee": (
        _stick(_O, (0.0, 0.0, 0.018 - SHANK), 0.028, TROUSERS),
        _ball((-0.008, 0.0, -0.075), (0.036, 0.034, 0.090), TROUSERS),
    ),
    "L_Ankle": (
        _stick((0.0, 0.0, 0.006), (0.0, 0.0, -0.010), 0.022, SHOES),
        _ball((0.016, 0.0, -0.021), (0.058, 0.026, 0.019), SHOES),
        _ball((0.020, 0.0, -0.033), (0.062, 0.027, 0.006), DARK),
    ),
    "L_Toe": (
        _ball((0.004, 0.0, -0.001), (0.034, 0.027, 0.0145), SHOES),
        _ball((0.004, 0.0, -0.011), (0.035, 0.028, 0.006), DARK),
    ),
    "L_Thorax": (_stick((0.0, 0.0, 0.004), (0.0, SHOULDER_HALF - 0.041, -0.006), 0.028, SHIRT),),
    "L_Shoulder": (
        _ball((0.0, 0.012, 0.0), (0.034, 0.046, 0.034), SHIRT),
        _stick(_O, (0.0, 0.55 * UPPER_ARM, 0.0), 0.029, SHIRT),
        _stick(_O, (0.0, UPPER_ARM, 0.0), 0.0245, SKIN),
    ),
    "L_Elbow": (
        _ball((0.0, 0.045, 0.0), (0.0255, 0.070, 0.0245), SKIN),
        _stick(_O, (0.0, FOREARM, 0.0), 0.0175, SKIN),
    ),
    "L_Wrist": (
        _ball((0.0, 0.029, 0.0), (0.0235, 0.037, 0.0105), SKIN),
        _stick((0.010, 0.010, 0.0), (0.029, 0.036, -0.004), 0.0065, SKIN),
        _stick((0.029, 0.036, -0.004), (0.033, 0.052, -0.006), 0.0055, SKIN),
    ),
    "L_Hand": _FINGERS,
}


def shapes_of(name: str, stature_m: float, person: int = 0) -> tuple[Shape, ...]:
    """Return the shapes of one body [m]; every person is dressed in other colours."""
    right = name.startswith("R_")
    mirror = -1.0 if right else 1.0
    shapes = _LOOK["L_" + name[2:] if right else name]

    def scaled(vector: Vec, side: float) -> Vec:
        return stature_m * vector[0], stature_m * side * vector[1], stature_m * vector[2]

    return tuple(
        Shape(
            shape.kind,
            scaled(shape.start, mirror),
            scaled(shape.end, mirror if shape.kind == "capsule" else 1.0),
            stature_m * shape.radius,
            _OUTFITS[person].get(shape.colour, shape.colour),
        )
        for shape in shapes
    )
