"""Figures of a run: how it learned, and how it did in its evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from hrg_pipeline.errors import HrgError
from hrg_pipeline.reporting.statistics import bootstrap_mean, episode_rates, finite_values

if TYPE_CHECKING:
    import pandas as pd

# Okabe and Ito's palette, which stays distinct for colour-blind readers.
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#6B6B6B"


class Line(NamedTuple):
    """One metric of a panel; the dashes tell lines apart without their colours."""

    column: str
    label: str
    colour: str
    style: str = "-"


class Panel(NamedTuple):
    """One set of axes of the learning curve."""

    title: str
    y_label: str
    lines: tuple[Line, ...]
    share: bool = False
    """Values are shares in [0, 1]."""


LEARNING_PANELS: tuple[Panel, ...] = (
    Panel("Return", "mean return of recent episodes", (Line("rollout/ep_rew_mean", "return", BLUE),)),
    Panel("Success", "share of recent episodes", (Line("rollout/success_rate", "success", GREEN),), share=True),
    Panel(
        "Contacts",
        "mean per episode",
        (
            Line("safety/n_collisions_critical", "human, critical", RED),
            Line("safety/n_collisions_human", "human", ORANGE, "--"),
            Line("safety/n_collisions_static", "table or floor", BLUE, "-."),
            Line("safety/n_collisions_robot", "robot itself", PURPLE, ":"),
        ),
    ),
    Panel(
        "Shield",
        "mean seconds per episode",
        (
            Line("safety/time_slowed_s", "slowed", BLUE),
            Line("safety/time_stopped_s", "stopped", RED, "--"),
        ),
    ),
)

CONTACT_COLUMNS: Mapping[str, str] = {
    "n_collisions_static": "table or floor",
    "n_collisions_robot": "robot itself",
    "n_collisions_human": "human",
    "n_collisions_critical": "human, critical",
}
_RATE_LABELS = {
    "success_rate": "success",
    "collision_rate": "collision",
    "timeout_rate": "timeout",
    "failure_rate": "failure",
}


def learning_curve_figure(curve: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw return, success, contacts and the shield's work over environment steps.

    Args:
        curve: ``step`` [env steps] and metrics by their names, NaN where a metric was not logged.
        title: written above the panels.

    Returns:
        A figure that belongs to no window and no pyplot state.

    Raises:
        HrgError: if the curve has no ``step`` column.
    """
    if "step" not in curve.columns:
        raise HrgError(f"learning curve lacks the column 'step'; it has {sorted(map(str, curve.columns))}")
    figure, axes = new_figure(2, 2, (10.0, 6.4), title)
    for panel, ax in zip(LEARNING_PANELS, axes, strict=True):
        drawn = [line for line in panel.lines if _draw_line(ax, curve, line)]
        dress(ax, panel.title, "environment steps", panel.y_label)
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
        ax.xaxis.set_major_locator(MaxNLocator(6))
        if panel.share:
            _as_share(ax)
        if not drawn:
            say_nothing(ax, "no episode has ended")
        elif len(panel.lines) > 1:
            ax.set_ylim(bottom=0.0)
            ax.legend(frameon=False, fontsize="small")
    return figure


def _draw_line(ax: Axes, curve: pd.DataFrame, line: Line) -> bool:
    """Draw a metric where it was logged; tell whether there was anything to draw."""
    if line.column not in curve.columns:
        return False
    logged = curve[["step", line.column]].dropna()
    if logged.empty:
        return False
    marker = "o" if len(logged) == 1 else None
    ax.plot(
        logged["step"].to_numpy(),
        logged[line.column].to_numpy(),
        color=line.colour,
        linestyle=line.style,
        label=line.label,
        linewidth=1.8,
        marker=marker,
    )
    return True


