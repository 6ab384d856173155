"""Slow a plan down until the curve that is played keeps the shield's bounds at every millisecond."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hrg_pipeline.human.body import BODY_INDEX, N_BODIES, FloatArray, Skeleton, make_shield_bodies
from hrg_pipeline.human.curves import MotionLibrary, place_pose, view_clip
from hrg_pipeline.human.kinematics import rotations_of
from hrg_pipeline.human.limits import first_violation
from hrg_pipeline.human.motion import SAMPLE_RATE_HZ, library_from_rotations
from hrg_pipeline.human.plan import MotionPlan
from hrg_pipeline.human.posing import postures_from_plan
from hrg_pipeline.physics.jit import kernel

CHECK_STEP_S = 0.001
SPEED_SHARE, ACCELERATION_SHARE = 0.98, 0.95
"""Shares of the bounds that a clip may use; the rest is for what lies between two checked instants."""
_COARSE_STEP_S = 0.005
_MAX_SLOWDOWNS = 8
_HANDS = [BODY_INDEX["L_Hand"], BODY_INDEX["R_Hand"]]


class Bounds(NamedTuple):
    """What no joint may exceed, (24,) each."""

    speed: FloatArray
    """[m/s]"""
    acceleration: FloatArray
    """[m/s^2]"""


class Window(NamedTuple):
    """A stretch of a clip that a loop plays back and forth."""

    start_s: float
    end_s: float
    rate: float
    """Greatest pace of the loop, 1 = as recorded."""
    rate_change: float
    """Greatest change of that pace [1/s]."""


class Fitted(NamedTuple):
    """A plan that keeps its bounds, and what it comes to."""

    plan: MotionPlan
    postures: FloatArray
    """(n, 75) samples at ``SAMPLE_RATE_HZ``."""
    rotations: FloatArray
    """(n, 24, 4) the same rotations as unit quaternions wxyz."""


def clip_bounds(skeleton: Skeleton, hand_speed_max: float) -> Bounds:
    """The shield's bounds of a person, less a margin; hands may be bound to less [m/s]."""
    bodies = make_shield_bodies(skeleton)
    speed = bodies.v_max.copy()
    speed[_HANDS] = np.minimum(speed[_HANDS], hand_speed_max)
    return Bounds(SPEED_SHARE * speed, ACCELERATION_SHARE * bodies.a_max)


def no_windows(_: FloatArray) -> list[Window]:
    """Windows of a motion that is never looped."""
    return []


def fit(
    plan: MotionPlan,
    skeleton: Skeleton,
    bounds: Bounds,
    windows: Callable[[FloatArray], list[Window]] = no_windows,
) -> tuple[Fitted | None, str]:
    """Slow down segments until the played curve keeps its bounds.

    Coarse passes find most of what is too fast; only a pass at every millisecond lets a plan through.

    Args:
        plan: what the person does.
        skeleton: the person.
        bounds: of every joint.
        windows: gives the stretches that are looped, from the edges of the segments (S + 1,) [s].

    Returns:
        The motion, or None and the reason why there is none.
    """
    trouble = ""
    step_s = _COARSE_STEP_S
    for _ in range(_MAX_SLOWDOWNS):
        postures = postures_from_plan(plan, skeleton, SAMPLE_RATE_HZ)
        trouble = first_violation(postures) or ""
        if trouble:
            return None, trouble
        if not plan.segments():
            return None, "no action fits into the duration"
        rotations = rotations_of(postures)
        library = library_from_rotations([postures[:, :3]], [rotations], [SAMPLE_RATE_HZ])
        edges_s = plan.edges_s()
        looped = np.array(windows(edges_s), dtype=np.float64).reshape(-1, len(Window._fields))
        factors = slowdowns(library, skeleton, bounds, step_s, edges_s, looped)
        if factors.max() <= 1.0 and step_s > CHECK_STEP_S:
            step_s = CHECK_STEP_S
            factors = slowdowns(library, skeleton, bounds, step_s, edges_s, looped)
        if factors.max() <= 1.0:
            return Fitted(plan, postures, rotations), ""
        worst = int(np.argmax(factors))
        trouble = f"{plan.segments()[worst].kind} is {factors[worst]:.2f} times too fast"
        plan = plan.slowed(np.where(factors > 1.0, 1.02 * factors, 1.0))
    return None, trouble


