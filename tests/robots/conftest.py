from __future__ import annotations

import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hrg_pipeline.engine.scene import build_scene
from hrg_pipeline.robots.grippers import GRIPPERS
from hrg_pipeline.robots.records import ROBOTS


@pytest.fixture(scope="session", params=sorted(ROBOTS))
def scene(request):
    """Each robot in turn."""
    return build_scene(request.param, 1.75)


@pytest.fixture(scope="session", params=sorted(GRIPPERS))
def gripper_scene(request):
    """Each gripper in turn, on an arm that is quickly built."""
    return build_scene("schunk", 1.75, gripper=request.param)


def random_poses(scene, n, seed, spread=0.0):
    """Random arm configurations and gripper openings, coupled fingers up to ``spread`` [rad] off: q, opening, data."""
    rng = np.random.default_rng(seed)
    model, joints = scene.model, scene.gripper_joints
    data = mujoco.MjData(model)
    arm = model.jnt_qposadr[list(scene.arm_joints)]
    driven = len(joints.actuators)
    for _ in range(n):
        q = rng.uniform(scene.robot.q_min, scene.robot.q_max)
        opening = rng.uniform()
        data.qpos[arm] = q
        data.qpos[joints.qpos] = joints.qpos_closed + opening * (joints.qpos_opened - joints.qpos_closed)
        data.qpos[joints.qpos[driven:]] += rng.uniform(-spread, spread, len(joints.qpos) - driven)
        mujoco.mj_forward(model, data)
        yield q, opening, data


def chain_frames(chain, q):
    """Pose of each moving body: rotate about the axis through the anchor, one joint after the other."""
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
