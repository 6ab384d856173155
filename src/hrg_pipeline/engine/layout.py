"""What a task puts into the scene: table, objects that move, fixed props, markers that only the eye sees, welds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
Colour = tuple[float, float, float, float]

UPRIGHT: Quaternion = (1.0, 0.0, 0.0, 0.0)
OBJECT_PREFIX, MARKER_PREFIX, WELD_PREFIX, GRIP_PREFIX = "object_", "marker_", "weld_", "grip_"
GREEN: Colour = (0.20, 0.65, 0.32, 1.0)
GHOST: Colour = (0.20, 0.65, 0.32, 0.35)


@dataclass(frozen=True)
class Shape:
    """One rigid part of an object."""

    kind: Literal["box", "cylinder", "sphere"]
    size: tuple[float, ...]
    """Half lengths of a box (3), radius and half length of a cylinder (2) along z, radius of a sphere (1) [m]."""
    pos: Vector = (0.0, 0.0, 0.0)
    """Of its centre in the object's frame [m]."""
    quat: Quaternion = UPRIGHT
    """Its orientation there, wxyz."""
    mass_kg: float = 0.05
    friction: float = 1.0
    """Sliding friction; the larger one of two geoms counts."""
    colour: Colour = GREEN

    @property
    def half_lengths(self) -> Array:
        """Of its enclosing box in its own frame (3,) [m]."""
        if self.kind == "box":
            return np.array(self.size)
        if self.kind == "cylinder":
            return np.array([self.size[0], self.size[0], self.size[1]])
        return np.full(3, self.size[0])


@dataclass(frozen=True)
class SceneObject:
    """Something that can be moved; its frame is where its parts say."""

    name: str
    parts: tuple[Shape, ...]
    held_part: tuple[Vector, Vector] | None = None
    """Lowest and highest corner, in the object's frame, of what is part of the robot for the shield while the gripper
    holds it [m]; None: all of it. The rest of an object that robot and person carry together is the person's."""
    touches_people: bool = True
    """Whether hands push it. What can be welded to a hand passes through the person whose hand it is."""

    @property
    def mass_kg(self) -> float:
        """Of all parts."""
        return sum(part.mass_kg for part in self.parts)


@dataclass(frozen=True)
class Nail:
    """Something that sticks in an object and is driven into it, along the object's -z; friction holds it there."""

    name: str
    object: str
    parts: tuple[Shape, ...]
    """Its frame is upright in the object."""
    height_m: float
    """Of the frame's origin in the object's frame, before it is driven in [m]."""
    depth_m: float
    """How far it can be driven in [m]."""
    friction_n: float
    """Force that it takes to move it [N]."""


@dataclass(frozen=True)
class Prop:
    """Something that stands still; touching it is a static collision."""

    name: str
    parts: tuple[Shape, ...]
    pos: Vector
    """Of its frame in the world [m]."""
    quat: Quaternion = UPRIGHT


@dataclass(frozen=True)
class Marker:
    """A shape in pictures only, moved by the task."""

    name: str
    part: Shape


@dataclass(frozen=True)
class HandWeld:
    """Fixes an object to a body of person 0 while it is switched on: rigidly, or by a ball joint."""

    name: str
    body: str
    """One of ``BODY_NAMES``, such as ``L_Hand``."""
    object: str
    pos: Vector
    """Of the object in the body's frame, unless it is attached elsewhere [m]."""
    quat: Quaternion = UPRIGHT
    """Orientation of the object in the body's frame, wxyz."""
    ball: Vector | None = None
    """Place in the object's frame that it turns about freely in the hand [m]; None: it does not turn."""
    spring: tuple[float, float] | None = None
    """How a hand gives that holds by a ball joint: stiffness [N/m] and damping [N s/m]; None: as stiff as two time
    steps allow."""


@dataclass(frozen=True)
class Layout:
    """The scene of a task, besides robot and people; can be hashed, so that compiled scenes are shared."""

    table_size: Vector = (1.5, 2.0, 0.05)
    table_offset: Vector = (0.0, 0.0, 0.82)
    """Middle of the table top [m]."""
    objects: tuple[SceneObject, ...] = ()
    nails: tuple[Nail, ...] = ()
    props: tuple[Prop, ...] = ()
    markers: tuple[Marker, ...] = ()
    welds: tuple[HandWeld, ...] = ()

    def object_index(self, name: str) -> int:
        """Index of an object by its name."""
        return [thing.name for thing in self.objects].index(name)
