"""Where a run can be tracked, and several of these places as one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from hrg_pipeline.config.params import TrackingParams

logger = logging.getLogger(__name__)


class Backend(Protocol):
    """An open run in one place."""

    label: str
    """Name of the place, for people."""

    @property
    def where(self) -> str:
        """Where to look at the run."""

    def log_params(self, parameters: Mapping[str, Any]) -> None:
        """Store nested parameters."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Add the metrics of one step."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""

    def log_file(self, path: Path, folder: str) -> None:
        """Copy a file into a folder of the run."""

    def log_text(self, text: str, artifact: str) -> None:
        """Write a text as a file of the run."""

    def end(self, status: str, error: str | None = None) -> None:
        """Send what waits and close the run as FINISHED, FAILED or KILLED."""


class Start(NamedTuple):
    """What a backend is opened with."""

    project: Path
    run_key: str
    name: str
    """Of the run."""
    group: str
    """Of runs that belong together."""
    wishes: TrackingParams
    tags: Mapping[str, str]


def _tensorboard(start: Start) -> Backend:
    from hrg_pipeline.tracking.tensorboard_run import TensorBoardRun

    return TensorBoardRun.create(start)


def _wandb(start: Start) -> Backend:
    from hrg_pipeline.tracking.wandb_run import WandbRun

    return WandbRun.create(start)


OPENERS: dict[str, Callable[[Start], Backend]] = {"tensorboard": _tensorboard, "wandb": _wandb}
"""How each backend besides MLflow is opened; MLflow also goes on with stored runs, see ``Recorder``."""


class Backends:
    """Several places that get the same; one that fails is reported once and does not end the training.

    Args:
        backends: Open runs.
    """

    def __init__(self, backends: Sequence[Backend]) -> None:
        self._backends = list(backends)
        self._failed: set[str] = set()

    def add(self, backend: Backend) -> None:
        """Track in one more place."""
        self._backends.append(backend)

    @property
    def where(self) -> dict[str, str]:
        """Where to look at the run, by place."""
        return {backend.label: backend.where for backend in self._backends}

    def log_params(self, parameters: Mapping[str, Any]) -> None:
        """Store nested parameters; fails where a place does not take them, as nothing was trained yet."""
        for backend in self._backends:
            backend.log_params(parameters)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Add the metrics of one step."""
        self._each(lambda backend: backend.log(metrics, step))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        self._each(lambda backend: backend.set_tags(tags))

    def log_file(self, path: Path, folder: str) -> None:
        """Copy a file into a folder of the run."""
        self._each(lambda backend: backend.log_file(path, folder))

    def log_text(self, text: str, artifact: str) -> None:
        """Write a text as a file of the run; fails as ``log_params`` does."""
        for backend in self._backends:
            backend.log_text(text, artifact)

    def end(self, status: str, error: str | None = None) -> None:
        """Close the run everywhere."""
        self._each(lambda backend: backend.end(status, error))

    def _each(self, action: Callable[[Backend], None]) -> None:
        for backend in self._backends:
            try:
                action(backend)
            except Exception as error:
                if backend.label not in self._failed:
                    self._failed.add(backend.label)
                    first_line = str(error).partition("\n")[0]
                    logger.warning("%s does not take everything, the run goes on: %s", backend.label, first_line)
