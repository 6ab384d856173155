"""What learning beside the simulation saves: one training round of SAC, its halves alone and both together.

    python benchmarks/overlap.py [--json FILE] [--repetitions N] [--rounds N] [--envs N]

benchmarks/README.md says how to read it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from measure import interleaved, median_ratio, one_thread_for_linear_algebra, print_table, write_json

PRESETS = [Path(__file__).parents[1] / f"conf/base/groups/algorithm/{name}.yml" for name in ("sac", "sac_tuned")]
"""Our default and what it extends."""
WARM_UP_ROUNDS = 60


class SacRounds:
    """SAC with our tuned preset on shielded ReachHuman; a round is one step of all environments and its update."""

    def __init__(self, num_envs: int) -> None:
        import yaml
        from stable_baselines3.common.logger import Logger

        from hrg_pipeline.learning.agent import build_model
        from hrg_pipeline.learning.overlap import threads_beside_learning
        from hrg_pipeline.learning.params import SACParams
        from hrg_pipeline.learning.vec_env import EngineVecEnv
        from loops import EnvLoop

        preset: dict[str, Any] = {}
        for path in PRESETS:
            preset |= yaml.safe_load(path.read_text())
        preset |= {"learning_starts": 0}
        del preset["extends"]
        self.params = SACParams.model_validate(preset)
        self.num_envs = num_envs
        self._loop = EnvLoop("SSM", num_envs, threads_beside_learning())
        self.env = EngineVecEnv(self._loop.env)
        self.model: Any = build_model(self.params, self.env)
        self.model.set_logger(Logger(folder=None, output_formats=[]))
        self.updates = self.params.gradient_steps if self.params.gradient_steps > 0 else num_envs
        self._learn(WARM_UP_ROUNDS)

    def _learn(self, rounds: int) -> float:
        started = time.perf_counter()
        self.model.learn(rounds * self.num_envs, log_interval=10**9)
        return (time.perf_counter() - started) / rounds

    def alone(self, rounds: int) -> dict[str, float]:
        """Return the wall times of the halves of a round [s]: environments, and choosing, storing, updating."""
        step = self.env.env.step
        actions = self._loop.actions(rounds)
        started = time.perf_counter()
        for action in actions:
            last = step(action)
        simulation = (time.perf_counter() - started) / rounds
        self.env.reset()
        going_on = (*last[:2], np.zeros_like(last[2]), np.zeros_like(last[3]), last[4])
        self.env.env.step = lambda actions: going_on
        try:
            learning = self._learn(rounds)
        finally:
            del self.env.env.step
        return {"simulation": simulation, "learning": learning, "longer": max(simulation, learning)}

    def in_turn(self, rounds: int) -> dict[str, float]:
        """Return the wall time of a round, one half after the other [s]."""
        return {"in_turn": self._learn(rounds)}

    def together(self, rounds: int) -> dict[str, float]:
        """Return the wall time of a round with both halves at once [s]."""
        from hrg_pipeline.learning.overlap import overlapping

        with overlapping(self.model, self.env):
            return {"together": self._learn(rounds)}


ROWS = {
    "simulation": "simulation alone (environments)",
    "learning": "learning alone (actions, storing, updates)",
    "in_turn": "one after the other",
    "together": "both at once",
}


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and write the figures where asked for."""
    parser = argparse.ArgumentParser(description="A training round of SAC and its halves.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there, as flat keys")
    parser.add_argument("--repetitions", type=int, default=7, help="of every measurement (default 7)")
    parser.add_argument("--rounds", type=int, default=100, help="rounds a repetition (default 100)")
    parser.add_argument("--envs", type=int, default=8, help="environments (default 8)")
    chosen = parser.parse_args(words)
    if min(chosen.repetitions, chosen.rounds, chosen.envs) < 1:
        parser.error("--repetitions, --rounds and --envs must be at least 1")
    one_thread_for_linear_algebra()
    from hrg_pipeline.learning.determinism import contained_randomness

    with contained_randomness():
        sac = SacRounds(chosen.envs)
        measurements = [partial(run, chosen.rounds) for run in (sac.alone, sac.in_turn, sac.together)]
        samples = interleaved(measurements, chosen.repetitions)
        sac.env.close()
    median = {name: statistics.median(values) for name, values in samples.items()}
    found = {f"{name}_ms": 1e3 * median[name] for name in ROWS}
    found["overlap_over_longer_half"] = median_ratio(samples, "together", "longer")
    found["overlap_over_in_turn"] = median_ratio(samples, "together", "in_turn")
    print(f"SAC, {chosen.envs} environments, {sac.updates} gradient steps a round\n")
    print_table(
        ["round", "ms median", "ms min"],
        [[ROWS[n], f"{1e3 * median[n]:.2f}", f"{1e3 * min(samples[n]):.2f}"] for n in ROWS],
    )
    print()
    print_table(
        ["ratio", "median"],
        [
            ["both at once over the longer half", f"{found['overlap_over_longer_half']:.2f}"],
            ["both at once over one after the other", f"{found['overlap_over_in_turn']:.2f}"],
        ],
    )
    write_json(chosen.json, found)


if __name__ == "__main__":
    main()
