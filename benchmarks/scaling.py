"""What more environments, more threads and other robots do to the throughput.

    python benchmarks/scaling.py [--json FILE] [--repetitions N] [--steps N] [--robots panda,ur5e]

benchmarks/README.md says how to read it.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from measure import Samples, interleaved, median_ratio, one_thread_for_linear_algebra, print_table, write_json

COUNTS = (1, 8, 32)
"""Environments of the tables."""
SCALED = 16
"""Environments whose scaling and Python share are published."""
FEW, MANY = 1, 33
"""Environments of the two processes whose memory is compared."""
WARM_UP_STEPS = 64


def thread_counts() -> list[int]:
    """1, 2, 4, ... and all cores."""
    from hrg_pipeline.engine.threads import available_cores

    cores = available_cores()
    return sorted({1, cores, *(2**k for k in range(1, 10) if 2**k < cores)})


def measure(repetitions: int, n_steps: int, robots: Sequence[str]) -> Samples:
    """Measure everything in turns; seconds an environment step (or what the name says) by name."""
    from loops import EngineAndFloor, EnvLoop, HumanPoses, PythonShare, Resets

    threads = thread_counts()
    loops = {}
    for robot in robots:
        for count in COUNTS:
            for n in threads if robot == "panda" else threads[-1:]:
                loop = EnvLoop("SSM", count, n, robot)
                loops[loop.name] = loop
    scaled = {n: EnvLoop("SSM", SCALED, n) for n in {1, min(2, threads[-1])}}
    one = {shield: EnvLoop(shield, 1) for shield in ("OFF", "SSM")}
    try:
        runs = [
            *(partial(loop.run, n_steps) for loop in [*loops.values(), *scaled.values()]),
            partial(PythonShare(scaled[max(scaled)]).run, n_steps),
            partial(PythonShare(one["SSM"]).run, n_steps),
            partial(EngineAndFloor(one["OFF"], "floor_off").run, n_steps),
            partial(EngineAndFloor(one["SSM"], "floor_ssm").run, n_steps),
            partial(HumanPoses(one["SSM"]).run, n_steps),
            partial(Resets(scaled[1]).run, n_steps),
        ]
        for loop in [*loops.values(), *scaled.values(), *one.values()]:
            loop.run(WARM_UP_STEPS)
        for run in runs[len(loops) + len(scaled) :]:
            run()
        return interleaved(runs, repetitions)
    finally:
        for loop in [*loops.values(), *scaled.values(), *one.values()]:
            loop.env.close()


def megabytes_per_env() -> float:
    """What one more environment takes, from the sizes of two processes [MB]; NaN where that cannot be read."""
    if not Path("/proc/self/statm").exists():
        return float("nan")
    script = Path(__file__).with_name("memory.py")
    sizes = [
        float(subprocess.run([sys.executable, script, str(n)], check=True, capture_output=True, text=True).stdout)
        for n in (FEW, MANY)
    ]
    return (sizes[1] - sizes[0]) / (MANY - FEW)


def figures(samples: Samples, mb_per_env: float) -> dict[str, float]:
    """Return what is published, by flat keys."""
    median = {name: statistics.median(values) for name, values in samples.items()}
    found = {f"steps_per_s_{name}": 1.0 / value for name, value in median.items() if name.startswith("ssm_")}
    found["python_share_16env"] = median_ratio(samples, f"python_{SCALED}", f"whole_{SCALED}")
    found["python_share_1env"] = median_ratio(samples, "python_1", "whole_1")
    found["mb_per_env"] = mb_per_env
    found["reset_ms"] = 1e3 * median["reset"]
    if f"ssm_{SCALED}_2t" in samples:
        found["thread_scaling_2_over_1"] = median_ratio(samples, f"ssm_{SCALED}_1t", f"ssm_{SCALED}_2t")
    return found


def stages(samples: Samples) -> dict[str, float]:
    """Seconds of each stage in one shielded step of one environment."""
    median = {name: statistics.median(values) for name, values in samples.items()}
    return {
        "physics: mj_step(m, d, 25) from the same states": median["floor_ssm"],
        "human: 25 poses": median["human"],
        "shield: what SSM adds to the engine": median["engine_ssm"] - median["engine_off"],
        "control, planning, contacts: the rest of the engine": median["engine_off"]
        - median["floor_off"]
        - median["human"],
        "Python: observations, rewards, info": median["python_1"],
    }


def report(samples: Samples, found: Mapping[str, float], robots: Sequence[str]) -> None:
    """Print the tables."""
    median = {name: statistics.median(values) for name, values in samples.items()}
    threads = thread_counts()

    def rate(count: int, n: int, robot: str = "panda") -> str:
        name = f"ssm_{count}_{n}t" + ("" if robot == "panda" else f"_{robot}")
        return f"{1.0 / median[name]:.0f}" if name in median else "-"

    print("shielded steps/s, panda\n")
    print_table(
        ["environments", *(f"{n} thread{'s' * (n > 1)}" for n in threads)],
        [[str(count), *(rate(count, n) for n in threads)] for count in COUNTS],
    )
    print(f"\nshielded steps/s, {threads[-1]} threads\n")
    print_table(
        ["robot", *(f"{count} env{'s' * (count > 1)}" for count in COUNTS)],
        [[robot, *(rate(count, threads[-1], robot) for count in COUNTS)] for robot in robots],
    )
    parts = stages(samples)
    whole = sum(parts.values())
    print("\none shielded step of one environment\n")
    print_table(["stage", "us", "share"], [[k, f"{1e6 * v:.0f}", f"{v / whole:.0%}"] for k, v in parts.items()])
    print()
    print_table(["figure", "median"], [[key, f"{found[key]:.3g}"] for key in found if not key.startswith("steps_per")])


def run(repetitions: int, n_steps: int, robots: Sequence[str]) -> dict[str, float]:
    """Measure and print everything; returns what is published."""
    samples = measure(repetitions, n_steps, robots)
    found = figures(samples, megabytes_per_env())
    report(samples, found, robots)
    return found


def add_robots(parser: argparse.ArgumentParser) -> None:
    """Add the choice of robots; the Panda is always among them and comes first."""
    from hrg_pipeline.robots.records import ROBOTS

    def names(text: str) -> list[str]:
        if unknown := sorted(set(text.split(",")) - set(ROBOTS)):
            choices = ", ".join(ROBOTS)
            raise argparse.ArgumentTypeError(f"unknown robot {', '.join(unknown)}; choose from {choices}")
        return ["panda", *(name for name in text.split(",") if name != "panda")]

    parser.add_argument("--robots", type=names, default=",".join(ROBOTS), help="which arms (default all)")


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and write the figures where asked for."""
    one_thread_for_linear_algebra()
    parser = argparse.ArgumentParser(description="Throughput over environments, threads and robots.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there, as flat keys")
    parser.add_argument("--repetitions", type=int, default=5, help="of every measurement (default 5)")
    parser.add_argument("--steps", type=int, default=1600, help="environment steps a repetition (default 1600)")
    add_robots(parser)
    chosen = parser.parse_args(words)
    if chosen.repetitions < 1 or chosen.steps < 1:
        parser.error("--repetitions and --steps must be at least 1")
    write_json(chosen.json, run(chosen.repetitions, chosen.steps, chosen.robots))


if __name__ == "__main__":
    main()
