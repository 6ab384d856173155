from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrg_pipeline.shield.distance import judge_by_middles, segment_distance_sq, segments_apart
from tests.shield.reference import segment_distance

coordinate = st.floats(-2, 2, allow_subnormal=False)
point = st.tuples(coordinate, coordinate, coordinate).map(np.array)


def distance(*points) -> float:
    return float(np.sqrt(segment_distance_sq(*points)))


@settings(max_examples=300, deadline=None)
@given(point, point, point, point)
def test_agrees_with_brute_force(p1, p2, q1, q2):
    assert distance(p1, p2, q1, q2) == pytest.approx(segment_distance(p1, p2, q1, q2), abs=1e-7)


@settings(max_examples=300, deadline=None)
@given(point, point, point, st.floats(-3, 3), st.sampled_from([0.0, 1e-15, 1e-12, 1e-9, 1e-6]))
def test_parallel_and_nearly_parallel_segments(p1, p2, q1, scale, tilt):
    q2 = q1 + scale * (p2 - p1) + tilt
    assert distance(p1, p2, q1, q2) == pytest.approx(segment_distance(p1, p2, q1, q2), abs=1e-7)


@settings(max_examples=100, deadline=None)
@given(point, point, point)
def test_point_like_segments(p1, q1, q2):
    assert distance(p1, p1, q1, q2) == pytest.approx(segment_distance(q1, q2, p1, p1), abs=1e-7)
    assert distance(p1, p1, q1, q1) == pytest.approx(float(np.linalg.norm(p1 - q1)), abs=1e-9)


@settings(max_examples=500, deadline=None)
@given(point, point, point, point, st.sampled_from([None, 0.0, 1e-12, 1e-6]))
def test_apart_means_farther_than_that(p1, p2, q1, q2, tilt):
    if tilt is not None:
        q2 = q1 + 0.7 * (p2 - p1) + tilt
    true = segment_distance(p1, p2, q1, q2)
    for share in (0.0, 0.3, 1.0 - 1e-6, 1.0 + 1e-6, 1.5):
        if abs(share * true - true) > 2e-7:
            assert segments_apart(p1, p2, q1, q2, share * true) == (share < 1.0)
    assert not segments_apart(p1, p2, q1, np.array([np.nan, 0.0, 0.0]), 0.1)
    assert not segments_apart(p1, np.array([0.0, np.nan, 0.0]), q1, q2, 0.1)
    assert not segments_apart(p1, p2, q1, q2, np.nan)


@settings(max_examples=500, deadline=None)
@given(point, point, point, point, st.floats(0.0, 2.0))
def test_what_the_middles_tell_is_true(p1, p2, q1, q2, share):
    true = segment_distance(p1, p2, q1, q2)
    far = float(np.linalg.norm(p1 + p2 - q1 - q2)) / 2.0
    told = judge_by_middles(p1, p2, q1, q2, share * true)
    assert told < 1 or share * true < true + 2e-7
    assert told > -1 or share * true > true - 2e-7
    assert judge_by_middles(p1, p2, q1, q2, 1.01 * far + 1e-9) == -1
    apart = float(np.linalg.norm(p1 - q1))
    assert apart < 1e-9 or judge_by_middles(p1, p1, q1, q1, 0.99 * apart) == 1
    assert judge_by_middles(p1, p2, q1, np.array([np.nan, 0.0, 0.0]), 0.1) == -1
    assert judge_by_middles(p1, p2, q1, q2, np.nan) == -1


def test_vertical_arm_beside_upright_torso():
    z = np.array([0.0, 0.0, 1.0])
    x = np.array([1.0, 0.0, 0.0])
    assert distance(0 * z, z, x + 0.2 * z, x + 0.9 * z) == pytest.approx(1.0)
    assert distance(0 * z, z, x + 3 * z, x + 2 * z) == pytest.approx(np.sqrt(2.0))


def test_not_a_number_is_never_a_distance():
    p = np.zeros(3)
    assert np.isnan(segment_distance_sq(p, p + 1, p + 2, np.array([np.nan, 0, 0])))
    assert np.isnan(segment_distance_sq(np.array([np.nan, 0, 0]), p + 1, p + 2, p))
