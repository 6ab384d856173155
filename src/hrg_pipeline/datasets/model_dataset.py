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
from hrg_pipeline.errors import HrgError

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm


class SB3ModelDataset(FileDataset["BaseAlgorithm"]):
    """A model of stable-baselines3 in its own zip format, without environment and replay buffer.

    The zip carries a small card with the name of its algorithm, which must be one of
    ``hrg_pipeline.learning.agent.ALGORITHMS``, and a description of the model in plain values. The model is
    rebuilt from that and from the plain weights; the pickled part of the format, which could run code, is not
    read. ``load_args: {trust: true}`` reads it, for files without a description.

    Example in ``catalog.yml``::

        policy:
          type: hrg_pipeline.datasets.SB3ModelDataset
          filepath: data/06_models/policy.zip
          versioned: true
          load_args: {device: cpu}
    """

    def _read(self, stream: BinaryIO) -> BaseAlgorithm:
        from hrg_pipeline.learning.safe_model import DESCRIPTION, read_card, rebuild_model
        from hrg_pipeline.learning.storage import load_agent

        origin = str(self._filepath)
        arguments = dict(self._load_args)
        trust = arguments.pop("trust", False)
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / "model.zip"
            with local.open("wb") as copy:
                shutil.copyfileobj(stream, copy)
            try:
                card = read_card(local, origin)
                if trust:
                    return load_agent(card["algorithm"], local, **arguments).model
                if isinstance(card.get(DESCRIPTION), dict):
                    return rebuild_model(card["algorithm"], card[DESCRIPTION], local, **arguments)
            except HrgError as error:
                raise DatasetError(str(error).replace(str(local), origin)) from error
        raise DatasetError(
            f"'{origin}' has no description of its model, so loading it would run what is pickled in it; "
            "if you trust it, set load_args: {trust: true}"
        )

    def _write(self, stream: BinaryIO, data: BaseAlgorithm) -> None:
        from hrg_pipeline.learning.agent import ALGORITHMS, Agent
        from hrg_pipeline.learning.safe_model import CARD
        from hrg_pipeline.learning.storage import save_model

        names = [name for name, model_class in ALGORITHMS.items() if type(data) is model_class]
        if not names:
            raise DatasetError(
                f"models of class '{type(data).__name__}' are not stored; choose one of {sorted(ALGORITHMS)}"
            )
        with tempfile.TemporaryDirectory() as folder:
            local = save_model(Agent(names[0], data), Path(folder) / "model.zip")
            with zipfile.ZipFile(local, "a") as archive:
                archive.writestr(zipfile.ZipInfo(CARD), json.dumps(_card(names[0], data)))
            with local.open("rb") as copy:
                shutil.copyfileobj(copy, stream)

    def preview(self) -> JSONPreview:
        """The card of the stored model: algorithm, steps, spaces, size."""
        from hrg_pipeline.learning.safe_model import DESCRIPTION, read_card

        with self._fs.open(self._load_path(), "rb") as stream:
            card = read_card(stream, str(self._filepath))
        card.pop(DESCRIPTION, None)
        return JSONPreview(json.dumps(card))


def _card(name: str, model: BaseAlgorithm) -> dict[str, Any]:
    from hrg_pipeline.learning.safe_model import DESCRIPTION, describe_model

    return {
        "algorithm": name,
        "class": type(model).__name__,
        "num_timesteps": int(model.num_timesteps),
        "observation_space": str(model.observation_space),
        "action_space": str(model.action_space),
        "n_parameters": sum(parameter.numel() for parameter in model.policy.parameters()),
        DESCRIPTION: describe_model(model),
    }
