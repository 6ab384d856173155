"""The human within a cycle: where their bodies are, and how their time passes next to the arm."""

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
"""How fast the pace of a motion may change [1/s]. The speed bounds hold whatever it is; a hand at 1.6 m/s adds at most
16 m/s^2 to the acceleration of its motion."""
_HARDLY = 0.3


@kernel
def advance_human(scene: Row, env: Row, clip: Row, distance: float) -> None:
    """Let one cycle of the human's time pass: as planned, or at a pace that gives way to the arm.

    Args:
        scene: constants.
        env: state; ``human_clock`` and ``human_stage`` are updated. The pace stays within [-1, 1], so that no speed
            bound is exceeded.
        clip: the motion that is played.
        distance: smallest distance between human and arm now [m].
    """
    clock = env.human_clock[:]
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
    advance_clock(clock, env.human_stage[:], env.human_loops[:], env.human_person[:], clip.length_s, scene.cycle_s)


@kernel
def place_human(env: Row, clip: Row) -> None:
    """Put the human's bodies where they are at the human's present time."""
    pos, quat = env.human_pos[:], env.human_quat[:]
    bodies = pos.shape[0]
    place_pose(clip, env.human_clock[TIME], env.human_frame[:], pos, quat)
    mocap_pos = c.f64_array(env.fields[MOCAP_POS], 3 * bodies)
    mocap_quat = c.f64_array(env.fields[MOCAP_QUAT], 4 * bodies)
    for body in range(bodies):
        for k in range(3):
            mocap_pos[3 * body + k] = pos[body, k]
        for k in range(4):
            mocap_quat[4 * body + k] = quat[body, k]
