"""Kinematics, Jacobian and mass matrix of our kernels are the simulator's, for every robot."""

from __future__ import annotations

import mujoco
import numpy as np

from hrg_pipeline.engine.watched import robot_geometry
from hrg_pipeline.human.body import make_shield_bodies
from hrg_pipeline.robots.dynamics import extract_inertias, joint_axes, mass_matrix, point_jacobian
from hrg_pipeline.shield.factory import make_shield_model
from hrg_pipeline.shield.reach import forward_kinematics
from tests.robots.conftest import random_poses


def link_frames(scene, q):
    shield = make_shield_model(robot_geometry(scene), make_shield_bodies(scene.skeleton))
    frames = np.zeros((len(q), 4, 3))
    forward_kinematics(shield.base_pos, shield.base_rot, shield.joint_pos, shield.joint_rot, q, frames)
    axes = np.zeros((len(q), 3))
    joint_axes(frames, scene.chain.axis, axes)
    return frames, axes


def slow_mass_matrix(scene, data, dof):
    """Sum of m Jᵀ J + Rᵀ I R over all bodies, with the simulator's Jacobians of their centres."""
    model = scene.model
    total = np.diag(model.dof_armature[dof])
    for body in range(1, model.nbody):
        linear, turning = np.zeros((3, model.nv)), np.zeros((3, model.nv))
        mujoco.mj_jacBodyCom(model, data, linear, turning, body)
        linear, turning = linear[:, dof], turning[:, dof]
        axes = data.ximat[body].reshape(3, 3)
        inertia = axes @ np.diag(model.body_inertia[body]) @ axes.T
        total = total + model.body_mass[body] * linear.T @ linear + turning.T @ inertia @ turning
    return total


def test_the_shields_kinematics_are_the_simulators(scene):
    for q, _, data in random_poses(scene, 20, seed=0):
        frames, axes = link_frames(scene, q)
        joints = list(scene.arm_joints)
        np.testing.assert_allclose(frames[:, 3], data.xanchor[joints], atol=1e-9)
        np.testing.assert_allclose(axes, data.xaxis[joints], atol=1e-9)
        bodies = scene.model.jnt_bodyid[joints]
        np.testing.assert_allclose(frames[:, :3], data.xmat[bodies].reshape(-1, 3, 3), atol=1e-9)


def test_the_jacobian_of_any_point_is_the_simulators(scene):
    model, dof = scene.model, scene.model.jnt_dofadr[list(scene.arm_joints)]
    rng = np.random.default_rng(5)
    for q, _, data in random_poses(scene, 10, seed=1):
        frames, axes = link_frames(scene, q)
        for link, joint in enumerate(scene.arm_joints):
            body = int(model.jnt_bodyid[joint])
            point = data.xpos[body] + rng.normal(0.0, 0.2, 3)
            ours, theirs = np.full((3, len(q)), np.nan), np.zeros((3, model.nv))
            point_jacobian(frames, axes, link, point, ours)
            mujoco.mj_jac(model, data, theirs, None, point, body)
            np.testing.assert_allclose(ours, theirs[:, dof], atol=1e-9)


def test_the_mass_matrix_is_the_simulators(scene):
    model, joints = scene.model, list(scene.arm_joints)
    dof = model.jnt_dofadr[joints]
    for q, opening, data in random_poses(scene, 20, seed=2):
        inertias = extract_inertias(model, joints, scene.gripper_joints, opening)
        frames, axes = link_frames(scene, q)
        ours, theirs = np.full((len(q), len(q)), np.nan), np.zeros((model.nv, model.nv))
        mass_matrix(frames, axes, *inertias, ours)
        mujoco.mj_fullM(model, theirs, data.qM)
        np.testing.assert_allclose(ours, theirs[np.ix_(dof, dof)], atol=1e-9)
        np.testing.assert_allclose(ours, slow_mass_matrix(scene, data, dof), atol=1e-9)
        assert np.linalg.eigvalsh(ours).min() > 0.0
