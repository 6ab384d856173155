"""Humans that run into the robot at the assumed bound never meet a moving one."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.engine.scene import CYCLE_S, CYCLES_PER_STEP
from hrg_pipeline.shield.goals import plan_goal
from tests.engine.reference import SlowStepper

V_MAX = 2.0
SAFE_VEL = 0.01


class Runner:
    """A person in a fixed posture who moves at exactly the assumed speed bound, as the strategy says."""

    def __init__(self, engine, rng):
        self.engine, self.rng = engine, rng
        arrays = engine._arrays
        self.pos, self.quat = arrays.human_pos[0, 0].copy(), arrays.human_quat[0, 0].copy()
        start = np.array([*rng.uniform(-0.3, 0.3, 2), rng.uniform(0.9, 1.3)])
        direction = rng.standard_normal(3) * [1.0, 1.0, 0.3]
        start += rng.uniform(0.8, 1.6) * direction / np.linalg.norm(direction)
        self.pos += start - self.pos[rng.integers(24)]
        self.strategy = rng.choice(["chase", "wait_then_chase", "swing", "to_gripper"])
        self.clock = 0
        self.bodies = [engine.scene.model.jnt_bodyid[j] for j in engine.scene.arm_joints]
        self.gripper = engine.scene.model.site("gripper0_right_grip_site").id

    def __call__(self, t):
        self.clock += 1
        target = self._nearest_point()
        body = int(np.argmin(np.linalg.norm(self.pos - target, axis=1)))
        direction = target - self.pos[body]
        distance = np.linalg.norm(direction)
        step = V_MAX * CYCLE_S * direction / max(distance, 1e-9)
        if self.strategy == "wait_then_chase" and self.clock < 40:
            step = np.zeros(3)
        if self.strategy == "swing" and (self.clock // 60) % 2:
            step = -step
        self.pos = self.pos + step
        return self.pos, self.quat

    def _nearest_point(self):
        data = self.engine.data(0)
        if self.strategy == "to_gripper":
            return data.site_xpos[self.gripper]
        points = data.xpos[self.bodies]
        gaps = np.linalg.norm(points[:, None] - self.pos[None], axis=2).min(axis=1)
        return points[np.argmin(gaps)]


def attack(engine, n_cycles, seed):
    """Return the robot's speed at every first contact with the human, and how far the arm moved in all [m/s, rad]."""
    rng = np.random.default_rng(seed)
    speeds, moved, done = [], 0.0, 0
    while done < n_cycles:
        start = np.array(engine.robot.home_qpos) + rng.uniform(-0.5, 0.5, engine.dof)
        engine.reset(0, start, rng)
        stepper = SlowStepper(engine, Runner(engine, rng))
        toward = rng.uniform(-1, 1, engine.dof)
        while stepper.clock < 250 and not stepper.human_contacts:
            q = engine.data(0).qpos[:7].copy()
            if stepper.clock % CYCLES_PER_STEP == 0:
                goal = np.clip(q + 0.2 * np.sign(toward), engine.robot.q_min, engine.robot.q_max)
                plan_goal(engine.shield, engine.shields, 0, goal)
            elif engine.shields.replan_wanted[0]:
                plan_goal(engine.shield, engine.shields, 0)
            stepper.cycle()
            moved += np.abs(engine.data(0).qpos[:7] - q).sum()
        speeds.extend(stepper.human_contacts)
        done += stepper.clock
    return np.array(speeds), moved


@pytest.mark.slow
def test_no_contact_while_the_robot_moves(make_engine):
    speeds, moved = attack(make_engine("SSM", use_acceleration_bounds=False), 20_000, seed=1)
    assert len(speeds) > 30, "the adversaries hardly ever reached the robot: this test would prove nothing"
    assert moved > 10.0, "the robot hardly moved: this test would prove nothing"
    assert speeds.max() <= SAFE_VEL


@pytest.mark.nightly
def test_no_contact_while_the_robot_moves_for_long(make_engine):
    speeds, _ = attack(make_engine("SSM", use_acceleration_bounds=False), 200_000, seed=2)
    assert len(speeds) > 300
    assert speeds.max() <= SAFE_VEL


@pytest.mark.slow
def test_the_same_adversaries_do_hit_a_moving_robot_without_the_shield(make_engine):
    speeds, _ = attack(make_engine("OFF"), 5_000, seed=1)
    assert (speeds > SAFE_VEL).mean() > 0.5
