"""Everything that a comparison of groups of runs says, as numbers and tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hrg_pipeline.errors import HrgError
from hrg_pipeline.reporting.curves import Curve, learning_curve
from hrg_pipeline.reporting.grouping import Group, RunData, differing
from hrg_pipeline.reporting.robust import (
    Profile,
    Scores,
    as_scores,
    improvement_interval,
    iqm_interval,
    performance_profile,
)
from hrg_pipeline.reporting.statistics import (
    LOWEST_METRICS,
    TOTAL_METRICS,
    Interval,
    bootstrap_mean,
    summarize_episodes,
)

CURVES: Mapping[str, str] = {
    "rollout/success_rate": "Success, last 100 episodes",
    "rollout/ep_rew_mean": "Return, last 100 episodes",
    "safety/n_collisions_critical": "Critical contacts with the person, per episode",
    "safety/time_stopped_s": "Time stopped by the shield, per episode [s]",
    "safety/failsafe_interventions": "Interventions of the shield, per episode",
    "safety/min_human_distance": "Smallest distance to the person, mean [m]",
}
"""Metric of the training curve: title of its panel."""

SCORES: Mapping[str, str] = {"success_rate": "success rate", "return": "return"}
"""Metric of a run's evaluation that counts as its score: what it is called."""

MEANS = (
    "success_rate",
    "return",
    "length",
    "collision_rate",
    "contacts_critical",
    "interventions",
    "min_human_distance",
    "time_slowed_s",
    "time_stopped_s",
)
"""Metrics of evaluations whose means over runs are told, with 95 % bootstrap intervals."""
TOTALS = (*TOTAL_METRICS, *LOWEST_METRICS)
"""Metrics that are of all episodes together."""


class Improvement(NamedTuple):
    """How likely a run of the first group scores higher than one of the second."""

    first: str
    second: str
    probability: Interval


@dataclass(frozen=True)
class ScoreComparison:
    """One score of all groups that were evaluated."""

    iqm: dict[str, Interval]
    improvements: list[Improvement]
    profiles: dict[str, Profile]


@dataclass(frozen=True)
class Comparison:
    """The contents of a report; ``labels`` names the groups in their order everywhere."""

    labels: list[str]
    curves: dict[str, dict[str, Curve]]
    scores: dict[str, ScoreComparison]
    groups: pd.DataFrame
    """One row a group."""
    runs: pd.DataFrame
    """One row a run."""
    differences: pd.DataFrame
    """One row a parameter that differs, one column a group."""
    notes: list[str] = field(default_factory=list)
    """What a reader must know to read it right."""


def compare(groups: Sequence[Group], *, seed: int = 0) -> Comparison:
    """Compare groups of runs.

    Args:
        groups: at least one, with runs that were trained or evaluated.
        seed: of all resampling.

    Raises:
        HrgError: if there is nothing to compare.
    """
    if not groups:
        raise HrgError("expected at least one group of runs to compare")
    curves = {name: _curves(groups, name, seed) for name in CURVES}
    runs = pd.DataFrame([_run_row(group.label, run, seed) for group in groups for run in group.runs])
    return Comparison(
        labels=[group.label for group in groups],
        curves={name: lines for name, lines in curves.items() if lines},
        scores={name: scored for name in SCORES if (scored := _score(groups, name, seed)) is not None},
        groups=pd.DataFrame([_group_row(group, runs[runs["group"] == group.label], seed) for group in groups]),
        runs=runs,
        differences=_differences(groups),
        notes=_notes(groups),
    )


def _curves(groups: Sequence[Group], column: str, seed: int) -> dict[str, Curve]:
    lines = {}
    for group in groups:
        curve = learning_curve([run.curve for run in group.runs if run.curve is not None], column, seed=seed)
        if curve is not None:
            lines[group.label] = curve
    return lines


def _score(groups: Sequence[Group], metric: str, seed: int) -> ScoreComparison | None:
    """Compare one score; a return is left out where there are several tasks, whose returns are not alike."""
    scores = {group.label: found for group in groups if (found := _scores(group, metric))}
    tasks = {task for found in scores.values() for task in found}
    if not scores or (metric == "return" and len(tasks) > 1):
        return None
    thresholds = _thresholds(metric, scores)
    improvements = [
        Improvement(a, b, improvement_interval(scores[a], scores[b], seed=seed))
        for a, b in combinations(scores, 2)
        if scores[a].keys() & scores[b].keys()
    ]
    return ScoreComparison(
        iqm={label: iqm_interval(found, seed=seed) for label, found in scores.items()},
        improvements=improvements,
        profiles={label: performance_profile(found, thresholds, seed=seed) for label, found in scores.items()},
    )


