"""How often each expert solves its task, with every arm: the table of docs/experts.md.

    python benchmarks/experts.py [--json FILE] [--episodes N] [--tasks NAMES] [--robots NAMES]

An episode is that of ``kedro run --pipeline demonstrate --params environment=<task>,expert=<task>,robot=<robot>`` with
its default seed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

from hrg_pipeline.config.compose import compose
from hrg_pipeline.config.overrides import parse_params, read_overrides
from hrg_pipeline.config.params import RunParams
from hrg_pipeline.config.run_store import RunStore
from hrg_pipeline.config.sources import ConfFolders
from hrg_pipeline.experts.registry import EXPERTS
from hrg_pipeline.pipelines.demonstrate.nodes import attach_expert, run_episodes
from hrg_pipeline.reporting.statistics import summarize_episodes
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.robots.records import ROBOTS
from hrg_pipeline.tasks.registry import snake_case, task_params_class
from hrg_pipeline.wrappers.params import WrapperParams
from measure import write_json

PROJECT = Path(__file__).resolve().parents[1]
COLUMNS = (
    "task",
    "robot",
    "success",
    "95 % interval",
    "mean length [s]",
    "critical contacts",
    "largest weld force [N]",
)
STEP_S = 0.1


def measure(env_id: str, robot: str, episodes: int, lanes: int) -> dict[str, float]:
    """Let a task's expert do it with a robot, and summarise the episodes."""
    from hrg_pipeline.envs.spec import EnvSpec

    name = snake_case(env_id)
    words = f"environment={name},expert={name},robot={robot},run.n_test_episodes={episodes},run.n_envs={lanes}"
    folders, store = ConfFolders(PROJECT / "conf", None), RunStore(PROJECT)
    chosen = compose(folders, read_overrides(parse_params(words)), store).parameters
    task = task_params_class(env_id).model_validate(chosen["environment"])
    wrappers = WrapperParams.model_validate(chosen["wrappers"])
    spec = attach_expert(EnvSpec.create(RobotParams.model_validate(chosen["robot"]), task), wrappers, chosen["expert"])
    run = RunParams.model_validate({**chosen["run"], "verbose": False})
    started = time.perf_counter()
    rows = run_episodes(spec, wrappers, chosen["expert"], run)
    figures = {"seconds": time.perf_counter() - started}
    if "weld_force_max_n" in rows:
        figures["weld_force_max_n"] = float(rows["weld_force_max_n"].max())
    return summarize_episodes(rows, seed=run.eval_seed) | figures


def line(env_id: str, robot: str, one: Mapping[str, float]) -> str:
    """One row of the table."""
    force = f"{one['weld_force_max_n']:.0f}" if "weld_force_max_n" in one else "–"
    cells = (
        f"`{env_id}`",
        robot,
        f"{one['success_rate']:.3f}",
        f"{one['success_rate_low']:.2f} to {one['success_rate_high']:.2f}",
        f"{STEP_S * one['length']:.1f}",
        f"{one['contacts_critical_total']:.0f}",
        force,
    )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Measure, print a Markdown table, write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the numbers into this file")
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--lanes", type=int, default=8, help="environments that are stepped together")
    parser.add_argument("--tasks", nargs="+", default=list(EXPERTS), choices=list(EXPERTS))
    parser.add_argument("--robots", nargs="+", default=["panda", "schunk"], choices=sorted(ROBOTS))
    args = parser.parse_args()
    figures: dict[str, float] = {}
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|", flush=True)
    for task in args.tasks:
        for robot in args.robots:
            one = measure(task, robot, args.episodes, args.lanes)
            print(line(task, robot, one), flush=True)
            figures |= {f"{task}/{robot}/{name}": value for name, value in one.items()}
            write_json(args.json, figures)


if __name__ == "__main__":
    main()
