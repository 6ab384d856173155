"""Pictures of a person drawn from the capsules of the body, without any graphics driver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hrg_pipeline.human import figure
from hrg_pipeline.human.body import BODY_NAMES, Skeleton

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]


def _bytes(colour: figure.Colour) -> Colour:
    """A colour of a body's figure as bytes."""
    r, g, b = (round(255.0 * part) for part in colour[:3])
    return r, g, b


SKIN, HAIR, SHIRT, TROUSERS, SHOES = (
    _bytes(c) for c in (figure.SKIN, figure.HAIR, figure.SHIRT, figure.TROUSERS, figure.SHOES)
)
_COLOURS: dict[str, Colour] = {
    "Pelvis": TROUSERS, "Hip": TROUSERS, "Knee": TROUSERS, "Ankle": SHOES, "Toe": SHOES, "Torso": SHIRT, "Spine": SHIRT,
    "Chest": SHIRT, "Thorax": SHIRT, "Shoulder": SHIRT, "Neck": SKIN, "Head": SKIN, "Elbow": SKIN, "Wrist": SKIN,
    "Hand": SKIN,
}  # fmt: skip
_BACKGROUND, _GRID, _TABLE, _ROBOT, _MARK = (
    (246, 247, 249),
    (214, 218, 224),
    (205, 190, 165),
    (150, 156, 166),
    (200, 40, 40),
)
_SUBPIXEL = 4
_LOOKS_AWAY = -0.55
_ARC = np.linspace(0.0, np.pi, 13)


@dataclass(frozen=True, eq=False)
class View:
    """A camera that looks at a point from a direction.

    Args:
        centre: point in the middle of the picture [m].
        size: width and height [pixels].
        span_m: height of the world that the picture shows at the centre [m].
        azimuth, elevation: where the camera stands, seen from the centre [rad]; azimuth 0 is +x.
        distance_m: of the camera from the centre.
    """

    centre: Array
    size: tuple[int, int]
    span_m: float
    azimuth: float = -1.80
    elevation: float = 0.28
    distance_m: float = 7.0

    def project(self, points: Array) -> tuple[Array, Array]:
        """Pixels (m, 2) and pixels a metre (m,) of points (m, 3) in the world."""
        ca, sa, ce, se = (f(a) for a in (self.azimuth, self.elevation) for f in (np.cos, np.sin))
        toward = np.array([ca * ce, sa * ce, se])
        right = np.array([-sa, ca, 0.0])
        up = np.cross(toward, right)
        local = np.asarray(points) - self.centre
        depth = self.distance_m - local @ toward
        scale = self.size[1] / self.span_m * self.distance_m / np.maximum(depth, 0.2)
        x = 0.5 * self.size[0] + scale * (local @ right)
        y = 0.5 * self.size[1] - scale * (local @ up)
        return np.column_stack((x, y)), scale


def draw_scene(view: View) -> Picture:
    """Draw the floor with a line every half metre, the table and the foot of the robot."""
    picture = np.full((view.size[1], view.size[0], 3), _BACKGROUND, dtype=np.uint8)
    centre = np.round(view.centre[:2])
    ends = np.arange(-3.0, 3.01, 0.5)
    for offset in ends:
        for line in (
            ((centre[0] - 3.0, centre[1] + offset, 0.0), (centre[0] + 3.0, centre[1] + offset, 0.0)),
            ((centre[0] + offset, centre[1] - 3.0, 0.0), (centre[0] + offset, centre[1] + 3.0, 0.0)),
        ):
            _line(picture, view, line, _GRID)
    _capsule(picture, view, np.array([0.0, 0.0, 0.06]), np.array([0.0, 0.0, 0.85]), 0.06, _ROBOT)
    corners = np.array([(x, y, 0.82) for x, y in ((-0.75, -1.0), (0.75, -1.0), (0.75, 1.0), (-0.75, 1.0))])
    shade = picture.copy()
    cv2.fillPoly(shade, [_fixed(view.project(corners)[0])], _TABLE, cv2.LINE_AA, _SUBPIXEL)
    picture[:] = cv2.addWeighted(shade, 0.55, picture, 0.45, 0.0)
    for k, corner in enumerate(corners):
        _line(picture, view, (corner, corners[(k + 1) % 4]), _darker(_TABLE, 0.8))
        _line(picture, view, (corner, corner * (1.0, 1.0, 0.0)), _darker(_TABLE, 0.8))
    return picture


def draw_person(
    picture: Picture, view: View, skeleton: Skeleton, joints: Array, frames: Sequence[Rotation], ghost: float = 0.0
) -> None:
    """Draw a person into a picture, what is farther away first.

    Args:
        picture: drawn into.
        view: the camera.
        skeleton: the person.
        joints: (24, 3) joint positions in the world [m].
        frames: orientation of each body in the world.
        ghost: how pale, 0 (not) to 1 (invisible).
    """
    feet = joints[[BODY_NAMES.index("L_Ankle"), BODY_NAMES.index("R_Ankle")]] * (1.0, 1.0, 0.0)
    shadow = picture.copy()
    for foot in feet:
        spot, scale = view.project(foot[None])
        axes = (round(0.16 * scale[0]), max(1, round(0.05 * scale[0])))
        cv2.ellipse(shadow, (round(spot[0, 0]), round(spot[0, 1])), axes, 0, 0, 360, (120, 124, 130), -1, cv2.LINE_AA)
    picture[:] = cv2.addWeighted(shadow, 0.35, picture, 0.65, 0.0)
    pieces = []
    for body, name in enumerate(BODY_NAMES):
        a, b = (joints[body] + frames[body].apply(end[body]) for end in (skeleton.geom_a, skeleton.geom_b))
        radius = float(skeleton.geom_radius[body])
        colour = _paler(_COLOURS[name.rpartition("_")[2]], ghost)
        depth = float(view.project(0.5 * (a + b)[None])[1][0])
        pieces.append((depth, a, b, radius, colour))
    pieces += _hair_and_nose(view, skeleton, joints, frames, ghost)
    for _, a, b, radius, colour in sorted(pieces, key=lambda piece: piece[0]):
        _capsule(picture, view, a, b, radius, colour)


