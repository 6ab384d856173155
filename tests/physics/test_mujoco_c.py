"""Kernels see the same MuJoCo as the Python bindings."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from hrg_pipeline.errors import ModelError
from hrg_pipeline.physics import mujoco_c as c
from hrg_pipeline.physics.jit import kernel

BALLS = """
<mujoco><option timestep="0.004"/><worldbody><geom type="plane" size="3 3 1"/>
<body pos="0 0 0.09"><freejoint/><geom size="0.1"/></body>
<body pos="0.5 0 0.05"><freejoint/><geom type="box" size="0.1 0.1 0.1"/></body></worldbody></mujoco>
"""


@kernel
def read_contacts(data, distances, positions, geoms):
    n = c.contact_count(data)
    for k in range(n):
        contact = c.contact_address(data, k)
        distances[k] = c.contact_distance(contact)
        positions[k] = c.contact_position(contact)
        geoms[k] = c.contact_geoms(contact)
    return n


@kernel
def step_twice_split(model, data):
    for _ in range(2):
        c.mj_step1(model, data)
        c.mj_step2(model, data)


@pytest.fixture
def scene():
    model = mujoco.MjModel.from_xml_string(BALLS)
    return model, mujoco.MjData(model)


def test_contacts_are_read_as_the_bindings_read_them(scene):
    model, data = scene
    mujoco.mj_forward(model, data)
    distances, positions, geoms = np.zeros(32), np.zeros((32, 3)), np.zeros((32, 2), dtype=np.int64)
    n = read_contacts(data._address, distances, positions, geoms)
    assert n == data.ncon >= 5
    np.testing.assert_array_equal(distances[:n], data.contact.dist)
    np.testing.assert_array_equal(positions[:n], data.contact.pos)
    np.testing.assert_array_equal(geoms[:n], data.contact.geom)


def test_a_split_step_equals_a_whole_one(scene):
    model, data = scene
    other = mujoco.MjData(model)
    step_twice_split(model._address, data._address)
    mujoco.mj_step(model, other, 2)
    np.testing.assert_array_equal(data.qpos, other.qpos)
    assert data.time == other.time


def test_warnings_are_counted(scene):
    model, data = scene
    assert c.warning_total(data._address) == 0
    data.qvel[0] = np.nan
    mujoco.mj_step(model, data)
    assert c.warning_total(data._address) > 0


def test_a_wrong_layout_is_refused(monkeypatch):
    fields = [("pad", c.ctypes.c_double), *c.c_struct("mjContact")._fields_]
    monkeypatch.setattr(c, "_CONTACT", type("mjContact", (c.ctypes.Structure,), {"_fields_": fields}))
    with pytest.raises(ModelError, match="differs from its introspection"):
        c.check_layout()
