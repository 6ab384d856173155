"""What the benchmarks share: one thread for linear algebra, medians, a table, a JSON file."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

Samples = dict[str, list[float]]
"""Name of a measurement to its repetitions [s]."""


def one_thread_for_linear_algebra() -> None:
    """Keep BLAS from starting threads of its own; call it before numpy is imported."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))


def interleaved(measurements: Sequence[Callable[[], Mapping[str, float]]], repetitions: int) -> Samples:
    """Run all measurements one after the other, and that as often as asked for.

    A disturbance from outside then meets neighbours alike, instead of one measurement alone.

    Args:
        measurements: each returns seconds by name.
        repetitions: how often.
    """
    samples: Samples = {}
    for _ in range(repetitions):
        for measure in measurements:
            for name, seconds in measure().items():
                samples.setdefault(name, []).append(seconds)
    return samples


def median_ratio(samples: Samples, over: str, under: str) -> float:
    """Median over the repetitions of one measurement divided by another, both of the same repetition."""
    return statistics.median(a / b for a, b in zip(samples[over], samples[under], strict=True))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a head; the first column to the left, the others to the right."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("  ".join(cells).rstrip())


def write_json(path: Path | None, figures: Mapping[str, float]) -> None:
    """Write figures as flat keys; without a path do nothing."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
