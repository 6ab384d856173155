"""Means and rates of evaluation episodes with their 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrg_pipeline.errors import HrgError

if TYPE_CHECKING:
    import pandas as pd

REQUIRED_COLUMNS = ("return", "length", "success")

MEAN_METRICS: Mapping[str, str] = {
    "return": "return",
    "length": "length",
    "interventions": "failsafe_interventions",
    "contacts_static": "n_collisions_static",
    "contacts_robot": "n_collisions_robot",
    "contacts_human": "n_collisions_human",
    "contacts_critical": "n_collisions_critical",
    "min_human_distance": "min_human_distance",
    "time_slowed_s": "time_slowed_s",
    "time_stopped_s": "time_stopped_s",
    "cost": "cost",
}
"""Metric: column of the episodes table whose mean it is."""

RATE_METRICS: Mapping[str, tuple[str, ...]] = {
    "success_rate": ("success",),
    "collision_rate": ("n_collisions_static", "n_collisions_robot", "n_collisions_critical"),
    "timeout_rate": ("truncated",),
    "failure_rate": ("failure",),
}
"""Metric: columns; it is the share of episodes with anything but zero in one of them.

A collision is a contact that is not allowed: with the table, the robot itself, or critical with the human.
"""

TOTAL_METRICS: Mapping[str, str] = {"contacts_critical_total": "n_collisions_critical"}
"""Metric: column whose sum over all episodes it is, because a single one counts."""

LOWEST_METRICS: Mapping[str, str] = {"min_human_distance_lowest": "min_human_distance"}
"""Metric: column whose smallest value it is."""

_BLOCK_VALUES = 2_000_000


class Interval(NamedTuple):
    """An estimate and the ends of its interval."""

    value: float
    low: float
    high: float


def bootstrap_mean(
    values: ArrayLike, *, confidence: float = 0.95, n_resamples: int = 10_000, seed: int = 0
) -> Interval:
    """Mean with its percentile bootstrap interval (Efron and Tibshirani 1993, chapter 13).

    Args:
        values: finite samples (n,).
        confidence: coverage that the interval aims at, in (0, 1).
        n_resamples: resamples drawn.
        seed: of the resampling; the same seed and values give the same interval.

    Returns:
        The mean and its interval; ``nan`` ends for fewer than two values, from which no spread can be told.

    Raises:
        HrgError: if a value is not finite, or if the confidence is not in (0, 1).
    """
    samples = np.asarray(values, dtype=np.float64).ravel()
    _check_confidence(confidence)
    if not np.isfinite(samples).all():
        raise HrgError(f"expected finite values, got {int((~np.isfinite(samples)).sum())} that are not")
    if samples.size < 2:
        return Interval(float(samples.mean()) if samples.size else math.nan, math.nan, math.nan)
    means = _resampled_means(samples, n_resamples, np.random.default_rng(np.random.SeedSequence(seed)))
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(means, (tail, 100.0 - tail))
    mean = float(samples.mean())
    # Sums in another order differ in the last bit: equal values must still lie within their interval.
    return Interval(mean, min(float(low), mean), max(float(high), mean))


def _resampled_means(samples: NDArray[np.float64], n_resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Means of samples (n,) drawn with replacement, (n_resamples,), in blocks of bounded memory."""
    block = max(1, _BLOCK_VALUES // samples.size)
    means = np.empty(n_resamples)
    for start in range(0, n_resamples, block):
        part = means[start : start + block]
        part[:] = samples[rng.integers(0, samples.size, size=(part.size, samples.size))].mean(axis=1)
    return means


def wilson_rate(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Share of successes with its score interval (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212).

    It stays informative at 0 and n successes, where a bootstrap says that the rate is certain.

    Raises:
        HrgError: if not 0 <= successes <= n with n >= 1, or if the confidence is not in (0, 1).
    """
    _check_confidence(confidence)
    if n < 1 or not 0 <= successes <= n:
        raise HrgError(f"expected 0 <= successes <= n with n >= 1, got {successes} of {n}")
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    rate = successes / n
    scale = 1.0 / (1.0 + z * z / n)
    centre = scale * (rate + z * z / (2.0 * n))
    half = scale * z * math.sqrt(rate * (1.0 - rate) / n + z * z / (4.0 * n * n))
    return Interval(rate, max(0.0, min(centre - half, rate)), min(1.0, max(centre + half, rate)))


def summarize_episodes(
    episodes: pd.DataFrame, *, confidence: float = 0.95, n_resamples: int = 10_000, seed: int = 0
) -> dict[str, float]:
    """Summarise an episodes table into metrics.

    Args:
        episodes: one row an episode; the columns of `REQUIRED_COLUMNS` and any that the metrics name.
        confidence: of all intervals.
        n_resamples: bootstrap resamples of each mean.
        seed: of the bootstrap.

    Returns:
        ``n_episodes``; for each mean and rate ``m`` the keys ``m``, ``m_low``, ``m_high``; totals and lowest
        values. Every value is finite: an interval that cannot be told is left out (means of one episode), so
        is a metric without its column or without a finite value (the human distance where there is no human).

    Raises:
        HrgError: if the table is empty or lacks a required column.
    """
    missing = [name for name in REQUIRED_COLUMNS if name not in episodes.columns]
    if missing:
        raise HrgError(f"episodes table lacks {missing}; it has {sorted(map(str, episodes.columns))}")
    if len(episodes) == 0:
        raise HrgError("episodes table is empty, expected at least one episode")
    metrics = {"n_episodes": float(len(episodes))}
    for metric, rate in episode_rates(episodes, confidence=confidence).items():
        _put(metrics, metric, rate)
    for metric, column in MEAN_METRICS.items():
        samples = finite_values(episodes, column)
        if samples.size:
            interval = bootstrap_mean(samples, confidence=confidence, n_resamples=n_resamples, seed=seed)
            _put(metrics, metric, interval)
    for metric, column in TOTAL_METRICS.items():
        if column in episodes.columns:
            metrics[metric] = float(finite_values(episodes, column).sum())
    for metric, column in LOWEST_METRICS.items():
        samples = finite_values(episodes, column)
        if samples.size:
            metrics[metric] = float(samples.min())
    return metrics


def episode_rates(episodes: pd.DataFrame, *, confidence: float = 0.95) -> dict[str, Interval]:
    """Return each rate of `RATE_METRICS` whose columns are all there, with its Wilson interval."""
    rates = {}
    for metric, columns in RATE_METRICS.items():
        if all(column in episodes.columns for column in columns):
            hit = (episodes[list(columns)].to_numpy(dtype=np.float64) != 0.0).any(axis=1)
            rates[metric] = wilson_rate(int(hit.sum()), len(episodes), confidence=confidence)
    return rates


def finite_values(episodes: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Finite values of a column; none where it is absent."""
    if column not in episodes.columns:
        return np.empty(0)
    values: NDArray[np.float64] = episodes[column].to_numpy(dtype=np.float64)
    return values[np.isfinite(values)]


def _put(metrics: dict[str, float], name: str, interval: Interval) -> None:
    """Add an estimate, and its interval where there is one."""
    metrics[name] = interval.value
    if math.isfinite(interval.low):
        metrics[f"{name}_low"] = interval.low
        metrics[f"{name}_high"] = interval.high


def _check_confidence(confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise HrgError(f"confidence must lie in (0, 1), got {confidence}")
