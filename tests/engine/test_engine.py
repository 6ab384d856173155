"""The compiled RL step does what the slow, obvious one does, and nothing depends on threads."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.engine.scene import CYCLES_PER_STEP
from hrg_pipeline.shield.goals import plan_goal
from tests.engine.reference import SlowStepper


def reset_all(engine, seed=3):
    for i in range(engine.num_envs):
        rng = np.random.default_rng([seed, i])
        engine.reset(i, np.array(engine.robot.home_qpos) + 0.02 * rng.standard_normal(engine.dof), rng)


def random_actions(engine, n_steps, seed=5):
    return np.random.default_rng(seed).uniform(-1, 1, (n_steps, engine.num_envs, engine.dof + 1))


def run(engine, actions):
    reset_all(engine)
    seen = []
    for action in actions:
        engine.step(action)
        seen.append(np.concatenate([engine.q, engine.dq, engine.eef_pos, engine.human_position("L_Hand")], axis=1))
    return np.array(seen)


@pytest.mark.parametrize("shield", ["OFF", "SSM"])
def test_the_compiled_step_agrees_with_the_slow_one(make_engine, shield):
    fast, slow = make_engine(shield), make_engine(shield)
    reset_all(fast)
    reset_all(slow)
    stepper = SlowStepper(slow)
    for action in random_actions(fast, 15):
        action[:, -1] = 0.0
        fast.step(action)
        q = slow.data(0).qpos[:7].copy()
        goal = np.clip(q + 0.2 * action[0, :-1], slow.robot.q_min, slow.robot.q_max)
        plan_goal(slow.shield, slow.shields, 0, goal)
        for _ in range(CYCLES_PER_STEP):
            if slow.shields.replan_wanted[0]:
                plan_goal(slow.shield, slow.shields, 0)
            stepper.cycle()
        np.testing.assert_allclose(fast.data(0).qpos, slow.data(0).qpos, atol=1e-9)
        np.testing.assert_allclose(fast.data(0).qvel, slow.data(0).qvel, atol=1e-7)


def test_one_step_is_exactly_a_tenth_of_a_second(make_engine):
    engine = make_engine()
    reset_all(engine)
    for k in range(1, 21):
        engine.step(np.zeros((1, 8)))
        assert engine.data(0).time == pytest.approx(0.1 * k, abs=1e-12)
        assert engine.time[0] == pytest.approx(0.1 * k, abs=1e-12)


def test_results_do_not_depend_on_threads_or_neighbours(make_engine):
    one, many, alone = make_engine(num_envs=3), make_engine(num_envs=3, n_threads=3), make_engine(num_envs=1)
    actions = random_actions(one, 30)
    first, second, third = run(one, actions), run(many, actions), run(alone, actions[:, :1])
    assert first.tobytes() == second.tobytes()
    assert first[:, :1].tobytes() == third.tobytes()


def test_leaving_a_far_human_out_of_collision_detection_changes_nothing(make_engine):
    lazy, thorough = make_engine("OFF"), make_engine("OFF")
    thorough._constants.record["model_far"] = thorough._arrays.model[0]
    actions = random_actions(lazy, 80)
    assert run(lazy, actions).tobytes() == run(thorough, actions).tobytes()
    assert lazy.shields.distance_bound[0] != -np.inf


def test_the_shield_does_nothing_while_the_human_is_far(make_engine):
    guarded, free = make_engine("SSM"), make_engine("OFF")
    seen = []
    for engine in (guarded, free):
        reset_all(engine)
        engine._arrays.human_frame[:, 0, 0] += 8.0
        for action in random_actions(engine, 60):
            engine.step(action)
        seen.append(engine.q.copy())
    info = guarded.shield_info()
    assert info["failsafe_interventions"][0] == 0
    assert info["time_slowed_s"][0] == 0.0 and info["time_stopped_s"][0] == 0.0
    assert seen[0].tobytes() == seen[1].tobytes()


def test_a_saved_state_goes_on_bit_for_bit(make_engine):
    engine = make_engine(num_envs=2)
    actions = random_actions(engine, 60)
    run(engine, actions[:20])
    saved = engine.get_state(1)

    def go_on():
        rows = []
        for action in actions[20:50]:
            engine.step(action)
            rows.append(np.concatenate([engine.q[1], engine.dq[1], engine.human_position("R_Hand")[1]]))
        return np.array(rows), engine.shield_info()

    first, first_info = go_on()
    engine.set_state(1, saved)
    second, second_info = go_on()
    assert first.tobytes() == second.tobytes()
    for name in first_info:
        np.testing.assert_array_equal(first_info[name][1], second_info[name][1], err_msg=name)


def test_the_arm_follows_its_command_closely(make_engine):
    engine = make_engine("OFF")
    reset_all(engine)
    worst = 0.0
    for action in random_actions(engine, 80):
        engine.step(action)
        if engine.torque_share[0] <= 1.0 and not engine.contact_flags[0]:
            worst = max(worst, float(np.abs(engine.shields.command[0, 0] - engine.q[0]).max()))
    assert worst < 0.005


def test_the_gripper_opens_and_closes(make_engine):
    engine = make_engine()
    reset_all(engine)
    action = np.zeros((1, 8))
    for sign, wanted in ((-1.0, 1.0), (1.0, 0.0)):
        action[0, -1] = sign
        for _ in range(15):
            engine.step(action)
        assert engine.gripper_opening()[0] == pytest.approx(wanted, abs=0.05)


def test_unstable_physics_is_reported_and_ends_with_a_reset(make_engine):
    engine = make_engine()
    reset_all(engine)
    engine.data(0).qvel[:] = np.nan
    engine.step(np.zeros((1, 8)))
    assert engine.failure[0] == 1
    reset_all(engine)
    assert engine.failure[0] == 0
    engine.step(np.zeros((1, 8)))
    assert engine.failure[0] == 0
    assert np.isfinite(engine.q).all()


def test_without_a_valid_human_measurement_the_robot_does_not_move(make_engine):
    engine = make_engine()
    reset_all(engine)
    engine._arrays.human_frame[0, 0] = np.nan
    start = engine.q.copy()
    for _ in range(5):
        engine.step(np.ones((1, 8)))
    np.testing.assert_allclose(engine.q, start, atol=1e-3)
    assert engine.shield_info()["failsafe_interventions"][0] == 5
    assert engine.shield_info()["assumption/measurement_finite"][0] == 5 * CYCLES_PER_STEP
