"""Contact flags and counters on scenes made for them."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    limit_own_motion,
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


def slow_flags(history):
    """What each cycle of a history of (touching, own speed, commanded speed) starts, looking back at all of it."""
    flags, critical = [], {}
    touches = [t for t, (touching, _, _) in enumerate(history) if touching]
    for t, (touching, own, commanded) in enumerate(history):
        if not touching:
            flags.append(ContactFlag.NULL)
            continue
        earlier = [k for k in touches if k < t]
        begins = not earlier or (t - earlier[-1] - 1) * CYCLE > DEBOUNCE
        event = t if begins else max(critical)
        known = critical.get(event, False)
        critical[event] = known or (own if begins else commanded) > SAFE_VEL
        if critical[event] and not known:
            flags.append(ContactFlag.HUMAN_CRIT)
        else:
            flags.append(ContactFlag.HUMAN if begins else ContactFlag.NULL)
    return flags


speeds = st.sampled_from([0.0, 0.009, 0.011])
cycles = st.tuples(st.booleans(), speeds, speeds)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(cycles, st.integers(1, 5)), max_size=25))
def test_touches_are_judged_as_the_slow_version_says(stretches):
    history = [cycle for cycle, length in stretches for _ in range(length)]
    scene = Scene(GEOM_HUMAN)
    seen = [scene.see(-0.001 if touching else 0.01, speed, command=command) for touching, speed, command in history]
    assert seen == slow_flags(history)
    assert scene.counters.tolist() == [0, 0, seen.count(ContactFlag.HUMAN), seen.count(ContactFlag.HUMAN_CRIT)]


def slow_own_motion(history, t):
    """What the arm answers for in cycle t of (measured, commanded, touched before, fingers told), looking back."""
    last = max((k for k in range(t + 1) if history[k][2]), default=None)
    if last is None:
        return history[t][0], True
    told = np.abs([commanded for _, commanded, _, _ in history[last : t + 1]]).max(axis=0)
    own = [np.sign(speed) * min(abs(speed), most) for speed, most in zip(history[t][0], told, strict=True)]
    return own, any(fingers for _, _, _, fingers in history[last : t + 1])


joints = st.tuples(*[st.floats(-2.0, 2.0)] * 3)
moments = st.tuples(joints, joints | st.just((0.0, 0.0, 0.0)), st.sampled_from([False, False, True]), st.booleans())


@settings(max_examples=300, deadline=None)
@given(st.lists(moments, min_size=1, max_size=20))
def test_an_arm_answers_for_what_it_was_told_since_it_was_touched(history):
    limits, own = np.full(4, np.inf), np.zeros(3)
    for t, (measured, commanded, touched, fingers) in enumerate(history):
        limit_own_motion(np.array(measured), np.array(commanded), touched, fingers, limits, own)
        expected, fingers_own = slow_own_motion(history, t)
        np.testing.assert_array_equal(own, expected)
        assert (limits[3] > 0.0) == fingers_own


def test_the_gripper_may_touch_itself():
    scene = Scene(GEOM_GRIPPER)
    scene.classes[0] = GEOM_GRIPPER
    assert scene.see(-0.001) == ContactFlag.NULL


def test_illegal_is_any_of_static_robot_critical():
    for flags in range(32):
        expected = bool(ContactFlag(flags) & (ContactFlag.STATIC | ContactFlag.ROBOT | ContactFlag.HUMAN_CRIT))
        assert bool(is_illegal(np.array([flags]))[0]) is expected
