"""Runs of a group are nested under one run."""

from __future__ import annotations

from pathlib import Path

import pytest

from hrg_pipeline.tracking.groups import group_run
from hrg_pipeline.tracking.mlflow_run import PARENT_TAG, MlflowRun
from hrg_pipeline.tracking.store import open_client


@pytest.mark.parametrize("name", ["sweep 1", "it's a group"])
def test_a_group_has_one_run_that_has_ended(project: Path, name: str) -> None:
    first, again = (group_run(project, "hrg", name) for _ in range(2))
    assert first == again
    info = open_client(project).get_run(first.run_id).info
    assert (info.run_name, info.status) == (name, "FINISHED")
    assert group_run(project, "hrg", "another") != first
    assert group_run(project, "other experiment", name) != first


def test_its_runs_are_nested_under_it(project: Path) -> None:
    parent = group_run(project, "hrg", "sweep")
    runs = [MlflowRun.create(project, "hrg", f"sac-seed{seed}", {}, parent=parent) for seed in range(2)]
    tags = [open_client(project).get_run(run.ref.run_id).data.tags for run in runs]
    assert [tag[PARENT_TAG] for tag in tags] == [parent.run_id] * 2
