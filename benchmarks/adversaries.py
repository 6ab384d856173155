"""People who obey the assumed bounds exactly and try to touch a moving robot: compiled, beside the engine's cycle.

All kernels stand in this one file: numba looks for changes only in the file that a cached function stands in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.engine.arrays import MOCAP_POS, MOCAP_QUAT
from hrg_pipeline.engine.scene import CYCLE_S, CYCLES_PER_STEP
from hrg_pipeline.engine.step import advance_physics, begin_cycle
from hrg_pipeline.human.body import BODY_INDEX, N_BODIES, PARENTS
from hrg_pipeline.physics import mujoco_c as c
from hrg_pipeline.physics.contacts import EVENT_SPEED, N_CRITICAL, N_HUMAN, N_ROBOT, N_STATIC
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row, Rows
from hrg_pipeline.shield.contacts import FREE
from hrg_pipeline.shield.distance import segment_distance_sq
from hrg_pipeline.shield.energy import energy_norm, point_speeds
from hrg_pipeline.shield.goals import replan, set_goal
from hrg_pipeline.shield.model import CONTACT, ISO
from hrg_pipeline.shield.reach import place_capsules
from hrg_pipeline.shield.separation import bound_bodies, robot_human_distance
from hrg_pipeline.shield.shield import shield_cycle
from hrg_pipeline.shield.trajectory import LIM_A, LIM_J, LIM_Q_MAX, LIM_Q_MIN, LIM_V

Array = NDArray[np.float64]

ADVERSARIES = (
    "chase", "crossing", "hover", "blink", "feet_first", "hand_on_table", "limb_swing", "to_gripper", "dashes",
    "late_chase", "late_hover",
)  # fmt: skip
"""What people do, and after ``late_`` how they are seen."""
CHASE, CROSSING, HOVER, BLINK, FEET_FIRST, HAND_ON_TABLE, LIMB_SWING, TO_GRIPPER, DASHES = range(9)
LATE_CHASE, LATE_HOVER = 9, 10
FIRST_LATE = LATE_CHASE
SMOOTH = (CHASE, CROSSING, HOVER, FEET_FIRST, TO_GRIPPER, DASHES)
"""Those who walk as they are; they can also keep an acceleration bound."""
DELAY_CYCLES = 5
"""Age of a late measurement [cycles]."""
SENSOR_ERROR_M = 0.02
"""Every joint of a late measurement is wrong by exactly this."""
SPEED = 2.0
"""[m/s], the bound that the shield assumes of every joint."""
PRESS_CYCLES = 40
"""An episode goes on for so long after the first touch, to see whether the robot pushes, or touches again."""
LINGER_CYCLES = 60
"""An episode goes on for at most so long once capsules overlap: where capsules are wide, nothing may ever touch."""
ACCELERATION = 20.0
"""[m/s^2], the smallest acceleration bound of any joint: what a smooth person keeps."""
N_DRAWS = 1024
HISTORY = 8
FAR_M = 1.0
"""Joints farther than this from every capsule of the robot: no body can touch it, contacts need not be looked for."""
HARM_TOLERANCE = 1e-9
"""Rounding of what the command carries, as a share."""
LIMIT_TOLERANCE = 1e-5
"""Finite differences of commands may exceed a limit by this share: rounding, divided by the cube of a cycle."""


def _below() -> NDArray[np.int64]:
    """Whether a body (second) hangs on a joint (first) (24, 24)."""
    below = np.eye(N_BODIES, dtype=np.int64)
    for body, parent in enumerate(PARENTS):
        if parent >= 0:
            below[:, body] |= below[:, parent]
    return below


def _roots() -> NDArray[np.int64]:
    """The joint that each body can be swung about: shoulder, hip, neck; -1 for the trunk (24,)."""
    roots = np.full(N_BODIES, -1, dtype=np.int64)
    for name in ("L_Shoulder", "R_Shoulder", "L_Hip", "R_Hip", "Neck"):
        roots[_BELOW[BODY_INDEX[name]] == 1] = BODY_INDEX[name]
    return roots


_BELOW = _below()
_ROOTS = _roots()


@kernel
def _draw(row: Row) -> float:
    """Return the next of the uniform numbers in [0, 1) that a person, or the episode, was given."""
    value = row.draws[row.next_draw % N_DRAWS]
    row.next_draw += 1
    return float(value)


@kernel
def _seek(guard: Row, foe: Row, points: Array, way: Array) -> float:
    """Look for the robot's nearest point from the joints that this person attacks with.

    Args:
        guard: the shield's memory, for the sizes of the capsules.
        foe: the person; ``body`` becomes the nearest joint.
        points: ends of the robot's capsules now (L, 2, 3) [m].
        way: unit vector from that joint to the robot's axis (3,), written; zero where there is none.

    Returns:
        Distance of that joint to the surface of the capsule [m].
    """
    best = np.inf
    count, radius = guard.n_capsules, guard.capsule_radius
    first = count - 1 if foe.kind == TO_GRIPPER else 0
    for j in range(N_BODIES):
        if foe.attacks[j] == 0:
            continue
        for k in range(first, count):
            dot = length = 0.0
            for x in range(3):
                d = points[k, 1, x] - points[k, 0, x]
                dot += (foe.pos[j, x] - points[k, 0, x]) * d
                length += d * d
            share = min(max(dot / max(length, 1e-12), 0.0), 1.0)
            gap = 0.0
            for x in range(3):
                d = points[k, 0, x] + share * (points[k, 1, x] - points[k, 0, x]) - foe.pos[j, x]
                gap += d * d
            gap = np.sqrt(gap)
            if gap - radius[k] < best:
                best = gap - radius[k]
                foe.body = j
                for x in range(3):
                    d = points[k, 0, x] + share * (points[k, 1, x] - points[k, 0, x]) - foe.pos[j, x]
                    way[x] = d / gap if gap > 1e-9 else 0.0
    return best


@kernel
def _shift(pos: Array, way: Array, length: float) -> None:
    for j in range(N_BODIES):
        for x in range(3):
            pos[j, x] += length * way[x]


@kernel
def _swing(foe: Row, root: int, way: Array, chord: float) -> bool:
    """Turn a limb about its root so that its fastest joint moves by ``chord`` [m]; False if it cannot go that way."""
    pos, quat = foe.pos[:], foe.quat[:]
    arm, axis = np.empty(3), np.empty(3)
    for x in range(3):
        arm[x] = pos[foe.body, x] - pos[root, x]
    for x in range(3):
        y, z = (x + 1) % 3, (x + 2) % 3
        axis[x] = arm[y] * way[z] - arm[z] * way[y]
    norm = np.sqrt(axis[0] ** 2 + axis[1] ** 2 + axis[2] ** 2)
    if norm < 0.02:
        return False
    axis /= norm
    widest = 0.0
    for j in range(N_BODIES):
        if _BELOW[root, j] == 1:
            along = total = 0.0
            for x in range(3):
                d = pos[j, x] - pos[root, x]
                along += d * axis[x]
                total += d * d
            widest = max(widest, total - along * along)
    half = np.arcsin(min(chord / (2.0 * np.sqrt(widest)), 1.0))
    w, s = np.cos(half), np.sin(half)
    u, r, t = s * axis, np.empty(3), np.empty(3)
    for j in range(N_BODIES):
        if _BELOW[root, j] == 0:
            continue
        for x in range(3):
            r[x] = pos[j, x] - pos[root, x]
        for x in range(3):
            y, z = (x + 1) % 3, (x + 2) % 3
            t[x] = 2.0 * (u[y] * r[z] - u[z] * r[y])
        for x in range(3):
            y, z = (x + 1) % 3, (x + 2) % 3
            pos[j, x] = pos[root, x] + r[x] + w * t[x] + u[y] * t[z] - u[z] * t[y]
        q0, q1, q2, q3 = quat[j, 0], quat[j, 1], quat[j, 2], quat[j, 3]
        quat[j, 0] = w * q0 - u[0] * q1 - u[1] * q2 - u[2] * q3
        quat[j, 1] = w * q1 + u[0] * q0 + u[1] * q3 - u[2] * q2
        quat[j, 2] = w * q2 - u[0] * q3 + u[1] * q0 + u[2] * q1
        quat[j, 3] = w * q3 + u[0] * q2 - u[1] * q1 + u[2] * q0
    return True


@kernel
def _random_way(foe: Row, way: Array) -> None:
    for x in range(3):
        way[x] = 2.0 * _draw(foe) - 1.0
    norm = np.sqrt(way[0] ** 2 + way[1] ** 2 + way[2] ** 2)
    for x in range(3):
        way[x] = way[x] / norm if norm > 1e-6 else 0.0


@kernel
def _decide(foe: Row, way: Array, safe: bool) -> bool:
    """Change the way that a person goes; True if they go back instead."""
    kind = foe.kind
    if kind == CROSSING:
        for x in range(3):
            if foe.busy == 0:
                foe.aim[x] = way[x]
            way[x] = foe.aim[x]
        foe.busy = 1
    elif kind in (HOVER, LATE_HOVER):
        if foe.busy > 0:
            foe.busy -= 1
        elif not safe:
            return True
        elif _draw(foe) < 0.02:
            foe.busy = 10 + int(50.0 * _draw(foe))
    elif kind == DASHES:
        if foe.busy == 0:
            foe.busy = 5 + int(25.0 * _draw(foe))
            foe.wanders = 1 if _draw(foe) < 0.4 else 0
            _random_way(foe, foe.aim[:])
        foe.busy -= 1
        for x in range(3):
            if foe.wanders == 1:
                way[x] = foe.aim[x]
    return False


@kernel
def _accelerate(foe: Row, way: Array, speed: float) -> None:
    """Change the velocity toward ``speed`` along ``way`` as fast as is allowed, and move with it.

    The acceleration is constant within the cycle, and both velocities, hence all between, are within the speed bound.
    """
    change = np.empty(3)
    for x in range(3):
        change[x] = speed * way[x] - foe.velocity[x]
    norm = np.sqrt(change[0] ** 2 + change[1] ** 2 + change[2] ** 2)
    share = min(ACCELERATION * CYCLE_S / norm, 1.0) if norm > 0.0 else 0.0
    for x in range(3):
        before = foe.velocity[x]
        foe.velocity[x] += share * change[x]
        change[x] = 0.5 * (before + foe.velocity[x])
    _shift(foe.pos[:], change, CYCLE_S)


@kernel
def _move_person(foe: Row, way: Array, safe: bool) -> None:
    """Let one cycle pass for the person; no joint moves farther than the bounds allow, most exactly as far.

    Args:
        foe: the person.
        way: unit vector from ``foe.body`` to the robot (3,); changed.
        safe: whether the shield released the last proposal.
    """
    length = SPEED * CYCLE_S
    kind = foe.kind
    if foe.wait > 0:
        foe.wait -= 1
        return
    if _decide(foe, way, safe):
        length = -length
    if foe.smooth == 1:
        _accelerate(foe, way, length / CYCLE_S)
        return
    if kind == HAND_ON_TABLE and foe.slides == 1:
        flat = np.sqrt(way[0] ** 2 + way[1] ** 2)
        way[2] = 0.0
        for x in range(2):
            way[x] = way[x] / flat if flat > 1e-6 else 0.0
    elif kind in (LIMB_SWING, HAND_ON_TABLE) and _ROOTS[foe.body] >= 0:
        walk = 0.0 if kind == HAND_ON_TABLE else _draw(foe)
        if _swing(foe, _ROOTS[foe.body], way, (1.0 - walk) * length):
            length *= walk
    _shift(foe.pos[:], way, length)


@kernel
def _measure(foe: Row, t: float, measured: Array) -> float:
    """Write what the sensor says now to ``measured`` (24, 3), and return the time at which it was true."""
    pos, past = foe.pos[:], foe.past[:]
    now = foe.clock % HISTORY
    source = now
    for j in range(N_BODIES):
        for x in range(3):
            past[now, j, x] = pos[j, x]
            if foe.clock == 0:
                for k in range(HISTORY):
                    past[k, j, x] = pos[j, x]
    if foe.kind == BLINK:
        if foe.blinks == 0 and _draw(foe) < 0.05:
            foe.blinks = 1 + int(40.0 * _draw(foe) ** 2)
            foe.blank = int(3.0 * _draw(foe))
        if foe.blinks > 0:
            foe.blinks -= 1
            if foe.blank == 1:
                for j in range(N_BODIES):
                    measured[j, 0] = np.nan
                return t
            return foe.stamp if foe.blank == 0 else np.nan
    late = foe.kind >= FIRST_LATE
    if late:
        source = (foe.clock + HISTORY - DELAY_CYCLES) % HISTORY
    for j in range(N_BODIES):
        noise = foe.directions[(7 * foe.clock + 13 * j) % foe.directions.shape[0]]
        for x in range(3):
            measured[j, x] = past[source, j, x] + (SENSOR_ERROR_M * noise[x] if late else 0.0)
    foe.stamp = t - DELAY_CYCLES * CYCLE_S if late else t
    return foe.stamp


@kernel
def _place_person(env: Row, foe: Row, person: int) -> None:
    pos = c.f64_array(env.fields[MOCAP_POS] + 24 * N_BODIES * person, 3 * N_BODIES)
    quat = c.f64_array(env.fields[MOCAP_QUAT] + 32 * N_BODIES * person, 4 * N_BODIES)
    for j in range(N_BODIES):
        for x in range(3):
            env.human_pos[person, j, x] = foe.pos[j, x]
            pos[3 * j + x] = foe.pos[j, x]
        for x in range(4):
            quat[4 * j + x] = foe.quat[j, x]


@kernel
def _watch_person(foe: Row) -> None:
    """Note how fast and how suddenly the person moved, by differences of positions, and let their time pass."""
    for j in range(N_BODIES):
        gone = turned = 0.0
        for x in range(3):
            step = foe.pos[j, x] - foe.before[j, x]
            gone += step * step
            turned += (step - foe.step[j, x]) ** 2
            foe.step[j, x] = step
        foe.fastest = max(foe.fastest, np.sqrt(gone) / CYCLE_S)
        foe.hardest = max(foe.hardest, np.sqrt(turned) / CYCLE_S**2)
    foe.clock += 1


@kernel
def _choose_goal(shield: Row, guard: Row, env: Row, watch: Row) -> None:
    """Set another goal every RL step, and now and then while the shield brakes."""
    braking = guard.safe == 0 and guard.path[1] > 0.0
    if watch.clock % CYCLES_PER_STEP != 0 and not (braking and _draw(watch) < 0.1):
        if guard.replan_wanted != 0:
            replan(shield, guard)
        return
    goal = watch.goal[:]
    for k in range(goal.shape[0]):
        step = watch.toward[k] if watch.steady == 1 and not braking else 2.0 * _draw(watch) - 1.0
        low, high = shield.limits[k, LIM_Q_MIN], shield.limits[k, LIM_Q_MAX]
        goal[k] = min(max(env.q[k] + watch.stride * step, low), high)
    set_goal(shield, guard, goal)


@kernel
def _check_command(shield: Row, guard: Row, watch: Row) -> None:
    """Compare finite differences of the commands with the limits; ``watch.shares`` holds the largest shares so far."""
    past = watch.commands[:]
    restart = watch.clock == 0 or guard.reanchors != watch.reanchors
    watch.reanchors = guard.reanchors
    worst = 0.0
    for k in range(past.shape[2]):
        q, dq, ddq = guard.command[0, k], guard.command[1, k], guard.command[2, k]
        if restart:
            for old in range(3):
                past[old, 0, k], past[old, 1, k], past[old, 2, k] = q, dq, ddq
        p0, p1, p2 = past[0, 0, k], past[1, 0, k], past[2, 0, k]
        v, a, j = shield.limits[k, LIM_V], shield.limits[k, LIM_A], shield.limits[k, LIM_J]
        speed = max(abs(q - p0) / CYCLE_S, abs(dq)) / v
        acceleration = max(abs(q - 2.0 * p0 + p1) / CYCLE_S**2, abs(dq - past[0, 1, k]) / CYCLE_S, abs(ddq)) / a
        jerk = max(abs(q - 3.0 * p0 + 3.0 * p1 - p2) / CYCLE_S**3, abs(ddq - past[0, 2, k]) / CYCLE_S) / j
        watch.shares[0] = max(watch.shares[0], speed)
        watch.shares[1] = max(watch.shares[1], acceleration)
        watch.shares[2] = max(watch.shares[2], jerk)
        worst = max(worst, speed, acceleration, jerk)
        for old in range(2, 0, -1):
            for x in range(3):
                past[old, x, k] = past[old - 1, x, k]
        past[0, 0, k], past[0, 1, k], past[0, 2, k] = q, dq, ddq
    if not worst <= 1.0 + LIMIT_TOLERANCE:
        watch.limit_violations += 1


@kernel
def _tracking_error(watch: Row, count: int) -> float:
    """Largest distance of a capsule end from where it was commanded to be [m]."""
    worst = 0.0
    for k in range(count):
        for end in range(2):
            gap = 0.0
            for x in range(3):
                gap += (watch.points[k, end, x] - watch.wanted[k, end, x]) ** 2
            worst = max(worst, gap)
    return np.sqrt(worst)


@kernel
def _harm_share(shield: Row, guard: Row, env: Row, watch: Row, pos: Array) -> float:
    """What the command carries, over what the body parts bear that overlap a capsule: energy, or speed (ISO).

    Args:
        shield: the shield's model.
        guard: the shield's memory; its link frames are those of the command.
        env: state, with the command at the start of the cycle.
        watch: the episode, with the true capsules of the robot.
        pos: true joints of a person (24, 3) [m].

    Returns:
        The largest share of any pair that overlaps; 0 if none does.
    """
    energy = 0.5 * energy_norm(shield, guard, guard.frames[:], env.command[1]) ** 2
    point_speeds(shield, guard, guard.frames[:], env.command[1], watch.wanted[:], watch.speeds[:])
    worst = 0.0
    points = watch.points
    for k in range(guard.n_capsules):
        for b in range(shield.proximal.shape[0]):
            first, second = shield.proximal[b], shield.distal[b]
            squared = segment_distance_sq(
                (points[k, 0, 0], points[k, 0, 1], points[k, 0, 2]),
                (points[k, 1, 0], points[k, 1, 1], points[k, 1, 2]),
                (pos[first, 0], pos[first, 1], pos[first, 2]),
                (pos[second, 0], pos[second, 1], pos[second, 2]),
            )
            radii = guard.capsule_radius[k] + shield.body_radius[b]
            if squared >= radii * radii:
                continue
            if shield.pfl_model == ISO:
                worst = max(worst, watch.speeds[k] / shield.speed_limit[FREE, b])
            else:
                worst = max(worst, energy / shield.energy_limit[FREE, shield.contact_type[k], b])
    return worst


@kernel
def _look(shield: Row, guard: Row, env: Row, foe: Row, watch: Row, person: int, moving: bool) -> None:
    """Note how close a person is now, and what the robot carries if they overlap."""
    bodies = watch.bodies[:]
    bound_bodies(foe.pos[:], shield.proximal, shield.distal, shield.body_radius, bodies)
    distance = robot_human_distance(shield, guard, watch.points[:], foe.pos[:], bodies, watch.nearest[person])
    overlap = not distance >= 0.0
    if moving:
        watch.closest = min(watch.closest, distance)
        watch.overlaps += 1 if overlap else 0
    if overlap and moving and watch.touched == 0:  # later the person may have pushed the arm elsewhere
        share = _harm_share(shield, guard, env, watch, foe.pos[:])
        watch.harm = max(watch.harm, share)
        watch.harmful += 1 if not share <= 1.0 + HARM_TOLERANCE else 0
    if overlap and watch.reached == 0:
        watch.reached = 1
        watch.length = min(watch.length, watch.clock + LINGER_CYCLES)


@kernel
def _look_at_robot(shield: Row, guard: Row, env: Row, watch: Row) -> bool:
    """Note whether the robot moves at the start of a cycle, and follows; its commanded capsules go to ``wanted``."""
    moving = False
    for k in range(env.dq.shape[0]):
        moving = moving or env.command[1, k] != 0.0
    watch.moving += 1 if moving else 0
    watch.unsafe += 1 - guard.safe
    place_capsules(shield, guard, env.command[0], watch.wanted[:])
    if watch.touched == 0:
        watch.tracking = max(watch.tracking, _tracking_error(watch, guard.n_capsules))
        for k in range(watch.violations.shape[0]):
            watch.violations[k] = guard.violations[k]
    return moving


@kernel
def _look_at_contacts(guard: Row, env: Row, watch: Row) -> None:
    """Note what touched in a cycle."""
    counters = env.contact_counters
    if watch.touched > 0 or counters[N_HUMAN] + counters[N_CRITICAL] > 0:
        if watch.touched == 0:
            watch.violations[CONTACT] = guard.violations[CONTACT]
        watch.touched += 1
        watch.speed = max(watch.speed, env.human_event[EVENT_SPEED])
    elif counters[N_STATIC] + counters[N_ROBOT] > 0:
        watch.bumped = 1
    if watch.touched == 0 and watch.bumped == 0:
        watch.torque = max(watch.torque, env.torque_share)


@kernel
def _run_episodes(
    scenes: Rows, envs: Rows, shields: Rows, guards: Rows, foes: Rows, watches: Rows, members: Array
) -> None:
    """Run one episode in each of several environments: the engine's cycle with other people in it."""
    scene, shield = scenes[0], shields[0]
    people = shield.people
    ways = np.zeros((people, 3))
    for member in range(members.shape[0]):
        i = members[member]
        env, guard, watch = envs[i], guards[i], watches[i]
        q, dq, measured, stamps = env.q[:], env.dq[:], watch.measured[:], watch.stamps[:]
        while watch.clock < watch.length and watch.touched < PRESS_CYCLES and watch.bumped == 0 and env.failure == 0:
            t = watch.clock * CYCLE_S
            begin_cycle(scene, guard, env)
            _choose_goal(shield, guard, env, watch)
            place_capsules(shield, guard, q, watch.points[:])
            for person in range(people):
                foe = foes[i * people + person]
                foe.gap = _seek(guard, foe, watch.points[:], ways[person])
                _place_person(env, foe, person)
                stamps[person] = _measure(foe, t, measured[person])
            shield_cycle(shield, guard, t, measured, stamps, q, dq)
            moving = _look_at_robot(shield, guard, env, watch)
            for person in range(people):
                foe = foes[i * people + person]
                if foe.gap < FAR_M:
                    _look(shield, guard, env, foe, watch, person, moving)
            _check_command(shield, guard, watch)
            advance_physics(scene, shield, guard, env, watch.gripper)
            _look_at_contacts(guard, env, watch)
            for person in range(people):
                foe = foes[i * people + person]
                for j in range(N_BODIES):
                    for x in range(3):
                        foe.before[j, x] = foe.pos[j, x]
                _move_person(foe, ways[person], guard.safe == 1)
                _watch_person(foe)
            env.clock += 1
            watch.clock += 1
