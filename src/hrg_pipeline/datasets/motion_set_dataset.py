"""A folder of motion clips."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io.core import AbstractDataset, DatasetError

if TYPE_CHECKING:
    from hrg_pipeline.human.clip import Clip


class MotionSetDataset(AbstractDataset[Mapping[str, "Clip"], dict[str, "Clip"]]):
    """Clips by name, one ``.npz`` each; a name's slashes are folders.

    Saving replaces the whole set at once: a set that is being written is never half there.

    Example in ``catalog.yml``::

        motion_clips:
          type: hrg_pipeline.datasets.MotionSetDataset
          path: data/02_intermediate/motion
    """

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.metadata = metadata

    def load(self) -> dict[str, Clip]:
        """Read every clip, in the order of their names.

        Raises:
            DatasetError: if there are none.
        """
        from hrg_pipeline.human.clip import Clip

        files = sorted(self.path.rglob("*.npz"))
        if not files:
            raise DatasetError(f"no clips are stored in '{self.path}'")
        return {clip.name: clip for clip in map(Clip.load, files)}

    def save(self, data: Mapping[str, Clip]) -> None:
        """Write the clips instead of those that are there.

        Raises:
            DatasetError: for a name that is no path below the folder.
        """
        part, old = (self.path.with_name(f".{self.path.name}.{suffix}") for suffix in ("part", "old"))
        for leftover in (part, old):
            shutil.rmtree(leftover, ignore_errors=True)
        try:
            for name, clip in data.items():
                file = part / f"{name}.npz"
                if not file.resolve().is_relative_to(part.resolve()):
                    raise DatasetError(f"a clip's name must be a path below its folder, not '{name}'")
                file.parent.mkdir(parents=True, exist_ok=True)
                clip.save(file)
            if self.path.exists():
                os.replace(self.path, old)
            os.replace(part, self.path)
        finally:
            for leftover in (part, old):
                shutil.rmtree(leftover, ignore_errors=True)

    def _exists(self) -> bool:
        return any(self.path.rglob("*.npz"))

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self.path)}
