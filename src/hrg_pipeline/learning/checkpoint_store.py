"""Checkpoints on disk: complete or not there, checked, kept by policy."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

from hrg_pipeline.errors import HrgError, IntegrityError

logger = logging.getLogger(__name__)

FOLDER = "checkpoints"
"""Where the checkpoints of a run are, in the folder of the run."""
MANIFEST = "manifest.json"
REPLAY = "replay"
BEST = "best.json"
FORMAT = 1

LoadStep = int | Literal["final", "best"]
"""A checkpoint: that of a step, the newest, or the one that did best in the evaluations of the training."""

_STEP = re.compile(r"step-(\d{12})")
_PARTIAL = ".part"


@dataclass(frozen=True)
class Segment:
    """A file with rows of the replay buffer that several checkpoints share."""

    name: str
    first: int
    """Number of its first row since the training began."""
    stop: int
    """One more than the number of its last row."""
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a complete checkpoint consists of; its file is written last."""

    step: int
    """Env steps of all environments together."""
    identity: dict[str, Any]
    """What must be the same to go on from it."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """File of the checkpoint: ``bytes`` and ``sha256``."""
    segments: tuple[Segment, ...] = ()
    """Of the replay buffer, oldest first; none for an algorithm without one."""


@dataclass(frozen=True)
class Keep:
    """Which checkpoints are kept, besides the best.

    Attributes:
        last: How many of the newest.
        every: The first one at or after every so many env steps as well; None: none of them.
    """

    last: int = 3
    every: int | None = None

    def chosen(self, steps: Sequence[int], best: int | None) -> set[int]:
        """Return which of these steps are kept."""
        ordered = sorted(steps)
        kept = set(ordered[-self.last :]) | ({best} & set(ordered))
        if self.every:
            first: dict[int, int] = {}
            for step in ordered:
                first.setdefault(step // self.every, step)
            kept |= {step for multiple, step in first.items() if multiple}
        return {step for step in kept if step is not None}


class CheckpointStore:
    """The checkpoints of one run.

    Each is a folder ``step-<env steps>`` that appears under its name only when everything in it, and the manifest with
    all hashes, is on the disk. Rows of the replay buffer lie beside them in ``replay/``, each written once.

    Args:
        folder: Where they are; need not exist.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def path(self, step: int) -> Path:
        """Folder of a checkpoint."""
        return self.folder / f"step-{step:012d}"

    def steps(self) -> list[int]:
        """Env steps of all checkpoints, rising; whether they are intact is another question."""
        names = (_STEP.fullmatch(path.parent.name) for path in self.folder.glob(f"step-*/{MANIFEST}"))
        return sorted(int(name[1]) for name in names if name)

    def best(self) -> int | None:
        """Env steps of the checkpoint that did best in the evaluations of the training, None if there is none."""
        try:
            return int(json.loads((self.folder / BEST).read_text(encoding="utf-8"))["step"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def mark_best(self, step: int, figures: Mapping[str, float]) -> None:
        """Say which checkpoint did best, and how well."""
        text = json.dumps({"step": step, **figures}, indent=2)
        self._write(self.folder / BEST, lambda stream: stream.write(text.encode()))

    def manifest(self, step: int) -> Manifest:
        """Read what a checkpoint consists of.

        Raises:
            IntegrityError: There is no readable manifest.
        """
        path = self.path(step) / MANIFEST
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            version = content["format"]
            if version != FORMAT:
                raise IntegrityError(f"checkpoint {path.parent} has format {version}, expected {FORMAT}")
            segments = tuple(Segment(**segment) for segment in content["segments"])
            return Manifest(int(content["step"]), dict(content["identity"]), dict(content["files"]), segments)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, IntegrityError):
                raise
            raise IntegrityError(f"checkpoint {path.parent} has no readable manifest: {error}") from error

    def check(self, step: int, *, replay: bool = True) -> Manifest:
        """Compare every file of a checkpoint with its hash.

        Args:
            step: Of the checkpoint.
            replay: The rows of its replay buffer, too.

        Returns:
            Its manifest.

        Raises:
            IntegrityError: Names the file that is missing or was changed.
        """
        manifest = self.manifest(step)
        expected = {self.path(step) / name: entry["sha256"] for name, entry in manifest.files.items()}
        if replay:
            expected |= {self.folder / REPLAY / segment.name: segment.sha256 for segment in manifest.segments}
        for path, sha256 in expected.items():
            if not path.is_file():
                raise IntegrityError(f"checkpoint {self.path(step).name} lacks {path}")
            if file_sha256(path) != sha256:
                raise IntegrityError(f"checkpoint {self.path(step).name} is damaged: {path} was changed")
        return manifest

    def find(self, load_step: LoadStep | None = None) -> Manifest:
        """Return the checkpoint to go on from, after all of its files were checked.

        Args:
            load_step: Which one. None, or ``"final"``: the newest that is intact; a damaged one is named in a warning.

        Raises:
            HrgError: There is none.
            IntegrityError: The one asked for is damaged, or all are.
        """
        steps = self.steps()
        if not steps:
            raise HrgError(f"no complete checkpoint in {self.folder}")
        if load_step is not None and load_step != "final":
            step = self.best() if load_step == "best" else load_step
            if step not in steps:
                what = "best checkpoint" if load_step == "best" else f"checkpoint of step {load_step}"
                raise HrgError(f"no {what} in {self.folder}; there are: {', '.join(map(str, steps))}")
            return self.check(int(step))
        for step in reversed(steps):
            try:
                return self.check(step)
            except IntegrityError as error:
                logger.warning("%s; the checkpoint before it is used", error)
        raise IntegrityError(f"every checkpoint in {self.folder} is damaged")

    def read(self, manifest: Manifest, name: str) -> bytes:
        """Read a file of a checkpoint."""
        return (self.path(manifest.step) / name).read_bytes()

    def segment_path(self, segment: Segment) -> Path:
        """File of a segment."""
        return self.folder / REPLAY / segment.name

    def write_segment(self, first: int, stop: int, write: Callable[[BinaryIO], Any]) -> Segment:
        """Write rows of the replay buffer; the name tells the content, so nothing that is used is overwritten."""
        folder = self.folder / REPLAY
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"rows-{first:012d}{_PARTIAL}"
        try:
            self._fill(partial, write)
            sha256 = file_sha256(partial)
            name = f"rows-{first:012d}-{stop:012d}-{sha256[:12]}.npz"
            size = partial.stat().st_size
            partial.replace(folder / name)
            _sync_folder(folder)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return Segment(name, first, stop, size, sha256)

    def write(self, manifest: Manifest, files: Mapping[str, bytes]) -> None:
        """Write a checkpoint: all or nothing, and the manifest last.

        Args:
            manifest: Without ``files``.
            files: Content by name.

        Raises:
            OSError: It cannot be written; what was there before is as it was.
        """
        target = self.path(manifest.step)
        partial = target.with_name(f"{target.name}{_PARTIAL}")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir(parents=True)
            for name, content in files.items():
                self._fill(partial / name, lambda stream, content=content: stream.write(content))  # type: ignore[misc]
            entries = {
                name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                for name, content in files.items()
            }
            text = json.dumps(
                {
                    "format": FORMAT,
                    "created": datetime.now(UTC).isoformat(timespec="seconds"),
                    "step": manifest.step,
                    "identity": manifest.identity,
                    "files": entries,
                    "segments": [asdict(segment) for segment in manifest.segments],
                },
                indent=1,
            )
            self._fill(partial / MANIFEST, lambda stream: stream.write(text.encode()))
            _sync_folder(partial)
            # One of the same step is of the same training: it was damaged, or the training went back behind it.
            shutil.rmtree(target, ignore_errors=True)
            partial.rename(target)
            _sync_folder(self.folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def prune(self, newest: int, keep: Keep) -> None:
        """Remove the checkpoints up to ``newest`` that are not kept, then the segments that nothing refers to."""
        steps = [step for step in self.steps() if step <= newest]
        kept = keep.chosen(steps, self.best())
        for step in set(steps) - kept:
            # Without its manifest it is no checkpoint any more, whatever happens while the rest is removed.
            (self.path(step) / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(self.path(step), ignore_errors=True)
        used = set()
        for step in self.steps():
            try:
                used |= {segment.name for segment in self.manifest(step).segments}
            except IntegrityError:
                continue
        for path in (self.folder / REPLAY).glob("rows-*.npz"):
            if path.name not in used:
                path.unlink(missing_ok=True)

    def clear_partial(self) -> None:
        """Remove what a killed process had begun to write."""
        for path in (*self.folder.glob(f"*{_PARTIAL}"), *(self.folder / REPLAY).glob(f"*{_PARTIAL}")):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only one who trains this run; ends with the process at the latest.

        Raises:
            HrgError: Another process trains it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HrgError(f"another process trains the run of {self.folder}; wait for its end") from None
            self.clear_partial()
            yield

    def _write(self, path: Path, write: Callable[[BinaryIO], Any]) -> None:
        partial = path.with_name(f"{path.name}{_PARTIAL}")
        try:
            self._fill(partial, write)
            partial.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    @staticmethod
    def _fill(path: Path, write: Callable[[BinaryIO], Any]) -> None:
        with path.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())


def file_sha256(path: Path) -> str:
    """Hash of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder last through a power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
