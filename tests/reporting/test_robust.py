"""The statistics of few seeds against counting everything."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrg_pipeline.errors import HrgError
from hrg_pipeline.reporting.robust import (
    as_scores,
    improvement_interval,
    interquartile_mean,
    iqm_interval,
    performance_profile,
    probability_of_improvement,
)

SCORES = as_scores({"reach": [0.1, 0.9], "lift": [0.3, 0.35, 0.8]})
OTHER = as_scores({"reach": [0.0, 0.5], "lift": [0.3, 0.2]})
finite = st.floats(-100.0, 100.0)


def every_resample(scores):
    """All equally likely ways to draw the runs of each task with replacement."""
    choices = [list(itertools.product(runs, repeat=len(runs))) for runs in scores.values()]
    return [np.concatenate(drawn) for drawn in itertools.product(*choices)]


def quantiles(values, *shares):
    return np.quantile(np.array(values), shares, method="inverted_cdf")


@given(st.lists(finite, min_size=1, max_size=23))
def test_the_interquartile_mean_leaves_a_quarter_out_at_each_end(values):
    cut = len(values) // 4
    middle = sorted(values)[cut : len(values) - cut]
    assert float(interquartile_mean(values)) == pytest.approx(sum(middle) / len(middle), abs=1e-9)


def test_the_interval_of_the_interquartile_mean_is_that_of_all_resamples_within_tasks():
    exact = [float(interquartile_mean(drawn)) for drawn in every_resample(SCORES)]
    assert len(exact) == 2**2 * 3**3
    found = iqm_interval(SCORES, n_resamples=20_000)
    assert found.value == float(interquartile_mean([0.1, 0.9, 0.3, 0.35, 0.8]))
    lowest, low, high, highest = quantiles(exact, 0.018, 0.032, 0.968, 0.982)
    assert lowest <= found.low <= low
    assert high <= found.high <= highest


def test_runs_are_drawn_within_their_task_only():
    apart = as_scores({"a": [0.0, 0.0], "b": [1.0, 1.0]})
    assert iqm_interval(apart) == (0.5, 0.5, 0.5)
    together = iqm_interval(as_scores({"a": [0.0, 0.0, 1.0, 1.0]}))
    assert (together.low, together.high) == (0.0, 1.0)


@given(st.lists(finite, min_size=1, max_size=6), st.lists(finite, min_size=1, max_size=6))
def test_the_probability_of_improvement_counts_pairs_and_half_of_the_ties(x, y):
    wins = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a in x for b in y)
    found = probability_of_improvement(as_scores({"t": x}), as_scores({"t": y}))
    assert found == pytest.approx(wins / (len(x) * len(y)))
    assert found + probability_of_improvement(as_scores({"t": y}), as_scores({"t": x})) == pytest.approx(1.0)


def test_its_interval_is_that_of_all_resamples():
    def both(x, y):
        return np.mean([(a > b) + 0.5 * (a == b) for a in x for b in y])

    per_task = []
    for task in SCORES:
        xs, ys = (every_resample({task: scores[task]}) for scores in (SCORES, OTHER))
        per_task.append([both(x, y) for x in xs for y in ys])
    exact = [np.mean(pair) for pair in itertools.product(*per_task)]
    found = improvement_interval(SCORES, OTHER, n_resamples=20_000)
    assert found.value == pytest.approx(np.mean([both(SCORES[task], OTHER[task]) for task in SCORES]))
    lowest, low, high, highest = quantiles(exact, 0.018, 0.032, 0.968, 0.982)
    assert lowest - 1e-12 <= found.low <= low + 1e-12
    assert high - 1e-12 <= found.high <= highest + 1e-12


@given(st.lists(finite, min_size=1, max_size=8), st.lists(finite, min_size=1, max_size=8))
def test_a_profile_is_the_share_of_runs_above_each_threshold(values, thresholds):
    profile = performance_profile(as_scores({"t": values}), thresholds, n_resamples=20)
    expected = [sum(value > threshold for value in values) / len(values) for threshold in thresholds]
    np.testing.assert_allclose(profile.share, expected)
    assert (profile.low <= profile.share).all() and (profile.share <= profile.high).all()


def test_a_single_run_has_no_interval():
    alone = as_scores({"t": [0.4]})
    assert iqm_interval(alone).value == 0.4
    assert math.isnan(iqm_interval(alone).low)
    assert math.isnan(improvement_interval(alone, as_scores({"t": [0.1]})).high)


def test_the_same_seed_gives_the_same_interval_and_another_one_another():
    many = as_scores({"t": np.random.default_rng(0).normal(size=20)})
    assert iqm_interval(many, seed=3) == iqm_interval(many, seed=3)
    assert iqm_interval(many, seed=3) != iqm_interval(many, seed=4)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(HrgError, match="finite"):
        as_scores({"t": [math.nan]})
    with pytest.raises(HrgError, match="at least one"):
        as_scores({"t": []})
    with pytest.raises(HrgError, match="no task in common"):
        probability_of_improvement(as_scores({"a": [1.0]}), as_scores({"b": [1.0]}))
