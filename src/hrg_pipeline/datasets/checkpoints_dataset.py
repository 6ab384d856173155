"""Where a run keeps its checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io.core import AbstractDataset, DatasetError


class CheckpointsDataset(AbstractDataset[Any, Path]):
    """The local folder in which a training keeps its checkpoints; the training itself fills it.

    Example in ``catalog.yml``::

        checkpoints:
          type: hrg_pipeline.datasets.CheckpointsDataset
          path: data/06_models/checkpoints
    """

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(path)
        self.metadata = metadata

    def load(self) -> Path:
        """Return the folder; it need not exist yet."""
        return self._path

    def save(self, data: Any) -> NoReturn:
        """Refuse: the training writes its checkpoints while it goes on."""
        raise DatasetError(f"the checkpoints in '{self._path}' are written by the training")

    def _exists(self) -> bool:
        return True  # a folder that is not there yet holds none

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}
