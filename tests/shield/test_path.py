from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hrg_pipeline.shield.path import (
    INTENDED_PHASES,
    PLAN_PHASES,
    path_limits,
    path_state,
    plan_speed_change,
    propose_plan,
    top_speed,
)

TS = 0.004
unit = st.floats(0, 1)
fraction = st.floats(-1, 1)
a_bound = st.floats(0.5, 50)
j_bound = st.floats(10, 5000)
fast = settings(max_examples=300, deadline=None)


def run(v, a, phases):
    """Speeds and accelerations at fine samples of some phases."""
    speeds, accelerations = [v], [a]
    for duration, jerk in phases:
        t = np.linspace(0, duration, 21)
        speeds += list(v + a * t + jerk * t**2 / 2)
        accelerations += list(a + jerk * t)
        v, a = speeds[-1], accelerations[-1]
    return np.array(speeds), np.array(accelerations)


@fast
@given(unit, fraction, unit, a_bound, j_bound)
def test_speed_change_ends_exactly_within_all_bounds(v, share, target, a_max, j_max):
    a = share * a_max
    assume(0 <= v + a * abs(a) / (2 * j_max) <= 1)
    phases = np.zeros((3, 2))
    assert plan_speed_change(v, a, target, a_max, j_max, phases)
    speeds, accelerations = run(v, a, phases)
    assert (phases[:, 0] >= 0).all()
    assert np.abs(phases[:, 1]).max() <= j_max
    assert np.abs(accelerations).max() <= a_max * (1 + 1e-9)
    assert speeds.min() >= -1e-9 and speeds.max() <= 1 + 1e-9
    assert abs(speeds[-1] - target) < 1e-9 and abs(accelerations[-1]) < 1e-7 * a_max


@fast
@given(unit, st.floats(0.01, 1), a_bound, st.floats(0.1, 0.99))
def test_a_state_that_must_leave_the_bounds_is_refused(v, share, a_max, too_small):
    a = share * a_max
    for room, sign in ((1 - v, 1), (v, -1)):
        j_max = too_small * a**2 / (2 * max(room, 1e-3))
        assume(a**2 / (2 * j_max) > room + 1e-8)
        assert not plan_speed_change(v, sign * a, 0.0, a_max, j_max, np.zeros((3, 2)))


def test_numbers_that_cannot_be_are_refused():
    out = np.zeros((3, 2))
    good = (0.5, 0.0, 1.0, 5.0, 200.0)
    assert plan_speed_change(*good, out)
    for k in range(2):
        for bad in (np.nan, np.inf, -np.inf, 7.0):
            assert not plan_speed_change(*good[:k], bad, *good[k + 1 :], out)
    for k in (3, 4):
        for bad in (np.nan, np.inf, 0.0, -1.0):
            assert not plan_speed_change(*good[:k], bad, *good[k + 1 :], out)
    assert propose_plan(np.nan, 0.5, 0.0, 5.0, 200.0, TS, np.zeros(3), np.zeros((PLAN_PHASES, 2))) < 0


@fast
@given(unit, fraction, a_bound, j_bound, st.floats(0, 1.5))
def test_a_plan_is_one_sample_forward_and_a_stop(v, share, a_max, j_max, when):
    a = share * a_max
    assume(0 <= v + a * abs(a) / (2 * j_max) <= 1)
    start, phases = np.zeros(3), np.zeros((PLAN_PHASES, 2))
    total = propose_plan(2.0, v, a, a_max, j_max, TS, start, phases)
    assert total >= TS
    assert np.isclose(phases[:, 0].sum(), total) and np.isclose(phases[:INTENDED_PHASES, 0].sum(), TS)
    s, speed, acceleration, jerk = path_state(start, phases, total, when * total)
    assert s >= 2.0 - 1e-9 and 0 <= speed <= 1
    assert abs(acceleration) <= a_max * (1 + 1e-9) and abs(jerk) <= j_max
    if when >= 1:
        assert (speed, acceleration, jerk) == (0.0, 0.0, 0.0)
    assert path_state(start, phases, total, total)[1] == 0.0


@fast
@given(unit, a_bound, j_bound, st.integers(0, 60))
def test_every_state_of_a_plan_can_be_continued(v, a_max, j_max, steps):
    """Feasible for ever: proposals and stops may alternate in any way."""
    start, phases, scratch = np.zeros(3), np.zeros((PLAN_PHASES, 2)), np.zeros((PLAN_PHASES, 2))
    rng = np.random.default_rng(steps)
    total, elapsed = propose_plan(0.0, v, 0.0, a_max, j_max, TS, start, phases), 0.0
    state = (0.0, v, 0.0, 0.0)
    for _ in range(steps):
        proposal = np.zeros(3)
        duration = propose_plan(*state[:3], a_max, j_max, TS, proposal, scratch)
        assert duration >= 0
        if rng.random() < 0.5:
            start, phases, total, elapsed = proposal, scratch.copy(), duration, 0.0
        elapsed += TS
        before, state = state, path_state(start, phases, total, elapsed)
        assert state[0] >= before[0]
        assert abs(state[1] - before[1]) <= a_max * TS * (1 + 1e-9)
        assert abs(state[2] - before[2]) <= j_max * TS * (1 + 1e-9)


@fast
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 2), st.floats(0, 15)), min_size=1, max_size=7),
    unit,
    fraction,
    fraction,
)
def test_path_limits_keep_every_joint_within_its_limits(joints, v, share_a, share_j):
    q_s, q_ss, q_sss = np.array(joints).T.copy()
    n = len(q_s)
    a_max, j_max = path_limits(q_s, q_ss, q_sss, np.full(n, 10.0), np.full(n, 400.0))
    assert 0 < a_max <= 50 and 0 < j_max <= 5000
    a, j = share_a * a_max, share_j * j_max
    assert (q_s * abs(a) + q_ss * v**2 <= 10 + 1e-9).all()
    assert (q_s * abs(j) + 3 * q_ss * v * abs(a) + q_sss * v**3 <= 400 + 1e-9).all()


@fast
@given(unit, fraction, a_bound, j_bound, unit, unit)
def test_the_top_speed_is_that_of_dense_sampling(v, share, a_max, j_max, x, y):
    a = share * a_max
    assume(0 <= v + a * abs(a) / (2 * j_max) <= 1)
    start, phases = np.zeros(3), np.zeros((PLAN_PHASES, 2))
    total = propose_plan(0.0, v, a, a_max, j_max, TS, start, phases)
    begin, end = sorted((x * total, y * total))
    turns = np.concatenate([[0.0], np.cumsum(phases[:, 0])])
    times = np.concatenate([np.linspace(begin, end, 400), turns[(begin <= turns) & (turns <= end)]])
    sampled = max(path_state(start, phases, total, t)[1] for t in times)
    found = top_speed(start, phases, begin, end)
    between = a_max * (end - begin) / 400  # what the speed may rise from a sample to a peak
    assert sampled - 1e-9 <= found <= sampled + min(between, j_max * ((end - begin) / 400) ** 2) + 1e-6
