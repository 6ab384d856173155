"""Where what is running comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io.core import AbstractDataset, DatasetError


class ProvenanceDataset(AbstractDataset[Any, dict[str, Any]]):
    """Git commit, lock file, versions, command line and machine of this process; read-only.

    Example in ``catalog.yml``::

        provenance:
          type: hrg_pipeline.datasets.ProvenanceDataset
          path: .
    """

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(path)
        self.metadata = metadata

    def load(self) -> dict[str, Any]:
        """Return ``git``, ``lock_sha256``, ``versions``, ``command`` and ``machine``."""
        from hrg_pipeline.tracking import provenance

        return {
            "git": provenance.git_state(self._path),
            "lock_sha256": provenance.lock_hash(self._path),
            "versions": provenance.versions(),
            "command": provenance.command_line(),
            "machine": provenance.machine(),
        }

    def save(self, data: Any) -> NoReturn:
        """Refuse: it is found out, not stored."""
        raise DatasetError("provenance is read-only")

    def _exists(self) -> bool:
        return self._path.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}
