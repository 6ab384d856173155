"""One RL step as compiled code: 25 cycles of human, shield, control, physics and contacts, without Python between."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.engine.arrays import (
    BIAS,
    CTRL,
    MASS,
    PASSIVE,
    QPOS,
    QVEL,
    SITE_XPOS,
    Array,
    EnvArrays,
    Ints,
    SceneArrays,
)
from hrg_pipeline.engine.human import advance_human, place_human
from hrg_pipeline.engine.touches import judge_contact, note_own_motion
from hrg_pipeline.engine.welds import largest_weld_force
from hrg_pipeline.physics import mujoco_c as c
from hrg_pipeline.physics.contacts import classify_contacts
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row, Rows
from hrg_pipeline.shield.goals import replan, set_goal
from hrg_pipeline.shield.model import OFF, PFL, ShieldModel
from hrg_pipeline.shield.separation import sure_distance
from hrg_pipeline.shield.shield import shield_cycle
from hrg_pipeline.shield.state import ShieldState
from hrg_pipeline.shield.trajectory import LIM_Q_MAX, LIM_Q_MIN

GRIPPER_SPEED = 0.01
"""Change of the gripper command per cycle: a full stroke takes 0.8 s."""
FAR_M = 0.05
"""Human and robot that are surely farther apart than this are not tested for contact [m]."""


@kernel
def read_robot(scene: Row, env: Row) -> None:
    """Copy the arm's joint angles and speeds out of mjData."""
    qpos = c.f64_array(env.fields[QPOS], scene.nq)
    qvel = c.f64_array(env.fields[QVEL], scene.nv)
    for k in range(scene.arm_dof.shape[0]):
        env.q[k] = qpos[scene.arm_qpos[k]]
        env.dq[k] = qvel[scene.arm_dof[k]]


@kernel
def _show_end(scene: Row, env: Row, clips: Rows) -> None:
    for person in range(env.clip.shape[0]):
        place_human(scene, env, person, clips[env.clip[person]])
    read_robot(scene, env)
    c.mj_kinematics(env.model, env.data)
    site = c.f64_array(env.fields[SITE_XPOS] + 24 * scene.grip_site, 3)
    for k in range(3):
        env.eef_pos[k] = site[k]


@kernel
def _apply_torques(scene: Row, env: Row, target: Array) -> None:
    """Drive the arm along its command with the full mass matrix.

    tau = M (kp e + kd e' + q''_d) + bias - passive. The error is taken at the start of the cycle; q''_d is the mean
    command acceleration over the cycle, which MuJoCo's integrator turns into exactly the commanded speed.

    Args:
        scene: constants.
        env: state; ``command`` is the command at the start of the cycle.
        target: the shield's set-point q, q', q'', q''' for the end of the cycle (4, n).
    """
    n = scene.arm_dof.shape[0]
    ctrl = c.f64_array(env.fields[CTRL], scene.nu)
    bias = c.f64_array(env.fields[BIAS], scene.nv)
    passive = c.f64_array(env.fields[PASSIVE], scene.nv)
    mass = c.f64_array(env.fields[MASS], scene.n_m)
    command, acceleration = env.command, env.acceleration
    for k in range(n):
        feed_forward = (target[1, k] - command[1, k]) / scene.cycle_s
        error, error_rate = command[0, k] - env.q[k], command[1, k] - env.dq[k]
        acceleration[k] = scene.kp * error + scene.kd * error_rate + feed_forward
    for k in range(n):
        dof = scene.arm_dof[k]
        torque = bias[dof] - passive[dof]
        for j in range(n):
            if scene.mass_index[k, j] >= 0:
                torque += mass[scene.mass_index[k, j]] * acceleration[j]
        limit = scene.torque_max[k] if torque > 0.0 else scene.torque_min[k]
        env.torque_share = max(env.torque_share, torque / limit)
        ctrl[scene.arm_ctrl[k]] = min(max(torque, scene.torque_min[k]), scene.torque_max[k])


@kernel
def _move_gripper(scene: Row, shield: Row, guard: Row, env: Row, action: float) -> bool:
    """Open (-1) or close (1) the gripper a little, unless a person may be too close to moving fingers.

    Returns:
        Whether the gripper's command changed.
    """
    before = env.gripper
    if guard.mode == OFF or sure_distance(guard) >= shield.gripper_distance:
        command = env.gripper + GRIPPER_SPEED * np.sign(action)
        env.gripper = min(max(command, -1.0), 1.0)
    share = 0.5 * (env.gripper + 1.0)
    ctrl = c.f64_array(env.fields[CTRL], scene.nu)
    for k in range(scene.gripper_ctrl.shape[0]):
        opened, closed = scene.gripper_open[k], scene.gripper_closed[k]
        ctrl[scene.gripper_ctrl[k]] = opened + share * (closed - opened)
    return bool(env.gripper != before)


@kernel
def _begin_step(
    envs: Rows, shields: Rows, guards: Rows, actions: Array, scale: float, goals: Array, gripper_actions: Array
) -> None:
    n = goals.shape[1]
    limits = shields[0].limits
    for i in range(envs.shape[0]):
        env = envs[i]
        env.cycle = 0
        env.contact_flags = 0
        env.torque_share = 0.0
        env.weld_force = 0.0
        for person in range(env.human_touched.shape[0]):
            env.human_touched[person] = 0
        guards[i].intervened = 0
        gripper_actions[i] = actions[i, n]
        for k in range(n):
            goal = env.q[k] + scale * actions[i, k]
            if goal < limits[k, LIM_Q_MIN]:  # a NaN passes, planning refuses it
                goal = limits[k, LIM_Q_MIN]
            elif goal > limits[k, LIM_Q_MAX]:
                goal = limits[k, LIM_Q_MAX]
            goals[i, k] = goal


