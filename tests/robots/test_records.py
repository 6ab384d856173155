"""What the records say of robots and grippers holds in the simulator."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from hrg_pipeline.errors import ConfigError
from hrg_pipeline.robots.grippers import get_gripper
from hrg_pipeline.robots.model import ARM_PREFIX, ASSETS, GRIP_SITE, GRIPPER_PREFIX, build_robot_model
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.robots.records import ROBOTS, get_robot
from hrg_pipeline.shield.path import path_limits
from hrg_pipeline.shield.profile import PROFILE_PHASES, plan_profiles
from hrg_pipeline.shield.trajectory import LIM_A, LIM_J, LTT_PHASES, build_ltt, ltt_at

OTHER_TORQUES = {"kinova3", "schunk"}
"""Robots whose record has other torques than their MJCF, for reasons given there."""


def limits_of(robot):
    columns = (robot.q_min, robot.q_max, robot.v_max, robot.a_max_trajectory, robot.j_max_trajectory)
    return np.array([*columns, robot.a_max, robot.j_max]).T.copy()


def worst_stop_torque_share(scene, n, seed):
    """Largest share of each motor's torque in stops at the shield's limits from random trajectories (n_joints,)."""
    model, robot, joints = scene.model, scene.robot, list(scene.arm_joints)
    rng = np.random.default_rng(seed)
    data, mass = mujoco.MjData(model), np.zeros((model.nv, model.nv))
    qpos, dof, fingers = model.jnt_qposadr[joints], model.jnt_dofadr[joints], scene.gripper_joints
    limits, size = limits_of(robot), len(joints)
    phases, ltt, extremes = (np.zeros((size, *rest)) for rest in ((PROFILE_PHASES, 2), (LTT_PHASES, 5), (5,)))
    begin, values, worst = np.zeros((3, size)), np.zeros((4, size)), np.zeros(size)
    for _ in range(n):
        begin[0] = rng.uniform(robot.q_min, robot.q_max)
        goal = rng.uniform(robot.q_min, robot.q_max)
        if rng.uniform() < 0.5:
            goal = np.where(rng.uniform(size=size) < 0.5, goal, begin[0])
        assert plan_profiles(begin, goal, limits[:, 2:5], phases)
        duration = build_ltt(begin, phases, ltt, extremes)
        brake, _ = path_limits(extremes[:, 2], extremes[:, 3], extremes[:, 4], limits[:, LIM_A], limits[:, LIM_J])
        assert brake > 0.0
        data.qpos[fingers.qpos] = fingers.qpos_closed + rng.uniform() * (fingers.qpos_opened - fingers.qpos_closed)
        for _ in range(4):
            ltt_at(ltt, rng.uniform(0.0, duration), values)
            speed = rng.choice([1.0, 1.0, 0.5])
            data.qpos[qpos], data.qvel[dof] = values[0], speed * values[1]
            mujoco.mj_fwdPosition(model, data)
            mujoco.mj_fwdVelocity(model, data)
            mujoco.mj_fullM(model, mass, data.qM)
            rest = data.qfrc_bias[dof] - data.qfrc_passive[dof]
            for sign in (-1.0, 1.0):
                torque = mass[np.ix_(dof, dof)] @ (sign * brake * values[1] + speed**2 * values[2]) + rest
                worst = np.maximum(worst, np.abs(torque) / robot.torque_max)
    return worst


def test_the_home_pose_points_down_over_the_table(scene):
    data = mujoco.MjData(scene.model)
    data.qpos[scene.model.jnt_qposadr[list(scene.arm_joints)]] = scene.robot.home_qpos
    data.qpos[scene.gripper_joints.qpos] = scene.gripper_joints.qpos_opened
    mujoco.mj_forward(scene.model, data)
    site = data.site(GRIP_SITE)
    x, y, z = site.xpos
    assert 0.295 <= x <= 0.455
    assert abs(y) < 0.01
    assert z == pytest.approx(1.2, abs=0.02)
    rotation = site.xmat.reshape(3, 3)
    assert rotation[2, 2] < -0.999
    assert abs(rotation[1, 0]) > 0.999, "the fingers open along y"
    assert not [c for c in range(data.ncon) if data.contact.dist[c] < 0.0 and not is_human(scene, data.contact.geom[c])]


def is_human(scene, geoms):
    return any(scene.model.geom(g).name.startswith("human_") for g in geoms)


def test_limits_stay_inside_the_models_joint_ranges(scene):
    for k, joint in enumerate(scene.arm_joints):
        low, high = scene.model.jnt_range[joint]
        assert scene.model.jnt_limited[joint]
        assert low < scene.robot.q_min[k] < scene.robot.home_qpos[k] < scene.robot.q_max[k] < high
        assert scene.robot.q_max[k] - scene.robot.q_min[k] < 9.5


def test_motors_have_the_records_torque(scene):
    robot = scene.robot
    arm = [a for a in range(scene.model.nu) if scene.model.actuator(a).name.startswith(ARM_PREFIX)]
    np.testing.assert_allclose(scene.model.actuator_ctrlrange[arm, 1], robot.torque_max)
    spec = mujoco.MjSpec.from_string(build_robot_model(robot).get_xml())
    theirs = [a.ctrlrange[1] for a in spec.actuators if a.name.startswith(ARM_PREFIX)]
    if robot.name not in OTHER_TORQUES:
        np.testing.assert_allclose(theirs, robot.torque_max)
    if robot.name == "schunk":
        friction = [j.frictionloss for j in spec.joints if j.name.startswith(ARM_PREFIX)]
        np.testing.assert_allclose(np.subtract(theirs, friction), robot.torque_max)
    assert all(j.frictionloss == 0.0 for j in mujoco.MjSpec.from_string(scene._full.to_xml()).joints)


def test_stops_at_the_limits_never_saturate_a_motor(scene):
    worst = worst_stop_torque_share(scene, 150, seed=11)
    assert worst.max() < 1.0
    assert worst.max() > 0.3, "limits could be higher, or nothing was measured"


@pytest.mark.nightly
def test_stops_at_the_limits_never_saturate_a_motor_in_many_more(scene):
    assert worst_stop_torque_share(scene, 10_000, seed=12).max() < 1.0


def test_fingers_follow_the_opening_from_closed_to_open(gripper_scene):
    scene = gripper_scene
    model, joints = scene.model, scene.gripper_joints
    data = mujoco.MjData(model)
    data.qpos[model.jnt_qposadr[list(scene.arm_joints)]] = scene.robot.home_qpos
    arm = [a for a in range(model.nu) if model.actuator(a).name.startswith(ARM_PREFIX)]
    dof = model.jnt_dofadr[list(scene.arm_joints)]
    gaps = []
    for opening in (0.0, 0.5, 1.0, 0.25, 0.0):
        for _ in range(250):
            data.ctrl[joints.actuators] = joints.closed + opening * (joints.opened - joints.closed)
            mujoco.mj_step1(model, data)
            data.ctrl[arm] = data.qfrc_bias[dof] - data.qfrc_passive[dof]
            mujoco.mj_step2(model, data)
        assert np.abs(data.qvel).max() < 0.05
        want = joints.qpos_closed + opening * (joints.qpos_opened - joints.qpos_closed)
        tolerance = 0.06 * np.abs(joints.qpos_opened - joints.qpos_closed)
        if opening > 0.0:  # closed fingers may rest on each other
            assert (np.abs(data.qpos[joints.qpos] - want) <= tolerance + 0.02).all()
        gaps.append(finger_gap(scene, data))
    assert gaps[0] < gaps[3] < gaps[1] < gaps[2]
    assert gaps[4] == pytest.approx(gaps[0], abs=2e-3)
    assert gaps[0] < 0.045  # the Jaco has two fingers side by side


def finger_gap(scene, data):
    """Largest distance between pads of different fingers [m]."""
    model = scene.model
    pads = [g for g in range(model.ngeom) if "pad" in model.geom(g).name]
    assert len(pads) >= 2
    return max(np.linalg.norm(data.geom_xpos[a] - data.geom_xpos[b]) for a in pads for b in pads)


def test_moving_bodies_have_plausible_masses(scene):
    model = scene.model
    moving = [
        b
        for b in range(model.nbody)
        if model.body_weldid[b] != 0 and model.body(b).name.startswith((ARM_PREFIX, GRIPPER_PREFIX))
    ]
    assert 3.0 < model.body_mass[moving].sum() < 30.0
    gripper = [b for b in moving if model.body(b).name.startswith(GRIPPER_PREFIX)]
    assert 0.1 < model.body_mass[gripper].sum() < 1.3


def test_our_own_mjcf_is_package_data():
    assert sorted(path.name for path in ASSETS.iterdir()) == ["schunk_lwa4p.xml"]


def test_an_unknown_robot_or_gripper_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"unknown robot 'atlas'.*panda.*schunk") as error:
        get_robot("atlas")
    assert "\n" not in str(error.value)
    for call in (lambda: get_robot("panda", "hook"), lambda: get_gripper("hook")):
        with pytest.raises(ConfigError, match=r"unknown gripper 'hook'.*PandaGripper.*Robotiq85Gripper") as error:
            call()
        assert "\n" not in str(error.value)


def test_parameters_know_the_same_names():
    for name in ROBOTS:
        assert RobotParams(name=name).gripper is None
    with pytest.raises(ValueError, match="expected one of iiwa, jaco"):
        RobotParams(name="atlas")
    with pytest.raises(ValueError, match="expected one of JacoThreeFingerGripper"):
        RobotParams(gripper="hook")
    assert get_robot("panda", "Robotiq85Gripper").gripper == "Robotiq85Gripper"
    assert get_robot("panda").gripper == get_robot("panda", None).gripper == "PandaGripper"
