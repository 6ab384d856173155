"""Kedro-Viz draws the pipelines, with previews of what a run stored."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]
KEDRO = [sys.executable, "-m", "kedro"]
# One white pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)


def kedro(project: Path, *words: str) -> str:
    environment = os.environ | {"NO_COLOR": "1"}
    done = subprocess.run(
        [*KEDRO, *words], cwd=project, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The static site of a copy of the project that has one stored run, ``shown``."""
    project = tmp_path_factory.mktemp("viz")
    shutil.copytree(PROJECT / "conf", project / "conf", ignore=shutil.ignore_patterns("local"))
    shutil.copytree(PROJECT / "src", project / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(PROJECT / "pyproject.toml", project)
    models, reporting = project / "data/06_models/shown", project / "data/08_reporting/shown"
    (reporting / "metrics.json" / "v1").mkdir(parents=True)
    (reporting / "metrics.json" / "v1" / "metrics.json").write_text('{"success_rate": 0.96}')
    (reporting / "learning_curve.png").write_bytes(PNG)
    models.mkdir(parents=True)
    (project / "conf/local").mkdir()
    (models / "parameters.yml").write_text(kedro(project, "config", "show"))
    (project / "conf/local/parameters.yml").write_text("run: {id: shown}\n")
    kedro(project, "viz", "build", "--include-previews")
    return project / "build"


@pytest.fixture(scope="module")
def graph(site: Path) -> dict[str, Any]:
    picture: dict[str, Any] = json.loads((site / "api" / "main").read_text())
    return picture


def preview(site: Path, graph: dict[str, Any], name: str) -> Any:
    (node,) = [node for node in graph["nodes"] if node["name"] == name]
    return json.loads((site / "api" / "nodes" / node["id"]).read_text())["preview"]


@pytest.mark.slow
def test_the_graph_has_every_node_and_reads_from_left_to_right(graph: dict[str, Any]) -> None:
    tasks = {node["name"] for node in graph["nodes"] if node["type"] == "task"}
    assert tasks == {"build_env", "attach_wrappers", "train", "save_artifacts", "evaluate"}
    assert graph["layers"] == ["environment", "motion", "models", "stored", "reporting"]
    pipelines = {pipeline["id"] for pipeline in graph["pipelines"]}
    assert pipelines == {"__default__", "train", "evaluate", "demonstrate", "import_motion", "reproduce"}


@pytest.mark.slow
def test_metrics_and_pictures_of_a_stored_run_are_shown(site: Path, graph: dict[str, Any]) -> None:
    assert json.loads(preview(site, graph, "evaluation_metrics")) == {"success_rate": 0.96}
    assert preview(site, graph, "learning_curve_plot").startswith("iVBOR")
    assert preview(site, graph, "policy") is None
