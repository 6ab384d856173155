"""One run in Weights & Biases."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hrg_pipeline.errors import ConfigError

if TYPE_CHECKING:
    from hrg_pipeline.tracking.backends import Start

FOLDER = "wandb"
EXIT_CODES = {"FINISHED": 0}
STEP = "env_steps"
"""Name of the metric that all others are drawn over."""


class WandbRun:
    """Metrics over environment steps, configuration, tags and files.

    Project, entity, group, name and tags are those of ``tracking.*``. ``WANDB_MODE=offline`` keeps everything in
    ``data/08_reporting/<run key>/wandb``, to be sent later with ``wandb sync``.

    Args:
        run: An open run of the library.
    """

    label = "W&B"

    def __init__(self, run: Any) -> None:
        self._run = run
        # One line of metrics a step, which may come in parts.
        run.define_metric(STEP)
        run.define_metric("*", step_metric=STEP)

    @classmethod
    def create(cls, start: Start) -> Self:
        """Open a run.

        Raises:
            ConfigError: The package is not installed.
        """
        if find_spec("wandb") is None:
            raise ConfigError("tracking.backends has wandb, which is not installed; pip install 'hrg_pipeline[wandb]'")
        os.environ.setdefault("WANDB_SILENT", "true")
        # Nothing is sent that was not asked for.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        folder = start.project / "data" / "08_reporting" / start.run_key
        folder.mkdir(parents=True, exist_ok=True)
        run = wandb.init(
            project=start.wishes.experiment_name,
            entity=start.wishes.entity,
            group=start.group,
            name=start.name,
            tags=[f"{name}={value}"[:64] for name, value in start.wishes.tags.items()],
            dir=str(folder),
            save_code=False,
            reinit="create_new",
        )
        opened = cls(run)
        opened.set_tags(start.tags)
        return opened

    @property
    def where(self) -> str:
        """The run's page, or how to send it there."""
        url = self._run.url
        return str(url) if url else f"wandb sync {Path(self._run.dir).parent}"

    def log_params(self, parameters: Mapping[str, Any]) -> None:
        """Store the parameters as the run's configuration."""
        self._run.config.update(dict(parameters), allow_val_change=True)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Add the metrics of one step; the library sends them in a process of its own."""
        self._run.log({**metrics, STEP: step})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Store tags with values under ``hrg`` in the run's configuration; the library's own tags have no values."""
        self._run.config.update({f"tags/{name}": value for name, value in tags.items()}, allow_val_change=True)

    def log_file(self, path: Path, folder: str) -> None:
        """Copy a file into the run."""
        target = Path(self._run.dir) / folder / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        self._run.save(str(target), base_path=self._run.dir, policy="now")

    def log_text(self, text: str, artifact: str) -> None:
        """Write a text as a file of the run."""
        target = Path(self._run.dir) / artifact
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        self._run.save(str(target), base_path=self._run.dir, policy="now")

    def end(self, status: str, error: str | None = None) -> None:
        """Close the run; anything but FINISHED counts as failed there."""
        self._run.summary.update({"status": status, **({"error": error} if error else {})})
        self._run.finish(exit_code=EXIT_CODES.get(status, 1))
