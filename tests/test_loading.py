"""Stored policies are found by folder, run key and MLflow id, without starting Kedro."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import hrg_pipeline
from hrg_pipeline.errors import RunNotFoundError
from tests.learning.test_policy import OBSERVATIONS, record, store
from tests.learning.test_storage import tiny_training

MLFLOW_ID = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def agent():
    return tiny_training("ppo").agent


@pytest.fixture
def project(tmp_path, agent):
    """A project with one run, stored in two versions as Kedro does."""
    run = store(tmp_path / "data/06_models/key-1", agent)
    record(run)
    for name in ("policy.zip", "normalisation.json"):
        content = (run / name).read_bytes()
        (run / name).unlink()
        for version, stored in (("2026-01-01", b"an older one"), ("2026-01-02", content)):
            (run / name / version).mkdir(parents=True)
            (run / name / version / name).write_bytes(stored)
    (run / "parameters.yml").write_text("{}")
    (run / "mlflow_run.json").write_text(json.dumps({"run_id": MLFLOW_ID}))
    return tmp_path


def test_a_run_is_found_by_key_id_and_folder(project, agent):
    for source in ("key-1", MLFLOW_ID, project / "data/06_models/key-1"):
        policy = hrg_pipeline.load_policy(source, project=project)
        np.testing.assert_array_equal(policy.predict(OBSERVATIONS), agent.predict(OBSERVATIONS))


def test_what_is_not_there_is_named_with_what_is(project):
    with pytest.raises(RunNotFoundError, match=r"no policy 'key-2'.*the newest: key-1"):
        hrg_pipeline.load_policy("key-2", project=project)


def test_the_package_stays_light_and_a_policy_needs_neither_kedro_nor_mlflow(project):
    program = f"""
import sys, hrg_pipeline
print([name for name in ("torch", "mlflow", "kedro", "pydantic") if name in sys.modules])
hrg_pipeline.load_policy("key-1", project={str(project)!r})
print([name for name in ("mlflow", "kedro.framework.session") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=project)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]
