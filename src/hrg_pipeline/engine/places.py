"""Where people stand: every motion is made for one side of the table, and turned to another one for each person."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.engine.scene import TABLE_OFFSET, TABLE_SIZE

Array = NDArray[np.float64]

PLACE_YAWS = (0.0, 0.5 * math.pi, -0.5 * math.pi, math.pi)
"""By how much the motion of each person is turned about the middle of the table [rad]: they work in front of the
robot, at its left, at its right and behind it."""


def place_of(person: int) -> Array:
    """Return x, y [m] and yaw [rad] that carry a motion from the front of the table to a person's side (3,).

    The distance from the edge of the table stays, as the sides of the table are not equally far from its middle.
    """
    yaw = PLACE_YAWS[person]
    cos, sin = math.cos(yaw), math.sin(yaw)
    half_x, half_y = 0.5 * TABLE_SIZE[0], 0.5 * TABLE_SIZE[1]
    farther = (abs(cos) - 1.0) * half_x + abs(sin) * half_y
    x, y = TABLE_OFFSET[0], TABLE_OFFSET[1]
    return np.array([x - cos * x + sin * y + cos * farther, y - sin * x - cos * y + sin * farther, yaw])


def stand(frame: Array, person: int) -> Array:
    """Turn a motion to a person's side of the table.

    Args:
        frame: how the motion stands in front of the table (5,), see ``motion_frame``.
        person: which one.

    Returns:
        How it stands in the world (5,); the first person stays where they are.
    """
    if person == 0:
        return frame
    x, y, yaw = place_of(person)
    cos, sin = math.cos(yaw), math.sin(yaw)
    half_cos, half_sin = math.cos(0.5 * yaw), math.sin(0.5 * yaw)
    return np.array(
        [
            x + cos * frame[0] - sin * frame[1],
            y + sin * frame[0] + cos * frame[1],
            half_cos * frame[2] - half_sin * frame[3],
            half_sin * frame[2] + half_cos * frame[3],
            frame[4],
        ]
    )
