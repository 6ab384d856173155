"""Time of one cycle of the shield: single calls with their spread, a batch of environments, planning on its own.

    python benchmarks/shield.py [--json FILE] [--repetitions N] [--cycles N]

benchmarks/README.md says how to read it.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.engine.engine import Engine
from hrg_pipeline.human.params import HumanParams
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Rows
from hrg_pipeline.shield.factory import make_shield_state
from hrg_pipeline.shield.goals import replan, set_goal
from hrg_pipeline.shield.model import MODES, ShieldModel
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.shield import reset_shield, shield_cycle
from measure import interleaved, print_table, write_json

Array = NDArray[np.float64]

MEASURED = ("SSM", "PFL")
BATCH = 64
GOAL_CYCLES = 25
"""A new goal comes so often: once an RL step."""
SEED = 7
SWAY = ((0.22, 0.31), (0.30, 0.23), (0.10, 0.41))
"""Amplitude [m] and frequency [Hz] of the human's path along x, y and z: below 0.7 m/s."""
IN_FRONT_M = 0.9
"""From the pelvis to the robot's base, in the middle of the path [m]."""


@kernel
def _plan(models: Rows, rows: Rows, i: int, goal: Array, new: bool) -> None:
    """Plan to a new goal, or again to the stored one."""
    if new:
        set_goal(models[0], rows[i], goal)
    else:
        replan(models[0], rows[i])


@kernel
def _cycle(models: Rows, rows: Rows, i: int, now: Array, human: Array, q: Array, dq: Array) -> None:
    """One cycle of the shield."""
    shield_cycle(models[0], rows[i], now[0], human, now, q, dq)


@kernel
def _nothing(models: Rows, rows: Rows, i: int, now: Array, human: Array, q: Array, dq: Array) -> None:
    """What a call costs that does nothing."""
    rows[i].safe = rows[i].safe


