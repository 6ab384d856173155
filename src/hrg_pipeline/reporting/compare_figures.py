"""The figures of a comparison for the page, by Plotly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from hrg_pipeline.reporting.comparison import CURVES, SCORES, Comparison
from hrg_pipeline.reporting.plots import BLUE, GREEN, GREY, ORANGE, PURPLE, RED

COLOURS = (BLUE, RED, GREEN, ORANGE, PURPLE, "#56B4E9", "#8C6D31", GREY)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
SAFETY_PANELS = {
    "collision_rate": "Episodes with a collision",
    "interventions": "Interventions of the shield",
    "min_human_distance": "Smallest distance to the person [m]",
}
"""Metric of the evaluation: what it is called against success."""
_PANEL_HEIGHT = 300


class Section(NamedTuple):
    """A headline, a sentence that says how to read it, and a figure."""

    title: str
    text: str
    figure: go.Figure


def colour(k: int) -> str:
    """Return the colour of the k-th group."""
    return COLOURS[k % len(COLOURS)]


def sections(found: Comparison) -> list[Section]:
    """Return everything that can be drawn of a comparison, in reading order."""
    return [*_scores(found), *_curves(found), *_profiles(found), *_safety(found), *_wall_time(found)]


def _scores(found: Comparison) -> Iterator[Section]:
    if not found.scores:
        return
    names = list(found.scores)
    rows = len(found.labels)
    figure = _panels(1, len(names), [f"Interquartile mean of the {SCORES[name]}" for name in names], 110 + 46 * rows)
    for column, name in enumerate(names, start=1):
        for label, interval in found.scores[name].iqm.items():
            k = found.labels.index(label)
            figure.add_scatter(
                x=[interval.value],
                y=[_short(label)],
                mode="markers",
                name=label,
                marker={"color": colour(k), "size": 11, "symbol": "square"},
                error_x=_bar(interval.value, interval.low, interval.high, colour(k)),
                hovertemplate=f"%{{x:.3g}}  [{interval.low:.3g}, {interval.high:.3g}]<extra>{label}</extra>",
                showlegend=False,
                row=1,
                col=column,
            )
        figure.update_yaxes(range=[rows - 0.4, -0.6], showticklabels=column == 1, row=1, col=column)
        if name == "success_rate":
            figure.update_xaxes(range=[-0.02, 1.02], tickformat=".0%", row=1, col=column)
    yield Section(
        "Score",
        "Each run counts as one score, that of its newest evaluation. The interquartile mean leaves out a quarter of "
        "the runs at each end; bars are 95 % intervals by a bootstrap over runs, within each task.",
        figure,
    )
    yield from _improvements(found)


def _improvements(found: Comparison) -> Iterator[Section]:
    names = [name for name, score in found.scores.items() if score.improvements]
    if not names:
        return
    rows = max(len(found.scores[name].improvements) for name in names)
    pairs = {f"{_short(a)}<br>better than {_short(b)}" for name in names for a, b, _ in found.scores[name].improvements}
    lines = 1 + max(pair.count("<br>") for pair in pairs)
    figure = _panels(1, len(names), [f"By {SCORES[name]}" for name in names], 110 + (14 + 17 * lines) * rows)
    for column, name in enumerate(names, start=1):
        for first, second, interval in found.scores[name].improvements:
            tint = colour(found.labels.index(first))
            figure.add_scatter(
                x=[interval.value],
                y=[f"{_short(first)}<br>better than {_short(second)}"],
                mode="markers",
                marker={"color": tint, "size": 11, "symbol": "square"},
                error_x=_bar(interval.value, interval.low, interval.high, tint),
                hovertemplate=f"%{{x:.2f}}  [{interval.low:.2f}, {interval.high:.2f}]<extra></extra>",
                showlegend=False,
                row=1,
                col=column,
            )
        figure.add_vline(x=0.5, line={"color": GREY, "dash": "dot", "width": 1.5}, row=1, col=column)
        figure.update_xaxes(range=[-0.02, 1.02], row=1, col=column)
        figure.update_yaxes(range=[rows - 0.4, -0.6], showticklabels=column == 1, row=1, col=column)
    yield Section(
        "Probability of improvement",
        "How likely a run of the first group scores higher than one of the second; ties count half. An interval that "
        "holds 0.5 does not tell them apart.",
        figure,
    )


def _curves(found: Comparison) -> Iterator[Section]:
    names = list(found.curves)
    if not names:
        return
    rows = -(-len(names) // 2)
    figure = _panels(rows, min(2, len(names)), [CURVES[name] for name in names], 80 + _PANEL_HEIGHT * rows)
    named: set[str] = set()
    for position, name in enumerate(names):
        place = {"row": position // 2 + 1, "col": position % 2 + 1}
        for label, curve in found.curves[name].items():
            k = found.labels.index(label)
            tint = colour(k)
            own = {"legendgroup": label, "x": curve.steps}
            if np.isfinite(curve.low).all():
                edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
                figure.add_scatter(y=curve.high, **own, **edge, **place)
                figure.add_scatter(y=curve.low, fill="tonexty", fillcolor=_faint(tint), **own, **edge, **place)
            figure.add_scatter(
                y=curve.middle,
                mode="lines+markers" if curve.steps.size < 2 else "lines",
                line={"color": tint, "width": 2.4, "dash": DASHES[k % len(DASHES)]},
                name=f"{label} ({len(curve.runs)} runs)",
                showlegend=label not in named,
                hovertemplate="%{x:,} steps: %{y:.3g}<extra>" + label + "</extra>",
                **own,
                **place,
            )
            named.add(label)
        if name == "rollout/success_rate":
            figure.update_yaxes(range=[-0.02, 1.02], tickformat=".0%", **place)
        elif not name.startswith("rollout/"):
            figure.update_yaxes(rangemode="tozero", **place)
        title = "environment steps" if position >= len(names) - 2 else None
        figure.update_xaxes(title_text=title, tickformat="~s", **place)
    yield Section(
        "Learning curves",
        "Interquartile mean over the runs of a group at the steps that all of them have, with its 95 % bootstrap band.",
        figure,
    )


def _profiles(found: Comparison) -> Iterator[Section]:
    if not found.scores:
        return
    names = list(found.scores)
    figure = _panels(1, len(names), [f"By {SCORES[name]}" for name in names], 80 + _PANEL_HEIGHT)
    for column, name in enumerate(names, start=1):
        place = {"row": 1, "col": column}
        for label, profile in found.scores[name].profiles.items():
            k = found.labels.index(label)
            own = {"legendgroup": label, "x": profile.thresholds}
            edge = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip", "showlegend": False}
            figure.add_scatter(y=profile.high, **own, **edge, **place)
            figure.add_scatter(y=profile.low, fill="tonexty", fillcolor=_faint(colour(k)), **own, **edge, **place)
            figure.add_scatter(
                y=profile.share,
                mode="lines",
                line={"color": colour(k), "width": 2.4, "dash": DASHES[k % len(DASHES)], "shape": "hv"},
                name=label,
                showlegend=column == 1,
                **own,
                **place,
            )
        figure.update_yaxes(
            range=[-0.02, 1.02], tickformat=".0%", title="runs above it" if column == 1 else None, **place
        )
        figure.update_xaxes(title_text=SCORES[name], **place)
        if name == "success_rate":
            figure.update_xaxes(range=[-0.02, 1.02], tickformat=".0%", **place)
    yield Section(
        "Performance profiles",
        "Share of runs whose score is above a threshold, with a pointwise 95 % band. A curve that is higher "
        "everywhere belongs to the better group.",
        figure,
    )


def _safety(found: Comparison) -> Iterator[Section]:
    table, runs = found.groups, found.runs
    names = [name for name in SAFETY_PANELS if name in table and "success_rate" in table]
    if not names:
        return
    figure = _panels(1, len(names), [SAFETY_PANELS[name] for name in names], 80 + _PANEL_HEIGHT)
    for column, name in enumerate(names, start=1):
        place = {"row": 1, "col": column}
        for k, label in enumerate(found.labels):
            one, many = table[table["group"] == label].iloc[0], runs[runs["group"] == label]
            if not np.isfinite(one.get(name, np.nan)):
                continue
            figure.add_scatter(
                x=many["success_rate"],
                y=many[name],
                mode="markers",
                marker={"color": _faint(colour(k), 0.45), "size": 7},
                text=many["run"],
                hovertemplate="%{x:.0%}, %{y:.3g}<extra>%{text}</extra>",
                legendgroup=label,
                showlegend=False,
                **place,
            )
            ends = (one["success_rate_low"], one["success_rate_high"])
            figure.add_scatter(
                x=[one["success_rate"]],
                y=[one[name]],
                mode="markers",
                name=label,
                marker={"color": colour(k), "size": 13, "symbol": "diamond"},
                error_x=_bar(one["success_rate"], *ends, colour(k)),
                error_y=_bar(one[name], one[f"{name}_low"], one[f"{name}_high"], colour(k)),
                legendgroup=label,
                showlegend=column == 1,
                **place,
            )
        figure.update_xaxes(range=[-0.04, 1.04], tickformat=".0%", title_text="success rate", **place)
        figure.update_yaxes(rangemode="tozero", **place)
        if name == "collision_rate":
            top = max(0.1, 1.2 * float(runs[name].max()))
            figure.update_yaxes(range=[-0.04 * top, top], tickformat=".0%", **place)
    yield Section(
        "Safety against success",
        "Small points are runs, diamonds the means of groups with 95 % bootstrap intervals over runs.",
        figure,
    )


def _wall_time(found: Comparison) -> Iterator[Section]:
    runs = found.runs.dropna(subset=["wall_time_s"])
    if runs.empty:
        return
    titles = ["Wall time of a training [s]", "Environment steps a second"]
    figure = _panels(1, 2, titles, 110 + 46 * len(found.labels))
    for k, label in enumerate(found.labels):
        own = runs[runs["group"] == label]
        for column, values in enumerate((own["wall_time_s"], own["steps"] / own["wall_time_s"]), start=1):
            figure.add_box(
                x=values,
                y=[_short(label)] * len(own),
                orientation="h",
                boxpoints="all",
                jitter=0.4,
                pointpos=0,
                marker={"color": colour(k)},
                name=label,
                showlegend=False,
                row=1,
                col=column,
            )
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(autorange="reversed")
    figure.update_yaxes(showticklabels=False, col=2)
    yield Section("Wall time", "Of the training alone, a point for each run.", figure)


def _panels(rows: int, columns: int, titles: list[str], height: int) -> go.Figure:
    vertical = min(0.12, 0.3 / max(rows, 1)) if rows > 1 else 0.0
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=titles,
        horizontal_spacing=0.08 if columns > 1 else 0.0,
        vertical_spacing=vertical,
    )
    figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 60, "r": 20, "t": 50, "b": 50},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0 + 42.0 / height, "x": 0.0},
        font={"family": "system-ui, sans-serif", "size": 13},
    )
    figure.update_annotations(font_size=14)
    figure.update_xaxes(title_font_size=13)
    figure.update_yaxes(automargin=True, title_font_size=13)
    return figure


def _bar(value: float, low: float, high: float, tint: str) -> dict[str, object] | None:
    if not (np.isfinite(low) and np.isfinite(high)):
        return None
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - value],
        "arrayminus": [value - low],
        "color": tint,
        "thickness": 2,
        "width": 6,
    }


def _faint(tint: str, alpha: float = 0.18) -> str:
    red, green, blue = (int(tint[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def _short(label: str, width: int = 34) -> str:
    """Break a long label into lines at its commas or where it must."""
    lines = [""]
    for word in label.split(", "):
        joined = f"{lines[-1]}, {word}" if lines[-1] else word
        if len(joined) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = joined
    return "<br>".join(lines)
