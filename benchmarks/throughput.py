"""Environment steps per second, against the physics alone and robosuite's own loop; their scaling; motion clips.

    python benchmarks/throughput.py [--json FILE] [--repetitions N] [--steps N] [--only PARTS] [--robots NAMES]

benchmarks/README.md says how to read it.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from measure import Samples, interleaved, median_ratio, one_thread_for_linear_algebra, print_table, write_json

MANY = 8
WARM_UP_STEPS = 16
LIFT_SHARE = 10
"""robosuite's loop is measured over so many times fewer steps, or it would take most of the time."""

ROWS = {
    "mj_step": "mj_step(m, d, 25), same scene and states",
    "engine_off": "engine.step, shield OFF, 1 env",
    "engine_ssm": "engine.step, shield SSM, 1 env",
    "off_1": "environment, shield OFF, 1 env",
    "off_8": "environment, shield OFF, 8 envs",
    "ssm_1": "environment, shield SSM, 1 env",
    "ssm_8": "environment, shield SSM, 8 envs",
    "lift": "robosuite Lift (no human, no shield)",
}
"""Measurement to its label in the table."""


def measure(repetitions: int, n_steps: int) -> Samples:
    """Make everything, warm it up, and measure it in turns.

    Args:
        repetitions: of every measurement.
        n_steps: environment steps of each one.

    Returns:
        Seconds a step by the names of ``ROWS``.
    """
    from loops import EngineAndFloor, EnvLoop, LiftLoop

    loops = {(shield, n): EnvLoop(shield, n) for shield in ("OFF", "SSM") for n in (1, MANY)}
    lift = LiftLoop()
    engines = [EngineAndFloor(loops["OFF", 1], "mj_step"), EngineAndFloor(loops["SSM", 1], "mj_step_ssm")]
    try:
        runs: list[Callable[[int], Mapping[str, float]]] = [
            *(engine.run for engine in engines),
            *(loop.run for loop in loops.values()),
        ]
        for run in runs:
            run(WARM_UP_STEPS)
        measurements = [partial(run, n_steps) for run in runs]
        return interleaved([*measurements, partial(lift.run, max(n_steps // LIFT_SHARE, 1))], repetitions)
    finally:
        lift.close()
        for loop in loops.values():
            loop.env.close()


def figures(samples: Samples) -> dict[str, float]:
    """Return what is published, by flat keys: medians over the repetitions, and a few best values."""
    median = {name: statistics.median(values) for name, values in samples.items()}
    best = {name: min(values) for name, values in samples.items()}
    return {
        "shielded_steps_per_s_1env": 1.0 / median["ssm_1"],
        "shielded_steps_per_s_8env": 1.0 / median["ssm_8"],
        "unshielded_steps_per_s_1env": 1.0 / median["off_1"],
        "unshielded_steps_per_s_8env": 1.0 / median["off_8"],
        "engine_over_mj_step": median_ratio(samples, "engine_off", "mj_step"),
        "shielded_over_mj_step": median_ratio(samples, "engine_ssm", "mj_step_ssm"),
        "ratio_to_robosuite_lift": median_ratio(samples, "lift", "ssm_1"),
        "shielded_8env_over_1env": median_ratio(samples, "ssm_1", "ssm_8"),
        "robosuite_lift_steps_per_s": 1.0 / median["lift"],
        "mj_step_ms": 1e3 * median["mj_step"],
        "best_shielded_steps_per_s_1env": 1.0 / best["ssm_1"],
        "best_shielded_steps_per_s_8env": 1.0 / best["ssm_8"],
        "best_engine_over_mj_step": best["engine_off"] / best["mj_step"],
        "best_shielded_over_mj_step": best["engine_ssm"] / best["mj_step_ssm"],
        "best_ratio_to_robosuite_lift": best["lift"] / best["ssm_1"],
        "cores": float(_cores()),
        "repetitions": float(len(samples["mj_step"])),
    }


RATIOS = {
    "engine_over_mj_step": "engine.step, shield OFF, over mj_step(m, d, 25)",
    "shielded_over_mj_step": "engine.step, shield SSM, over mj_step(m, d, 25)",
    "shielded_8env_over_1env": "steps/s of 8 shielded envs over those of 1",
    "ratio_to_robosuite_lift": "steps/s of 1 shielded env over those of Lift",
}


def report(samples: Samples, found: Mapping[str, float]) -> None:
    """Print the table."""
    print(
        f"{platform.machine()}, {_cores()} cores, MuJoCo {version('mujoco')}, {len(samples['mj_step'])} repetitions\n"
    )
    rows = []
    for name, label in ROWS.items():
        middle, best = statistics.median(samples[name]), min(samples[name])
        rows.append([label, f"{1e3 * middle:.3f}", f"{1e3 * best:.3f}", f"{1 / middle:.0f}", f"{1 / best:.0f}"])
    print_table(["one step of 0.1 s", "ms median", "ms min", "steps/s median", "steps/s best"], rows)
    print()
    print_table(["ratio", "median"], [[label, f"{found[key]:.2f}"] for key, label in RATIOS.items()])


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


PARTS = ("step", "scaling", "motion")
"""One step against its floor and the peer; environments, threads and robots; making clips of motion."""


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and write the figures where asked for."""
    one_thread_for_linear_algebra()
    import motion
    import scaling

    parser = argparse.ArgumentParser(description="Environment steps per second.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there, as flat keys")
    parser.add_argument("--repetitions", type=int, default=5, help="of every measurement (default 5)")
    parser.add_argument("--steps", type=int, default=400, help="environment steps a repetition (default 400)")
    parser.add_argument("--only", default=",".join(PARTS), help=f"which parts, of {', '.join(PARTS)} (default all)")
    scaling.add_robots(parser)
    chosen = parser.parse_args(words)
    if chosen.repetitions < 1 or chosen.steps < 1:
        parser.error("--repetitions and --steps must be at least 1")
    if unknown := sorted(set(chosen.only.split(",")) - set(PARTS)):
        parser.error(f"unknown part {', '.join(unknown)}; choose from {', '.join(PARTS)}")
    found: dict[str, float] = {}
    if "step" in chosen.only:
        samples = measure(chosen.repetitions, chosen.steps)
        found |= figures(samples)
        report(samples, found)
    if "scaling" in chosen.only:
        found |= scaling.run(chosen.repetitions, 4 * chosen.steps, chosen.robots)
    if "motion" in chosen.only:
        found |= motion.rates(chosen.repetitions, max(chosen.steps // 20, 1))
    write_json(chosen.json, found)


if __name__ == "__main__":
    main()
