"""Evaluations of several policies under several conditions as one table with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from hrg_pipeline.reporting.robust import as_scores, iqm_interval
from hrg_pipeline.reporting.statistics import bootstrap_mean, finite_values, summarize_episodes

ROW = ("condition", "policy", "step")
"""Columns that make up a row of the table."""
INTERVALS = (
    "success_rate",
    "collision_rate",
    "timeout_rate",
    "return",
    "length",
    "interventions",
    "contacts_critical",
    "min_human_distance",
    "time_stopped_s",
)
"""Metrics of the table that have ``_low`` and ``_high``."""
TOTALS = ("contacts_critical_total", "min_human_distance_lowest")

_SHOWN: Mapping[str, tuple[str, str]] = {
    "success_rate": ("success", ".0%"),
    "return": ("return", ".2f"),
    "return_iqm": ("return, IQM", ".2f"),
    "length": ("length", ".1f"),
    "collision_rate": ("collisions", ".1%"),
    "contacts_critical_total": ("critical contacts", ".0f"),
    "interventions": ("interventions", ".1f"),
    "min_human_distance_lowest": ("closest [m]", ".3f"),
}


def evaluation_table(
    episodes: pd.DataFrame,
    by: Sequence[str] = ("condition", "policy", "step"),
    *,
    n_resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Summarise episodes.

    Args:
        episodes: one row an episode, with ``run``, the columns of ``by`` and those of an evaluation. Several runs of
            one policy are its seeds.
        by: columns that make up a row.
        n_resamples: bootstrap resamples.
        seed: of the bootstrap.

    Returns:
        One row a combination, in their order: ``by``, ``runs``, ``episodes``, each of ``INTERVALS`` with its 95 %
        interval, ``return_iqm`` (interquartile mean over episodes, resampled within each run) with its own, and
        ``TOTALS``. Several runs have intervals over runs, because episodes of one run are not independent; one run has
        intervals over its episodes, Wilson's for rates.
    """
    rows = []
    for key, part in episodes.groupby(list(by), sort=False, dropna=False):
        runs = [own for _, own in part.groupby("run", sort=False)]
        pooled = summarize_episodes(part, n_resamples=n_resamples, seed=seed)
        row: dict[str, object] = dict(zip(by, key, strict=True)) | {"runs": len(runs), "episodes": len(part)}
        summaries = [summarize_episodes(own, n_resamples=1, seed=seed) for own in runs] if len(runs) > 1 else []
        for name in INTERVALS:
            if name not in pooled:
                continue
            ends = pooled.get(f"{name}_low", math.nan), pooled.get(f"{name}_high", math.nan)
            value = pooled[name]
            if summaries:
                value, *ends_of_runs = bootstrap_mean(
                    [one[name] for one in summaries if name in one], n_resamples=n_resamples, seed=seed
                )
                ends = ends_of_runs[0], ends_of_runs[1]
            row |= {name: value, f"{name}_low": ends[0], f"{name}_high": ends[1]}
        returns = {str(k): finite_values(own, "return") for k, own in enumerate(runs)}
        value, low, high = iqm_interval(as_scores(returns), n_resamples=n_resamples, seed=seed)
        row |= {"return_iqm": value, "return_iqm_low": low, "return_iqm_high": high}
        rows.append(row | {name: pooled[name] for name in TOTALS if name in pooled})
    return pd.DataFrame(rows)


def as_text(table: pd.DataFrame, by: Sequence[str] = ROW) -> str:
    """Return the table as Markdown, values with their intervals; ``step`` is left out where there is none."""
    named = [name for name in by if name != "step" or table["step"].notna().any()]
    shown = [name for name in _SHOWN if name in table]
    head = [*named, "runs", "episodes", *(_SHOWN[name][0] for name in shown)]
    lines = [head, ["---"] * len(head)]
    for _, row in table.iterrows():
        cells = ["final" if name == "step" and pd.isna(row[name]) else str(row[name]) for name in named]
        cells += [str(row["runs"]), str(row["episodes"])]
        lines.append(cells + [_cell(row, name, _SHOWN[name][1]) for name in shown])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(row: pd.Series, name: str, style: str) -> str:
    value, low, high = (float(row.get(f"{name}{end}", np.nan)) for end in ("", "_low", "_high"))
    if not math.isfinite(value):
        return "-"
    return f"{value:{style}}" + (f" [{low:{style}}, {high:{style}}]" if math.isfinite(low) else "")
