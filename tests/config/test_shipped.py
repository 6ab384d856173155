"""The configuration that comes with the project."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from hrg_pipeline.config.compose import compose
from hrg_pipeline.config.overrides import parse_params, read_overrides
from hrg_pipeline.config.run_store import RunStore
from hrg_pipeline.config.schema import GROUPS, Parameters
from hrg_pipeline.config.sources import EXPERIMENTS, ConfFolders

CONF = Path(__file__).parents[2] / "conf"
FOLDERS = ConfFolders(CONF, "base")
ALL_EXPERIMENTS = [*FOLDERS.choices(EXPERIMENTS), "null"]
ALL_CHOICES = [(group, name) for group in GROUPS for name in FOLDERS.choices(f"groups/{group}")]


def composed(params: str, tmp_path: Path) -> dict[str, Any]:
    return compose(FOLDERS, read_overrides(parse_params(params)), RunStore(tmp_path)).parameters


@pytest.mark.parametrize(("experiment", "choice"), list(itertools.product(ALL_EXPERIMENTS, ALL_CHOICES)))
def test_every_choice_goes_with_every_experiment(experiment: str, choice: tuple[str, str], tmp_path: Path) -> None:
    group, name = choice
    parameters = composed(f"experiment={experiment},{group}={name}", tmp_path)
    assert parameters["select"][group] == name
    Parameters.model_validate(parameters)


def test_what_the_issue_asks_for(tmp_path: Path) -> None:
    words = "experiment=human_reach_ppo_parallel,run.n_envs=4,environment.horizon=50,run.n_steps=5000"
    parameters = composed(words, tmp_path)
    assert parameters["algorithm"]["name"] == "ppo"
    assert (parameters["run"]["n_envs"], parameters["run"]["n_steps"]) == (4, 5000)
    assert parameters["environment"]["horizon"] == 50
    assert parameters["environment"]["reward_shaping"] is True


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "human_reach_sac",
            {
                "learning_rate": 5e-4,
                "buffer_size": 1_000_000,
                "learning_starts": 1000,
                "batch_size": 128,
                "tau": 0.005,
                "gamma": 0.99,
                "train_freq": [100, "step"],
                "gradient_steps": -1,
                "ent_coef": "auto_0.2",
                "target_entropy": "auto",
                "target_update_interval": 1,
                "use_sde": False,
            },
        ),
        (
            "human_reach_ppo_parallel",
            {
                "learning_rate": 7e-5,
                "batch_size": 64,
                "gamma": 0.99,
                "n_steps": 64,
                "n_epochs": 20,
                "ent_coef": 0.0,
                "gae_lambda": 0.9,
                "use_sde": False,
                "clip_range": 0.2,
                "clip_range_vf": None,
                "vf_coef": 0.5,
                "max_grad_norm": 0.5,
                "target_kl": None,
            },
        ),
    ],
)
def test_the_presets_have_the_published_values(name: str, expected: dict[str, Any], tmp_path: Path) -> None:
    parameters = composed(f"experiment={name}", tmp_path)
    algorithm = parameters["algorithm"]
    assert {key: algorithm[key] for key in expected} == expected
    assert algorithm["policy_kwargs"]["net_arch"] == [64, 64]
    assert parameters["run"]["n_envs"] == 10
    assert parameters["run"]["obs_keys"] == ["object-state", "goal_difference"]


@pytest.mark.parametrize("experiment", ALL_EXPERIMENTS)
def test_one_seed_rules_all(experiment: str, tmp_path: Path) -> None:
    parameters = composed(f"experiment={experiment},run.seed=11", tmp_path)
    assert parameters["environment"]["seed"] == parameters["algorithm"]["seed"] == 11


def test_every_file_says_in_its_first_line_what_it_is() -> None:
    for path in (*CONF.glob("base/groups/*/*.yml"), *CONF.glob("base/experiments/*.yml")):
        assert path.read_text().startswith("# "), path
