"""Learning curves of several seeds as one line with a band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.reporting.robust import band, interquartile_mean

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
MAX_POINTS = 200


class Curve(NamedTuple):
    """A metric over env steps: each run, and all of them together."""

    steps: Array
    """(m,) env steps."""
    runs: Array
    """(runs, m) values, interpolated between each run's own points."""
    middle: Array
    """(m,) interquartile mean over the runs."""
    low: Array
    """(m,) lower end of its 95 % bootstrap band; nan for one run."""
    high: Array
    """(m,) upper end."""


def learning_curve(
    tables: Sequence[pd.DataFrame], column: str, *, n_resamples: int = 500, seed: int = 0
) -> Curve | None:
    """Bring the curves of several runs onto the steps that all of them have, and draw the runs anew for a band.

    Args:
        tables: training curves, with ``step`` and metrics.
        column: the metric; runs without it are left out.
        n_resamples: resamples drawn; every step sees the same ones, so a band is smooth.
        seed: of the resampling.

    Returns:
        The curve; None where no run has the metric, or no step is common to all.
    """
    logged = [table[["step", column]].dropna() for table in tables if column in table.columns]
    points = [(part["step"].to_numpy(float), part[column].to_numpy(float)) for part in logged if len(part)]
    if not points:
        return None
    first, last = max(steps[0] for steps, _ in points), min(steps[-1] for steps, _ in points)
    grid = np.unique(np.concatenate([steps for steps, _ in points]))
    grid = grid[(grid >= first) & (grid <= last)]
    if grid.size == 0:
        return None
    if grid.size > MAX_POINTS:
        grid = grid[np.unique(np.linspace(0, grid.size - 1, MAX_POINTS).round().astype(int))]
    runs = np.array([np.interp(grid, steps, values) for steps, values in points])
    middle = interquartile_mean(runs, axis=0)
    if len(runs) < 2:
        nothing = np.full(grid.size, np.nan)
        return Curve(grid, runs, middle, nothing, nothing)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    drawn = rng.integers(0, len(runs), size=(n_resamples, len(runs)))
    low, high = band(runs[drawn], lambda resamples: interquartile_mean(resamples, axis=1))
    return Curve(grid, runs, middle, np.minimum(low, middle), np.maximum(high, middle))
