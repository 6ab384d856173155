"""How long commands, imports and the first step take.

    python benchmarks/startup.py [--json FILE] [--repetitions N]

benchmarks/README.md says how to read it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from measure import Samples, interleaved, print_table, write_json

PROJECT = Path(__file__).resolve().parents[1]
KEDRO = str(Path(sys.executable).with_name("kedro"))
FIRST_STEP = """
from hrg_pipeline.envs import make_env
env = make_env("ReachHuman")
env.reset(seed=0)
env.step(env.action_space.sample())
env.close()
"""
COMMANDS: dict[str, list[str]] = {
    "kedro_version_s": [KEDRO, "--version"],
    "kedro_registry_list_s": [KEDRO, "registry", "list"],
    "kedro_config_show_s": [KEDRO, "config", "show"],
    "import_envs_s": [sys.executable, "-c", "import hrg_pipeline.envs"],
}
LABELS = {
    "kedro_version_s": "kedro --version",
    "kedro_registry_list_s": "kedro registry list",
    "kedro_config_show_s": "kedro config show",
    "import_envs_s": "import hrg_pipeline.envs",
    "first_step_warm_s": "make, reset and step an environment, kernels cached",
    "first_step_cold_s": "the same, kernels not compiled yet",
}


def wall_time_s(command: Sequence[str], variables: Mapping[str, str] | None = None) -> float:
    """Run a command in the project and return how long it took [s].

    Raises:
        subprocess.CalledProcessError: if it fails.
    """
    env = {**os.environ, "KEDRO_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "true", **(variables or {})}
    started = time.perf_counter()
    subprocess.run(command, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def measure(repetitions: int, first_step: bool) -> Samples:
    """Measure every command in turns, after one run that nobody counts.

    Args:
        repetitions: of each.
        first_step: also measure the first step. The one with an empty kernel cache is measured once.
    """
    with tempfile.TemporaryDirectory() as cache:
        variables = {"NUMBA_CACHE_DIR": cache}
        program = [sys.executable, "-c", FIRST_STEP]
        for command in COMMANDS.values():
            wall_time_s(command)
        cold = {"first_step_cold_s": [wall_time_s(program, variables)]} if first_step else {}
        measurements = [partial(_timed, name, command, {}) for name, command in COMMANDS.items()]
        if first_step:
            measurements.append(partial(_timed, "first_step_warm_s", program, variables))
        return interleaved(measurements, repetitions) | cold


def _timed(name: str, command: Sequence[str], variables: Mapping[str, str]) -> dict[str, float]:
    return {name: wall_time_s(command, variables)}


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and write the figures where asked for."""
    parser = argparse.ArgumentParser(description="Start-up times.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there, as flat keys")
    parser.add_argument("--repetitions", type=int, default=5, help="of every measurement but the cold one (default 5)")
    parser.add_argument("--skip-first-step", action="store_true", help="commands and the import only")
    chosen = parser.parse_args(words)
    if chosen.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    samples = measure(chosen.repetitions, not chosen.skip_first_step)
    rows = [
        [label, f"{statistics.median(samples[name]):.2f}", f"{min(samples[name]):.2f}", str(len(samples[name]))]
        for name, label in LABELS.items()
        if name in samples
    ]
    print_table(["wall time [s]", "median", "min", "runs"], rows)
    write_json(chosen.json, {name: statistics.median(values) for name, values in samples.items()})


if __name__ == "__main__":
    main()
