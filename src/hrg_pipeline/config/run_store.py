"""Stored runs: their keys, their folders, how to find one."""

from __future__ import annotations

import json
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

from hrg_pipeline.config.params import RUN_ID_PATTERN
from hrg_pipeline.errors import RunNotFoundError
from hrg_pipeline.learning.checkpoint_store import FOLDER as CHECKPOINTS
from hrg_pipeline.learning.checkpoint_store import CheckpointStore

RUNS_FOLDER = Path("data") / "06_models"
PARAMETERS_FILE = "parameters.yml"
MLFLOW_FILE = "mlflow_run.json"
MODEL_FILE = "policy.zip"
_MLFLOW_ID = re.compile(r"[0-9a-f]{32}")


def new_run_key(title: str | None, seed: int) -> str:
    """Return a new run key: title, seed, time in UTC and three random digits against collisions."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", title or "custom")
    return f"{name}-seed{seed}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)[:3]}"


class RunStore:
    """The folders of the runs of one project."""

    def __init__(self, project_path: Path) -> None:
        self._project = project_path
        self.folder = project_path / RUNS_FOLDER

    def name_of(self, path: Path) -> str:
        """Return a file's path relative to the project."""
        return path.relative_to(self._project).as_posix()

    def find(self, run_id: str) -> str | None:
        """Return the key of a stored run.

        Args:
            run_id: a run key, or the 32-digit id of its MLflow run.

        Returns:
            The run key; None if no stored run has this id.
        """
        if re.match(RUN_ID_PATTERN, run_id) and self._parameters_files(run_id):
            return run_id
        if not _MLFLOW_ID.fullmatch(run_id):
            return None
        for path in sorted(self.folder.glob(f"*/**/{MLFLOW_FILE}")):
            if json.loads(path.read_text(encoding="utf-8")).get("run_id") == run_id:
                key = path.relative_to(self.folder).parts[0]
                return key if self._parameters_files(key) else None
        return None

    def _parameters_files(self, key: str) -> list[Path]:
        """Return the stored configurations of a run, oldest first: the file itself or its versions."""
        path = self.folder / key / PARAMETERS_FILE
        return [path] if path.is_file() else sorted(path.glob(f"*/{PARAMETERS_FILE}"))

    def parameters_file(self, key: str) -> Path:
        """Return the newest stored configuration of a run.

        Raises:
            RunNotFoundError: if there is none.
        """
        files = self._parameters_files(key)
        if not files:
            raise self.not_found(key)
        return files[-1]

    def has_model(self, key: str) -> bool:
        """Return whether a trained model is stored under a run key."""
        return (self.folder / key / MODEL_FILE).exists()

    def checkpoints(self, key: str) -> CheckpointStore:
        """Return the checkpoints of a run."""
        return CheckpointStore(self.folder / key / CHECKPOINTS)

    def resumable(self, count: int = 3) -> list[str]:
        """Return the keys of the newest runs with a checkpoint, the newest first."""
        folders = sorted(self.folder.glob(f"*/{CHECKPOINTS}/step-*"), key=lambda path: path.stat().st_mtime)
        return list(dict.fromkeys(path.parent.parent.name for path in folders[::-1]))[:count]

    def newest(self, count: int = 3) -> list[str]:
        """Return the keys of the newest runs with a model, the newest first."""
        models = sorted(self.folder.glob(f"*/{MODEL_FILE}"), key=lambda path: path.stat().st_mtime)
        return [path.parent.name for path in models[::-1][:count]]

    def not_found(self, run_id: str | None) -> RunNotFoundError:
        """Build the error for a run that is not stored (None: that was not named); it names the newest."""
        problem = f"no trained run '{run_id}' in {RUNS_FOLDER.as_posix()}" if run_id else "run.id is not set"
        newest = ", ".join(self.newest()) or "none"
        return RunNotFoundError(f"{problem}; set run.id to a stored run, the newest: {newest}")

    def not_resumable(self, run_id: str) -> RunNotFoundError:
        """Build the error for a run that cannot be resumed; it names the newest that can."""
        newest = ", ".join(self.resumable()) or "none"
        what = "has no complete checkpoint" if self.find(run_id) else "is not stored"
        return RunNotFoundError(f"run.resume={run_id}: this run {what}; runs with checkpoints, the newest: {newest}")
