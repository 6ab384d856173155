"""Environment specifications as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, BinaryIO

from kedro_datasets._typing import JSONPreview

from hrg_pipeline.datasets.base import FileDataset

if TYPE_CHECKING:
    from hrg_pipeline.envs.spec import EnvSpec


class EnvSpecDataset(FileDataset["EnvSpec"]):
    """An environment specification as readable JSON, checked when it is read.

    Example in ``catalog.yml``::

        env_spec:
          type: hrg_pipeline.datasets.EnvSpecDataset
          filepath: data/06_models/env_spec.json
    """

    def _read(self, stream: BinaryIO) -> EnvSpec:
        from hrg_pipeline.envs.spec import EnvSpec

        return EnvSpec.model_validate_json(stream.read())

    def _write(self, stream: BinaryIO, data: EnvSpec) -> None:
        stream.write(json.dumps(data.model_dump(mode="json"), indent=2).encode() + b"\n")

    def preview(self) -> JSONPreview:
        """The record as it is stored."""
        with self._fs.open(self._load_path(), "rb") as stream:
            return JSONPreview(stream.read().decode())
