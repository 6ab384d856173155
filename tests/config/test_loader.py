"""The loader as Kedro uses it."""

from __future__ import annotations

from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader

from hrg_pipeline.config.loader import GroupedConfigLoader
from hrg_pipeline.errors import ConfigError

from .conftest import Write


@pytest.fixture
def conf(tmp_path: Path, write: Write) -> Path:
    write("base/catalog.yml", "policy: {type: MemoryDataset, metadata: {path: 'models/${run_key:}/policy.zip'}}")
    write("local/.gitkeep", "")
    (tmp_path / "pyproject.toml").touch()
    return tmp_path / "conf"


def load(conf: Path, **params: object) -> GroupedConfigLoader:
    return GroupedConfigLoader(str(conf), runtime_params=params, base_env="base", default_run_env="local")


def test_parameters_are_complete_plain_values(conf: Path) -> None:
    loader = load(conf, **{"experiment": "ppo", "run.n_envs": 3})
    assert isinstance(loader, OmegaConfigLoader)
    parameters = loader["parameters"]
    assert type(parameters["environment"]["shield"]) is dict
    assert parameters["run"]["n_envs"] == 3
    parameters["run"]["n_envs"] = 99
    assert loader["parameters"]["run"]["n_envs"] == 3


def test_one_session_has_one_run_key_in_parameters_and_catalog(conf: Path) -> None:
    loader = load(conf)
    key = loader["parameters"]["run"]["id"]
    assert key.startswith("plain-seed0-")
    assert loader["catalog"]["policy"]["metadata"]["path"] == f"models/{key}/policy.zip"


def test_a_run_is_called_after_what_the_caller_chose(conf: Path) -> None:
    for chosen, title in (
        ({"select.environment": "reach"}, "reach-seed0-"),
        ({"select.environment": "reach", "experiment": "ppo"}, "ppo-seed0-"),
        ({"environment.horizon": 3}, "plain-seed0-"),
    ):
        assert load(conf, **chosen)["parameters"]["run"]["id"].startswith(title)


def test_sessions_side_by_side_keep_their_own_keys(conf: Path) -> None:
    first, second = load(conf, **{"run.id": "one"}), load(conf, run={"id": "two"})
    for loader, key in ((first, "one"), (second, "two"), (first, "one")):
        assert loader["parameters"]["run"]["id"] == key
        assert key in loader["catalog"]["policy"]["metadata"]["path"]


def test_new_sessions_get_new_keys(conf: Path) -> None:
    assert len({load(conf)["parameters"]["run"]["id"] for _ in range(5)}) > 1


def test_a_wrong_configuration_stops_before_the_session_has_anything(conf: Path) -> None:
    with pytest.raises(ConfigError, match=r"run\.sede"):
        load(conf, **{"run.sede": 1})


def test_the_catalog_reads_runtime_parameters_as_in_kedro(conf: Path, write: Write) -> None:
    write("base/catalog.yml", "data: {type: MemoryDataset, metadata: {n: '${runtime_params:run.n_envs}'}}")
    assert load(conf, **{"run.n_envs": 3})["catalog"]["data"]["metadata"]["n"] == 3
