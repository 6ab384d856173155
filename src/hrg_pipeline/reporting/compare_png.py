"""A comparison as one picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from hrg_pipeline.reporting.compare_figures import colour
from hrg_pipeline.reporting.comparison import Comparison, ScoreComparison
from hrg_pipeline.reporting.plots import GREY, dress, new_figure, say_nothing

_STYLES = ("-", "--", ":", "-.")


def comparison_figure(found: Comparison, *, title: str = "") -> Figure:
    """Draw success and return over steps, interquartile means, improvement, profiles, and safety against success.

    Args:
        found: what to draw.
        title: written above the panels.

    Returns:
        A figure that belongs to no window and no pyplot state.
    """
    figure, axes = new_figure(2, 3, (15.0, 7.6), title)
    success = found.scores.get("success_rate")
    _curve(axes[0], found, "rollout/success_rate", "Success, last 100 episodes", share=True)
    _curve(axes[1], found, "rollout/ep_rew_mean", "Return, last 100 episodes")
    _iqm(axes[2], found, success)
    _profile(axes[3], found, success)
    _safety(axes[4], found)
    _improvement(axes[5], success)
    lines: dict[str, Any] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        lines |= dict(zip(labels, handles, strict=True))
    if lines:
        columns = min(3, len(lines))
        figure.legend([*lines.values()], [*lines], loc="outside lower center", ncols=columns, frameon=False)
    return figure


def _curve(ax: Axes, found: Comparison, name: str, title: str, *, share: bool = False) -> None:
    dress(ax, title, "environment steps", "")
    if name not in found.curves:
        say_nothing(ax, "not logged")
        return
    for label, curve in found.curves[name].items():
        k = found.labels.index(label)
        marker = "o" if curve.steps.size == 1 else None
        ax.plot(curve.steps, curve.middle, color=colour(k), linestyle=_STYLES[k % 4], label=label, marker=marker)
        ax.fill_between(curve.steps, curve.low, curve.high, color=colour(k), alpha=0.18, linewidth=0)
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.xaxis.set_major_locator(MaxNLocator(6))
    if share:
        ax.set_ylim(-0.02, 1.02)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0))


def _iqm(ax: Axes, found: Comparison, success: ScoreComparison | None) -> None:
    dress(ax, "Interquartile mean of the success rate", "success rate", "")
    if success is None:
        say_nothing(ax, "not evaluated")
        return
    for row, (label, one) in enumerate(success.iqm.items()):
        k = found.labels.index(label)
        spread = [[one.value - one.low], [one.high - one.value]] if np.isfinite(one.low) else None
        ax.errorbar(one.value, row, xerr=spread, color=colour(k), marker="s", capsize=4, linewidth=2)
    _rows(ax, [f"{number}{label}" for label, number in _numbers(success).items()])
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))


def _improvement(ax: Axes, success: ScoreComparison | None) -> None:
    dress(ax, "Probability of improvement, success rate", "probability", "")
    if success is None or not success.improvements:
        say_nothing(ax, "one group alone")
        return
    for row, (_, _, one) in enumerate(success.improvements):
        spread = [[one.value - one.low], [one.high - one.value]] if np.isfinite(one.low) else None
        ax.errorbar(one.value, row, xerr=spread, color="black", marker="s", capsize=4, linewidth=2)
    ax.axvline(0.5, color=GREY, linestyle=":")
    numbers = _numbers(success)
    names = {label: number.strip() or label for label, number in numbers.items()}
    _rows(ax, [f"{names[first]}\nbetter than {names[second]}" for first, second, _ in success.improvements])


def _numbers(success: ScoreComparison) -> dict[str, str]:
    """Number the groups where their names would not fit in pairs."""
    many = len(success.iqm) > 2
    return {label: f"({k}) " if many else "" for k, label in enumerate(success.iqm, start=1)}


def _rows(ax: Axes, labels: list[str]) -> None:
    ax.set_yticks(range(len(labels)), [label.replace(", ", "\n") for label in labels], fontsize="small")
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set_xlim(-0.02, 1.02)


def _profile(ax: Axes, found: Comparison, success: ScoreComparison | None) -> None:
    dress(ax, "Performance profile", "success rate", "runs above it")
    if success is None:
        say_nothing(ax, "not evaluated")
        return
    for label, profile in success.profiles.items():
        k = found.labels.index(label)
        ax.step(profile.thresholds, profile.share, where="post", color=colour(k), linestyle=_STYLES[k % 4], label=label)
        ax.fill_between(
            profile.thresholds, profile.low, profile.high, step="post", color=colour(k), alpha=0.18, linewidth=0
        )
    ax.set_ylim(-0.02, 1.02)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))


def _safety(ax: Axes, found: Comparison) -> None:
    dress(ax, "Safety against success", "success rate", "interventions of the shield, per episode")
    if not {"success_rate", "interventions"} <= set(found.runs):
        say_nothing(ax, "not evaluated")
        return
    for k, label in enumerate(found.labels):
        many = found.runs[found.runs["group"] == label]
        ax.scatter(many["success_rate"], many["interventions"], color=colour(k), alpha=0.4, s=22)
        ax.scatter(many["success_rate"].mean(), many["interventions"].mean(), color=colour(k), marker="D", s=70)
    ax.set_xlim(-0.04, 1.04)
    ax.set_ylim(bottom=0.0)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
