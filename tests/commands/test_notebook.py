"""The notebook that compares runs runs from top to bottom on stored runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .projects import store_run

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "compare_runs.ipynb"


def test_every_cell_of_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(3):
        for experiment in ("sac", "ppo"):
            store_run(tmp_path, f"{experiment}-seed{seed}", experiment, seed)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] for cell in cells), "it is stored without outputs"
    names: dict[str, Any] = {}
    for cell in cells:
        exec("".join(cell["source"]), names)
    assert sorted(names["found"].labels) == ["ppo", "sac"]
    assert len(names["episodes"]) == 6 * 20
    assert {one[0] for one in names["improvements"]} == {"success_rate", "return"}
