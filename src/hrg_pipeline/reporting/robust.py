"""Statistics for a handful of seeds (Agarwal et al. 2021, Deep RL at the Edge of the Statistical Precipice)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import trim_mean

from hrg_pipeline.errors import HrgError
from hrg_pipeline.reporting.statistics import Interval

Array = NDArray[np.float64]
Scores = Mapping[str, Array]
"""Task to the scores of its runs, one a run (n,)."""

N_RESAMPLES = 2000
CONFIDENCE = 0.95


class Profile(NamedTuple):
    """Share of runs above each threshold, with its band; all (m,)."""

    thresholds: Array
    share: Array
    low: Array
    high: Array


def as_scores(values: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """Return scores as arrays of floats.

    Raises:
        HrgError: if there is no score, or one is not finite.
    """
    scores = {task: np.asarray(runs, dtype=np.float64).ravel() for task, runs in values.items()}
    if not scores or any(runs.size == 0 for runs in scores.values()):
        raise HrgError("expected at least one score for each task")
    if not all(np.isfinite(runs).all() for runs in scores.values()):
        raise HrgError("expected finite scores")
    return scores


def interquartile_mean(values: ArrayLike, axis: int | None = None) -> Array:
    """Mean of the middle half: a quarter of the values, rounded down, is left out at each end.

    Up to three values it is their mean.

    Args:
        values: any shape.
        axis: over which; None: over all.
    """
    return np.asarray(trim_mean(np.asarray(values, dtype=np.float64), 0.25, axis=axis))


def resampled(scores: Scores, n_resamples: int, rng: np.random.Generator) -> Array:
    """Draw the runs of each task anew, with replacement and by themselves (stratified).

    Returns:
        (n_resamples, runs of all tasks), task after task.
    """
    parts = [runs[rng.integers(0, runs.size, size=(n_resamples, runs.size))] for runs in scores.values()]
    return np.concatenate(parts, axis=1)


def iqm_interval(scores: Scores, *, n_resamples: int = N_RESAMPLES, seed: int = 0) -> Interval:
    """Interquartile mean over all runs of all tasks, with its stratified bootstrap interval.

    Args:
        scores: from ``as_scores``.
        n_resamples: resamples drawn.
        seed: of the resampling.

    Returns:
        The estimate and its 95 % percentile interval; ``nan`` ends where no task has two runs.
    """
    value = float(interquartile_mean(np.concatenate(list(scores.values()))))
    if max(runs.size for runs in scores.values()) < 2:
        return Interval(value, np.nan, np.nan)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    return _interval(value, interquartile_mean(resampled(scores, n_resamples, rng), axis=1))


def probability_of_improvement(x: Scores, y: Scores) -> float:
    """Probability that a run of ``x`` scores higher than one of ``y`` on a task drawn at random; ties count half.

    That is the Mann-Whitney statistic over the number of pairs, averaged over the tasks that both have.

    Raises:
        HrgError: if they have no task in common.
    """
    return float(np.mean([_wins(x[task][None], y[task][None])[0] for task in _common(x, y)]))


def improvement_interval(x: Scores, y: Scores, *, n_resamples: int = N_RESAMPLES, seed: int = 0) -> Interval:
    """Probability of improvement with its stratified bootstrap interval; arguments as there."""
    value = probability_of_improvement(x, y)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    tasks = _common(x, y)
    if max(runs.size for task in tasks for runs in (x[task], y[task])) < 2:
        return Interval(value, np.nan, np.nan)
    drawn = [
        _wins(resampled({task: x[task]}, n_resamples, rng), resampled({task: y[task]}, n_resamples, rng))
        for task in tasks
    ]
    return _interval(value, np.mean(drawn, axis=0))


def performance_profile(scores: Scores, thresholds: ArrayLike, *, n_resamples: int = 500, seed: int = 0) -> Profile:
    """Share of the runs of all tasks that score higher than each threshold, with a pointwise 95 % band.

    Args:
        scores: from ``as_scores``.
        thresholds: (m,).
        n_resamples: resamples drawn.
        seed: of the resampling.
    """
    grid = np.asarray(thresholds, dtype=np.float64)
    share = _above(np.concatenate(list(scores.values()))[None], grid)[0]
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    low, high = band(resampled(scores, n_resamples, rng), lambda drawn: _above(drawn, grid))
    return Profile(grid, share, np.minimum(low, share), np.maximum(high, share))


def band(resamples: Array, statistic: Callable[[Array], Array]) -> tuple[Array, Array]:
    """Return the ends of the 95 % percentile band of a statistic over resamples (first axis)."""
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(statistic(resamples), (tail, 100.0 - tail), axis=0)
    return low, high


def _wins(x: Array, y: Array) -> Array:
    """Share of pairs in which x is higher (k, n) against (k, m) -> (k,)."""
    difference = x[:, :, None] - y[:, None, :]
    return np.asarray(((difference > 0.0) + 0.5 * (difference == 0.0)).mean(axis=(1, 2)))


def _above(drawn: Array, thresholds: Array) -> Array:
    """Share of each row of runs (k, n) above each threshold (k, m)."""
    return np.asarray((drawn[:, :, None] > thresholds).mean(axis=1))


def _common(x: Scores, y: Scores) -> list[str]:
    tasks = [task for task in x if task in y]
    if not tasks:
        raise HrgError(f"no task in common: {sorted(x)} and {sorted(y)}")
    return tasks


def _interval(value: float, drawn: Array) -> Interval:
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(drawn, (tail, 100.0 - tail))
    # Sums in another order differ in the last bit: the estimate must lie within its interval.
    return Interval(value, min(float(low), value), max(float(high), value))
