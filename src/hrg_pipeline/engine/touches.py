"""What the robot touches people with, how hard, and whether the shield's verdict allows it."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.engine.arrays import MASS, QVEL, Array
from hrg_pipeline.physics import mujoco_c as c
from hrg_pipeline.physics.contacts import (
    EVENT_CRITICAL,
    EVENT_SINCE,
    EVENT_SPEED,
    GEOM_GRIPPER,
    GEOM_HELD,
    N_CRITICAL,
    N_HUMAN,
    ContactFlag,
    limit_own_motion,
    robot_first,
)
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row
from hrg_pipeline.robots.dynamics import point_jacobian
from hrg_pipeline.shield.contacts import FREE
from hrg_pipeline.shield.energy import reflected_mass
from hrg_pipeline.shield.model import CONTACT, ISO, OFF, PFL
from hrg_pipeline.shield.reach import place_capsules

_CRITICAL_FLAG, _HUMAN_FLAG = int(ContactFlag.HUMAN_CRIT), int(ContactFlag.HUMAN)
_SLACK = 1.05
"""An arm may carry a little more energy than it was commanded to, and still be called allowed."""


@kernel
def note_own_motion(scene: Row, env: Row, fingers_move: bool) -> None:
    """Bring up to date what the robot answers for if it touches a person now: ``own_dq`` and ``own_qvel``."""
    n = scene.arm_dof.shape[0]
    touched = env.human_event[EVENT_SINCE] == 0.0
    limit_own_motion(env.dq[:], env.command[1][:], touched, fingers_move, env.own_limits[:], env.own_dq[:])
    qvel = c.f64_array(env.fields[QVEL], scene.nv)
    for k in range(scene.nv):
        env.own_qvel[k] = qvel[k] if env.own_limits[n] > 0.0 else 0.0
    for k in range(n):
        env.own_qvel[scene.arm_dof[k]] = env.own_dq[k]


@kernel
def arm_energy(scene: Row, env: Row, dq: Array) -> float:
    """Kinetic energy of the arm for joint speeds dq (n,) [J], by the simulator's mass matrix of this cycle."""
    mass = c.f64_array(env.fields[MASS], scene.n_m)
    total = 0.0
    for k in range(dq.shape[0]):
        for j in range(dq.shape[0]):
            if scene.mass_index[k, j] >= 0:
                total += mass[scene.mass_index[k, j]] * dq[k] * dq[j]
    return 0.5 * total


@kernel
def _normal_energy(shield: Row, guard: Row, link: int, point: Array, normal: Array, dq: Array) -> float:
    """Energy that a contact can take along its normal: that of the reflected mass at the speed of the point [J].

    Links are where ``guard.frames`` says.
    """
    mass = reflected_mass(shield, guard, link, point, normal)
    jacobian = guard.energy_jacobian
    point_jacobian(guard.frames, guard.energy_axes, link, point, jacobian)
    speed = 0.0
    for j in range(dq.shape[0]):
        for r in range(3):
            speed += normal[r] * jacobian[r, j] * dq[j]
    energy = 0.5 * mass * speed * speed
    return energy if np.isfinite(energy) else 0.0


@kernel
def _look_at_touches(scene: Row, shield: Row, guard: Row, env: Row, dq: Array) -> float:
    """Least of what the body parts that are touched now bear of what touches them, free to move away [J or m/s].

    The bodies are added to those that were touched in this RL step, and the largest energy along a contact's normal
    for joint speeds dq (n,) is kept.
    """
    data = env.data
    least = np.inf
    place_capsules(shield, guard, env.q, guard.points[0])
    last = shield.contact_type.shape[0] - 1
    for k in range(c.contact_count(data)):
        contact = c.contact_address(data, k)
        if c.contact_excluded(contact) != 0 or c.contact_distance(contact) >= 0.0:
            continue
        geoms = c.contact_geoms(contact)
        robot, human = robot_first(env.geom_class[:], geoms[0], geoms[1])
        if robot < 0 or scene.geom_person[human] < 0:
            continue
        person = scene.geom_person[human]
        body = scene.geom_human_body[human]
        env.human_touched[person] |= 1 << body
        if shield.pfl_model == ISO:
            bearable = shield.speed_limit[FREE, body]
        else:  # what is held touches as the gripper does
            gripper = env.geom_class[robot] == GEOM_GRIPPER or env.geom_class[robot] == GEOM_HELD
            kind = shield.contact_type[last] if gripper else shield.contact_type[0]
            bearable = shield.energy_limit[FREE, kind, body]
        least = min(least, bearable)
        link = dq.shape[0] - 1 if env.geom_class[robot] == GEOM_HELD else scene.geom_link[robot]
        if link >= 0:
            point, normal = c.contact_position(contact), c.contact_normal(contact)
            energy = _normal_energy(shield, guard, link, point, normal, dq)
            env.contact_normal_energy = max(env.contact_normal_energy, energy)
    return float(least)


@kernel
def judge_contact(scene: Row, shield: Row, guard: Row, env: Row, flags: int) -> int:
    """Measure a contact with people that lasts in this cycle, and compare it with the verdict.

    With PFL a contact is critical if the arm brings more than the body part bears: kinetic energy, or speed at the
    contact point with the model of ISO/TS 15066. Otherwise ``classify_contacts`` has said so already. A critical
    contact contradicts the shield, which counts it.

    Args:
        scene: constants.
        shield: the shield's model.
        guard: the shield's memory.
        env: state; contacts of this cycle have been classified, with an infinite safe speed for PFL.
        flags: what was found so far.

    Returns:
        Flags of contacts that started or became critical in this cycle.
    """
    event = env.human_event
    if event[EVENT_SINCE] > 0.0:
        return flags
    onset = flags & (_HUMAN_FLAG | _CRITICAL_FLAG) != 0
    dq = env.own_dq[:] if onset else env.command[1][:]
    bearable = _look_at_touches(scene, shield, guard, env, dq)
    energy = arm_energy(scene, env, dq)
    env.contact_speed = max(env.contact_speed, event[EVENT_SPEED])
    env.contact_energy = max(env.contact_energy, energy)
    if guard.mode == PFL and event[EVENT_CRITICAL] == 0.0:
        value = event[EVENT_SPEED] if shield.pfl_model == ISO else energy
        if value > _SLACK * bearable and (shield.pfl_model != ISO or event[EVENT_SPEED] > scene.safe_vel):
            event[EVENT_CRITICAL] = 1.0
            env.contact_counters[N_CRITICAL] += 1
            if onset:
                env.contact_counters[N_HUMAN] -= 1
            flags = (flags & ~_HUMAN_FLAG) | _CRITICAL_FLAG
    if guard.mode != OFF and flags & _CRITICAL_FLAG != 0:
        guard.violations[CONTACT] += 1
    return flags
