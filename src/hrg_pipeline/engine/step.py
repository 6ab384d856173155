"""One RL step as compiled code: 25 cycles of human, shield, control, physics and contacts, without Python between."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.engine.arrays import (
    BIAS,
    CTRL,
    MASS,
    MOCAP_POS,
    MOCAP_QUAT,
    PASSIVE,
    QPOS,
    QVEL,
    SITE_XPOS,
    Array,
    EnvArrays,
    Ints,
    SceneArrays,
)
from hrg_pipeline.human.body import Skeleton
from hrg_pipeline.human.motion import MotionLibrary, pose_at
from hrg_pipeline.physics import mujoco_c as c
from hrg_pipeline.physics.contacts import classify_contacts
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.shield.model import ShieldModel, ShieldState
from hrg_pipeline.shield.shield import step_shield

GRIPPER_SPEED = 0.01
"""Change of the gripper command per cycle: a full stroke takes 0.8 s."""


GIVE_WAY_M = 0.25
"""A person closer to the arm than this moves more slowly, down to a halt when about to touch it [m]."""
PATIENCE_S = 1.0
"""Who could hardly go on for this long steps back."""
STEP_BACK_S = 1.5
"""How long a person steps back for."""
RATE_CHANGE = 6.0
"""How fast the pace of a motion may change [1/s]. The speed bounds hold whatever it is; a hand at 1.6 m/s adds at most
10 m/s^2 to the acceleration of its motion."""
_HARDLY = 0.3


@kernel
def advance_human(scene: SceneArrays, envs: EnvArrays, i: int, distance: float) -> None:
    """Let one cycle of the human's time pass: as recorded, or at a pace that gives way to the arm.

    Args:
        scene: constants.
        envs: state; ``human_clock`` is updated. The pace stays within [-1, 1], so that no speed bound is exceeded.
        i: environment.
        distance: smallest distance between human and arm now [m].
    """
    clock = envs.human_clock[i]
    if not scene.gives_way:
        clock[0] = (envs.clock[i] + 1) * scene.cycle_s
        return
    if clock[2] < 0.0:
        pace = -1.0
        clock[2] = min(clock[2] + scene.cycle_s, 0.0)
    else:
        pace = min(max(distance / GIVE_WAY_M, 0.0), 1.0)
        clock[2] = clock[2] + scene.cycle_s if pace < _HARDLY else 0.0
        if clock[2] > PATIENCE_S:
            clock[2] = -STEP_BACK_S
    change = RATE_CHANGE * scene.cycle_s
    clock[1] += min(max(pace - clock[1], -change), change)
    clock[0] = max(clock[0] + clock[1] * scene.cycle_s, 0.0)


@kernel
def place_human(envs: EnvArrays, library: MotionLibrary, skeleton: Skeleton, i: int) -> None:
    """Put the human's bodies where they are at the human's present time."""
    bodies = envs.human_pos.shape[1]
    t = envs.human_clock[i, 0]
    pose_at(library, skeleton, envs.clip[i], t, envs.human_offset[i], envs.human_pos[i], envs.human_quat[i])
    mocap_pos = c.f64_array(envs.fields[i, MOCAP_POS], 3 * bodies)
    mocap_quat = c.f64_array(envs.fields[i, MOCAP_QUAT], 4 * bodies)
    for body in range(bodies):
        for k in range(3):
            mocap_pos[3 * body + k] = envs.human_pos[i, body, k]
        for k in range(4):
            mocap_quat[4 * body + k] = envs.human_quat[i, body, k]


@kernel
def read_robot(scene: SceneArrays, envs: EnvArrays, i: int) -> None:
    """Copy the arm's joint angles and speeds out of mjData."""
    qpos = c.f64_array(envs.fields[i, QPOS], scene.nq)
    qvel = c.f64_array(envs.fields[i, QVEL], scene.nv)
    for k in range(scene.arm_dof.shape[0]):
        envs.q[i, k] = qpos[scene.arm_qpos[k]]
        envs.dq[i, k] = qvel[scene.arm_dof[k]]


@kernel
def observe_end(scene: SceneArrays, envs: EnvArrays, library: MotionLibrary, skeleton: Skeleton, i: int) -> None:
    """Bring poses up to date with the end of the last cycle, for the observations."""
    place_human(envs, library, skeleton, i)
    read_robot(scene, envs, i)
    c.mj_kinematics(scene.model, envs.data[i])
    site = c.f64_array(envs.fields[i, SITE_XPOS] + 24 * scene.grip_site, 3)
    for k in range(3):
        envs.eef_pos[i, k] = site[k]


