"""What touches what: flags and counters of robot contacts within one RL step."""

from __future__ import annotations

from enum import IntFlag

import numpy as np

from hrg_pipeline.physics import mujoco_c as c
from hrg_pipeline.physics.jit import kernel


class ContactFlag(IntFlag):
    """Kinds of robot contact; the flags of one RL step are combined by OR."""

    NULL = 0
    ALLOWED = 1
    HUMAN = 2
    ROBOT = 4
    STATIC = 8
    HUMAN_CRIT = 16


ILLEGAL = int(ContactFlag.STATIC | ContactFlag.ROBOT | ContactFlag.HUMAN_CRIT)
_ALLOWED, _HUMAN, _ROBOT, _STATIC, _CRIT = 1, 2, 4, 8, 16

GEOM_STATIC, GEOM_ROBOT, GEOM_HUMAN, GEOM_ALLOWED, GEOM_GRIPPER, GEOM_HELD = 0, 1, 2, 3, 4, 5
"""What a geom belongs to, the value in ``geom_class``. The gripper is robot, but may touch itself. What the robot holds
counts as robot where it touches people, and is allowed to touch everything else."""

N_STATIC, N_ROBOT, N_HUMAN, N_CRITICAL = 0, 1, 2, 3
"""Columns of the counters."""

EVENT_SINCE, EVENT_CRITICAL, EVENT_SPEED = 0, 1, 2
"""Columns of a human event."""

MAX_PAIRS = 64
"""Contact pairs remembered from one cycle to the next; more count as new."""


def is_illegal(flags: np.ndarray) -> np.ndarray:
    """Tell which steps had an illegal contact: any of STATIC, ROBOT, HUMAN_CRIT."""
    return np.asarray((np.asarray(flags) & ILLEGAL) != 0)


@kernel
def is_robot(geom_class: int) -> bool:
    """Tell whether a class of geoms is part of the robot."""
    return geom_class in (GEOM_ROBOT, GEOM_GRIPPER)


@kernel
def robot_first(geom_class: np.ndarray, first: int, second: int) -> tuple[int, int]:
    """Order two touching geoms: the robot's, or that of what it holds, then the other one; (-1, -1) if there is none.

    Args:
        geom_class: what each geom belongs to (ngeom,).
        first: a geom.
        second: the geom that it touches.
    """
    if is_robot(geom_class[first]) or (geom_class[first] == GEOM_HELD and geom_class[second] == GEOM_HUMAN):
        return first, second
    if is_robot(geom_class[second]) or (geom_class[second] == GEOM_HELD and geom_class[first] == GEOM_HUMAN):
        return second, first
    return -1, -1


@kernel
def _point_speed(model: int, data: int, point: np.ndarray, body: int, qvel: np.ndarray, jacobian: np.ndarray) -> float:
    """Speed of a body's material point at ``point`` for the joint velocities ``qvel`` [m/s]."""
    nv = qvel.shape[0]
    c.mj_jac(model, data, jacobian.ctypes.data, 0, point.ctypes.data, body)
    total = 0.0
    for row in range(3):
        speed = 0.0
        for k in range(nv):
            speed += jacobian[row * nv + k] * qvel[k]
        total += speed * speed
    return float(np.sqrt(total))


@kernel
def limit_own_motion(
    dq: np.ndarray, command_dq: np.ndarray, touched: bool, fingers_move: bool, limits: np.ndarray, own_dq: np.ndarray
) -> None:
    """Tell how much of an arm's motion is its own: no joint is faster by itself than it was told to be.

    What is beyond is the doing of who touched the arm last: a push, and the swing back after it. An arm that nobody
    touched yet answers for everything, also for not following its command.

    Args:
        dq: measured joint speeds (n,) [rad/s].
        command_dq: commanded ones (n,) [rad/s].
        touched: whether a person touched the robot in the previous cycle.
        fingers_move: whether the gripper is told to move in this cycle.
        limits: largest commanded speed of each joint since a person last touched the robot, and infinity for fingers
            that were told to move since then, 0 for others (n + 1,). Infinite before the first touch. Updated.
        own_dq: the arm's own joint speeds (n,) [rad/s], written.
    """
    n = dq.shape[0]
    for k in range(n):
        before = 0.0 if touched else limits[k]
        limits[k] = max(before, abs(command_dq[k]))
        own_dq[k] = min(max(dq[k], -limits[k]), limits[k])
    if fingers_move:
        limits[n] = np.inf
    elif touched:
        limits[n] = 0.0


