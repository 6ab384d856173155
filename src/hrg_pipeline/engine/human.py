"""People within a cycle: where their bodies are, how their time passes next to the arm, and where it touches them."""

from __future__ import annotations

from hrg_pipeline.engine.arrays import MOCAP_POS, MOCAP_QUAT
from hrg_pipeline.human.curves import place_pose
from hrg_pipeline.human.playback import PACE, TIME, WAITED, advance_clock
from hrg_pipeline.physics import mujoco_c as c
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row

GIVE_WAY_M = 0.10
"""A person closer to the arm than this moves more slowly, down to a halt when about to touch it [m]."""
PATIENCE_S = 0.5
"""Who could hardly go on for this long steps back."""
STEP_BACK_S = 4.0
"""How long a person steps back for."""
PACE_CHANGE = 10.0
"""How fast the pace of a motion may change [1/s]. The speed bounds hold whatever it is; a joint at 1.6 m/s adds at most
16 m/s^2 to the acceleration of its motion, which the shield reckons with."""
_HARDLY = 0.3


@kernel
def advance_human(scene: Row, env: Row, person: int, clip: Row, distance: float) -> None:
    """Let one cycle of a person's time pass: as planned, or at a pace that gives way to the arm.

    Args:
        scene: constants.
        env: state; ``human_clock`` and ``human_stage`` are updated. The pace stays within [-1, 1], so that no speed
            bound is exceeded.
        person: which one.
        clip: the motion that they play.
        distance: smallest distance between them and the arm now [m].
    """
    clock = env.human_clock[person]
    if scene.gives_way:
        if clock[WAITED] < 0.0:
            pace = -1.0
            clock[WAITED] = min(clock[WAITED] + scene.cycle_s, 0.0)
        else:
            pace = min(max(distance / GIVE_WAY_M, 0.0), 1.0)
            clock[WAITED] = clock[WAITED] + scene.cycle_s if pace < _HARDLY else 0.0
            if clock[WAITED] > PATIENCE_S:
                clock[WAITED] = -STEP_BACK_S
        change = PACE_CHANGE * scene.cycle_s
        clock[PACE] += min(max(pace - clock[PACE], -change), change)
    stage, loops, size = env.human_stage[person], env.human_loops[person], env.human_person[person]
    advance_clock(clock, stage, loops, size, clip.length_s, scene.cycle_s)


@kernel
def _place_grip(scene: Row, env: Row, weld: int) -> None:
    """Put the mocap body that a weld fixes its object to where the hand of person 0 holds it."""
    body, pose = scene.weld_body[weld], env.weld_pose[weld]
    hand, turn = env.human_pos[0, body], env.human_quat[0, body]
    w, x, y, z = turn[0], turn[1], turn[2], turn[3]
    # v + 2 u x (u x v + w v), with u the vector part.
    cx = y * pose[2] - z * pose[1] + w * pose[0]
    cy = z * pose[0] - x * pose[2] + w * pose[1]
    cz = x * pose[1] - y * pose[0] + w * pose[2]
    index = scene.first_grip + weld
    pos = c.f64_array(env.fields[MOCAP_POS] + 24 * index, 3)
    quat = c.f64_array(env.fields[MOCAP_QUAT] + 32 * index, 4)
    pos[0] = hand[0] + pose[0] + 2.0 * (y * cz - z * cy)
    pos[1] = hand[1] + pose[1] + 2.0 * (z * cx - x * cz)
    pos[2] = hand[2] + pose[2] + 2.0 * (x * cy - y * cx)
    pw, px, py, pz = pose[3], pose[4], pose[5], pose[6]
    quat[0] = w * pw - x * px - y * py - z * pz
    quat[1] = w * px + x * pw + y * pz - z * py
    quat[2] = w * py - x * pz + y * pw + z * px
    quat[3] = w * pz + x * py - y * px + z * pw


@kernel
def place_human(scene: Row, env: Row, person: int, clip: Row) -> None:
    """Put the bodies of a person, and what their hands hold things by, where they are at their present time."""
    pos, quat = env.human_pos[person], env.human_quat[person]
    bodies = pos.shape[0]
    place_pose(clip, env.human_clock[person, TIME], env.human_frame[person], pos, quat)
    env.human_time[person] = env.clock * scene.cycle_s
    # Mocap bodies are those of the people, one person after the other.
    mocap_pos = c.f64_array(env.fields[MOCAP_POS] + 24 * bodies * person, 3 * bodies)
    mocap_quat = c.f64_array(env.fields[MOCAP_QUAT] + 32 * bodies * person, 4 * bodies)
    for body in range(bodies):
        for k in range(3):
            mocap_pos[3 * body + k] = pos[body, k]
        for k in range(4):
            mocap_quat[4 * body + k] = quat[body, k]
    if person == 0:
        for weld in range(scene.n_welds):
            _place_grip(scene, env, weld)
