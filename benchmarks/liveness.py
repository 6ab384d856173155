"""What the shield costs in time: the same goals with the shield off, with SSM and with PFL, beside different people.

    python benchmarks/liveness.py [--json FILE] [--episodes N] [--goals N] [--scenarios far,working] [--robot NAME]

benchmarks/README.md says how to read it.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.engine.engine import ACTION_SCALE, Engine
from hrg_pipeline.engine.scene import CYCLE_S, CYCLES_PER_STEP
from hrg_pipeline.human import plan as p
from hrg_pipeline.human import reaching as r
from hrg_pipeline.human.body import make_skeleton
from hrg_pipeline.human.clip import Clip
from hrg_pipeline.human.families.making import HAND_SPEED_MAX
from hrg_pipeline.human.families.writer import Draft, FamilyWriter
from hrg_pipeline.human.fitting import clip_bounds, fit
from hrg_pipeline.human.motion import SAMPLE_RATE_HZ
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.shield.params import ShieldParams
from measure import print_table, write_json

Array = NDArray[np.float64]

MODES = ("OFF", "SSM", "PFL")
STEP_S = CYCLE_S * CYCLES_PER_STEP
LIMIT_S = 120.0
"""An episode ends here, wherever the arm is."""
REACHED_RAD = 0.1
"""A goal is reached at this Euclidean distance, as in ReachHuman by default."""
CLEARANCE_M = 0.03
"""The way to a goal keeps clear of table, pedestal and the arm by this, so that nothing but people can stop it."""
FAR_M = 5.0
PASSING_M = 1.2
"""Distance of the walker's line from the robot's axis."""
SEED = 11


@dataclass(frozen=True)
class Scenario:
    """People beside the robot."""

    families: tuple[str, ...] = ()
    count: int = 1
    away_m: float = 0.0
    """By how much everybody is shifted away from the table."""
    passing: bool = False

    def human(self, folder: Path) -> HumanParams:
        """Parameters of the people; ``folder`` is for clips that are made."""
        motion = MotionParams(n_clips=8, families=self.families)
        if self.passing:
            passing_clip(LIMIT_S).save(folder / "passing.npz")
            return HumanParams(motion=MotionParams(source=str(folder)), human_rand=(0.0, 0.0, 0.0))
        return HumanParams(count=self.count, motion=motion)


SCENARIOS: dict[str, Scenario] = {
    "far": Scenario(away_m=FAR_M),
    "passing": Scenario(passing=True),
    "working": Scenario(),
    "leaning_in": Scenario(families=("pick_place",)),
    "two_people": Scenario(count=2),
}


@dataclass
class Result:
    """What came of the episodes of one mode, one value for each."""

    time_s: list[float] = field(default_factory=list)
    """When the last goal was reached, or ``LIMIT_S``."""
    reached: list[int] = field(default_factory=list)
    slowed_s: list[float] = field(default_factory=list)
    stopped_s: list[float] = field(default_factory=list)
    interventions: list[int] = field(default_factory=list)
    path_speed: list[float] = field(default_factory=list)
    closest_m: list[float] = field(default_factory=list)
    q: list[Array] = field(default_factory=list)
    """Joint angles at the end (n,) [rad]."""


class _Passing(FamilyWriter):
    """Walks to and fro behind the robot."""

    def __init__(self, seconds: float) -> None:
        super().__init__(np.random.default_rng(SEED), make_skeleton(1.75), HAND_SPEED_MAX)
        self._seconds = seconds

    def write(self) -> Draft:
        ends = [p.Stance(-PASSING_M, sign * 2.5, -sign * 0.5 * math.pi) for sign in (-1.0, 1.0)]
        self._begin(ends[0], r.standing_pose(self._stature))
        turn = 1
        while self._written_s < self._seconds:
            self._walk_to(p.Stance(ends[turn].x, ends[turn].y, ends[1 - turn].yaw))
            self._walk_to(ends[turn])
            turn = 1 - turn
        return Draft(self._plan())


def passing_clip(seconds: float) -> Clip:
    """Make a clip of somebody who walks to and fro past the robot."""
    skeleton = make_skeleton(1.75)
    fitted, trouble = fit(_Passing(seconds).write().plan, skeleton, clip_bounds(skeleton, HAND_SPEED_MAX), lambda _: [])
    if fitted is None:
        raise RuntimeError(f"nobody can walk like this: {trouble}")
    return Clip(
        name="passing/0",
        family="passing",
        root_position=fitted.postures[:, :3],
        rotations=fitted.rotations,
        rate_hz=SAMPLE_RATE_HZ,
        stature_m=1.75,
    )


def policy(q: Array, goal: Array) -> Array:
    """Go straight to the goal, all joints as fast as an action can ask for."""
    return np.clip((goal - q) / ACTION_SCALE, -1.0, 1.0)


def draw_goals(engine: Engine, start: Array, count: int, rng: np.random.Generator) -> list[Array]:
    """Draw goals that can be reached one after the other, whoever stands there."""
    goals: list[Array] = []
    here = start
    low, high = np.array(engine.robot.q_min), np.array(engine.robot.q_max)
    while len(goals) < count:
        goal = np.asarray(rng.uniform(low, high))
        if engine.is_free(goal, CLEARANCE_M) and _way_is_free(engine, here, goal):
            goals.append(goal)
            here = goal
    return goals


def _way_is_free(engine: Engine, here: Array, goal: Array) -> bool:
    q = here
    while np.abs(goal - q).max() > 1e-9:
        q = q + 0.25 * ACTION_SCALE * policy(q, goal)
        if np.abs(goal - q).max() < 0.01:
            return True
        if not engine.is_free(q, CLEARANCE_M):
            return False
    return True


def run_scenario(
    name: str,
    episodes: int,
    goals: int,
    robot: str = "panda",
    n_threads: int | None = None,
) -> dict[str, Result]:
    """Let the arm go to the same goals beside the same people in all modes.

    Args:
        name: one of ``SCENARIOS``.
        episodes: of each mode.
        goals: of each episode.
        robot: which arm.
        n_threads: None: one per core.

    Returns:
        Results by mode.
    """
    scenario = SCENARIOS[name]
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(
            robot,
            scenario.human(Path(folder)),
            ShieldParams(type="PFL"),
            num_envs=episodes * len(MODES),
            n_threads=n_threads,
            seed=SEED,
            horizon_s=LIMIT_S,
            safe_vel=0.01,
            debounce_s=0.1,
        )
    try:
        return _run(engine, scenario, episodes, goals)
    finally:
        engine.close()


def _run(engine: Engine, scenario: Scenario, episodes: int, count: int) -> dict[str, Result]:
    results = {mode: Result() for mode in MODES}
    home = np.array(engine.robot.home_qpos)
    targets = np.empty((engine.num_envs, count, engine.dof))
    for episode in range(episodes):
        drawn = draw_goals(engine, home, count, np.random.default_rng([SEED, episode]))
        for k, mode in enumerate(MODES):
            i = episode * len(MODES) + k
            engine.set_shield_type(np.array([i]), mode)
            engine.reset(i, home, np.random.default_rng([SEED, 1, episode]))
            if scenario.away_m > 0.0:
                engine.people.place(i, 0, np.array([scenario.away_m, 0.0, 0.0]))
            targets[i] = drawn
    reached = np.zeros(engine.num_envs, dtype=np.int64)
    ends: dict[int, tuple[float, Mapping[str, float], Array]] = {}
    actions = np.zeros((engine.num_envs, engine.dof + 1))
    for step in range(round(LIMIT_S / STEP_S)):
        at = np.minimum(reached, count - 1)
        actions[:, : engine.dof] = policy(engine.q, targets[np.arange(engine.num_envs), at])
        engine.step(actions)
        q = engine.q
        reached += np.linalg.norm(targets[np.arange(engine.num_envs), at] - q, axis=1) <= REACHED_RAD
        last = step == round(LIMIT_S / STEP_S) - 1
        done = [i for i in range(engine.num_envs) if i not in ends and (reached[i] >= count or last)]
        if done:
            info = engine.shield_info()
            ends |= {i: ((step + 1) * STEP_S, {key: v[i] for key, v in info.items()}, q[i]) for i in done}
        if len(ends) == engine.num_envs:
            break
    for i in range(engine.num_envs):
        time_s, values, q = ends[i]
        result = results[MODES[i % len(MODES)]]
        result.time_s.append(time_s)
        result.reached.append(min(int(reached[i]), count))
        result.slowed_s.append(float(values["time_slowed_s"]))
        result.stopped_s.append(float(values["time_stopped_s"]))
        result.interventions.append(int(values["failsafe_interventions"]))
        result.path_speed.append(float(values["mean_path_speed"]))
        result.closest_m.append(float(values["min_human_distance"]))
        result.q.append(q)
    return results


FIGURES: dict[str, Callable[[Result, Result], float]] = {
    "time_s": lambda one, off: float(np.mean(one.time_s)),
    "lost_percent": lambda one, off: 100.0 * (sum(one.time_s) / sum(off.time_s) - 1.0),
    "reached_percent": lambda one, off: 100.0 * sum(one.reached) / max(sum(off.reached), 1),
    "slowed_percent": lambda one, off: 100.0 * sum(one.slowed_s) / sum(one.time_s),
    "stopped_percent": lambda one, off: 100.0 * sum(one.stopped_s) / sum(one.time_s),
    "interventions_per_min": lambda one, off: 60.0 * sum(one.interventions) / sum(one.time_s),
    "mean_path_speed": lambda one, off: float(np.average(one.path_speed, weights=one.time_s)),
    "closest_m": lambda one, off: min(one.closest_m),
}
"""Figures of one mode; the second result is that with the shield off."""


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and write the figures where asked for."""
    parser = argparse.ArgumentParser(description="What the shield costs in time.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there, as flat keys")
    parser.add_argument("--episodes", type=int, default=8, help="of every scenario and mode (default 8)")
    parser.add_argument("--goals", type=int, default=6, help="of every episode (default 6)")
    parser.add_argument("--scenarios", type=lambda text: text.split(","), default=list(SCENARIOS), help="default all")
    parser.add_argument("--robot", default="panda")
    chosen = parser.parse_args(words)
    if min(chosen.episodes, chosen.goals) < 1:
        parser.error("--episodes and --goals must be at least 1")
    if unknown := [name for name in chosen.scenarios if name not in SCENARIOS]:
        parser.error(f"unknown scenario '{unknown[0]}'; there are: {', '.join(SCENARIOS)}")
    figures: dict[str, float] = {}
    rows = []
    for name in chosen.scenarios:
        results = run_scenario(name, chosen.episodes, chosen.goals, chosen.robot)
        for mode, result in results.items():
            found = {key: figure(result, results["OFF"]) for key, figure in FIGURES.items()}
            figures |= {f"{name}_{mode.lower()}_{key}": value for key, value in found.items()}
            rows.append([f"{name}, {mode}", *(f"{value:.2f}" for value in found.values())])
    print_table(["people, shield", *(key.replace("_percent", " %").replace("_", " ") for key in FIGURES)], rows)
    # A distance to somebody beyond 1 m is only a bound, which can be infinite; JSON does not know that.
    write_json(chosen.json, {key: value for key, value in figures.items() if np.isfinite(value)})


if __name__ == "__main__":
    main()