@kernel
def _batch(models: Rows, rows: Rows, first: int, humans: Array, goals: Array, q: Array, dq: Array) -> None:
    """Cycles of all environments with their planning, robots that follow exactly: as in the engine's loop."""
    model = models[0]
    now = np.empty(1)
    for k in range(humans.shape[0]):
        for i in range(rows.shape[0]):
            row = rows[i]
            if (first + k + i) % GOAL_CYCLES == 0:
                set_goal(model, row, goals[((first + k + i) // GOAL_CYCLES + i) % goals.shape[0]])
            elif row.replan_wanted != 0:
                replan(model, row)
            for j in range(q.shape[0]):
                q[j], dq[j] = row.command[0, j], row.command[1, j]
            now[0] = (first + k) * model.sample_time
            shield_cycle(model, row, now[0], humans[k], now, q, dq)


class Scenario:
    """A Panda that moves between random goals in front of a human who sways near it, all 24 bodies measured."""

    def __init__(self, cycles: int) -> None:
        engine = Engine(
            *("panda", HumanParams(), ShieldParams()),
            num_envs=1,
            n_threads=1,
            seed=0,
            horizon_s=10.0,
            safe_vel=0.005,
            debounce_s=0.1,
        )
        self.model: ShieldModel = engine.shield
        self.home = np.array(engine.robot.home_qpos)
        pose, _ = engine.human_pose(0)
        engine.close()
        self.cycles = cycles
        rng = np.random.default_rng(SEED)
        low, high = self.model.limits[:, 0], self.model.limits[:, 1]
        around = self.home + np.array([0.9, 0.5, 0.5, 0.5, 0.4, 0.4, 0.4]) * rng.uniform(-1.0, 1.0, (256, 7))
        self.goals = np.clip(around, low, high)
        self.pose = pose - pose[0] + np.array([IN_FRONT_M, 0.0, pose[0, 2]])

    def humans(self, first: int, count: int) -> Array:
        """Measured joints of the person in successive cycles (count, 1, 24, 3) [m]."""
        t = (first + np.arange(count)) * self.model.sample_time
        sway = np.stack([a * np.sin(2.0 * np.pi * f * t) for a, f in SWAY], axis=1)
        return np.ascontiguousarray((self.pose + sway[:, None])[:, None])


def time_single(
    scenario: Scenario, mode: str, found: dict[str, list[Array]], shares: dict[str, float]
) -> dict[str, float]:
    """Time every call of planning and of a cycle on its own; what an empty call costs is taken off."""
    model, count = scenario.model, scenario.cycles
    state = make_shield_state(model, 1)
    state.mode[0] = MODES[mode]
    reset_shield(model, state, 0, scenario.home)
    humans = scenario.humans(0, count)
    models, rows, command = model.record, state.rows, state.command[0]
    clock = time.perf_counter_ns
    cycle, plan, empty = np.zeros(count), [], np.zeros(count)
    moving = unsafe = near = 0
    gc.collect()
    gc.disable()
    try:
        for k in range(count):
            now = np.array([k * model.sample_time])
            goal = scenario.goals[k // GOAL_CYCLES % len(scenario.goals)]
            new = k % GOAL_CYCLES == 0
            if new or state.replan_wanted[0]:
                started = clock()
                _plan(models, rows, 0, goal, new)
                plan.append(clock() - started)
            q, dq, human = command[0].copy(), command[1].copy(), humans[k]
            started = clock()
            _nothing(models, rows, 0, now, human, q, dq)
            between = clock()
            _cycle(models, rows, 0, now, human, q, dq)
            cycle[k] = clock() - between
            empty[k] = between - started
            moving += state.path[0, 1] > 0.0
            unsafe += state.safe[0] == 0
            near += state.min_distance[0] < 1.0
    finally:
        gc.enable()
    overhead = float(np.median(empty))
    found.setdefault("cycle", []).append(np.maximum(cycle - overhead, 0.0))
    found.setdefault("plan", []).append(np.maximum(np.array(plan) - overhead, 0.0))
    found.setdefault("both", []).append(
        np.array([(cycle - overhead).sum() + (np.array(plan) - overhead).sum()]) / count
    )
    shares |= {"moving": moving / count, "unsafe": unsafe / count, "near": near / count}
    return {"empty": 1e-9 * overhead}


def time_batch(scenario: Scenario) -> dict[str, float]:
    """Time per cycle and environment of many environments in one compiled loop, planning included [s]."""
    model = scenario.model
    state = make_shield_state(model, BATCH)
    for i in range(BATCH):
        reset_shield(model, state, i, scenario.home)
    count = max(scenario.cycles // BATCH, GOAL_CYCLES)
    q, dq = np.zeros(7), np.zeros(7)
    arguments = scenario.goals, q, dq
    _batch(model.record, state.rows, 0, scenario.humans(0, GOAL_CYCLES), *arguments)
    humans = scenario.humans(GOAL_CYCLES, count)
    started = time.perf_counter()
    _batch(model.record, state.rows, GOAL_CYCLES, humans, *arguments)
    return {"batch64": (time.perf_counter() - started) / (count * BATCH)}


def run(repetitions: int, cycles: int) -> dict[str, float]:
    """Measure, print, and return the figures [µs]."""
    scenario, warm_up = Scenario(cycles), Scenario(200)
    found: dict[str, dict[str, list[Array]]] = {mode: {} for mode in MEASURED}
    shares: dict[str, dict[str, float]] = {mode: {} for mode in MEASURED}
    for mode in MEASURED:
        time_single(warm_up, mode, {}, {})
    time_batch(warm_up)
    singles = [partial(time_single, scenario, mode, found[mode], shares[mode]) for mode in MEASURED]
    samples = interleaved([*singles, partial(time_batch, scenario)], repetitions)
    figures: dict[str, float] = {}
    counts: dict[str, int] = {}
    for mode in MEASURED:
        name = mode.lower()
        us = {key: 1e-3 * np.concatenate(values) for key, values in found[mode].items()}
        figures |= _spread(name, us["cycle"])
        # The scenario is the same in each repetition: the best call of each cycle is what the machine can do.
        figures[f"{name}_us_max_best"] = float(1e-3 * np.min(found[mode]["cycle"], axis=0).max())
        figures[f"{name}_with_plan_us_mean"] = float(np.median(us["both"]))
        counts[name] = len(us["cycle"])
        if mode == MEASURED[0]:
            figures |= _spread("plan", us["plan"])
            counts["plan"] = len(us["plan"])
    figures["batch64_us"] = 1e6 * float(np.median(samples["batch64"]))
    figures["empty_call_us"] = 1e6 * float(np.median(samples["empty"]))
    _report(figures, shares, counts)
    return figures


def _spread(name: str, values: Array) -> dict[str, float]:
    return {
        f"{name}_us_median": float(np.median(values)),
        f"{name}_us_p99": float(np.percentile(values, 99.0)),
        f"{name}_us_max": float(values.max()),
    }


def _report(figures: Mapping[str, float], shares: Mapping[str, Mapping[str, float]], counts: Mapping[str, int]) -> None:
    """Print the tables."""
    labels = {**{mode.lower(): f"cycle, {mode}, without planning" for mode in MEASURED}, "plan": "planning"}
    rows = [
        [label, str(counts[name]), *(f"{figures[f'{name}_us_{part}']:.2f}" for part in ("median", "p99", "max"))]
        for name, label in labels.items()
    ]
    print_table(["one call [µs], Panda, 24 bodies", "calls", "median", "p99", "max"], rows)
    print()
    labels = {}
    for mode in MEASURED:
        labels[f"{mode.lower()}_with_plan_us_mean"] = f"cycle, {mode}, with its share of planning, mean"
        labels[f"{mode.lower()}_us_max_best"] = f"slowest cycle, {mode}, best of the repetitions"
    labels["batch64_us"] = f"cycle and environment in a loop over {BATCH}, SSM, planning included"
    labels["empty_call_us"] = "an empty call, taken off each of the above but the loop"
    print_table(["", "µs"], [[label, f"{figures[key]:.2f}"] for key, label in labels.items()])
    for mode in MEASURED:
        print(
            f"\n{mode}: robot moves in {shares[mode]['moving']:.0%} of the cycles, human nearer than 1 m in "
            f"{shares[mode]['near']:.0%}, verdict unsafe in {shares[mode]['unsafe']:.0%}"
        )


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and write the figures where asked for."""
    parser = argparse.ArgumentParser(description="One cycle of the shield.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there, as flat keys")
    parser.add_argument("--repetitions", type=int, default=5, help="of every measurement (default 5)")
    parser.add_argument("--cycles", type=int, default=20_000, help="cycles of a repetition (default 20000)")
    chosen = parser.parse_args(words)
    if min(chosen.repetitions, chosen.cycles) < 1:
        parser.error("--repetitions and --cycles must be at least 1")
    write_json(chosen.json, run(chosen.repetitions, chosen.cycles))


if __name__ == "__main__":
    main()
