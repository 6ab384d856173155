"""Chains and capsules agree with the simulator for every robot."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from hrg_pipeline.engine.scene import build_scene
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.robots.geometry import body_vertices, fit_capsule, segment_distances
from hrg_pipeline.robots.model import ARM_PREFIX, GRIP_SITE, GRIPPER_PREFIX
from hrg_pipeline.robots.records import ROBOTS, get_robot


@pytest.fixture(params=sorted(ROBOTS))
def scene(request):
    return build_scene(request.param, 1.75)


def random_poses(scene, n, seed):
    rng = np.random.default_rng(seed)
    data = mujoco.MjData(scene.model)
    joints = [scene.model.joint(j) for j in scene.arm_joints]
    for _ in range(n):
        q = rng.uniform(scene.robot.q_min, scene.robot.q_max)
        for joint, angle in zip(joints, q, strict=True):
            data.qpos[joint.qposadr[0]] = angle
        for j in range(scene.model.njnt):
            if scene.model.joint(j).name.startswith(GRIPPER_PREFIX):
                data.qpos[scene.model.joint(j).qposadr[0]] = rng.uniform(*scene.model.joint(j).range)
        mujoco.mj_kinematics(scene.model, data)
        yield q, data


def chain_frames(chain, q):
    """Pose of each moving body: rotate about the axis through the anchor, one joint after the other."""
    from scipy.spatial.transform import Rotation

    position, rotation = chain.base_position, chain.base_rotation
    frames = []
    for k, angle in enumerate(q):
        position = position + rotation @ chain.translation[k]
        rotation = rotation @ chain.rotation[k]
        turn = Rotation.from_rotvec(angle * chain.axis[k]).as_matrix()
        position = position + rotation @ (chain.anchor[k] - turn @ chain.anchor[k])
        rotation = rotation @ turn
        frames.append((position, rotation))
    return frames


def test_the_chain_is_the_simulators(scene):
    for q, data in random_poses(scene, 20, seed=0):
        for (position, rotation), joint in zip(chain_frames(scene.chain, q), scene.arm_joints, strict=True):
            body = scene.model.jnt_bodyid[joint]
            np.testing.assert_allclose(position, data.xpos[body], atol=1e-9)
            np.testing.assert_allclose(rotation, data.xmat[body].reshape(3, 3), atol=1e-9)


def test_every_moving_vertex_is_inside_a_capsule(scene):
    bodies = [
        b
        for b in range(scene.model.nbody)
        if scene.model.body(b).name.startswith((ARM_PREFIX, GRIPPER_PREFIX))
        and scene.model.body(b).name != ARM_PREFIX + "link0"
    ]
    vertices = {b: body_vertices(scene.model, b) for b in bodies}
    assert sum(len(v) for v in vertices.values()) > 100
    capsules = scene.capsules
    for q, data in random_poses(scene, 10, seed=1):
        frames = chain_frames(scene.chain, q)
        ends = [
            (frames[j][0] + frames[j][1] @ a, frames[j][0] + frames[j][1] @ b)
            for j, a, b in zip(capsules.joint, capsules.start, capsules.end, strict=True)
        ]
        for body, local in vertices.items():
            if not len(local):
                continue
            points = data.xpos[body] + local @ data.xmat[body].reshape(3, 3).T
            outside = np.min(
                [segment_distances(points, a, b) - r for (a, b), r in zip(ends, capsules.radius, strict=True)],
                axis=0,
            )
            assert outside.max() <= 0.0, scene.model.body(body).name


def test_the_home_pose_points_down_over_the_table(scene):
    data = mujoco.MjData(scene.model)
    for joint, angle in zip(scene.arm_joints, scene.robot.home_qpos, strict=True):
        data.qpos[scene.model.joint(joint).qposadr[0]] = angle
    mujoco.mj_kinematics(scene.model, data)
    site = data.site(GRIP_SITE)
    x, y, z = site.xpos
    assert 0.30 <= x <= 0.45
    assert abs(y) < 0.01
    assert z == pytest.approx(1.2, abs=0.02)
    assert site.xmat.reshape(3, 3)[2, 2] < -0.999


def test_limits_stay_inside_the_models_joint_ranges(scene):
    for k, joint in enumerate(scene.arm_joints):
        low, high = scene.model.jnt_range[joint]
        assert low < scene.robot.q_min[k] < scene.robot.home_qpos[k] < scene.robot.q_max[k] < high


def test_capsules_enclose_random_clouds_tightly():
    rng = np.random.default_rng(0)
    for _ in range(5):
        points = rng.standard_normal((40, 3)) * rng.uniform(0.02, 0.2, 3)
        start, end, radius = fit_capsule(points)
        assert segment_distances(points, start, end).max() <= radius
        ball = np.linalg.norm(points - points.mean(axis=0), axis=1).max()
        volume = np.pi * radius**2 * np.linalg.norm(end - start) + 4 / 3 * np.pi * radius**3
        assert volume <= 4 / 3 * np.pi * ball**3 * 1.01


def test_an_unknown_robot_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"unknown robot 'atlas'.*panda"):
        get_robot("atlas")
