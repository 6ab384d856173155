"""What our file datasets share: paths, versions, atomic writes."""

from __future__ import annotations

from abc import abstractmethod
from copy import deepcopy
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Generic, TypeVar

import fsspec
from kedro.io.core import (
    AbstractVersionedDataset,
    DatasetError,
    Version,
    get_filepath_str,
    get_protocol_and_path,
)

T = TypeVar("T")


class FileDataset(AbstractVersionedDataset[T, T], Generic[T]):
    """One object in one file, on any filesystem that fsspec knows.

    A file appears under its name only after it was written completely, so a run that is killed leaves no
    half version behind that a later run would take for the newest.

    Args:
        filepath: path or URL; versions are folders below it.
        load_args: keyword arguments of the reader.
        save_args: keyword arguments of the writer.
        version: filled in by Kedro where the catalog says ``versioned: true``.
        credentials: for remote filesystems.
        fs_args: keyword arguments of the filesystem.
        metadata: free; ``kedro-viz`` and ``mlflow`` are read by others.
    """

    def __init__(
        self,
        *,
        filepath: str,
        load_args: dict[str, Any] | None = None,
        save_args: dict[str, Any] | None = None,
        version: Version | None = None,
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._protocol, path = get_protocol_and_path(filepath, version)
        filesystem_args = deepcopy(fs_args or {})
        if self._protocol == "file":
            filesystem_args.setdefault("auto_mkdir", True)
        self._fs = fsspec.filesystem(self._protocol, **deepcopy(credentials or {}), **filesystem_args)
        self._load_args = deepcopy(load_args or {})
        self._save_args = deepcopy(save_args or {})
        self.metadata = metadata
        super().__init__(
            filepath=PurePosixPath(path),
            version=version,
            exists_function=self._fs.exists,
            glob_function=self._fs.glob,
        )

    @abstractmethod
    def _read(self, stream: BinaryIO) -> T:
        """Read the object from an open file."""

    @abstractmethod
    def _write(self, stream: BinaryIO, data: T) -> None:
        """Write the object into an open file."""

    def load(self) -> T:
        """Read the object.

        Raises:
            DatasetError: if there is no such file or version.
        """
        path = self._load_path()
        if not self._fs.exists(path):
            raise DatasetError(f"nothing is stored at '{path}'")
        with self._fs.open(path, "rb") as stream:
            return self._read(stream)

    def save(self, data: T) -> None:
        """Write the object.

        Raises:
            DatasetError: if this version exists already.
        """
        path = get_filepath_str(self._get_save_path(), self._protocol)
        self._write_atomically(path, data)
        self._invalidate_cache()

    def _write_atomically(self, path: str, data: T) -> None:
        partial = f"{path}.part"
        try:
            with self._fs.open(partial, "wb") as stream:
                self._write(stream, data)
        except BaseException:
            if self._fs.exists(partial):
                self._fs.rm(partial)
            raise
        self._fs.mv(partial, path)

    def _load_path(self) -> str:
        return get_filepath_str(self._get_load_path(), self._protocol)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "protocol": self._protocol, "version": self._version}

    def _exists(self) -> bool:
        try:
            path = self._load_path()
        except DatasetError:  # no version yet
            return False
        return bool(self._fs.exists(path))

    def _release(self) -> None:
        super()._release()
        self._invalidate_cache()

    def _invalidate_cache(self) -> None:
        self._fs.invalidate_cache(get_filepath_str(self._filepath, self._protocol))
