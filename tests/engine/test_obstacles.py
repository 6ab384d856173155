"""Every robot stands clear of what the shield keeps it from, and what it is kept from is what it can touch."""

from __future__ import annotations

import mujoco
import numba
import numpy as np
import pytest

from hrg_pipeline.engine.obstacles import OBSTACLES, find_obstacles, static_pairs
from hrg_pipeline.engine.scene import TABLE_OFFSET, TABLE_SIZE, build_scene
from hrg_pipeline.engine.watched import motion_limits, robot_geometry
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.human.body import make_shield_bodies_for
from hrg_pipeline.physics.contacts import GEOM_GRIPPER, GEOM_HUMAN, GEOM_ROBOT
from hrg_pipeline.robots.records import ROBOTS
from hrg_pipeline.shield.factory import make_shield_model, make_shield_state
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.static import configuration_gap, static_gap

MARGIN = 0.005
LEAST_FREE = 0.6
"""Share of the configurations that are free for the meshes and for the capsules around them as well."""


@numba.njit
def _gaps(models, rows, qs, out):
    for k in range(len(qs)):
        out[k] = static_gap(models[0], rows[0], qs[k])


@pytest.fixture(scope="module", params=sorted(ROBOTS))
def scene(request):
    return build_scene(request.param, 1.75)


@pytest.fixture(scope="module")
def panda():
    return build_scene("panda", 1.75)


def records(scene, pairs):
    """What the kernels take, with a capsule that is not there in the last place."""
    shield = make_shield_model(
        robot_geometry(scene),
        make_shield_bodies_for((1.75, 1.75), (1.0, 1.0)),
        ShieldParams(obstacle_margin_m=MARGIN),
        motion_limits(scene),
        statics=pairs,
    )
    return shield.record, make_shield_state(shield, 1).rows


def meshes(scene, qs, clearance):
    """Where the simulator finds a configuration free (k,), and where the arm is in itself or an obstacle (k,)."""
    model, data = scene.model, mujoco.MjData(scene.model)
    address = model.jnt_qposadr[list(scene.arm_joints)]
    gripper = scene.gripper_joints
    data.qpos[gripper.qpos] = 0.5 * (gripper.qpos_closed + gripper.qpos_opened)
    free, inside = np.zeros(len(qs), bool), np.zeros(len(qs), bool)
    margins = model.geom_margin.copy()
    model.geom_margin[:] = clearance
    try:
        for k, q in enumerate(qs):
            data.qpos[address] = q
            mujoco.mj_fwdPosition(model, data)
            classes = scene.geom_class[data.contact.geom]
            robot = np.isin(classes, (GEOM_ROBOT, GEOM_GRIPPER))
            own = robot.all(axis=1) & ~(classes == GEOM_GRIPPER).all(axis=1)
            human = (classes == GEOM_HUMAN).any(axis=1)
            static = robot.any(axis=1) & ~robot.all(axis=1) & ~human
            deep = data.contact.dist < 0.0
            inside[k] = ((own | static) & deep).any()
            free[k] = not ((own & deep).any() or static.any())
    finally:
        model.geom_margin[:] = margins
    return free, inside


def test_every_robot_is_free_at_home_and_in_most_of_its_space(scene):
    pairs = static_pairs(scene, held=True)
    models, rows = records(scene, pairs)
    home = np.array(scene.robot.home_qpos)
    assert configuration_gap(models, rows, 0, home) > MARGIN
    qs = np.random.default_rng(7).uniform(scene.robot.q_min, scene.robot.q_max, (1000, scene.robot.dof))
    free, inside = meshes(scene, qs, 0.012)
    gaps = np.zeros(len(qs))
    _gaps(models, rows, qs, gaps)
    assert (gaps[free] > MARGIN).mean() > LEAST_FREE
    # What is left out is out of reach: where the capsules are clear, nothing is in anything.
    assert inside.any() and not (inside & (gaps > MARGIN)).any()


def test_the_table_is_where_it_is_drawn(panda):
    (table, _), *rest = find_obstacles(panda, ("table",))
    assert not rest
    np.testing.assert_allclose(table.pos, np.array(TABLE_OFFSET) - [0.0, 0.0, 0.5 * TABLE_SIZE[2]])
    np.testing.assert_allclose(table.half, 0.5 * np.array(TABLE_SIZE))


def test_walls_and_floor_are_thick_and_leave_the_room_free(panda):
    found = [box for box, _ in find_obstacles(panda, ("walls", "floor"))]
    assert len(found) == 7
    for box in found:
        assert box.half.min() >= 0.5
        for point in ([0.0, 0.0, 0.9], [0.0, 1.5, 0.1], [1.5, 0.0, 2.0]):
            assert (np.abs((np.array(point) - box.pos) @ box.rot) > box.half).any(), box.name


def test_boxes_enclose_the_base(panda):
    boxes = [box for box, _ in find_obstacles(panda, ("base",))]
    assert {box.name.split("/")[1] for box in boxes} >= {"robot0_link0", "fixed_mount0_pedestal"}
    for box in boxes:
        assert box.half.max() < 0.5


def test_the_gripper_may_touch_the_table_and_never_the_base(panda):
    pairs, loose = static_pairs(panda), static_pairs(panda, gripper=False)
    gripper = np.array([name == "gripper" for name in panda.capsules.body])
    for kept, may in ((pairs, False), (loose, True)):
        for box, row in zip(kept.obstacles, kept.applies, strict=True):
            if box.name.startswith("table"):
                assert row[gripper].any() != may and row[~gripper].any()
            if box.name.startswith("base/robot0"):
                assert row[gripper].all()
    np.testing.assert_array_equal(pairs.self_pairs, loose.self_pairs)


def test_a_held_object_keeps_from_what_the_gripper_keeps_from(panda):
    plain, held = static_pairs(panda), static_pairs(panda, held=True)
    count = len(panda.capsules.body)
    grip = panda.capsules.body.index("gripper")
    assert held.applies.shape == (len(plain.obstacles), count + 1)
    np.testing.assert_array_equal(held.applies[:, :-1], plain.applies)
    np.testing.assert_array_equal(held.applies[:, -1], plain.applies[:, grip])
    partners = {a for a, b in held.self_pairs.tolist() if b == count}
    assert partners == {a for a, b in plain.self_pairs.tolist() if b == grip}


def test_what_the_arm_never_touches_is_known_if_a_person_may_be_pressed_against_it(panda):
    pairs = static_pairs(panda, ("self",))
    assert not pairs.applies.any() and {box.name.split("/")[0] for box in pairs.obstacles} >= {"table", "base"}
    assert len(static_pairs(panda, ("table",)).self_pairs) == 0


def test_neighbours_and_what_is_on_one_link_never_form_a_pair(scene):
    pairs = static_pairs(scene)
    joint = scene.capsules.joint
    assert len(pairs.self_pairs) == len(pairs.self_slack) > 0
    assert (np.abs(joint[pairs.self_pairs[:, 0]] - joint[pairs.self_pairs[:, 1]]) > 1).all()


def test_an_unknown_obstacle_is_refused_with_the_names_there_are(panda):
    with pytest.raises(ConfigError, match="'ceiling'; choose from " + ", ".join(OBSTACLES)):
        static_pairs(panda, ("table", "ceiling"))
