"""A project with stored runs that nobody trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.reporting.runs import curve, episodes

VERSION = "2026-01-01T00.00.00.000Z"


def store_run(project: Path, key: str, experiment: str = "sac", seed: int = 0, **sections: Any) -> Path:
    """Write the folders of a run; returns that of its model."""
    models, reports = project / "data/06_models" / key, project / "data/08_reporting" / key
    parameters = {
        "experiment": experiment,
        "run": {"id": key, "seed": seed, "eval_seed": 100, "n_test_episodes": 20},
        "environment": {"env_id": "ReachHuman", "seed": seed},
        "algorithm": {"name": experiment},
        "tracking": {"experiment_name": "hrg", "tags": {}},
    }
    for section, values in sections.items():
        parameters[section] = {**parameters.get(section, {}), **values}
    models.mkdir(parents=True)
    (models / "parameters.yml").write_text(yaml.safe_dump(parameters))
    (models / "training_record.json").write_text(json.dumps({"steps": 3000, "wall_time_s": 10.0}))
    (models / "mlflow_run.json").write_text(json.dumps({"run_id": f"{seed:032x}"}))
    curve(0.5).to_parquet(models / "training_curve.parquet")
    for folder in (models / "policy.zip" / VERSION, reports / "episodes.parquet" / VERSION):
        folder.mkdir(parents=True)
    (models / "policy.zip" / VERSION / "policy.zip").write_bytes(b"0" * 1000)
    episodes(0.5, seed=seed).to_parquet(reports / "episodes.parquet" / VERSION / "episodes.parquet")
    return models
