from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.shield.goals import plan_goal
from hrg_pipeline.shield.model import ASSUMPTIONS, FROM_REST, NO_CANDIDATE
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.separation import CLOSE_M
from hrg_pipeline.shield.shield import reset_shield
from tests.shield import reference
from tests.shield.toys import TS, Rig, general_arm, human_at, planar_arm

FAR = human_at(6.0)
PLAN = ("active", "plan_start", "plan_phases", "plan_total", "plan_elapsed", "path", "command")


def go(rig: Rig, cycles: int, human=FAR) -> None:
    for _ in range(cycles):
        rig.step(human)
        if rig.state.replan_wanted[rig.i]:
            plan_goal(rig.model, rig.state, rig.i)


def moving_rig(params: ShieldParams | None = None) -> Rig:
    rig = Rig(planar_arm(), params)
    rig.step(FAR)
    assert plan_goal(rig.model, rig.state, rig.i, np.array([1.5, 1.0, -1.0]))
    go(rig, 150)
    assert np.abs(rig.dq).max() > 0.5
    return rig


def violations(rig: Rig) -> dict[str, int]:
    return dict(zip(ASSUMPTIONS, rig.state.violations[rig.i].tolist(), strict=True))


@pytest.mark.parametrize("geometry", [planar_arm(), general_arm()])
def test_goals_are_reached_with_nobody_near(geometry):
    rig = Rig(geometry)
    rng = np.random.default_rng(0)
    for _ in range(3):
        goal = rng.uniform(-1.5, 1.5, rig.n)
        plan_goal(rig.model, rig.state, rig.i, goal)
        go(rig, 1500)
        assert np.allclose(rig.q, goal, atol=1e-6) and (rig.dq == 0).all()
    assert rig.state.intervened[rig.i] == 0 and rig.state.violations.sum() == 0
    assert rig.state.slowed_cycles[rig.i] == rig.state.stopped_cycles[rig.i] == 0


def test_a_goal_can_be_changed_in_full_motion():
    rig = moving_rig()
    goal = np.array([-1.0, 0.3, 0.2])
    assert plan_goal(rig.model, rig.state, rig.i, goal)
    go(rig, 1500)
    assert np.allclose(rig.q, goal, atol=1e-6)
    assert rig.state.intervened[rig.i] == 0


def test_stops_for_a_human_and_recovers_when_they_leave():
    rig = Rig(planar_arm())
    near, start = human_at(0.5, 0.4), human_at(1.8, 0.4)
    share = np.linspace(1.0, 0.0, 300)
    path = [near + x * (start - near) for x in share * share * (3.0 - 2.0 * share)]  # starts and stops gently
    rig.step(start)
    plan_goal(rig.model, rig.state, rig.i, np.array([1.5, 1.0, -1.0]))
    for human in path:
        go(rig, 1, human)
    go(rig, 200, near)  # it stood still; beside somebody who does not move it may creep
    assert np.abs(rig.dq).max() < 0.05 and rig.state.stopped_cycles[rig.i] > 0 and rig.state.intervened[rig.i] == 1
    for human in reversed(path):
        go(rig, 1, human)
    go(rig, 1500, start)
    assert np.allclose(rig.q, [1.5, 1.0, -1.0], atol=1e-6)
    assert violations(rig) == dict.fromkeys(ASSUMPTIONS, 0)


def test_new_goal_while_stopped_waits_for_the_human_to_leave():
    rig = Rig(planar_arm())
    near = human_at(0.5, 0.3)
    go(rig, 5, near)
    goal = np.array([1.0, 0.5, 0.5])
    assert plan_goal(rig.model, rig.state, rig.i, goal)
    go(rig, 100, near)
    assert rig.state.candidate[rig.i] == FROM_REST and (rig.q == 0).all()
    for x in np.linspace(0, 1, 900):
        go(rig, 1, near + x * (FAR - near))
    go(rig, 1500)
    assert np.allclose(rig.q, goal, atol=1e-6)


def test_off_never_intervenes():
    rig = Rig(planar_arm(), ShieldParams(type="OFF"))
    goal = np.array([1.0, 0.5, 0.5])
    plan_goal(rig.model, rig.state, rig.i, goal)
    go(rig, 1000, human_at(0.5, 0.2))
    assert np.allclose(rig.q, goal, atol=1e-6)
    assert rig.state.safe[rig.i] == 1 and rig.state.intervened[rig.i] == 0


