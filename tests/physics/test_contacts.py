"""Contact flags and counters on scenes made for them."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from hrg_pipeline.physics.contacts import (
    GEOM_ALLOWED,
    GEOM_GRIPPER,
    GEOM_HUMAN,
    GEOM_ROBOT,
    GEOM_STATIC,
    MAX_PAIRS,
    ContactFlag,
    classify_contacts,
    is_illegal,
)

CYCLE, DEBOUNCE, SAFE_VEL = 0.004, 0.01, 0.01
ARM = """
<mujoco><option timestep="0.004" gravity="0 0 0"/><worldbody>
<body name="arm"><joint type="slide" axis="1 0 0"/><joint type="hinge" axis="0 0 1"/>
<geom name="arm" size="0.1"/></body>
<body name="other" mocap="true" pos="5 0 0"><geom name="other" size="0.1"/></body>
</worldbody></mujoco>
"""


class Scene:
    def __init__(self, other_class):
        self.model = mujoco.MjModel.from_xml_string(ARM)
        self.data = mujoco.MjData(self.model)
        self.classes = np.array([GEOM_ROBOT, other_class])
        self.pairs = np.zeros(MAX_PAIRS + 1, dtype=np.int64)
        self.event = np.array([np.inf, 0.0, 0.0])
        self.counters = np.zeros(4, dtype=np.int64)
        self.jacobian = np.zeros(3 * self.model.nv)

    def see(self, gap, speed=0.0, turn=0.0, command=0.0):
        """One cycle with the spheres' surfaces ``gap`` apart and the arm moving at ``speed``; return the flags."""
        self.data.mocap_pos[0] = [0.2 + gap, 0.0, 0.0]
        self.data.qvel[:] = speed, turn
        mujoco.mj_forward(self.model, self.data)
        return ContactFlag(
            classify_contacts(
                self.model._address,
                self.data._address,
                self.classes,
                self.model.geom_bodyid.astype(np.int64),
                self.data.qvel,
                np.array([command, 0.0]),
                self.jacobian,
                self.pairs,
                self.event,
                self.counters,
                CYCLE,
                DEBOUNCE,
                SAFE_VEL,
                1,
            )
        )


@pytest.mark.parametrize(
    ("kind", "flag", "counters"),
    [
        (GEOM_STATIC, ContactFlag.STATIC, [1, 0, 0, 0]),
        (GEOM_ROBOT, ContactFlag.ROBOT, [0, 1, 0, 0]),
        (GEOM_GRIPPER, ContactFlag.ROBOT, [0, 1, 0, 0]),
        (GEOM_ALLOWED, ContactFlag.ALLOWED, [0, 0, 0, 0]),
        (GEOM_HUMAN, ContactFlag.HUMAN, [0, 0, 1, 0]),
    ],
)
def test_only_the_onset_of_a_contact_counts(kind, flag, counters):
    scene = Scene(kind)
    assert scene.see(0.01) == ContactFlag.NULL
    assert scene.see(-0.001) == flag
    assert [scene.see(-0.001) for _ in range(5)] == [ContactFlag.NULL] * 5
    assert scene.counters.tolist() == counters


def test_a_contact_that_parts_and_returns_counts_again():
    scene = Scene(GEOM_STATIC)
    for gap in (-0.001, 0.01, -0.001):
        scene.see(gap)
    assert scene.counters.tolist() == [2, 0, 0, 0]


def test_a_fast_robot_makes_a_human_contact_critical():
    scene = Scene(GEOM_HUMAN)
    assert scene.see(-0.001, speed=0.011) == ContactFlag.HUMAN_CRIT
    assert scene.counters.tolist() == [0, 0, 0, 1]


def test_the_speed_is_that_of_the_contact_point_not_of_the_geom():
    scene = Scene(GEOM_HUMAN)
    assert scene.see(-0.001, turn=1.0) == ContactFlag.HUMAN_CRIT
    assert scene.event[2] == pytest.approx(0.1, rel=0.02)


def test_being_pushed_along_by_the_human_is_not_critical_but_pushing_is():
    scene = Scene(GEOM_HUMAN)
    scene.see(-0.001)
    assert scene.see(-0.001, speed=-0.5) == ContactFlag.NULL
    assert scene.see(-0.001, speed=-0.5, command=0.05) == ContactFlag.HUMAN_CRIT
    assert scene.see(-0.001, speed=-0.5, command=0.05) == ContactFlag.NULL
    assert scene.counters.tolist() == [0, 0, 1, 1]


def test_human_contacts_closer_than_the_debounce_delay_are_one():
    scene = Scene(GEOM_HUMAN)
    for gap in (-0.001, 0.01, 0.01, -0.001):
        scene.see(gap)
    assert scene.counters.tolist() == [0, 0, 1, 0]
    for gap in (0.01, 0.01, 0.01, -0.001):
        scene.see(gap)
    assert scene.counters.tolist() == [0, 0, 2, 0]


def test_the_gripper_may_touch_itself():
    scene = Scene(GEOM_GRIPPER)
    scene.classes[0] = GEOM_GRIPPER
    assert scene.see(-0.001) == ContactFlag.NULL


def test_illegal_is_any_of_static_robot_critical():
    for flags in range(32):
        expected = bool(ContactFlag(flags) & (ContactFlag.STATIC | ContactFlag.ROBOT | ContactFlag.HUMAN_CRIT))
        assert bool(is_illegal(np.array([flags]))[0]) is expected