def _scores(group: Group, metric: str) -> Scores:
    """Return the score of each evaluated run by its task."""
    column = {"success_rate": "success"}.get(metric, metric)
    found: dict[str, list[float]] = {}
    for run in group.runs:
        if run.episodes is not None and len(run.episodes):
            found.setdefault(run.task, []).append(float(run.episodes[column].mean()))
    return as_scores(found) if found else {}


def _thresholds(metric: str, scores: Mapping[str, Scores]) -> NDArray[np.float64]:
    if metric == "success_rate":
        return np.linspace(0.0, 1.0, 101)
    values = np.concatenate([runs for found in scores.values() for runs in found.values()])
    margin = 0.05 * (values.max() - values.min()) or 1.0
    return np.linspace(values.min() - margin, values.max() + margin, 101)


def _group_row(group: Group, runs: pd.DataFrame, seed: int) -> dict[str, object]:
    """Describe a group; all intervals are over its runs, for episodes of one run are not independent."""
    row: dict[str, object] = {
        "group": group.label,
        "runs": len(runs),
        "seeds": " ".join(map(str, runs["seed"])),
        "episodes": int(runs["episodes"].sum()),
        "steps": _mean(run.steps for run in group.runs),
        "wall_time_s": _mean(run.wall_time_s for run in group.runs),
    }
    for name in SCORES:
        found = _scores(group, name)
        if found and (name == "success_rate" or len(found) == 1):
            row |= _with_ends(f"{name}_iqm", iqm_interval(found, seed=seed))
    for name in MEANS:
        values = runs[name].dropna() if name in runs else ()
        if len(values):
            row |= _with_ends(name, bootstrap_mean(values, n_resamples=2000, seed=seed))
    tables = [run.episodes for run in group.runs if run.episodes is not None]
    if tables:
        summary = summarize_episodes(pd.concat(tables, ignore_index=True), n_resamples=1, seed=seed)
        row |= {name: summary[name] for name in TOTALS if name in summary}
    return row


def _with_ends(name: str, interval: Interval) -> dict[str, object]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _run_row(label: str, run: RunData, seed: int) -> dict[str, object]:
    row: dict[str, object] = {
        "group": label,
        "run": run.key,
        "seed": run.seed,
        "steps": run.steps,
        "wall_time_s": run.wall_time_s,
        "episodes": 0 if run.episodes is None else len(run.episodes),
    }
    if run.episodes is not None and len(run.episodes):
        summary = summarize_episodes(run.episodes, n_resamples=100, seed=seed)
        row |= {name: summary[name] for name in (*MEANS, *TOTALS) if name in summary}
    return row


def _differences(groups: Sequence[Group]) -> pd.DataFrame:
    """Table the parameters that differ between groups, or within one, which then shows all its values."""
    names = differing([run.parameters for group in groups for run in group.runs])
    rows = [
        {"parameter": name}
        | {
            group.label: " | ".join(dict.fromkeys(str(run.parameters.get(name, "-")) for run in group.runs))
            for group in groups
        }
        for name in names
    ]
    return pd.DataFrame(rows, columns=["parameter", *(group.label for group in groups)])


def _notes(groups: Sequence[Group]) -> list[str]:
    notes = []
    runs = [run for group in groups for run in group.runs]
    unlike = [
        name for name in differing([run.parameters for run in runs]) if name.startswith(("environment.", "robot."))
    ]
    if unlike:
        notes.append(f"The runs were made in environments that differ in {', '.join(unlike)}.")
    missing = [run.key for run in runs if run.episodes is None]
    if missing:
        notes.append(f"Not evaluated, so only in the learning curves: {', '.join(missing)}.")
    few = [group.label for group in groups if len(group.runs) < 5]
    if few:
        notes.append(f"Fewer than five runs: {', '.join(few)}. Intervals of so few runs are too narrow.")
    seeds = {int(run.episodes["seed"].iloc[0]) for run in runs if run.episodes is not None and "seed" in run.episodes}
    if len(seeds) > 1:
        notes.append("Not all runs were evaluated on the same episodes (run.eval_seed differs).")
    return notes


def _mean(values: Iterable[float | None]) -> float | None:
    numbers = [float(value) for value in values if value is not None]
    return math.fsum(numbers) / len(numbers) if numbers else None
