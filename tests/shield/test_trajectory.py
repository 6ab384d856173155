from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hrg_pipeline.shield.profile import PROFILE_PHASES, plan_profiles
from hrg_pipeline.shield.trajectory import LTT_PHASES, build_ltt, ltt_at, rest_ltt, within_limits
from tests.shield.toys import Rig, planar_arm

N = 3


def planned(seed: int):
    rng = np.random.default_rng(seed)
    limits = Rig(planar_arm()).model.limits
    start = np.stack([rng.uniform(-2, 2, N), rng.uniform(-0.8, 0.8, N), rng.uniform(-2, 2, N)])
    goal = rng.uniform(-2, 2, N)
    phases = np.zeros((N, PROFILE_PHASES, 2))
    assert plan_profiles(start, goal, limits[:, 2:5], phases)
    ltt, extremes = np.zeros((N, LTT_PHASES, 5)), np.zeros((N, 5))
    duration = build_ltt(start, phases, ltt, extremes)
    return start, goal, limits, ltt, extremes, duration


def sampled(ltt, s):
    out = np.zeros((4, N))
    ltt_at(ltt, s, out)
    return out


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_starts_and_ends_where_it_should_and_is_smooth(seed):
    start, goal, _, ltt, extremes, duration = planned(seed)
    assert np.allclose(sampled(ltt, 0.0)[:3], start, atol=1e-12)
    end = sampled(ltt, duration + 1.0)
    assert np.allclose(end[0], goal, atol=1e-6) and (end[1:] == 0).all()
    times = np.linspace(0, duration * 1.05, 1500)
    values = np.stack([sampled(ltt, t) for t in times])
    dt = times[1] - times[0]
    for k, tolerance in ((0, 1e-3), (1, 1e-3)):
        slope = np.diff(values[:, k], axis=0) / dt
        middle = 0.5 * (values[1:, k + 1] + values[:-1, k + 1])
        assert np.abs(slope - middle).max() <= 15 * dt + tolerance
    # Exact extremes enclose every sample, and are reached.
    assert (values[:, 0].min(0) >= extremes[:, 0] - 1e-9).all() and (values[:, 0].max(0) <= extremes[:, 1] + 1e-9).all()
    assert np.allclose(values[:, 0].min(0), extremes[:, 0], atol=1e-4)
    assert np.allclose(values[:, 0].max(0), extremes[:, 1], atol=1e-4)
    for k in (1, 2, 3):
        assert (np.abs(values[:, k]).max(0) <= extremes[:, k + 1] + 1e-9).all()
    assert np.allclose(np.abs(values[:, 1]).max(0), extremes[:, 2], atol=1e-3)


def test_a_plan_that_leaves_the_joint_range_is_refused():
    limits = Rig(planar_arm()).model.limits
    start = np.array([[2.7, 0, 0], [0.9, 0, 0], [0.0, 0, 0]])
    goal = np.array([2.7, 0.0, 0.0])
    phases = np.zeros((N, PROFILE_PHASES, 2))
    assert plan_profiles(start, goal, limits[:, 2:5], phases)
    ltt, extremes = np.zeros((N, LTT_PHASES, 5)), np.zeros((N, 5))
    assert np.isfinite(build_ltt(start, phases, ltt, extremes))
    assert extremes[0, 1] > 2.8
    assert not within_limits(goal, ltt, extremes, limits)


def test_each_limit_is_enforced():
    _, goal, limits, ltt, extremes, _ = planned(3)
    assert within_limits(goal, ltt, extremes, limits)
    for column in (2, 3, 4):
        worse = extremes.copy()
        worse[1, column] = limits[1, column] * 1.01
        assert not within_limits(goal, ltt, worse, limits)
    assert not within_limits(goal + 1e-3, ltt, extremes, limits)
    assert not within_limits(goal, ltt, np.full_like(extremes, np.nan), limits)


def test_phases_that_do_not_end_at_rest_are_refused():
    ltt, extremes = np.zeros((1, LTT_PHASES, 5)), np.zeros((1, 5))
    phases = np.zeros((1, PROFILE_PHASES, 2))
    phases[0, 0] = 0.1, 1.0
    assert np.isnan(build_ltt(np.zeros((3, 1)), phases, ltt, extremes))
    assert np.isnan(build_ltt(np.zeros((3, 1)), phases * [-1.0, 1.0], ltt, extremes))
    assert np.isnan(build_ltt(np.full((3, 1), np.nan), 0 * phases, ltt, extremes))


def test_a_resting_trajectory_rests_everywhere():
    q, ltt = np.array([0.1, -0.2, 0.3]), np.ones((N, LTT_PHASES, 5))
    rest_ltt(q, ltt)
    for s in (-1.0, 0.0, 0.5, 100.0):
        assert (sampled(ltt, s)[0] == q).all() and (sampled(ltt, s)[1:] == 0).all()
