"""Runs that nobody trained, for the reports about them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hrg_pipeline.reporting.grouping import RunData


def episodes(success: float, n: int = 20, seed: int = 0) -> pd.DataFrame:
    """A table of an evaluation in which a share of the episodes succeeds."""
    rng = np.random.default_rng(seed)
    won = np.arange(n) < round(success * n)
    return pd.DataFrame(
        {
            "episode": np.arange(n),
            "seed": 1000 + np.arange(n),
            "return": 10.0 * won + rng.normal(-20.0, 1.0, n),
            "length": np.where(won, 40, 100),
            "success": won,
            "failsafe_interventions": rng.poisson(5.0, n),
            "n_collisions_static": np.zeros(n, dtype=np.int64),
            "n_collisions_robot": np.zeros(n, dtype=np.int64),
            "n_collisions_human": np.zeros(n, dtype=np.int64),
            "n_collisions_critical": np.zeros(n, dtype=np.int64),
            "min_human_distance": rng.uniform(0.1, 0.5, n),
            "time_slowed_s": rng.uniform(0.0, 1.0, n),
            "time_stopped_s": rng.uniform(0.0, 1.0, n),
            "truncated": ~won,
            "failure": np.zeros(n, dtype=np.int64),
        }
    )


def curve(slope: float, steps: tuple[int, ...] = (1000, 2000, 3000)) -> pd.DataFrame:
    """A training curve that rises evenly."""
    done = np.array(steps)
    return pd.DataFrame(
        {
            "step": done,
            "rollout/success_rate": slope * done / 3000,
            "rollout/ep_rew_mean": slope * done / 100.0 - 20.0,
            "safety/n_collisions_critical": 0.0,
            "safety/failsafe_interventions": 5.0,
        }
    )


def run(experiment: str = "sac", seed: int = 0, success: float = 0.5, **parameters: Any) -> RunData:
    """A run of an experiment."""
    return RunData(
        key=f"{experiment}-seed{seed}",
        experiment=experiment,
        seed=seed,
        parameters={
            "experiment": experiment,
            "run.seed": seed,
            "run.id": f"{experiment}-seed{seed}",
            "environment.seed": seed,
            "environment.env_id": "ReachHuman",
            "algorithm.gamma": 0.9,
            **parameters,
        },
        curve=curve(success),
        episodes=episodes(success, seed=seed),
        steps=3000,
        wall_time_s=12.0 + seed,
    )
