"""The lean model is the full one without what never matters."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from hrg_pipeline.engine.scene import CYCLE_S, build_scene
from hrg_pipeline.physics.lean import touching_body_pairs
from hrg_pipeline.robots.model import ARM_PREFIX, GRIPPER_PREFIX


@pytest.fixture(scope="module")
def scene():
    return build_scene("panda", 1.75)


def test_masses_and_joints_are_those_of_the_full_model(scene):
    lean, full = scene.model, scene.render_model
    for b in range(lean.nbody):
        name = lean.body(b).name
        np.testing.assert_allclose(lean.body(name).mass, full.body(name).mass)
        np.testing.assert_allclose(lean.body(name).inertia, full.body(name).inertia)
    assert [lean.joint(j).name for j in range(lean.njnt)] == [full.joint(j).name for j in range(full.njnt)]
    assert [lean.actuator(a).name for a in range(lean.nu)] == [full.actuator(a).name for a in range(full.nu)]


def test_only_what_collides_is_left(scene):
    lean = scene.model
    assert ((lean.geom_contype > 0) | (lean.geom_conaffinity > 0)).all()
    assert lean.ncam == lean.nlight == lean.nsensor == lean.ntex == 0
    assert set(range(lean.nmesh)) == set(lean.geom_dataid[lean.geom_dataid >= 0].tolist())
    assert lean.opt.density == lean.opt.viscosity == 0.0
    assert lean.opt.timestep == CYCLE_S
    assert lean.narena >= 16 << 20
    assert scene.render_model.ngeom > 2 * lean.ngeom


def test_excluded_pairs_never_touch_or_always_do_in_other_samples(scene):
    model = scene.render_model
    bodies = [b for b in range(model.nbody) if model.body(b).name.startswith((ARM_PREFIX, GRIPPER_PREFIX)) and b > 0]
    joints = np.arange(model.njnt)
    touching = touching_body_pairs(model, np.array(bodies), joints, 1500, seed=99)
    excluded = {
        tuple(
            sorted(
                (
                    model.body(scene.model.body(s >> 16).name).id,
                    model.body(scene.model.body(s & 0xFFFF).name).id,
                )
            )
        )
        for s in scene.model.exclude_signature.tolist()
    }
    assert len(excluded) == scene.excluded_pairs > 20
    changing = {pair for pair, count in touching.items() if count < 1500}
    assert touching
    assert not changing & excluded


def test_human_geoms_touch_the_robot_but_not_each_other(scene):
    model = scene.model
    human = [g for g in range(model.ngeom) if model.geom(g).name.startswith("human_")]
    assert len(human) == 24
    assert (model.body_mocapid[model.geom_bodyid[human]] == np.arange(24)).all()
    data = mujoco.MjData(model)
    data.qpos[model.jnt_qposadr[list(scene.arm_joints)]] = scene.robot.home_qpos
    for place, touched in (((0.6, 0.6, 0.82), False), ((0.6, 0.6, 0.0), False), ((0.4, 0.0, 1.25), True)):
        data.mocap_pos[:] = place  # all 24 bodies in one heap: in the table, in the floor, in the gripper
        mujoco.mj_fwdPosition(model, data)
        pairs = data.contact.geom[np.isin(data.contact.geom, human).any(axis=1)]
        others = [g for g in pairs.ravel() if g not in human]
        assert len(others) == len(pairs)
        names = {model.body(model.geom_bodyid[g]).name[:7] for g in others}
        assert names <= {"robot0_", "gripper"} and bool(names) == touched


def test_the_compiled_models_load_again(scene, tmp_path):
    path = tmp_path / "lean.mjb"
    mujoco.mj_saveModel(scene.model, str(path))
    assert mujoco.MjModel.from_binary_path(str(path)).nq == scene.model.nq