def _hair_and_nose(
    view: View, skeleton: Skeleton, joints: Array, frames: Sequence[Rotation], ghost: float
) -> list[tuple[float, Array, Array, float, Colour]]:
    """What shows which way a person looks: a capsule each, nearer or farther than the head it belongs to."""
    head = BODY_NAMES.index("Head")
    radius = float(skeleton.geom_radius[head])
    low, high = (joints[head] + frames[head].apply(end[head]) for end in (skeleton.geom_a, skeleton.geom_b))
    middle = 0.5 * (low + high)
    forward, up = (frames[head].apply(axis) for axis in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    at, ahead = view.project(np.stack((middle, middle + 0.1 * forward)))[1]
    toward = (ahead - at) / (0.1 * at) * view.distance_m  # 1: faces the camera, -1: looks away
    hair = high - 0.24 * radius * forward + 0.14 * radius * up, middle - 0.24 * radius * forward
    nose = middle + 0.9 * radius * forward, middle + 1.12 * radius * forward - 0.2 * radius * up
    # The order of depths would let them flicker: hair is a rim about the head until the person looks away.
    return [
        (float(at) + (1e-3 if toward < _LOOKS_AWAY else -1e-3), *hair, 1.02 * radius, _paler(HAIR, ghost)),
        (float(at) + (1e-3 if toward > 0.0 else -1e-3), *nose, 0.16 * radius, _paler(SKIN, ghost)),
    ]


def draw_mark(picture: Picture, view: View, point: Sequence[float], colour: Colour = _MARK) -> None:
    """Draw a ring with a dot at a point of the world."""
    spot, scale = view.project(np.asarray(point, dtype=np.float64)[None])
    at = (round(spot[0, 0]), round(spot[0, 1]))
    cv2.circle(picture, at, max(3, round(0.05 * scale[0])), colour, 2, cv2.LINE_AA)
    cv2.circle(picture, at, 2, colour, -1, cv2.LINE_AA)


def _capsule(picture: Picture, view: View, a: Array, b: Array, radius: float, colour: Colour) -> None:
    """Draw a capsule as the outline of its two end balls, with a light side."""
    spots, scales = view.project(np.stack((a, b)))
    radii = radius * scales
    for grow, shift, tone in ((1.0, 0.0, 0.62), (0.90, 0.05, 1.0), (0.45, 0.32, 1.16)):
        offset = np.array([-shift, -shift]) * radii.mean()
        outline = _stadium(spots + offset, grow * radii)
        cv2.fillPoly(picture, [_fixed(outline)], _darker(colour, tone), cv2.LINE_AA, _SUBPIXEL)


def _stadium(spots: Array, radii: Array) -> Array:
    """Outline (m, 2) of two discs and what is between them."""
    along = spots[1] - spots[0]
    length = float(np.hypot(*along))
    if length <= abs(radii[1] - radii[0]) + 1e-6:
        larger = int(radii.argmax())
        angles = np.linspace(0.0, 2.0 * np.pi, 25)
        return np.asarray(spots[larger] + radii[larger] * np.column_stack((np.cos(angles), np.sin(angles))))
    turn = np.arctan2(along[1], along[0])
    # Where the common tangents touch.
    lean = np.arccos(np.clip((radii[0] - radii[1]) / length, -1.0, 1.0))
    start = turn + lean + (2.0 * np.pi - 2.0 * lean) * _ARC / np.pi
    end = turn - lean + 2.0 * lean * _ARC / np.pi
    rounds = [
        spots[k] + radii[k] * np.column_stack((np.cos(angles), np.sin(angles))) for k, angles in ((0, start), (1, end))
    ]
    return np.concatenate(rounds)


def _line(picture: Picture, view: View, ends: Sequence[Sequence[float] | Array], colour: Colour) -> None:
    spots = _fixed(view.project(np.array(ends, dtype=np.float64))[0])
    a, b = ((int(spot[0]), int(spot[1])) for spot in spots)
    cv2.line(picture, a, b, colour, 1, cv2.LINE_AA, _SUBPIXEL)


def _fixed(points: Array) -> NDArray[np.int32]:
    """Pixels as the fixed-point numbers that give OpenCV smooth edges."""
    return np.asarray(np.clip(np.round(points * 2**_SUBPIXEL), -(2**20), 2**20), dtype=np.int32)


def _darker(colour: Colour, factor: float) -> Colour:
    r, g, b = (round(min(255.0, factor * c)) for c in colour)
    return r, g, b


def _paler(colour: Colour, share: float) -> Colour:
    r, g, b = (round((1.0 - share) * c + share * 240.0) for c in colour)
    return r, g, b
