"""Motion clips as .npz."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from kedro.io.core import DatasetError

from hrg_pipeline.datasets.base import FileDataset

if TYPE_CHECKING:
    from hrg_pipeline.human.clip import Clip


class ClipDataset(FileDataset["Clip"]):
    """One motion of one person, checked when it is read; nothing in the file can run code.

    Example in ``catalog.yml``::

        waving:
          type: hrg_pipeline.datasets.ClipDataset
          filepath: data/02_intermediate/clips/waving.npz

    A whole folder, of which each clip is read when it is needed::

        clips:
          type: partitions.PartitionedDataset
          path: data/02_intermediate/clips
          dataset: hrg_pipeline.datasets.ClipDataset
          filename_suffix: .npz
    """

    def _read(self, stream: BinaryIO) -> Clip:
        from hrg_pipeline.errors import MotionError
        from hrg_pipeline.human.clip import Clip

        try:
            return Clip.load(io.BytesIO(stream.read()))
        except MotionError as error:
            raise DatasetError(f"'{self._load_path()}': {error}") from error

    def _write(self, stream: BinaryIO, data: Clip) -> None:
        data.save(stream)
