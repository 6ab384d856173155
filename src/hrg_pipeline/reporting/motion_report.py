"""The report of an import of recorded motion: one row a file."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence

import pandas as pd

from hrg_pipeline.human.recorded.importer import REPORT_COLUMNS, ReportRow

_HEADER = (
    "file", "status", "frames", "duration [s]", "top speed [m/s]", "top accel. [m/s²]", "slowed", "filtered [s]",
    "repairs",
)  # fmt: skip
_REPAIR = re.compile(r"(.+) \((.+), frames (\d+)-(\d+)\)")


def report_frame(rows: Sequence[ReportRow]) -> pd.DataFrame:
    """Return all figures of the report, one row a file."""
    return pd.DataFrame([dataclasses.asdict(row) for row in rows], columns=list(REPORT_COLUMNS))


def report_table(rows: Sequence[ReportRow]) -> str:
    """Return the report as Markdown: what was read, what it was like before and after, what was done."""
    cells = [_HEADER, *(_cells(row) for row in rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(_HEADER))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    counts = {status: sum(row.status == status for row in rows) for status in dict.fromkeys(r.status for r in rows)}
    summary = ", ".join(f"{count} {status}" for status, count in counts.items())
    notes = [f"- {row.file}: {text}" for row in rows for text in (row.warnings,) if text]
    parts = [f"{len(rows)} files: {summary}.", "", *lines]
    return "\n".join([*parts, "", "Remarks:", "", *notes] if notes else parts) + "\n"


def _cells(row: ReportRow) -> tuple[str, ...]:
    if not row.clip:
        return (row.file, row.status, "", "", "", "", "", "", row.reason)
    return (
        row.file,
        row.status,
        str(row.frames),
        _change(row.duration_before_s, row.duration_after_s, ".1f"),
        _change(row.speed_before, row.speed_after, ".2f"),
        _change(row.acceleration_before, row.acceleration_after, ".0f"),
        f"{row.slowed_s:.1f} s, ≤ {row.slowest:.2f}×" if row.slowest > 1.001 else "",
        f"{row.smoothed_s:.1f}" if row.smoothed_s > 0.0 else "",
        _repairs(row.repairs),
    )


def _repairs(text: str) -> str:
    """Several joints that were repaired at one time, told as one."""
    found = [_REPAIR.fullmatch(part) for part in text.split("; ") if part]
    spans: list[tuple[int, int, list[str], set[str]]] = []
    for match in sorted((m for m in found if m), key=lambda m: int(m[3])):
        kind, where, first, last = match[1], match[2], int(match[3]), int(match[4])
        if spans and first <= spans[-1][1]:
            begin, end, bodies, kinds = spans[-1]
            spans[-1] = (begin, max(end, last), [*bodies, where], kinds | {kind})
        else:
            spans.append((first, last, [where], {kind}))
    return "; ".join(
        f"{' and '.join(sorted(kinds))} {first}-{last}" + ("" if bodies == ["all"] else f" ({_few(bodies)})")
        for first, last, bodies, kinds in spans
    )


def _few(names: list[str]) -> str:
    kept = list(dict.fromkeys(names))
    return ", ".join(kept) if len(kept) <= 2 else f"{len(kept)} joints"


def _change(before: float, after: float, style: str) -> str:
    return f"{before:{style}} → {after:{style}}" if math.isfinite(before) else f"{after:{style}}"
