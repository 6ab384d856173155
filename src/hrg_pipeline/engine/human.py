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
def place_human(scene: Row, env: Row, person: int, clip: Row) -> None:
    """Put the bodies of a person where they are at their present time."""
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
