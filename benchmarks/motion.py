"""How fast clips of every motion family are made, and whether they keep the shield's bounds.

    python benchmarks/motion.py [--json FILE] [--repetitions N] [--clips N] [--violations N]

benchmarks/README.md says how to read it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from measure import interleaved, one_thread_for_linear_algebra, print_table, write_json

STATURES_M = tuple(1.5 + 0.05 * k for k in range(11))
AUDIT_SEED = 20_240_229


def time_clip_s(family: str, clips: int, counter: list[int]) -> dict[str, float]:
    """Time per clip of a family, of clips that were not made before [s]."""
    from hrg_pipeline.human.families import make_clip

    first = counter[0]
    counter[0] += clips
    started = time.perf_counter()
    for index in range(first, first + clips):
        make_clip(family, index, seed=0)
    return {family: (time.perf_counter() - started) / clips}


def rates(repetitions: int, clips: int) -> dict[str, float]:
    """Print and return clips a second, one core."""
    one_thread_for_linear_algebra()
    from hrg_pipeline.human.families import FAMILIES, make_clip

    for family in FAMILIES:
        make_clip(family, 0, seed=1)  # compile
    measurements = [partial(time_clip_s, family, clips, [0]) for family in FAMILIES]
    samples = interleaved(measurements, repetitions)
    rows, figures = [], {}
    for family, seconds in samples.items():
        lengths = [make_clip(family, index, seed=0).duration_s for index in range(clips)]
        figures[f"clips_per_s_{family}"] = 1.0 / statistics.median(seconds)
        length = f"{min(lengths):.1f}-{max(lengths):.1f}"
        rows.append([family, f"{1.0 / statistics.median(seconds):.1f}", f"{1.0 / min(seconds):.1f}", length])
    print_table(["clips a second, one core", "median", "best", "length [s]"], rows)
    return {"clips_per_s_slowest_family": min(figures.values()), **figures}


def audit(clips: int) -> dict[str, float]:
    """Make that many clips over all families and statures, and count those that break a bound."""
    import numpy as np

    from hrg_pipeline.human.audit import bound_violations
    from hrg_pipeline.human.families import FAMILIES, make_clip

    names = list(FAMILIES)
    made, broken = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for number in range(clips):
        family = names[number % len(names)]
        index = number // len(names)
        clip = make_clip(family, index, AUDIT_SEED, STATURES_M[index % len(STATURES_M)])
        found = bound_violations(clip, np.random.default_rng([AUDIT_SEED, number]))
        made[family] += 1
        broken[family] += bool(found)
        for line in found:
            print(line)
    rows = [[family, str(made[family]), str(broken[family])] for family in names]
    total = sum(broken.values())
    print_table(
        ["second opinion at every millisecond", "clips", "with violations"], [*rows, ["all", str(clips), str(total)]]
    )
    return {"audited_clips": float(clips), "clips_with_violations": float(total)}


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and write the figures where asked for."""
    parser = argparse.ArgumentParser(description="Generation of human motion.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there, as flat keys")
    parser.add_argument("--repetitions", type=int, default=5, help="of every measurement (default 5)")
    parser.add_argument("--clips", type=int, default=20, help="clips of each family in a repetition (default 20)")
    parser.add_argument("--violations", type=int, default=0, metavar="N", help="also check N clips of all families")
    chosen = parser.parse_args(words)
    if min(chosen.repetitions, chosen.clips) < 1 or chosen.violations < 0:
        parser.error("--repetitions and --clips must be at least 1, --violations at least 0")
    figures = rates(chosen.repetitions, chosen.clips)
    if chosen.violations:
        figures |= audit(chosen.violations)
    write_json(chosen.json, figures)


if __name__ == "__main__":
    main()