@kernel
def begin_cycle(scene: Row, guard: Row, env: Row) -> None:
    """Read the arm's joints, and keep the command that holds at the start of the cycle."""
    read_robot(scene, env)
    for k in range(scene.arm_dof.shape[0]):
        env.command[0, k] = guard.command[0, k]
        env.command[1, k] = guard.command[1, k]
        env.command_qvel[scene.arm_dof[k]] = guard.command[1, k]


@kernel
def advance_physics(scene: Row, shield: Row, guard: Row, env: Row, gripper_action: float) -> None:
    """Do what comes after the shield in a cycle: gripper, contacts, torques, one step of physics.

    Args:
        scene: constants.
        shield: the shield's model.
        guard: the shield's memory, with the command for the end of the cycle.
        env: state; everybody is in place.
        gripper_action: which way the gripper moves.
    """
    data = env.data
    model = scene.model_far if sure_distance(guard) > FAR_M + shield.hidden else env.model
    c.mj_step1(model, data)
    note_own_motion(scene, env, _move_gripper(scene, shield, guard, env, gripper_action))
    # Slices are plain arrays: other callers of this kernel have those, so it is compiled once.
    flags = classify_contacts(
        model,
        data,
        env.geom_class[:],
        scene.geom_body[:],
        env.own_qvel[: scene.nv],
        env.command_qvel[: scene.nv],
        env.jacobian[:],
        env.contact_pairs[:],
        env.human_event[:],
        env.contact_counters[:],
        scene.cycle_s,
        scene.debounce_s,
        np.inf if guard.mode == PFL else scene.safe_vel,
        scene.hand_body,
    )
    env.contact_flags |= judge_contact(scene, shield, guard, env, flags)
    _apply_torques(scene, env, guard.command)
    c.mj_step2(model, data)
    if scene.n_welds > 0:
        env.weld_force = max(env.weld_force, largest_weld_force(data, scene.first_weld, scene.n_welds))
    if c.warning_total(data) > 0:
        env.failure = 1


@kernel
def _run_chunk(
    scenes: Rows,
    envs: Rows,
    shields: Rows,
    guards: Rows,
    clips: Rows,
    members: Ints,
    goals: Array,
    gripper_actions: Array,
    n_cycles: int,
) -> None:
    scene, shield = scenes[0], shields[0]
    for member in range(members.shape[0]):
        i = members[member]
        env, guard = envs[i], guards[i]
        # Slices are plain arrays: other callers of these kernels have those, so each is compiled once.
        q, dq, human_pos, human_time = env.q[:], env.dq[:], env.human_pos[:], env.human_time[:]
        people = env.clip.shape[0]
        if env.cycle == 0:
            set_goal(shield, guard, goals[i])
        while env.cycle < n_cycles and env.failure == 0:
            t = env.clock * scene.cycle_s
            if guard.replan_wanted != 0:
                replan(shield, guard)
            for person in range(people):
                place_human(scene, env, person, clips[env.clip[person]])
            begin_cycle(scene, guard, env)
            shield_cycle(shield, guard, t, human_pos, human_time, q, dq)
            env.min_distance = min(env.min_distance, guard.min_distance)
            advance_physics(scene, shield, guard, env, gripper_actions[i])
            for person in range(people):
                advance_human(scene, env, person, clips[env.clip[person]], guard.person_distance[person])
            env.clock += 1
            env.cycle += 1
        _show_end(scene, env, clips)


@kernel
def _observe_end(scenes: Rows, envs: Rows, clips: Rows, i: int) -> None:
    _show_end(scenes[0], envs[i], clips)


def observe_end(scene: SceneArrays, envs: EnvArrays, clips: Rows, i: int) -> None:
    """Bring poses up to date with the end of the last cycle, for the observations."""
    _observe_end(scene.record, envs.rows, clips, i)


def run_chunk(
    scene: SceneArrays,
    envs: EnvArrays,
    shield: ShieldModel,
    shields: ShieldState,
    clips: Rows,
    members: Ints,
    goals: Array,
    gripper_actions: Array,
    n_cycles: int,
) -> None:
    """Run several environments through one RL step, without Python between: the work of one thread.

    Args:
        scene: constants.
        envs: state and outputs.
        shield: the shield's model.
        shields: the shield's memory.
        clips: motions of the people, from ``make_records``.
        members: which environments (m,).
        goals: joint angles (N, n) [rad].
        gripper_actions: which way each gripper moves (N,).
        n_cycles: cycles of an RL step.
    """
    records = scene.record, envs.rows, shield.record, shields.rows
    _run_chunk(*records, clips, members, goals, gripper_actions, n_cycles)


def begin_step(
    envs: EnvArrays,
    shield: ShieldModel,
    shields: ShieldState,
    actions: Array,
    scale: float,
    goals: Array,
    gripper_actions: Array,
) -> None:
    """Clear what counts within one RL step and turn the actions into goals.

    Args:
        envs: state and outputs.
        shield: the shield's model.
        shields: the shield's memory.
        actions: joint steps and gripper, in [-1, 1] (N, n + 1).
        scale: joint step of a full action, from the measured angle [rad].
        goals: joint angles within their limits (N, n) [rad], written.
        gripper_actions: (N,), written.
    """
    _begin_step(envs.rows, shield.record, shields.rows, actions, scale, goals, gripper_actions)
