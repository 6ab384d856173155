"""The catalog, the pipelines and the parameters fit together."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from kedro.io import DataCatalog

from hrg_pipeline.config.loader import GroupedConfigLoader
from hrg_pipeline.pipeline_registry import register_pipelines

PROJECT = Path(__file__).parents[2]
VERSIONED = {"policy", "replay_buffer", "normalisation", "episodes", "evaluation_metrics"}
OUTSIDE_THE_PIPELINES = {"model_card", "model_card_page", "run_parameters", "mlflow_run"}
REPEATED = {"repeated_policy", "repeated_curve", "repeated_episodes", "reproduction"}
IN_MEMORY = {"repeated_replay_buffer", "repeated_run", "stored_run"}


@pytest.fixture(scope="module")
def loader() -> GroupedConfigLoader:
    return GroupedConfigLoader(PROJECT / "conf", runtime_params={"experiment": "reach_human_quick", "run.seed": 5})


@pytest.fixture(scope="module")
def entries(loader: GroupedConfigLoader) -> dict[str, Any]:
    return {name: entry for name, entry in loader["catalog"].items() if not name.startswith("_")}


@pytest.fixture(scope="module")
def catalog(entries: dict[str, Any]) -> DataCatalog:
    return DataCatalog.from_config(entries)


def names(kind: str) -> set[str]:
    pipelines = register_pipelines()
    every: set[str] = getattr(pipelines["train"] + pipelines["import_motion"], kind)()
    return {name for name in every if not name.startswith("params:") and name != "parameters"}


def test_the_pipelines_are_train_evaluate_demonstrate_reproduce_and_import_motion() -> None:
    pipelines = register_pipelines()
    assert sorted(pipelines) == ["__default__", "demonstrate", "evaluate", "import_motion", "reproduce", "train"]
    assert [node.name for node in pipelines["demonstrate"].nodes] == ["build_env", "attach_expert", "demonstrate"]
    assert [node.name for node in pipelines["import_motion"].nodes] == ["import_motion"]
    assert pipelines["__default__"] is pipelines["train"]
    assert [node.name for node in pipelines["train"].nodes] == [
        "build_env",
        "attach_wrappers",
        "train",
        "save_artifacts",
        "evaluate",
    ]
    assert [node.name for node in pipelines["evaluate"].nodes] == ["evaluate"]


def test_every_entry_can_be_made(entries: dict[str, Any], catalog: DataCatalog) -> None:
    assert [name for name in entries if catalog[name] is None] == []


def test_every_dataset_of_the_pipelines_is_in_the_catalog_and_no_other(entries: dict[str, Any]) -> None:
    assert names("datasets") | OUTSIDE_THE_PIPELINES | REPEATED | IN_MEMORY == set(entries)
    repeats = register_pipelines()["reproduce"]
    assert REPEATED | IN_MEMORY <= repeats.datasets() and repeats.inputs() <= names("datasets") | {
        f"params:{section}" for section in ("robot", "environment", "wrappers", "algorithm", "run")
    }


def test_every_parameter_of_the_pipelines_exists(loader: GroupedConfigLoader) -> None:
    inputs = {name for pipeline in register_pipelines().values() for name in pipeline.inputs()}
    parameters = {name.removeprefix("params:") for name in inputs if name.startswith("params:")}
    assert parameters <= set(loader["parameters"])


def test_runs_never_meet(entries: dict[str, Any], loader: GroupedConfigLoader) -> None:
    paths = {
        name: str(entry.get("filepath") or entry["path"]) for name, entry in entries.items() if name not in IN_MEMORY
    }
    of_a_run = {name: path for name, path in paths.items() if not name.startswith("motion_")}
    assert [name for name, path in of_a_run.items() if loader.run_key not in path] == ["provenance"]


def test_imports_of_different_sources_never_meet() -> None:
    places = []
    for source in ("a/mocap", "b/other.pkl"):
        loader = GroupedConfigLoader(PROJECT / "conf", runtime_params={"motion.source": source})
        entries = loader["catalog"]
        places.append({str(entries[n].get("filepath") or entries[n]["path"]) for n in entries if n[:7] == "motion_"})
    assert len(places[0]) == len(places[1]) == 3
    assert not places[0] & places[1]


def test_what_a_run_leaves_is_versioned(entries: dict[str, Any]) -> None:
    assert {name for name, entry in entries.items() if entry.get("versioned")} == VERSIONED | REPEATED


def test_every_dataset_stands_somewhere_in_the_picture(entries: dict[str, Any]) -> None:
    layers = {name: entry.get("metadata", {}).get("kedro-viz", {}).get("layer") for name, entry in entries.items()}
    assert {name for name, layer in layers.items() if layer is None} == OUTSIDE_THE_PIPELINES | IN_MEMORY


def test_what_tracking_is_asked_for_exists(entries: dict[str, Any], loader: GroupedConfigLoader) -> None:
    for entry in entries.values():
        wishes = entry.get("metadata", {}).get("mlflow", {})
        assert set(wishes) <= {"artifact_path", "upload_if", "metrics", "registers"}
        if "registers" in wishes:
            assert "artifact_path" in entries[wishes["registers"]]["metadata"]["mlflow"]
        if "upload_if" in wishes:
            section, key = wishes["upload_if"].split(".")
            assert loader["parameters"][section][key] in (True, False)


def test_kedro_can_check_every_typed_parameter() -> None:
    for node in register_pipelines()["train"].nodes:
        hints = get_type_hints(node.func)
        assert set(inspect.signature(node.func).parameters) <= set(hints), node.name
