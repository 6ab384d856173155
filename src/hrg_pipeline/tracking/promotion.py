"""Whether one evaluated policy is better than another, as far as their intervals can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

Metrics = Mapping[str, float]

SAFETY = ("collision_rate", "contacts_critical")
"""Lower is better; none of them may be worse than before."""
MERIT = ("success_rate", "return")
"""Higher is better; the first that differs decides."""
CONDITIONS = ("environment.env_id", "robot.name", "run.eval_seed", "run.n_test_episodes")
"""Parameters in which two evaluations should agree; the first two must."""
_MUST_AGREE = CONDITIONS[:2]


class Comparison(NamedTuple):
    """One metric of the candidate against that of the champion."""

    metric: str
    candidate: float
    champion: float
    low: float
    high: float
    """The 95 % interval of candidate minus champion."""

    @property
    def text(self) -> str:
        """One line."""
        return (
            f"{self.metric}: {self.candidate:.3g} against {self.champion:.3g}, "
            f"difference in [{self.low:.3g}, {self.high:.3g}]"
        )


class Verdict(NamedTuple):
    """Whether a candidate should take the place, and why."""

    better: bool
    reason: str
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...] = ()


def difference(metric: str, candidate: Metrics, champion: Metrics) -> Comparison | None:
    """Compare one metric.

    The interval of the difference of two independent estimates is made from the interval of each (the method of
    variance estimates recovery: Zou and Donner, Statistics in Medicine 27, 2008; for rates with Wilson's
    intervals it is Newcombe's).

    Args:
        metric: Its name; ``<name>_low`` and ``<name>_high`` are the ends of its interval.
        candidate: Metrics of one evaluation.
        champion: Metrics of the other.

    Returns:
        The comparison, None where one of them lacks the metric or its interval.
    """
    names = (metric, f"{metric}_low", f"{metric}_high")
    if not all(name in metrics for metrics in (candidate, champion) for name in names):
        return None
    (a, a_low, a_high), (b, b_low, b_high) = ([metrics[name] for name in names] for metrics in (candidate, champion))
    low = a - b - math.hypot(a - a_low, b_high - b)
    high = a - b + math.hypot(a_high - a, b - b_low)
    return Comparison(metric, a, b, low, high)


def judge(
    candidate: Metrics,
    champion: Metrics | None,
    conditions: Mapping[str, tuple[str | None, str | None]] | None = None,
    merit: tuple[str, ...] = MERIT,
) -> Verdict:
    """Say whether a candidate is better than the champion.

    Args:
        candidate: Evaluation metrics with intervals; empty: it was not evaluated.
        champion: The same of the present champion; None: there is none.
        conditions: Parameter name to its values for candidate and champion.
        merit: Metrics of which the first that differs decides, higher is better.

    Returns:
        The verdict; ``better`` is false when the intervals leave it open.
    """
    if not candidate:
        return Verdict(False, "it was not evaluated", ())
    if not champion:
        missing = "there is no champion yet" if champion is None else "the present champion was not evaluated"
        return Verdict(True, missing, ())
    differing = {name: values for name, values in (conditions or {}).items() if values[0] != values[1]}
    notes = tuple(f"{name} differs: {a} against {b}" for name, (a, b) in differing.items())
    compared = {name: difference(name, candidate, champion) for name in (*SAFETY, *merit)}
    if any(name in differing for name in _MUST_AGREE):
        better, reason = False, "they were evaluated in different environments"
    else:
        better, reason = _weigh(compared, merit)
    return Verdict(better, reason, tuple(comparison for comparison in compared.values() if comparison), notes)


def _weigh(compared: Mapping[str, Comparison | None], merit: tuple[str, ...]) -> tuple[bool, str]:
    """Say whether the candidate is better, and why: safety first, then what differs first."""
    for name in SAFETY:
        safety = compared[name]
        if safety and safety.low > 0:
            return False, f"it is less safe: {safety.text}"
    for name in merit:
        comparison = compared[name]
        if comparison is None:
            return False, f"{name} cannot be compared: one of the evaluations has no such metric with an interval"
        if comparison.low > 0:
            return True, f"it is better: {comparison.text}"
        if comparison.high < 0:
            return False, f"it is worse: {comparison.text}"
    return False, "the intervals do not tell which is better; evaluate both on more episodes"
