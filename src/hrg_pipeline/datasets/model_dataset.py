"""Models of stable-baselines3."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from kedro.io.core import DatasetError
from kedro_datasets._typing import JSONPreview

from hrg_pipeline.datasets.base import FileDataset

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

CARD = "hrg_model.json"
"""Member of the zip that says which algorithm wrote it; stable-baselines3 skips it."""


class SB3ModelDataset(FileDataset["BaseAlgorithm"]):
    """A model of stable-baselines3 in its own zip format, without environment and replay buffer.

    The zip carries a small card with the name of its algorithm, which must be one of
    ``hrg_pipeline.learning.agent.ALGORITHMS``; nothing else is imported on the word of a file. The format
    itself contains pickled parts, though: load only files you trust.

    Example in ``catalog.yml``::

        policy:
          type: hrg_pipeline.datasets.SB3ModelDataset
          filepath: data/06_models/policy.zip
          versioned: true
          load_args: {device: cpu}
    """

    def _read(self, stream: BinaryIO) -> BaseAlgorithm:
        from hrg_pipeline.learning.agent import ALGORITHMS
        from hrg_pipeline.learning.storage import load_agent

        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / "model.zip"
            with local.open("wb") as copy:
                shutil.copyfileobj(stream, copy)
            name = _read_card(local, str(self._filepath)).get("algorithm")
            if name not in ALGORITHMS:
                raise DatasetError(f"'{self._filepath}' names algorithm '{name}'; only {sorted(ALGORITHMS)} are loaded")
            return load_agent(name, local, **self._load_args).model

    def _write(self, stream: BinaryIO, data: BaseAlgorithm) -> None:
        from hrg_pipeline.learning.agent import ALGORITHMS, Agent
        from hrg_pipeline.learning.storage import save_model

        names = [name for name, model_class in ALGORITHMS.items() if type(data) is model_class]
        if not names:
            raise DatasetError(
                f"models of class '{type(data).__name__}' are not stored; choose one of {sorted(ALGORITHMS)}"
            )
        with tempfile.TemporaryDirectory() as folder:
            local = save_model(Agent(names[0], data), Path(folder) / "model.zip")
            with zipfile.ZipFile(local, "a") as archive:
                archive.writestr(CARD, json.dumps(_card(names[0], data)))
            with local.open("rb") as copy:
                shutil.copyfileobj(copy, stream)

    def preview(self) -> JSONPreview:
        """The card of the stored model: algorithm, steps, spaces, size."""
        with self._fs.open(self._load_path(), "rb") as stream:
            return JSONPreview(json.dumps(_read_card(stream, str(self._filepath))))


def _card(name: str, model: BaseAlgorithm) -> dict[str, Any]:
    return {
        "algorithm": name,
        "class": type(model).__name__,
        "num_timesteps": int(model.num_timesteps),
        "observation_space": str(model.observation_space),
        "action_space": str(model.action_space),
        "n_parameters": sum(parameter.numel() for parameter in model.policy.parameters()),
    }


def _read_card(file: Path | BinaryIO, origin: str) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(file) as archive:
            card: dict[str, Any] = json.loads(archive.read(CARD))
    except (zipfile.BadZipFile, KeyError) as error:
        raise DatasetError(f"'{origin}' is not a model that this project stored: {error}") from error
    return card
