"""A small project of files to compose from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hrg_pipeline.config.compose import Composition, compose
from hrg_pipeline.config.overrides import parse_params, read_overrides
from hrg_pipeline.config.run_store import RunStore
from hrg_pipeline.config.sources import ConfFolders

FILES = {
    "base/parameters.yml": """
        experiment: plain
        select:
          {robot: panda, environment: reach, wrappers: all, algorithm: sac, expert: reach, run: one, tracking: mlflow}
        environment: {seed: "${run.seed}"}
        algorithm: {seed: "${run.seed}"}
        run: {n_test_episodes: 3}
        """,
    "base/groups/robot/panda.yml": "name: panda",
    "base/groups/environment/reach.yml": "{env_id: ReachHuman, horizon: 11}",
    "base/groups/wrappers/all.yml": "# both",
    "base/groups/algorithm/sac.yml": "{name: sac, batch_size: 128, policy_kwargs: {net_arch: [8, 8]}}",
    "base/groups/algorithm/sac_big.yml": "{extends: sac, policy_kwargs: {n_critics: 3}}",
    "base/groups/algorithm/ppo.yml": "name: ppo",
    "base/groups/expert/reach.yml": "name: ReachHuman",
    "base/groups/run/one.yml": "n_test_episodes: 2",
    "base/groups/run/many.yml": "n_envs: 10",
    "base/groups/tracking/mlflow.yml": "# default",
    "base/experiments/plain.yml": "environment: {goal_dist: 0.2}",
    "base/experiments/ppo.yml": "{extends: plain, select: {algorithm: ppo, run: many}, run: {n_steps: 99}}",
    "base/experiments/ppo_short.yml": "{extends: ppo, environment: {horizon: 7}}",
}

Compose = Callable[..., Composition]
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file below ``conf``; indented text is fine."""

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("\n        ", "\n"))
        return path

    for name, text in FILES.items():
        write_file(name, text)
    return write_file


@pytest.fixture
def composed(tmp_path: Path, write: Write) -> Compose:
    """Compose with the words of ``--params``, or with a Python caller's mapping."""

    def run_compose(params: str | dict[str, Any] = "", env: str | None = None) -> Composition:
        given = parse_params(params) if isinstance(params, str) else params
        return compose(ConfFolders(tmp_path / "conf", env), read_overrides(given), RunStore(tmp_path))

    return run_compose