@kernel
def classify_contacts(
    model: int,
    data: int,
    geom_class: np.ndarray,
    geom_body: np.ndarray,
    own_qvel: np.ndarray,
    command_qvel: np.ndarray,
    jacobian: np.ndarray,
    pairs: np.ndarray,
    human_event: np.ndarray,
    counters: np.ndarray,
    cycle_s: float,
    debounce_s: float,
    safe_vel: float,
    hand_body: int,
) -> int:
    """Count the onsets of robot contacts in this cycle and return their flags.

    A contact starts in the first cycle in which its pair of geoms penetrates. Touching the human is one event as long
    as no gap is longer than ``debounce_s``, whichever bodies touch. It is critical if the robot moves its contact point
    faster than ``safe_vel`` when it starts, or if later the robot is commanded to move the point faster than that: a
    stopped arm that a person pushes along is not, one that pushes the person is.

    Args:
        model: address of mjModel.
        data: address of mjData after its position stage.
        geom_class: what each geom belongs to (ngeom,).
        geom_body: body of each geom (ngeom,).
        own_qvel: joint velocities that the robot answers for, see ``limit_own_motion`` (nv,).
        command_qvel: commanded joint velocities, zero where nothing is commanded (nv,).
        jacobian: scratch (3 nv,).
        pairs: pairs in contact in the previous cycle; row 0 holds their number (MAX_PAIRS + 1,). Updated.
        human_event: (3,) seconds since the last human contact, 1 if that event was critical, contact speed of the
            event's first cycle [m/s]. Updated.
        counters: onsets so far: static, robot, human, critical (4,). Updated.
        cycle_s: length of a cycle [s].
        debounce_s: gap that separates two human contacts [s].
        safe_vel: speed above which a human contact is critical [m/s].
        hand_body: body that a held object moves with.

    Returns:
        OR of the contact flags that started in this cycle.
    """
    human_event[EVENT_SINCE] += cycle_s
    if c.contact_count(data) == 0:
        pairs[0] = 0
        return 0
    onset = human_event[EVENT_SINCE] - cycle_s > debounce_s + 1e-9
    velocity = own_qvel if onset else command_qvel
    flags, speed, n_now = 0, -1.0, 0
    now = np.empty(MAX_PAIRS, dtype=np.int64)
    for k in range(c.contact_count(data)):
        contact = c.contact_address(data, k)
        if c.contact_excluded(contact) != 0 or c.contact_distance(contact) >= 0.0:
            continue
        geoms = c.contact_geoms(contact)
        robot, other = robot_first(geom_class, geoms[0], geoms[1])
        if robot < 0:
            continue
        kind = geom_class[other]
        if kind == GEOM_HUMAN:
            point = c.contact_position(contact)
            body = hand_body if geom_class[robot] == GEOM_HELD else geom_body[robot]
            speed = max(speed, _point_speed(model, data, point, body, velocity, jacobian))
            continue
        pair = min(robot, other) * geom_class.shape[0] + max(robot, other)
        if (kind == GEOM_GRIPPER and geom_class[robot] == GEOM_GRIPPER) or _holds(now, 0, n_now, pair):
            continue
        if n_now < MAX_PAIRS:
            now[n_now] = pair
            n_now += 1
        if not _holds(pairs, 1, pairs[0], pair):
            flags |= _count_onset(kind, counters)
    pairs[0] = n_now
    for k in range(n_now):  # a slice assignment would compile a broadcast and its errors
        pairs[k + 1] = now[k]
    if speed >= 0.0:
        flags |= _count_human(onset, speed, safe_vel, human_event, counters)
    return flags


@kernel
def _holds(values: np.ndarray, first: int, count: int, wanted: int) -> bool:
    """Tell whether ``values[first : first + count]`` holds a number."""
    for k in range(first, first + count):
        if values[k] == wanted:
            return True
    return False


@kernel
def _count_onset(kind: int, counters: np.ndarray) -> int:
    """Count a new contact with something that is not human; return its flag."""
    if is_robot(kind):
        counters[N_ROBOT] += 1
        return _ROBOT
    if kind in (GEOM_ALLOWED, GEOM_HELD):
        return _ALLOWED
    counters[N_STATIC] += 1
    return _STATIC


@kernel
def _count_human(onset: bool, speed: float, safe_vel: float, human_event: np.ndarray, counters: np.ndarray) -> int:
    """Go on with the present human contact, or start a new one; return its flag if it started or became critical."""
    flag = 0
    human_event[EVENT_SINCE] = 0.0
    if onset:
        human_event[EVENT_CRITICAL] = 0.0
        human_event[EVENT_SPEED] = speed
        flag = _HUMAN
    human_event[EVENT_SPEED] = max(human_event[EVENT_SPEED], speed)
    if speed > safe_vel and human_event[EVENT_CRITICAL] == 0.0:
        human_event[EVENT_CRITICAL] = 1.0
        flag = _CRIT
    if flag == _HUMAN:
        counters[N_HUMAN] += 1
    elif flag == _CRIT:
        counters[N_CRITICAL] += 1
    return flag
