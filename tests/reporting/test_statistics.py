from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from hrg_pipeline.errors import HrgError
from hrg_pipeline.reporting.statistics import bootstrap_mean, summarize_episodes, wilson_rate


def _episodes(n: int, **columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = {
        "return": rng.normal(-20.0, 4.0, n),
        "length": rng.integers(10, 100, n),
        "success": np.arange(n) % 10 != 0,
        "failsafe_interventions": rng.poisson(3.0, n),
        "n_collisions_static": np.zeros(n, dtype=np.int64),
        "n_collisions_robot": np.zeros(n, dtype=np.int64),
        "n_collisions_human": np.arange(n) % 2,
        "n_collisions_critical": np.zeros(n, dtype=np.int64),
        "min_human_distance": rng.uniform(0.1, 0.6, n),
        "truncated": np.arange(n) % 10 == 0,
        "failure": np.zeros(n, dtype=np.int64),
    }
    return pd.DataFrame(table | columns)


def test_bootstrap_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    samples = rng.exponential(2.0, size=(400, 40))
    intervals = [bootstrap_mean(row, n_resamples=1000, seed=k) for k, row in enumerate(samples)]
    covered = np.mean([interval.low <= 2.0 <= interval.high for interval in intervals])
    assert 0.88 <= covered <= 0.98


def test_bootstrap_interval_agrees_with_the_normal_one_for_many_samples():
    samples = np.random.default_rng(2).normal(5.0, 3.0, 2000)
    half = 1.96 * samples.std(ddof=1) / math.sqrt(samples.size)
    interval = bootstrap_mean(samples)
    assert interval.value == pytest.approx(samples.mean())
    assert interval.low == pytest.approx(samples.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(samples.mean() + half, abs=0.1 * half)


def test_bootstrap_depends_on_its_seed_alone():
    samples = np.random.default_rng(3).normal(size=30)
    assert bootstrap_mean(samples, seed=7) == bootstrap_mean(samples, seed=7)
    assert bootstrap_mean(samples, seed=7) != bootstrap_mean(samples, seed=8)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6, 1 / 3])
def test_equal_values_leave_no_doubt(value):
    interval = bootstrap_mean([value] * 30)
    assert interval.low == pytest.approx(value)
    assert interval.low <= interval.value <= interval.high


def test_no_interval_can_be_told_from_fewer_than_two_values():
    assert bootstrap_mean([3.0]).value == 3.0
    assert math.isnan(bootstrap_mean([3.0]).low)
    assert math.isnan(bootstrap_mean([]).value)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_not_finite_are_refused(bad):
    with pytest.raises(HrgError, match="finite"):
        bootstrap_mean([1.0, bad])


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_confidence_is_a_share(confidence):
    with pytest.raises(HrgError, match=r"\(0, 1\)"):
        wilson_rate(1, 2, confidence=confidence)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(50, 50, 0.9287, 1.0), (0, 10, 0.0, 0.2775), (47, 50, 0.8378, 0.9794), (1, 1, 0.2065, 1.0)],
)
def test_wilson_interval_has_the_known_values(successes, n, low, high):
    rate = wilson_rate(successes, n)
    assert rate.value == successes / n
    assert (rate.low, rate.high) == pytest.approx((low, high), abs=1e-4)


def test_wilson_interval_covers_on_average_over_all_rates():
    n = 50
    intervals = [wilson_rate(k, n) for k in range(n + 1)]
    low, high = (np.array([interval[k] for interval in intervals]) for k in (1, 2))
    shares = np.linspace(0.02, 0.98, 97)
    covered = [binom.pmf(np.arange(n + 1), n, p)[(low <= p) & (p <= high)].sum() for p in shares]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.01)


@given(n=st.integers(1, 500), share=st.floats(0.0, 1.0))
def test_wilson_interval_holds_the_rate_and_mirrors(n, share):
    k = round(share * n)
    rate, mirrored = wilson_rate(k, n), wilson_rate(n - k, n)
    assert 0.0 <= rate.low <= rate.value <= rate.high <= 1.0
    assert mirrored.low == pytest.approx(1.0 - rate.high, abs=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 2)])
def test_impossible_counts_are_refused(successes, n):
    with pytest.raises(HrgError, match="0 <= successes <= n"):
        wilson_rate(successes, n)


def test_summary_has_each_metric_with_its_interval():
    metrics = summarize_episodes(_episodes(50), n_resamples=500)
    assert metrics["n_episodes"] == 50
    assert metrics["success_rate"] == pytest.approx(0.9)
    assert metrics["success_rate_low"] < 0.9 < metrics["success_rate_high"]
    assert metrics["timeout_rate"] == pytest.approx(0.1)
    assert metrics["contacts_human"] == pytest.approx(0.5)
    for name in ("return", "length", "interventions", "min_human_distance"):
        assert metrics[f"{name}_low"] < metrics[name] < metrics[f"{name}_high"]
    assert metrics["min_human_distance_lowest"] <= metrics["min_human_distance_low"]


def test_a_single_critical_contact_is_seen():
    critical = np.zeros(50, dtype=np.int64)
    critical[17] = 2
    metrics = summarize_episodes(_episodes(50, n_collisions_critical=critical), n_resamples=100)
    assert metrics["contacts_critical_total"] == 2
    assert metrics["collision_rate"] == pytest.approx(1 / 50)


def test_contacts_with_the_human_that_are_not_critical_are_no_collisions():
    metrics = summarize_episodes(_episodes(20), n_resamples=100)
    assert metrics["contacts_human"] > 0.0
    assert metrics["collision_rate"] == 0.0


def test_one_episode_gives_means_without_intervals_and_rates_with_wide_ones():
    metrics = summarize_episodes(_episodes(1))
    assert "return" in metrics
    assert "return_low" not in metrics
    assert metrics["success_rate_high"] - metrics["success_rate_low"] > 0.7
    assert all(math.isfinite(value) for value in metrics.values())


def test_a_distance_that_nobody_was_there_for_is_left_out():
    metrics = summarize_episodes(_episodes(5, min_human_distance=np.inf), n_resamples=100)
    assert not [name for name in metrics if name.startswith("min_human_distance")]


def test_columns_that_are_not_there_are_left_out():
    table = pd.DataFrame({"return": [1.0, 2.0], "length": [3, 4], "success": [True, True]})
    assert set(summarize_episodes(table, n_resamples=100)) == {"n_episodes"} | {
        f"{name}{end}" for name in ("return", "length", "success_rate") for end in ("", "_low", "_high")
    }


def test_a_table_that_is_no_evaluation_is_refused():
    with pytest.raises(HrgError, match="success"):
        summarize_episodes(pd.DataFrame({"return": [1.0], "length": [3]}))
    with pytest.raises(HrgError, match="at least one"):
        summarize_episodes(_episodes(0))
