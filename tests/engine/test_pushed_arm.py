"""A person pushes an arm that stands still, lets go, and is touched by it as it swings back."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.engine.arrays import MOCAP_POS
from hrg_pipeline.engine.scene import CYCLE_S
from hrg_pipeline.engine.step import advance_physics, begin_cycle
from hrg_pipeline.human.body import BODY_INDEX, BODY_NAMES
from hrg_pipeline.physics import mujoco_c as c
from hrg_pipeline.physics.contacts import EVENT_SINCE, N_CRITICAL, N_HUMAN
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.shield.goals import set_goal
from hrg_pipeline.shield.shield import shield_cycle

HAND = BODY_INDEX["R_Hand"]


@kernel
def _cycle(scenes, envs, shields, guards, pos, fingers):
    """One cycle of environment 0 with the person at ``pos`` (24, 3)."""
    scene, env, shield, guard = scenes[0], envs[0], shields[0], guards[0]
    mocap = c.f64_array(env.fields[MOCAP_POS], 3 * pos.shape[0])
    for body in range(pos.shape[0]):
        for x in range(3):
            mocap[3 * body + x] = pos[body, x]
    people, stamps = np.expand_dims(pos, 0), np.array([env.clock * scene.cycle_s])
    begin_cycle(scene, guard, env)
    shield_cycle(shield, guard, stamps[0], people, stamps, env.q[:], env.dq[:])
    advance_physics(scene, shield, guard, env, fingers)
    env.clock += 1


@kernel
def _set_goal(shields, guards, goal):
    set_goal(shields[0], guards[0], goal)


class Push:
    """The gripper of a resting Panda is pushed by a hand; the rest of the person is far."""

    def __init__(self, engine):
        self.engine, self.arrays = engine, engine._arrays
        engine.reset(0, np.array(engine.robot.home_qpos), np.random.default_rng(0))
        self.grip = self.arrays.eef_pos[0].copy()
        self.pos = np.tile([6.0, 6.0, 1.0], (len(BODY_NAMES), 1)) + np.arange(len(BODY_NAMES))[:, None] * 0.01
        self.at = 0.2
        model = engine.scene.model
        self.fingers = [model.joint(f"gripper0_right_finger_joint{k}").dofadr[0] for k in (1, 2)]
        self.cycle()

    def cycle(self, fingers=0.0):
        """Let one cycle pass with the hand ``at`` this far in front of the grip site [m]."""
        self.pos[HAND] = self.grip + np.array([self.at, 0.0, 0.0])
        records = self.engine._constants.record, self.arrays.rows, self.engine.shield.record, self.engine.shields.rows
        _cycle(*records, self.pos, fingers)

    def move(self, to, speed=1.0, fingers=0.0):
        """Move the hand, at most as fast as people do."""
        for _ in range(int(abs(to - self.at) / (speed * CYCLE_S))):
            self.at += np.clip(to - self.at, -speed * CYCLE_S, speed * CYCLE_S)
            self.cycle(fingers)

    def wait_for_touch(self):
        """Hold the hand still until the arm touches it; return the arm's fastest joint then [rad/s]."""
        for _ in range(200):
            self.cycle()
            if self.arrays.human_event[0, EVENT_SINCE] == 0.0:
                return np.abs(self.arrays.dq[0]).max()
        raise AssertionError("the arm did not come back")

    @property
    def counted(self):
        return self.arrays.contact_counters[0, [N_HUMAN, N_CRITICAL]].tolist()


@pytest.mark.parametrize("shield", ["SSM", "PFL", "OFF"])
def test_what_a_pushed_arm_touches_as_it_swings_back_is_the_persons_doing(make_engine, shield):
    push = Push(make_engine(shield))
    push.move(-0.05)
    assert push.counted == [1, 0]
    push.move(0.0, speed=2.0)
    assert push.arrays.human_event[0, EVENT_SINCE] > 0.01
    assert push.wait_for_touch() > 0.05
    assert push.counted == [2, 0]
    assert push.arrays.contact_energy[0] < 1e-6


@pytest.mark.parametrize("told", [0.0, 1.0])
def test_fingers_answer_for_their_motion_only_if_they_were_told_to_move_since(make_engine, told):
    push = Push(make_engine("OFF"))
    push.move(-0.05)
    push.move(0.0, speed=2.0, fingers=told)
    assert np.abs(push.engine.data(0).qvel[push.fingers]).max() > 1e-4
    assert push.arrays.own_qvel[0, push.fingers].any() == (told != 0.0)


def test_an_arm_that_was_told_to_move_since_is_the_robots(make_engine):
    push = Push(make_engine("OFF"))
    push.move(-0.05)
    _set_goal(push.engine.shield.record, push.engine.shields.rows, push.arrays.q[0] + 0.05)
    push.move(0.0, speed=2.0)
    push.wait_for_touch()
    assert push.counted == [1, 1]


def test_an_arm_that_nobody_touched_answers_for_not_standing_where_it_should(make_engine):
    push = Push(make_engine("SSM"))
    push.engine.data(0).qvel[push.engine._constants.arm_dof] = -0.5
    push.at = 0.02
    assert push.wait_for_touch() > 0.05
    assert push.counted == [0, 1]
