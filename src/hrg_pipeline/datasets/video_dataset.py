"""Videos, or the reason why there is none."""

from __future__ import annotations

from typing import Any, BinaryIO, NamedTuple

from kedro.io.core import get_filepath_str

from hrg_pipeline.datasets.base import FileDataset


class Video(NamedTuple):
    """An MP4 file's contents, or a note that says why nothing could be recorded."""

    mp4: bytes = b""
    note: str = ""


class VideoDataset(FileDataset[Video]):
    """A video; where there is none, a text file of the same name with the reason.

    Not for ``versioned: true``: the name of the file depends on what is in it.

    Example in ``catalog.yml``::

        episode_video:
          type: hrg_pipeline.datasets.VideoDataset
          filepath: data/08_reporting/episode.mp4
    """

    def load(self) -> Video:
        """Read the video or the note."""
        note = self._note_path()
        if self._fs.exists(note):
            return Video(note=self._fs.read_text(note))
        return super().load()

    def save(self, data: Video) -> None:
        """Write the video or, if it is empty, the note; the other one is removed."""
        path = get_filepath_str(self._filepath, self._protocol)
        kept, other = (path, self._note_path()) if data.mp4 else (self._note_path(), path)
        self._write_atomically(kept, data)
        if self._fs.exists(other):
            self._fs.rm(other)
        self._invalidate_cache()

    @property
    def stored_path(self) -> str:
        """Where the video or the note is."""
        note = self._note_path()
        return note if self._fs.exists(note) else self._load_path()

    def _note_path(self) -> str:
        return get_filepath_str(self._filepath.with_suffix(".txt"), self._protocol)

    def _exists(self) -> bool:
        return bool(self._fs.exists(self._note_path())) or super()._exists()

    def _read(self, stream: BinaryIO) -> Video:
        return Video(mp4=stream.read())

    def _write(self, stream: BinaryIO, data: Video) -> None:
        stream.write(data.mp4 or data.note.encode())

    def _describe(self) -> dict[str, Any]:
        return super()._describe() | {"note": str(self._filepath.with_suffix(".txt"))}
