"""One run as event files of TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hrg_pipeline.tracking.flatten import flatten_params

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

    from hrg_pipeline.tracking.backends import Start

REPORTING = Path("data") / "08_reporting"
FOLDER = "tensorboard"
PICTURES = (".png",)


class TensorBoardRun:
    """Scalars over steps, configuration and tags as text, figures as pictures.

    The files of a run are below the run's own folder, so runs never meet, and one TensorBoard on
    ``data/08_reporting`` shows them all.

    Args:
        writer: Of the run's folder.
        where: How to look at it.
    """

    label = "TensorBoard"

    def __init__(self, writer: SummaryWriter, where: str) -> None:
        self._writer = writer
        self.where = where

    @classmethod
    def create(cls, start: Start) -> Self:
        """Open the event file of a run."""
        from torch.utils.tensorboard.writer import SummaryWriter

        folder = start.project / REPORTING / start.run_key / FOLDER
        run = cls(SummaryWriter(str(folder), flush_secs=30), f"tensorboard --logdir {REPORTING}")
        run.set_tags({"name": start.name, "group": start.group, **start.tags})
        return run

    def log_params(self, parameters: Mapping[str, Any]) -> None:
        """Write the parameters as a table."""
        rows = "\n".join(f"| {name} | {value} |" for name, value in flatten_params(parameters).items())
        self._writer.add_text("parameters", f"| parameter | value |\n|---|---|\n{rows}")

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Write scalars; the writer has a thread of its own."""
        for name, value in metrics.items():
            if isinstance(value, int | float):
                self._writer.add_scalar(name, value, step)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Write tags as text."""
        self._writer.add_text("tags", json.dumps(dict(tags), indent=2, ensure_ascii=False))

    def log_file(self, path: Path, folder: str) -> None:
        """Show a picture; other files stay where they are stored."""
        if path.suffix in PICTURES:
            import numpy as np
            from PIL import Image

            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            self._writer.add_image(f"{folder}/{path.stem}", pixels, dataformats="HWC")

    def log_text(self, text: str, artifact: str) -> None:
        """Write a text as it is."""
        self._writer.add_text(artifact, f"```\n{text}\n```")

    def end(self, status: str, error: str | None = None) -> None:
        """Write how the run ended and close its file."""
        self.set_tags({"status": status, "error": error or ""})
        self._writer.close()
