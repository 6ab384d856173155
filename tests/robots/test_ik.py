"""The hand is where MuJoCo says, and inverse kinematics puts it where it is wanted, with every robot."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from hrg_pipeline.errors import ModelError
from hrg_pipeline.robots.gripper_model import closing_direction, finger_sides
from hrg_pipeline.robots.ik import down, forward, make_arm, pointing, solve, start_configuration
from hrg_pipeline.robots.model import GRIP_SITE
from tests.robots.conftest import random_poses

PLACES = [np.array([x, 0.0, 1.2]) for x in np.arange(0.305, 0.8, 0.05)]


@pytest.fixture
def arm(scene):
    return make_arm(scene.model, scene.chain, scene.arm_joints, scene.robot)


def start(scene, arm):
    closing = closing_direction(scene.model, scene.robot.gripper)
    return start_configuration(arm, np.array(scene.robot.home_qpos), PLACES, closing)


def test_the_hand_and_its_jacobian_are_those_of_mujoco(scene, arm):
    model = scene.model
    site, dofs = model.site(GRIP_SITE).id, model.jnt_dofadr[list(scene.arm_joints)]
    jacobian = np.zeros((6, model.nv))
    for q, _, data in random_poses(scene, 5, seed=0):
        mujoco.mj_jacSite(model, data, jacobian[:3], jacobian[3:], site)
        frames = forward(arm, np.array([q, q]))
        np.testing.assert_allclose(frames.pos[1], data.site_xpos[site], atol=1e-12)
        np.testing.assert_allclose(frames.rot[1], data.site_xmat[site].reshape(3, 3), atol=1e-12)
        np.testing.assert_allclose(frames.jacobian[1], jacobian[:, dofs], atol=1e-12)


def test_the_start_pose_points_down_away_from_joint_limits(scene, arm):
    q = start(scene, arm)
    frames = forward(arm, q[None])
    assert min(np.linalg.norm(frames.pos[0] - place) for place in PLACES) < 1e-3
    assert frames.rot[0, 2, 2] < -0.9999
    assert np.minimum(q - arm.q_min, arm.q_max - q).min() >= 0.1
    across = frames.rot[0] @ closing_direction(scene.model, scene.robot.gripper)
    assert np.abs(across).max() > 0.999, "fingers close along x or y"


def test_places_on_the_table_are_reached_within_the_limits(scene, arm):
    q = start(scene, arm)
    rot = forward(arm, q[None]).rot
    places = np.random.default_rng(0).uniform([0.3, 0.24, 0.85], [0.42, 0.42, 1.05], (12, 3))
    found, left = solve(arm, np.tile(q, (12, 1)), places, np.tile(rot[0], (12, 1, 1)), q, 80)
    assert (left < [1e-3, 1e-2]).all()
    assert (found >= arm.q_min).all()
    assert (found <= arm.q_max).all()
    np.testing.assert_allclose(forward(arm, found).pos, places, atol=1e-3)


def test_what_is_out_of_reach_is_approached_within_the_limits(scene, arm):
    q = start(scene, arm)
    rot = forward(arm, q[None]).rot
    found, left = solve(arm, q[None], np.array([[3.0, 0.0, 1.0]]), rot, q, 100)
    assert left[0, 0] > 0.5
    assert np.isfinite(found).all()
    assert ((found >= arm.q_min) & (found <= arm.q_max)).all()


def test_rows_do_not_depend_on_each_other(scene, arm):
    q = start(scene, arm)
    rot = np.tile(forward(arm, q[None]).rot[0], (3, 1, 1))
    places = forward(arm, q[None]).pos + np.array([[0.0, 0.0, -0.1], [0.0, 0.1, 0.0], [0.05, 0.0, 0.0]])
    together, _ = solve(arm, np.tile(q, (3, 1)), places, rot, q)
    for k in range(3):
        alone, _ = solve(arm, q[None], places[k : k + 1], rot[:1], q)
        assert (alone[0] == together[k]).all()


def test_a_place_nobody_reaches_is_an_error(scene, arm):
    closing = closing_direction(scene.model, scene.robot.gripper)
    with pytest.raises(ModelError, match="pointing down"):
        start_configuration(arm, np.array(scene.robot.home_qpos), [np.array([5.0, 0.0, 1.0])], closing)


def test_a_gripper_has_two_sides_that_close_against_each_other(gripper_scene):
    one, other = finger_sides(gripper_scene.model, gripper_scene.robot.gripper)
    assert len(one) > 0
    assert len(other) > 0
    assert not set(one) & set(other)
    assert np.linalg.norm(closing_direction(gripper_scene.model, gripper_scene.robot.gripper)) == pytest.approx(1.0)


@pytest.mark.parametrize("yaw", [0.0, 0.7, np.pi / 2])
def test_down_points_down_and_closes_at_the_yaw(yaw):
    closing = np.array([0.6, 0.8, 0.0])
    rot = down(closing, yaw)
    np.testing.assert_allclose(rot @ rot.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(rot[:, 2], [0.0, 0.0, -1.0], atol=1e-12)
    np.testing.assert_allclose(rot @ closing, [np.cos(yaw), np.sin(yaw), 0.0], atol=1e-12)


@pytest.mark.parametrize(
    ("tilt", "way"), [(0.0, [0.0, 0.0, -1.0]), (np.pi / 4, [0.5**0.5, 0.0, -(0.5**0.5)]), (np.pi / 2, [1.0, 0.0, 0.0])]
)
def test_a_gripper_is_tilted_ahead(tilt, way):
    rot = pointing(np.array([0.6, 0.8, 0.0]), np.pi / 2, tilt)
    np.testing.assert_allclose(rot @ rot.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(rot[:, 2], way, atol=1e-12)
    np.testing.assert_allclose(rot @ [0.6, 0.8, 0.0], [0.0, 1.0, 0.0], atol=1e-12)