FAILURES = {
    "measurement_finite": {"human": np.where(np.arange(24)[:, None] == 7, np.nan, FAR)},
    "measurement_fresh": {"human_time": -0.05},
    "human_speed": {"human": FAR - np.eye(24, 3) * 0.009},
    "robot_state_finite": {"q_meas": np.array([0.0, np.nan, 0.0])},
    "tracking": {"offset": 0.05},
}


@pytest.mark.parametrize("name", FAILURES)
def test_any_doubt_brakes_at_once_and_is_counted_by_name(name):
    rig = moving_rig()
    case = FAILURES[name]
    speed = rig.speed
    rig.step(
        case.get("human", FAR),
        q_meas=case.get("q_meas", rig.q + case.get("offset", 0.0)),
        human_time=rig.time + case.get("human_time", 0.0),
    )
    assert rig.state.safe[rig.i] == 0 and rig.state.intervened[rig.i] == 1 and rig.speed < speed
    counts = violations(rig)
    assert counts[name] == 1
    if name == "measurement_fresh":  # a stamp that runs backwards is also an impossible motion
        counts["human_speed"] = 0
    assert sum(counts.values()) == 1


@pytest.mark.parametrize("stamp", [np.nan, np.inf, 0.1])
def test_stamps_from_nowhere_or_the_future_are_not_believed(stamp):
    rig = moving_rig()
    rig.step(FAR, human_time=rig.time + stamp)
    assert rig.state.safe[rig.i] == 0


def test_nothing_moves_before_the_first_measurement():
    rig = Rig(planar_arm())
    plan_goal(rig.model, rig.state, rig.i, np.array([1.0, 0.5, 0.5]))
    for _ in range(50):
        rig.step(np.full((24, 3), np.nan))
    assert (rig.q == 0).all() and rig.state.safe[rig.i] == 0
    go(rig, 1000)
    assert np.allclose(rig.q, [1.0, 0.5, 0.5], atol=1e-6)


def test_a_broken_plan_is_not_followed_into_the_unknown():
    rig = moving_rig()
    rig.state.ltt_limits[rig.i] = np.nan
    before = rig.speed
    rig.step(FAR)
    assert rig.state.safe[rig.i] == 0 and rig.speed < before
    rig = moving_rig()
    plan_goal(rig.model, rig.state, rig.i, np.zeros(3))
    rig.state.ltt[rig.i, 1 - rig.state.active[rig.i], :, :, 1] += 0.01
    rig.step(FAR)
    assert violations(rig)["plan_consistent"] == 1 and rig.state.candidate[rig.i] == NO_CANDIDATE


def test_a_candidate_never_touches_the_active_plan():
    human = human_at(4.0)
    with_goal, without = Rig(planar_arm()), Rig(planar_arm())
    for rig in (with_goal, without):
        rig.step(human)
        plan_goal(rig.model, rig.state, rig.i, np.array([1.5, 1.0, -1.0]))
        go(rig, 150, human)
    for rig in (with_goal, without):
        rig.step(human, human_time=np.nan)  # this cycle brakes
    saved = {name: getattr(with_goal.state, name)[1].copy() for name in PLAN}
    slot = int(with_goal.state.active[1])
    ltt = with_goal.state.ltt[1, slot].copy()
    plan_goal(with_goal.model, with_goal.state, 1, np.array([-1.5, -1.0, 1.0]))
    assert with_goal.state.candidate[1] != NO_CANDIDATE
    for name, value in saved.items():
        assert np.array_equal(getattr(with_goal.state, name)[1], value), name
    # The candidate fails: both robots make the same stop, bit by bit.
    for _ in range(100):
        for rig in (with_goal, without):
            rig.step(human, human_time=np.nan)
        assert np.array_equal(with_goal.state.ltt[1, slot], ltt)
        assert np.array_equal(with_goal.state.command[1], without.state.command[1])
    assert (with_goal.dq == 0).all()


def test_goals_that_cannot_be_reached_are_refused_without_harm():
    rig = Rig(planar_arm())
    rig.step(FAR)
    for goal in (np.array([3.0, 0, 0]), np.array([np.nan, 0, 0])):
        assert not plan_goal(rig.model, rig.state, rig.i, goal)
    assert rig.state.refused_goals[rig.i] == 2
    go(rig, 20)
    assert (rig.q == 0).all() and rig.state.replan_wanted[rig.i] == 0
    with pytest.raises(ValueError, match=r"goal has shape \(2,\), expected \(3,\)"):
        plan_goal(rig.model, rig.state, rig.i, np.zeros(2))


