"""The explanation of a decision agrees with the shield, over many states, and says why."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hrg_pipeline.errors import HrgError
from hrg_pipeline.reporting.decision import Measured
from hrg_pipeline.reporting.decision_explain import explain, robot_capsules, segment_distances
from hrg_pipeline.shield.distance import segment_distance_sq
from hrg_pipeline.shield.goals import plan_goal
from hrg_pipeline.shield.model import ASSUMPTIONS, INTERVALS, PLAN_CONSISTENT, SSM
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.reach import interval_capsule
from hrg_pipeline.shield.shield import reset_shield
from tests.shield.toys import TS, Rig, general_arm, human_at, planar_arm

FAULTS = ("none", "none", "none", "none", "nan", "stale", "jump", "robot_nan", "off_track")


def told(rig, human, fault, rng):
    """What the shield is told in a cycle, with a fault in it."""
    q, dq, when = rig.q, rig.dq, rig.time
    if fault == "nan":
        human = human.copy()
        human[3, 1] = np.nan
    elif fault == "stale":
        when -= 0.1
    elif fault == "jump":
        human = human + np.array([0.05, 0.0, 0.0])
    elif fault == "robot_nan":
        q = q * np.nan
    elif fault == "off_track":
        q = q + rng.normal(size=len(q)) * 0.1
    return Measured(rig.time, human, when, q, dq)


def play(seed, cycles, params=None):
    """Compare the explanation with the shield in every cycle of a walk around; returns what happened."""
    rng = np.random.default_rng(seed)
    rig = Rig(planar_arm() if seed % 2 else general_arm(seed), params)
    state, i = rig.state, rig.i
    seen = Counter()
    human, velocity = human_at(1.5), np.zeros(3)
    for k in range(cycles):
        if k % 200 == 0:
            reset_shield(rig.model, state, i, rng.uniform(-1.5, 1.5, rig.n))
            away = rng.normal(size=3)
            hand = robot_capsules(rig.model, rig.q)[-1, 1]
            human = human_at(*(hand + rng.uniform(0.6, 1.2) * away / np.linalg.norm(away)))
        if k % 200 > 10 and k % 25 == 0:
            velocity = 1.5 * (robot_capsules(rig.model, rig.q)[-1, 1] - human[0]) + rng.uniform(-0.3, 0.3, 3)
            plan_goal(rig.model, state, i, np.clip(rig.q + rng.uniform(-1.0, 1.0, rig.n), -2.4, 2.4))
        elif state.replan_wanted[i]:
            plan_goal(rig.model, state, i)
        measured = told(rig, human, rng.choice(FAULTS) if k % 10 == 9 else "none", rng)
        before, violations = state.rows.copy(), state.violations[i].copy()
        decision = explain(rig.model, state, i, measured)
        assert state.rows.tobytes() == before.tobytes()
        rig.step(measured.human_pos, measured.q, measured.dq, measured.human_time)
        expected = state.violations[i] - violations
        believed = not {"measurement_finite", "measurement_fresh", "human_speed"} & set(decision.broken)
        if rig.model.mode == SSM and believed and np.isfinite(decision.gaps).all() and decision.gaps.min() < 1.0:
            assert abs(decision.gaps[decision.nearest] - state.min_distance[i]) < 1e-9
        assert decision.safe == bool(state.safe[i]), (seed, k, decision.reason)
        assert set(decision.broken) == {ASSUMPTIONS[n] for n in np.flatnonzero(expected)}, (seed, k)
        seen["unsafe"] += not decision.safe
        seen["assumption"] += decision.reason.startswith("assumption")
        seen["overlap"] += "may touch" in decision.reason
        seen["refined"] += "proven apart in" in decision.reason
        seen["at once"] += "whole horizon" in decision.reason
        seen["standstill"] += "standstill" in decision.reason
        seen["off"] += "is off" in decision.reason
        seen["inconsistent"] += bool(expected[PLAN_CONSISTENT])
        human = human + TS * velocity
    return seen


SENSOR = ShieldParams(measurement_error_m=0.02, measurement_delay_s=0.02)


@pytest.mark.parametrize(("seed", "params"), [(0, None), (1, None), (2, SENSOR), (3, SENSOR)])
def test_the_explanation_is_the_shields_verdict(seed, params):
    seen = play(seed, 800, params)
    assert min(seen[name] for name in ("unsafe", "assumption", "overlap", "at once", "standstill")) > 0, seen


def test_every_way_to_be_safe_is_met():
    seen = play(1, 600) + play(5, 600)
    assert seen["refined"] > 0, seen


def test_a_shield_that_is_off_is_explained_as_such():
    seen = play(1, 200, ShieldParams(type="OFF"))
    assert seen["off"] == 200 - seen["inconsistent"] > 0


def test_a_shield_of_an_unknown_kind_is_refused_in_one_line():
    rig = Rig()
    measured = Measured(0.0, human_at(1.5), 0.0, rig.q, rig.dq)
    with pytest.raises(HrgError, match="7 cannot be explained; only OFF and SSM"):
        explain(rig.model._replace(mode=7), rig.state, rig.i, measured)


def test_the_words_name_the_pair_and_the_interval():
    rig = Rig()
    plan_goal(rig.model, rig.state, rig.i, np.array([1.0, 0.0, 0.0]))
    human = human_at(0.9)
    far = explain(rig.model, rig.state, rig.i, Measured(0.0, human_at(5.0), 0.0, rig.q, rig.dq))
    assert far.safe and far.failing is None
    names = ["upper", "middle", "hand"], [f"part {b}" for b in range(24)]
    near = explain(rig.model, rig.state, rig.i, Measured(0.0, human, 0.0, rig.q, rig.dq), *names)
    assert not near.safe
    k, capsule, body = near.failing
    assert near.reason.startswith(f"{names[0][capsule]} may touch {names[1][body]} in interval {k + 1} of 6")


def test_sets_are_those_of_the_kernel():
    rig = Rig(general_arm(0))
    plan_goal(rig.model, rig.state, rig.i, np.full(7, 0.8))
    human = human_at(4.0)
    for _ in range(120):
        rig.step(human)
    decision = explain(rig.model, rig.state, rig.i, Measured(rig.time, human, rig.time, rig.q, rig.dq))
    plan, sets = decision.proposal, decision.sets
    s = [plan.at(plan.total * k / INTERVALS)[0][0] for k in range(INTERVALS + 1)]
    alpha = rig.state.ltt_alpha[rig.i, rig.state.active[rig.i]]
    axis = np.zeros((2, 3))
    for k in range(INTERVALS):
        for c in range(len(alpha)):
            bow = alpha[c] * (s[k + 1] - s[k]) ** 2 / 8.0
            around = interval_capsule(sets.ends[k, c], sets.ends[k + 1, c], bow, axis)
            assert bow > 0.0 and np.array_equal(axis, sets.axes[k, c])
            assert sets.radii[k, c] == pytest.approx(
                around + rig.model.capsule_radius[c] + rig.model.allowance, rel=1e-12
            )


def test_distances_are_those_of_the_kernel():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(40, 2, 3)), rng.normal(size=(30, 2, 3))
    first[0, 1], second[0, 1] = first[0, 0], second[0, 0]
    second[1] = first[1] + np.array([0.0, 0.3, 0.0])
    second[2] = first[2]
    second[3] = first[3, ::-1] * 2.0
    expected = [[np.sqrt(segment_distance_sq(p[0], p[1], q[0], q[1])) for q in second] for p in first]
    assert np.abs(segment_distances(first, second) - expected).max() < 1e-9
