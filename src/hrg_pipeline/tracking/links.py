"""Addresses inside the MLflow UI."""

from __future__ import annotations

import os
from pathlib import Path

from hrg_pipeline.tracking.store import is_server, open_client, tracking_uri

PORT_VARIABLE = "HRG_UI_PORT"
DEFAULT_PORT = 5000
# Without this word the UI of MLflow 3 opens in its view for language models, which shows no training run.
TRAINING_VIEW = "workflowType=machine_learning"


def ui_address(uri: str) -> str:
    """Return where the UI answers: the tracking server itself, or what ``make ui`` starts."""
    if is_server(uri):
        return uri.rstrip("/")
    return f"http://127.0.0.1:{os.environ.get(PORT_VARIABLE, DEFAULT_PORT)}"


def run_link(uri: str, experiment_id: str, run_id: str) -> str:
    """Return the link that opens one run in the model-training view."""
    return f"{ui_address(uri)}/#/experiments/{experiment_id}/runs/{run_id}?{TRAINING_VIEW}"


def experiment_link(uri: str, experiment_id: str) -> str:
    """Return the link that compares the runs of an experiment in charts."""
    return f"{ui_address(uri)}/#/experiments/{experiment_id}/runs?{TRAINING_VIEW}&compareRunsMode=CHART"


def newest_run_link(project: Path) -> str | None:
    """Return the link of the run that started last, or None where there is none yet."""
    client = open_client(project)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    newest = client.search_runs(experiments, order_by=["attributes.start_time DESC"], max_results=1)
    if not newest:
        return None
    info = newest[0].info
    return run_link(tracking_uri(project), info.experiment_id, info.run_id)