def slowdowns(
    library: MotionLibrary, skeleton: Skeleton, bounds: Bounds, step_s: float, edges_s: FloatArray, looped: FloatArray
) -> FloatArray:
    """By how much each segment must be slowed down (S,); at most 1 where it keeps its bounds.

    Args:
        library: holds the motion as its only clip.
        skeleton: the person.
        bounds: of every joint.
        step_s: time between the poses that are compared [s].
        edges_s: (S + 1,) edges of the segments [s].
        looped: (L, 4) rows as ``Window``.
    """
    speed, acceleration, jump = _peaks(library, skeleton, step_s, edges_s, looped)
    too_fast = (speed / bounds.speed).max(axis=1)
    too_sudden = (acceleration / bounds.acceleration).max(axis=1)
    # What comes from a change of pace goes down with the speed, the rest with its square.
    too_abrupt = (jump / bounds.acceleration).max(axis=1)
    return np.asarray(np.maximum(np.maximum(too_fast, np.sqrt(too_sudden)), too_abrupt))


@kernel
def _peaks(
    library: MotionLibrary, skeleton: Skeleton, step_s: float, edges_s: FloatArray, looped: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Greatest speed, acceleration, and acceleration in loops of each joint in each segment, (S, 24) each.

    A loop plays p(m(t)): its speed is |p'| |m'| and its acceleration |p'' m'^2 + p' m''|. It may also begin and end
    within one millisecond at any pace up to its greatest one, which changes the speed by |p'| (1 + |m'|).
    """
    n_parts = edges_s.shape[0] - 1
    speed = np.zeros((n_parts, N_BODIES))
    acceleration = np.zeros((n_parts, N_BODIES))
    jump = np.zeros((n_parts, N_BODIES))
    pos = np.zeros((3, N_BODIES, 3))
    quat = np.zeros((N_BODIES, 4))
    view = view_clip(library, skeleton, 0)
    frame = (0.0, 0.0, 1.0, 0.0, 1.0)
    part = 0
    n_steps = math.ceil(library.length_s[0] / step_s) + 2
    for k in range(-1, n_steps):
        t = k * step_s
        place_pose(view, t, frame, pos[(k + 1) % 3], quat)
        if k < 1:
            continue
        while part < n_parts - 1 and t - step_s > edges_s[part + 1]:
            part += 1
        rate, change, inside = 1.0, 0.0, False
        for w in range(looped.shape[0]):
            if looped[w, 0] - 0.02 <= t <= looped[w, 1] + 0.02:
                inside = True
                rate = max(rate, looped[w, 2])
                change = max(change, looped[w, 3], (1.0 + looped[w, 2]) / 0.001)
        older, old, new = pos[(k - 1) % 3], pos[k % 3], pos[(k + 1) % 3]
        for body in range(N_BODIES):
            v_sq = 0.0
            a_sq = 0.0
            for axis in range(3):
                delta = new[body, axis] - old[body, axis]
                bend = delta - old[body, axis] + older[body, axis]
                v_sq += delta * delta
                a_sq += bend * bend
            v = math.sqrt(v_sq) / step_s
            a = math.sqrt(a_sq) / (step_s * step_s)
            speed[part, body] = max(speed[part, body], v * rate)
            acceleration[part, body] = max(acceleration[part, body], a)
            if inside:
                jump[part, body] = max(jump[part, body], a * rate * rate + v * change)
    return speed, acceleration, jump
