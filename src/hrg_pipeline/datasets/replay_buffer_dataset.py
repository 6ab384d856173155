"""Named arrays in one uncompressed file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

from kedro_datasets._typing import JSONPreview

from hrg_pipeline.datasets.base import FileDataset

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]


class ReplayBufferDataset(FileDataset["Arrays"]):
    """The transitions of a replay buffer as named arrays, first axis = transitions; may be empty.

    The file is an uncompressed ``.npz``: compression saves a few percent and takes fifty times as long.
    Object arrays are refused on both ways, so reading a file never runs code.

    Example in ``catalog.yml``::

        replay_buffer:
          type: hrg_pipeline.datasets.ReplayBufferDataset
          filepath: data/06_models/replay_buffer.npz
          versioned: true
    """

    def _read(self, stream: BinaryIO) -> Arrays:
        import numpy as np

        with np.load(stream, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}

    def _write(self, stream: BinaryIO, data: Arrays) -> None:
        import numpy as np

        np.savez(stream, allow_pickle=False, **data)

    def preview(self) -> JSONPreview:
        """Shapes and types, read from the headers."""
        import numpy as np

        with self._fs.open(self._load_path(), "rb") as stream, np.load(stream) as archive:
            described = {name: f"{archive[name].dtype}{archive[name].shape}" for name in archive.files}
        return JSONPreview(json.dumps(described))
