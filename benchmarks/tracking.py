"""What tracking costs a training: the same one tracked nowhere, and in each place.

    python benchmarks/tracking.py [--json FILE] [--repetitions N] [--steps N] [--envs N] [--interval N] [--backends a,b]

benchmarks/README.md says how to read it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from measure import interleaved, median_ratio, one_thread_for_linear_algebra, print_table, write_json

NOWHERE = "none"
WARM_UP_STEPS = 1000
LIMIT = 0.02
"""Share of the training time that tracking may cost."""


class Timed:
    """Where metrics go, and the time that the training waits for it [s]."""

    def __init__(self, log: Callable[[Mapping[str, float], int], None]) -> None:
        self._log = log
        self.seconds = 0.0

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Hand metrics on."""
        started = time.perf_counter()
        self._log(metrics, step)
        self.seconds += time.perf_counter() - started


class CpuTimed:
    """A function that another thread calls, and the CPU time it takes there [s]."""

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function
        self.seconds = 0.0

    def __call__(self, *arguments: Any) -> None:
        """Call it."""
        started = time.thread_time()
        self._function(*arguments)
        self.seconds += time.thread_time() - started


class Training:
    """SAC on shielded ReachHuman."""

    def __init__(self, envs: int, steps: int, interval: int) -> None:
        from hrg_pipeline.envs.spec import EnvSpec
        from hrg_pipeline.robots.params import RobotParams
        from hrg_pipeline.tasks.reach_human import ReachHumanParams
        from hrg_pipeline.wrappers.attach import attach_wrappers
        from hrg_pipeline.wrappers.params import WrapperParams

        bare = EnvSpec.create(RobotParams(), ReachHumanParams(env_id="ReachHuman"))
        self.spec = attach_wrappers(bare, WrapperParams(), ["object-state", "goal_difference"])
        self.envs, self.steps, self.interval = envs, steps, interval

    def measure(self, backend: str, steps: int | None = None) -> dict[str, float]:
        """Train once; returns wall time, time waited, CPU time of sending and time of closing [s], by name."""
        from hrg_pipeline.learning.params import SACParams
        from hrg_pipeline.learning.training import train

        with tempfile.TemporaryDirectory() as folder:
            run = _open(backend, Path(folder))
            sending = CpuTimed(run._buffer._send) if hasattr(run, "_buffer") else None
            if sending:
                run._buffer._send = sending
            sink = Timed(run.log if run else lambda metrics, step: None)
            started = time.perf_counter()
            train(
                self.spec,
                SACParams(buffer_size=10_000, device="cpu"),
                n_envs=self.envs,
                n_steps=steps or self.steps,
                seed=0,
                log_interval=self.interval,
                verbose=False,
                sink=sink,
            )
            trained = time.perf_counter()
            if run:
                run.end("FINISHED")
            return {
                f"{backend}_wall": trained - started,
                f"{backend}_waited": sink.seconds,
                f"{backend}_sending": sending.seconds if sending else 0.0,
                f"{backend}_closing": time.perf_counter() - trained,
            }


def _open(backend: str, project: Path) -> Any:
    from hrg_pipeline.config.params import TrackingParams
    from hrg_pipeline.tracking.backends import OPENERS, Start
    from hrg_pipeline.tracking.mlflow_run import MlflowRun

    if backend == NOWHERE:
        return None
    if backend == "mlflow":
        return MlflowRun.create(project, "benchmark", "run", {})
    return OPENERS[backend](Start(project, "run", "run", "benchmark", TrackingParams(), {}))


def main() -> int:
    """Measure, print, write; exit code 1 when a place costs more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--envs", type=int, default=8)
    parser.add_argument("--interval", type=int, default=1000, help="run.log_interval")
    parser.add_argument("--backends", default="mlflow,tensorboard")
    arguments = parser.parse_args()
    one_thread_for_linear_algebra()
    training = Training(arguments.envs, arguments.steps, arguments.interval)
    backends = [NOWHERE, *arguments.backends.split(",")]
    for backend in backends:  # loads libraries and compiled code
        training.measure(backend, WARM_UP_STEPS)
    samples = interleaved([partial(training.measure, backend) for backend in backends], arguments.repetitions)
    median = {name: statistics.median(values) for name, values in samples.items()}
    figures: dict[str, float] = {"steps": arguments.steps, "interval": arguments.interval}
    rows, worst = [], 0.0
    for backend in backends:
        wall, waited, sending = (median[f"{backend}_{part}"] for part in ("wall", "waited", "sending"))
        cost = (waited + sending) / wall
        ratio = median_ratio(samples, f"{backend}_wall", f"{NOWHERE}_wall")
        worst = max(worst, cost)
        figures |= {f"{backend}_wall_s": wall, f"{backend}_cost": cost, f"{backend}_over_none": ratio}
        figures |= {f"{backend}_closing_s": median[f"{backend}_closing"]}
        words = [f"{waited * 1e3:.1f}", f"{sending * 1e3:.1f}", f"{cost:.3%}", f"{ratio:.3f}"]
        rows.append([backend, f"{wall:.2f}", *words, f"{median[f'{backend}_closing']:.2f}"])
    head = ["tracked in", "wall [s]", "waited [ms]", "sending [ms CPU]", "cost", "wall over none", "closing [s]"]
    print_table(head, rows)
    print(f"largest cost {worst:.3%}, limit {LIMIT:.0%}")
    write_json(arguments.json, figures)
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
