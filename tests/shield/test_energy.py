"""Energy, point speeds and reflected mass are the simulator's."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hrg_pipeline.engine.scene import build_scene
from hrg_pipeline.robots.records import ROBOTS
from hrg_pipeline.shield.reach import capsule_ends
from tests.robots.conftest import random_poses
from tests.shield.arms import CAPSULES, HELD, call_mass, call_norm, call_speeds, robot_arm, toy_arm


@pytest.fixture(scope="module", params=sorted(ROBOTS))
def scene(request):
    """Each robot in turn."""
    return build_scene(request.param, 1.75)


def held_point(scene, data) -> tuple[np.ndarray, int]:
    """The held object's centre in the world, and the body that carries it."""
    joint = scene.arm_joints[-1]
    body = int(scene.model.jnt_bodyid[joint])
    return data.xanchor[joint] + data.xmat[body].reshape(3, 3) @ HELD[1], body


def slow_mass_matrix(scene, data, held: bool) -> np.ndarray:
    model, dof = scene.model, scene.model.jnt_dofadr[list(scene.arm_joints)]
    full = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, full, data.qM)
    matrix = full[np.ix_(dof, dof)]
    if held:
        linear, turning = np.zeros((3, model.nv)), np.zeros((3, model.nv))
        point, body = held_point(scene, data)
        mujoco.mj_jac(model, data, linear, turning, point, body)
        linear, turning = linear[:, dof], turning[:, dof]
        matrix = matrix + HELD[0] * (linear.T @ linear + HELD[2] ** 2 * turning.T @ turning)
    return matrix


@pytest.mark.parametrize("held", [(), HELD])
def test_energy_is_the_simulators(scene, held):
    rng = np.random.default_rng(0)
    for q, opening, data in random_poses(scene, 20, seed=0):
        arm = robot_arm(scene, opening, held)
        q_s = rng.normal(0.0, 1.0, arm.n)
        energy = q_s @ slow_mass_matrix(scene, data, bool(held)) @ q_s
        assert arm.norm(q, q_s) ** 2 == pytest.approx(energy, rel=1e-9)


def test_energy_is_that_of_the_bodies_as_they_move(scene):
    """Nothing but positions of all bodies a moment earlier and later, and their masses and inertias."""
    model, arm, h = scene.model, robot_arm(scene, held=HELD), 1e-5
    rng = np.random.default_rng(1)
    adr = model.jnt_qposadr[list(scene.arm_joints)]
    joints = scene.gripper_joints
    for _ in range(5):
        q, q_s = rng.uniform(scene.robot.q_min, scene.robot.q_max), rng.normal(0.0, 1.0, arm.n)
        poses = []
        for sign in (-1.0, 1.0):
            data = mujoco.MjData(model)
            data.qpos[joints.qpos] = 0.5 * (joints.qpos_closed + joints.qpos_opened)
            data.qpos[adr] = q + sign * h * q_s
            mujoco.mj_kinematics(model, data)
            poses.append((data.xipos.copy(), data.ximat.reshape(-1, 3, 3).copy(), held_point(scene, data)[0]))
        velocity = (poses[1][0] - poses[0][0]) / (2.0 * h)
        # In the middle's axes up to O(h^2): the turn from the earlier to the later pose.
        turn = Rotation.from_matrix(poses[0][1].transpose(0, 2, 1) @ poses[1][1]).as_rotvec() / (2.0 * h)
        twice = (model.body_mass * (velocity**2).sum(1)).sum() + (model.body_inertia * turn**2).sum()
        twice += (model.dof_armature[model.jnt_dofadr[list(scene.arm_joints)]] * q_s**2).sum()
        wrist = int(model.jnt_bodyid[scene.arm_joints[-1]])
        carried = (poses[1][2] - poses[0][2]) / (2.0 * h)
        twice += HELD[0] * (carried @ carried + HELD[2] ** 2 * turn[wrist] @ turn[wrist])
        assert arm.norm(q, q_s) ** 2 == pytest.approx(twice, rel=1e-6)


def test_speeds_of_capsules_are_those_of_their_points(scene):
    arm, h, rng = robot_arm(scene), 1e-6, np.random.default_rng(2)
    shield, count = arm.shield, len(arm.shield.capsule_link) - 1

    def points(q):
        arm.place(q)
        out = np.zeros((count, 2, 3))
        capsule_ends(arm.rows[0]["frames"], shield.capsule_link, shield.capsule_ends, count, out)
        return out

    for _ in range(10):
        q, q_s = rng.uniform(scene.robot.q_min, scene.robot.q_max), rng.normal(0.0, 1.0, arm.n)
        ends = (points(q + h * q_s) - points(q - h * q_s)) / (2.0 * h)
        share = np.linspace(0.0, 1.0, 21)[:, None, None]
        along = np.linalg.norm((1.0 - share) * ends[:, 0] + share * ends[:, 1], axis=-1)
        padded = np.zeros((CAPSULES, 2, 3))
        padded[:count] = points(q)
        speeds = np.full(CAPSULES, -1.0)
        call_speeds(arm.models, arm.rows, q_s, padded, speeds)
        np.testing.assert_allclose(speeds[:count], along.max(0), rtol=1e-6, atol=1e-8)
        assert (speeds[count:] == -1.0).all()


@pytest.mark.parametrize("held", [(), HELD])
def test_no_contact_takes_more_than_the_total_energy(scene, held):
    model, dof = scene.model, scene.model.jnt_dofadr[list(scene.arm_joints)]
    rng = np.random.default_rng(3)
    for q, opening, data in random_poses(scene, 10, seed=3):
        arm = robot_arm(scene, opening, held)
        arm.place(q)
        matrix = slow_mass_matrix(scene, data, bool(held))
        for link, joint in enumerate(scene.arm_joints):
            body = int(model.jnt_bodyid[joint])
            point = data.xanchor[joint] + rng.normal(0.0, 0.2, 3)
            u = rng.normal(size=3)
            u /= np.linalg.norm(u)
            jacobian = np.zeros((3, model.nv))
            mujoco.mj_jac(model, data, jacobian, None, point, body)
            row = u @ jacobian[:, dof]
            mass = call_mass(arm.models, arm.rows, link, point, u)
            assert mass == pytest.approx(1.0 / (row @ np.linalg.solve(matrix, row)), rel=1e-8)
            q_s = rng.normal(0.0, 1.0, arm.n)
            total = 0.5 * call_norm(arm.models, arm.rows, q_s) ** 2
            assert 0.5 * mass * (row @ q_s) ** 2 <= total * (1.0 + 1e-9)
            # The joint speeds that put all their energy into this direction reach the bound.
            q_s = np.linalg.solve(matrix, row)
            total = 0.5 * call_norm(arm.models, arm.rows, q_s) ** 2
            assert 0.5 * mass * (row @ q_s) ** 2 == pytest.approx(total, rel=1e-8)


def test_a_point_that_no_joint_moves_is_a_wall():
    arm = toy_arm()
    q = np.zeros(arm.n)
    arm.place(q)
    on_axis = arm.rows[0]["frames"][0, 3]
    assert call_mass(arm.models, arm.rows, 0, on_axis, np.array([1.0, 0.0, 0.0])) > 1e12