def test_a_robot_pressed_against_something_is_freed():
    rig = moving_rig()
    stuck = rig.q
    for _ in range(120):  # it stops following; the shield stops, and after a while accepts where it is
        rig.step(FAR, q_meas=stuck, dq_meas=np.zeros(3))
    assert rig.state.reanchors[rig.i] == 1
    assert np.allclose(rig.q, stuck) and (rig.dq == 0).all()
    plan_goal(rig.model, rig.state, rig.i, np.zeros(3))
    go(rig, 1000)
    assert np.allclose(rig.q, 0, atol=1e-6)


def test_reset_forgets_everything():
    rig = moving_rig()
    rig.step(human_at(0.5))
    q = np.array([0.3, 0.2, 5.0])
    reset_shield(rig.model, rig.state, rig.i, q)
    assert np.allclose(rig.q, [0.3, 0.2, 2.8]) and (rig.dq == 0).all()
    assert violations(rig) == dict.fromkeys(ASSUMPTIONS, 0) and np.isnan(rig.state.human_time[rig.i]).all()
    go(rig, 50)
    assert np.allclose(rig.q, [0.3, 0.2, 2.8]) and rig.state.safe[rig.i] == 1


def test_distance_between_robot_and_human_is_reported():
    rig = Rig(planar_arm())
    for x in (0.2, 1.5, 1.8):
        reset_shield(rig.model, rig.state, rig.i, np.zeros(3))
        human = human_at(x)
        rig.step(human)
        expected = reference.gap(rig.geometry, rig.model, rig.q, human)
        assert rig.state.min_distance[rig.i] == pytest.approx(expected, abs=1e-3)
    reset_shield(rig.model, rig.state, rig.i, np.zeros(3))
    rig.step(FAR)
    assert 1.0 <= rig.state.min_distance[rig.i] <= reference.gap(rig.geometry, rig.model, rig.q, FAR)


@pytest.mark.parametrize("mode", ["SSM", "OFF"])
def test_distance_is_exact_when_near_and_never_hopeful_when_far(mode):
    rng = np.random.default_rng(3)
    rig = Rig(planar_arm(), ShieldParams(type=mode))
    exact = stale = 0
    for k in range(900):
        x = 1.9 + 1.2 * np.cos(k * TS)  # comes as near as 0.7 m and leaves again
        human = human_at(x, 0.1 * np.sin(3.0 * k * TS))
        if k % 50 == 0:
            plan_goal(rig.model, rig.state, rig.i, rng.uniform(-1.5, 1.5, 3))
        q = rig.q
        rig.step(human)
        if rig.state.replan_wanted[rig.i]:
            plan_goal(rig.model, rig.state, rig.i)
        expected = reference.gap(rig.geometry, rig.model, q, human)
        shown, bound = rig.state.min_distance[rig.i], rig.state.distance_bound[rig.i]
        assert bound <= expected + 1e-9
        if expected < CLOSE_M:
            assert shown == pytest.approx(expected, abs=1e-3)
            exact += 1
        elif expected >= 1.0:
            assert 0.9 < shown <= expected + 0.1
        else:
            assert shown == pytest.approx(expected, abs=0.1)
            stale += abs(shown - expected) > 1e-3
    assert exact > 50 and stale > 50


def test_verdicts_are_never_more_hopeful_than_dense_sampling_and_not_hopeless():
    rng = np.random.default_rng(1)
    safe = 0
    for _ in range(40):
        rig = Rig(planar_arm(), ShieldParams(measurement_delay_s=0.02, measurement_error_m=0.01))
        rig.step(FAR)
        plan_goal(rig.model, rig.state, rig.i, rng.uniform(-1.5, 1.5, 3))
        go(rig, 120)
        human = human_at(*(rng.uniform([1.0, -1.2], [2.2, 1.2])))
        rig.state.human_seen[rig.i] = 0  # a first measurement may be anywhere
        rig.step(human)
        if rig.state.safe[rig.i]:
            safe += 1
            assert reference.plan_is_clear(rig.geometry, rig.model, rig.state, rig.i, human, 0.02)
    assert 5 <= safe <= 38


def test_state_at_the_end_of_a_cycle_is_the_command():
    rig = moving_rig()
    for _ in range(10):
        q, dq = rig.q, rig.dq
        rig.step(FAR)
        assert np.allclose(rig.q, q + TS * 0.5 * (dq + rig.dq), atol=2e-6)
