"""A comparison as one HTML file that needs no network, and as tables."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.io as pio
from plotly.offline import get_plotlyjs

from hrg_pipeline.reporting.compare_figures import colour, sections
from hrg_pipeline.reporting.compare_png import comparison_figure
from hrg_pipeline.reporting.comparison import Comparison

PAGE, PICTURE = "report.html", "report.png"
TABLES = ("groups", "runs", "differences")

_SUMMARY: Mapping[str, tuple[str, str]] = {
    "runs": ("Runs", ".0f"),
    "episodes": ("Episodes", ".0f"),
    "success_rate_iqm": ("Success, IQM", ".0%"),
    "return_iqm": ("Return, IQM", ".2f"),
    "collision_rate": ("Collisions", ".1%"),
    "contacts_critical_total": ("Critical contacts", ".0f"),
    "interventions": ("Interventions", ".1f"),
    "min_human_distance_lowest": ("Closest [m]", ".3f"),
    "steps": ("Steps", ",.0f"),
    "wall_time_s": ("Training [s]", ",.0f"),
}
"""Column of the groups table: headline, format."""
_RUNS: Mapping[str, tuple[str, str]] = {
    "seed": ("Seed", ".0f"),
    "success_rate": ("Success", ".0%"),
    "return": ("Return", ".2f"),
    "length": ("Length", ".0f"),
    "collision_rate": ("Collisions", ".1%"),
    "interventions": ("Interventions", ".1f"),
    "min_human_distance_lowest": ("Closest [m]", ".3f"),
    "episodes": ("Episodes", ".0f"),
    "steps": ("Steps", ",.0f"),
    "wall_time_s": ("Training [s]", ",.0f"),
}
_CONFIG = {"displayModeBar": False, "responsive": True}
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1d1d1f;max-width:1240px;margin:0 auto;padding:24px 20px 60px}
h1{font-size:25px;margin:0 0 4px}h2{font-size:19px;margin:38px 0 4px}p{margin:4px 0 10px;color:#444;max-width:110ch}
table{border-collapse:collapse;font-size:13.5px;width:100%}th,td{padding:6px 8px;text-align:right;white-space:nowrap}
th{border-bottom:2px solid #ccc;font-weight:600;vertical-align:bottom}td{border-bottom:1px solid #eee}
th{white-space:normal}th:first-child,td:first-child,.text td,.text th{text-align:left}
td:first-child{white-space:normal;min-width:190px}.text td{white-space:normal;overflow-wrap:anywhere}
.text td:first-child{white-space:nowrap}
small{color:#777;display:block;font-size:11.5px}.dot{display:inline-block;width:11px;height:11px;border-radius:2px}
.wide{overflow-x:auto}.note{background:#fff6e0;border-left:4px solid #e69f00;padding:8px 14px;color:#333;max-width:none}
"""


def write_report(folder: Path, found: Comparison, title: str, made: str) -> list[Path]:
    """Write page, picture and tables into a folder.

    Args:
        folder: exists.
        found: what to report.
        title: headline.
        made: a line that says how and when it was made.

    Returns:
        The files.
    """
    files = [folder / PAGE, folder / PICTURE, *(folder / f"{name}.csv" for name in TABLES)]
    files[0].write_text(page(found, title, made), encoding="utf-8")
    comparison_figure(found, title=title).savefig(files[1])
    for name, file in zip(TABLES, files[2:], strict=True):
        getattr(found, name).to_csv(file, index=False)
    return files


def page(found: Comparison, title: str, made: str) -> str:
    """Return the whole page; the only script in it is Plotly's, which stands in the page itself."""
    notes = "".join(f"<p class=note>{html.escape(note)}</p>" for note in found.notes)
    parts = [
        f"<h1>{html.escape(title)}</h1><p>{html.escape(made)}</p>{notes}",
        f"<div class=wide>{_table(found, found.groups, 'group', _SUMMARY)}</div>",
    ]
    for section in sections(found):
        drawn = pio.to_html(section.figure, include_plotlyjs=False, full_html=False, config=_CONFIG)
        parts.append(f"<h2>{section.title}</h2><p>{section.text}</p>{drawn}")
    parts.append(f"<h2>Parameters that differ</h2>{_differences(found)}")
    parts.append(f"<h2>Runs</h2><div class=wide>{_table(found, found.runs, 'run', _RUNS)}</div>")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><script>{get_plotlyjs()}</script></head><body>{''.join(parts)}</body></html>"
    )


def _table(found: Comparison, table: pd.DataFrame, name: str, columns: Mapping[str, tuple[str, str]]) -> str:
    present = [column for column in columns if column in table]
    head = "".join(f"<th>{html.escape(columns[column][0])}</th>" for column in present)
    rows = []
    for _, row in table.iterrows():
        dot = f'<span class=dot style="background:{colour(found.labels.index(row["group"]))}"></span> '
        cells = "".join(f"<td>{_cell(row, column, columns[column][1])}</td>" for column in present)
        rows.append(f"<tr><td>{dot}{html.escape(str(row[name]))}</td>{cells}</tr>")
    return f"<table><tr><th>{name.capitalize()}</th>{head}</tr>{''.join(rows)}</table>"


def _cell(row: pd.Series[Any], column: str, style: str) -> str:
    value = row[column]
    if value is None or not math.isfinite(value):
        return "-"
    text = f"{value:{style}}"
    low, high = row.get(f"{column}_low"), row.get(f"{column}_high")
    if low is not None and high is not None and math.isfinite(low) and math.isfinite(high):
        text += f"<small>{low:{style}} to {high:{style}}</small>"
    return text


def _differences(found: Comparison) -> str:
    if found.differences.empty:
        return "<p>None, but for seeds and what does not change the learning.</p>"
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in found.differences.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in found.differences.itertuples(index=False)
    )
    return f"<div class=wide><table class=text><tr>{head}</tr>{rows}</table></div>"