def evaluation_figure(episodes: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw rates, returns, contacts and the distance kept of evaluation episodes, with 95 % intervals.

    Args:
        episodes: one row an episode, with ``return`` and any of the columns that `summarize_episodes` knows.
        title: written above the panels.

    Returns:
        A figure that belongs to no window and no pyplot state.

    Raises:
        HrgError: if there is no episode or no ``return``.
    """
    if "return" not in episodes.columns or len(episodes) == 0:
        raise HrgError("evaluation figure needs at least one episode with a 'return'")
    figure, axes = new_figure(2, 2, (10.0, 6.4), title)
    _rates(axes[0], episodes)
    _distribution(axes[1], finite_values(episodes, "return"), BLUE)
    dress(axes[1], "Return", "return of an episode", "episodes")
    _contacts(axes[2], episodes)
    _distribution(axes[3], finite_values(episodes, "min_human_distance"), GREEN)
    dress(axes[3], "Closest to the human", "smallest distance in an episode [m]", "episodes")
    return figure


def _rates(ax: Axes, episodes: pd.DataFrame) -> None:
    """Draw each rate as a bar with its interval and its figures."""
    rates = episode_rates(episodes)
    for row, (metric, rate) in enumerate(rates.items()):
        spread = [[rate.value - rate.low], [rate.high - rate.value]]
        colour = GREEN if metric == "success_rate" else RED
        ax.barh(row, rate.value, height=0.55, color=colour, alpha=0.75)
        ax.errorbar(rate.value, row, xerr=spread, color="black", capsize=4, linewidth=1.2)
        label = f"{rate.value:.0%}  [{rate.low:.0%}, {rate.high:.0%}]"
        ax.text(1.04, row, label, va="center", fontsize="small", transform=ax.get_yaxis_transform())
    ax.set_yticks(range(len(rates)), [_RATE_LABELS[metric] for metric in rates])
    ax.set_ylim(max(len(rates), 1) - 0.5, -0.5)
    ax.set_xlim(0.0, 1.0)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    dress(ax, f"Rates of {len(episodes)} episodes", "share, with its 95 % interval", "")
    ax.grid(visible=False, axis="y")
    if not rates:
        say_nothing(ax, "no rates")


def _distribution(ax: Axes, values: NDArray[np.float64], colour: str) -> None:
    """Draw a histogram with the mean and its interval."""
    if values.size == 0:
        say_nothing(ax, "no values")
        return
    ax.hist(values, bins=min(20, max(5, values.size // 3)), color=colour, alpha=0.75)
    mean = bootstrap_mean(values)
    label = f"mean {mean.value:.3g}"
    if np.isfinite(mean.low):
        ax.axvspan(mean.low, mean.high, color=GREY, alpha=0.25, linewidth=0)
        label += f"  [{mean.low:.3g}, {mean.high:.3g}]"
    ax.axvline(mean.value, color="black", linewidth=1.4, label=label)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylim(top=ax.get_ylim()[1] * 1.2)
    ax.legend(framealpha=0.9, edgecolor="none", fontsize="small", loc="upper left")


def _contacts(ax: Axes, episodes: pd.DataFrame) -> None:
    """Draw how many episodes had a contact of each kind."""
    present = [(name, label) for name, label in CONTACT_COLUMNS.items() if name in episodes.columns]
    colours = (BLUE, PURPLE, ORANGE, RED)
    counts = [int(np.count_nonzero(finite_values(episodes, name))) for name, _ in present]
    totals = [int(finite_values(episodes, name).sum()) for name, _ in present]
    bars = ax.bar(range(len(present)), counts, width=0.6, color=colours[: len(present)], alpha=0.8)
    ax.bar_label(bars, labels=[f"{total} in all" for total in totals], fontsize="small", padding=2)
    ax.set_xticks(range(len(present)), [label for _, label in present])
    ax.set_ylim(0.0, max([*counts, 1]) * 1.2)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    dress(ax, "Contacts", "", "episodes with a contact")
    ax.grid(visible=False, axis="x")
    if not present:
        say_nothing(ax, "no contacts counted")


def new_figure(rows: int, columns: int, size_in: tuple[float, float], title: str) -> tuple[Figure, Sequence[Axes]]:
    """Make a figure on the Agg canvas, which needs no display, and its axes in reading order."""
    figure = Figure(figsize=size_in, dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, fontsize="large")
    return figure, [figure.add_subplot(rows, columns, k + 1) for k in range(rows * columns)]


def dress(ax: Axes, title: str, x_label: str, y_label: str) -> None:
    """Write title and labels, and draw a light grid."""
    ax.set_title(title, loc="left", fontweight="bold", fontsize="medium")
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)
    ax.grid(visible=True, color="#DDDDDD", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def _as_share(ax: Axes) -> None:
    ax.set_ylim(-0.02, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))


def say_nothing(ax: Axes, text: str) -> None:
    """Write into an empty panel why it is empty."""
    ax.text(0.5, 0.5, text, ha="center", va="center", color=GREY, transform=ax.transAxes)
