"""Kedro starts without the heavy libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]
HEAVY = ("torch", "mlflow", "robosuite", "mujoco", "numba", "stable_baselines3", "pandas")
PROGRAM = f"""
import sys
from pathlib import Path
from kedro.framework.cli.cli import KedroCLI
from kedro.framework.project import pipelines, settings
cli = KedroCLI(Path({str(PROJECT)!r}))
settings.HOOKS, settings.CONFIG_LOADER_CLASS
print(sorted(pipelines))
print(sorted(set(sys.modules) & set({HEAVY!r})))
"""


def test_listing_the_pipelines_imports_no_heavy_library() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=120
    )
    names, heavy = result.stdout.splitlines()[-2:]
    assert names == "['__default__', 'demonstrate', 'evaluate', 'import_motion', 'reproduce', 'train']"
    assert heavy == "[]"