@kernel
def _apply_torques(scene: SceneArrays, envs: EnvArrays, i: int, target: Array) -> None:
    """Drive the arm along its command with the full mass matrix.

    tau = M (kp e + kd e' + q''_d) + bias - passive. The error is taken at the start of the cycle; q''_d is the mean
    command acceleration over the cycle, which MuJoCo's integrator turns into exactly the commanded speed.

    Args:
        scene: constants.
        envs: state; ``command`` is the command at the start of the cycle.
        i: environment.
        target: the shield's set-point q, q', q'', q''' for the end of the cycle (4, n).
    """
    n = scene.arm_dof.shape[0]
    ctrl = c.f64_array(envs.fields[i, CTRL], scene.arm_ctrl.max() + 1)
    bias = c.f64_array(envs.fields[i, BIAS], scene.nv)
    passive = c.f64_array(envs.fields[i, PASSIVE], scene.nv)
    mass = c.f64_array(envs.fields[i, MASS], scene.n_m)
    acceleration = np.empty(n)
    for k in range(n):
        feed_forward = (target[1, k] - envs.command[i, 1, k]) / scene.cycle_s
        error, error_rate = envs.command[i, 0, k] - envs.q[i, k], envs.command[i, 1, k] - envs.dq[i, k]
        acceleration[k] = scene.kp * error + scene.kd * error_rate + feed_forward
    for k in range(n):
        dof = scene.arm_dof[k]
        torque = bias[dof] - passive[dof]
        for j in range(n):
            if scene.mass_index[k, j] >= 0:
                torque += mass[scene.mass_index[k, j]] * acceleration[j]
        limit = scene.torque_max[k] if torque > 0.0 else scene.torque_min[k]
        envs.torque_share[i] = max(envs.torque_share[i], torque / limit)
        ctrl[scene.arm_ctrl[k]] = min(max(torque, scene.torque_min[k]), scene.torque_max[k])


@kernel
def _move_gripper(scene: SceneArrays, envs: EnvArrays, i: int, action: float) -> None:
    command = envs.gripper[i] + GRIPPER_SPEED * np.sign(action)
    envs.gripper[i] = min(max(command, -1.0), 1.0)
    share = 0.5 * (envs.gripper[i] + 1.0)
    for k in range(scene.gripper_ctrl.shape[0]):
        ctrl = c.f64_array(envs.fields[i, CTRL] + 8 * scene.gripper_ctrl[k], 1)
        ctrl[0] = scene.gripper_open[k] + share * (scene.gripper_closed[k] - scene.gripper_open[k])


@kernel
def run_cycles(
    scene: SceneArrays,
    envs: EnvArrays,
    shield: ShieldModel,
    shields: ShieldState,
    library: MotionLibrary,
    skeleton: Skeleton,
    i: int,
    gripper_action: float,
    n_cycles: int,
) -> None:
    """Run environment ``i`` to the end of its RL step, or until the shield wants a new plan for the stored goal."""
    model, data = scene.model, envs.data[i]
    qvel = c.f64_array(envs.fields[i, QVEL], scene.nv)
    while envs.cycle[i] < n_cycles and envs.failure[i] == 0:
        t = envs.clock[i] * scene.cycle_s
        place_human(envs, library, skeleton, i)
        read_robot(scene, envs, i)
        for k in range(scene.arm_dof.shape[0]):
            envs.command[i, 0, k] = shields.command[i, 0, k]
            envs.command[i, 1, k] = shields.command[i, 1, k]
            envs.command_qvel[i, scene.arm_dof[k]] = shields.command[i, 1, k]
        step_shield(shield, shields, i, t, envs.human_pos[i], t, envs.q[i], envs.dq[i])
        envs.min_distance[i] = min(envs.min_distance[i], shields.min_distance[i])
        c.mj_step1(model, data)
        envs.contact_flags[i] |= classify_contacts(
            model,
            data,
            scene.geom_class,
            scene.geom_body,
            qvel,
            envs.command_qvel[i],
            envs.jacobian[i],
            envs.contact_pairs[i],
            envs.human_event[i],
            envs.contact_counters[i],
            scene.cycle_s,
            scene.debounce_s,
            scene.safe_vel,
        )
        _apply_torques(scene, envs, i, shields.command[i])
        _move_gripper(scene, envs, i, gripper_action)
        c.mj_step2(model, data)
        advance_human(scene, envs, i, shields.min_distance[i])
        envs.clock[i] += 1
        envs.cycle[i] += 1
        if c.warning_total(data) > 0:
            envs.failure[i] = 1
        if shields.replan_wanted[i] != 0 and envs.cycle[i] < n_cycles:
            return
    observe_end(scene, envs, library, skeleton, i)


@kernel
def run_chunk(
    scene: SceneArrays,
    envs: EnvArrays,
    shield: ShieldModel,
    shields: ShieldState,
    library: MotionLibrary,
    skeleton: Skeleton,
    members: Ints,
    gripper_actions: Array,
    n_cycles: int,
) -> None:
    """Run several environments one after the other: the work of one thread."""
    for k in range(members.shape[0]):
        i = members[k]
        run_cycles(scene, envs, shield, shields, library, skeleton, i, gripper_actions[i], n_cycles)
