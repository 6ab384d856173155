"""What a folder holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from kedro.io.core import AbstractDataset, DatasetError

Inventory = dict[str, dict[str, Any]]
"""File path relative to the folder -> ``bytes`` and ``sha256``."""


class FolderInventoryDataset(AbstractDataset[Any, Inventory]):
    """Size and SHA-256 of every file below a local folder; read-only.

    Example in ``catalog.yml``::

        stored_files:
          type: hrg_pipeline.datasets.FolderInventoryDataset
          path: data/06_models
          exclude: [checkpoints]

    Args:
        path: the folder.
        exclude: folders in it whose files come and go.
        metadata: free.
    """

    def __init__(self, *, path: str, exclude: Sequence[str] = (), metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(path)
        self._exclude = frozenset(exclude)
        self.metadata = metadata

    def load(self) -> Inventory:
        """Return every file with its size and hash, sorted by name."""
        from hrg_pipeline.tracking.provenance import sha256_of

        files = sorted(
            file
            for file in self._path.rglob("*")
            if file.is_file() and file.relative_to(self._path).parts[0] not in self._exclude
        )
        return {
            file.relative_to(self._path).as_posix(): {
                "bytes": file.stat().st_size,
                "sha256": sha256_of(file),
            }
            for file in files
        }

    def save(self, data: Any) -> NoReturn:
        """Refuse: a folder is filled by the datasets in it."""
        raise DatasetError(f"the inventory of '{self._path}' is read-only")

    def _exists(self) -> bool:
        return True  # a folder that is not there yet holds nothing

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}
