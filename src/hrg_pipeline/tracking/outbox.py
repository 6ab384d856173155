"""What a store did not take waits in a file, in its order, until the store answers again."""

from __future__ import annotations

import fcntl
import json
import logging
import threading
from collections.abc import Callable, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

FOLDER = Path("data") / "07_model_output" / "unsent"
"""Of a project; one file a run."""
SUFFIX = ".jsonl"

Operation = Mapping[str, Any]
"""Plain values; doing it twice must be the same as doing it once."""


class Refused(Exception):
    """The store answered, and will never take this operation."""


class Outbox:
    """Operations on a store, done in their order.

    One that fails is written to a file, and so is all that follows it, until ``retry`` gets everything through.
    The file is locked by its process, so another one knows that its run is still going on. Any thread may call.

    Args:
        file: Where operations wait; made when the first one fails.
        perform: Does one operation or raises; ``Refused`` where it is no use to try again.
        header: First line of the file: what is needed to go on with it in another process.
    """

    def __init__(self, file: Path, perform: Callable[[Operation], None], header: Operation) -> None:
        self.file = file
        self._perform = perform
        self._header = header
        self._stream: TextIOWrapper | None = None
        self._waiting: list[Operation] = []
        self._lock = threading.RLock()

    def __len__(self) -> int:
        """How many operations wait."""
        return len(self._waiting)

    def submit(self, operation: Operation) -> None:
        """Do an operation now, or keep it.

        Raises:
            Refused: The store answered that it will not take it.
        """
        with self._lock:
            if not self._waiting:
                try:
                    self._perform(operation)
                    return
                except Refused:
                    raise
                except Exception as error:
                    logger.warning(
                        "the store does not answer; what belongs there is kept in %s: %s", self.file, _line(error)
                    )
            self._keep(operation)

    def retry(self) -> bool:
        """Do what waits, as far as the store takes it; True when nothing waits any more."""
        with self._lock:
            if not self._waiting:
                return True
            try:
                while self._waiting:
                    _unless_refused(self._perform, self._waiting[0])
                    del self._waiting[0]
            except Exception as error:
                logger.debug("the store still does not answer: %s", _line(error))
                return False
            self._forget()
            logger.warning("the store answers again; everything was sent")
            return True

    def close(self) -> None:
        """Leave what waits to whoever sends the file."""
        with self._lock:
            self._waiting.clear()
            if self._stream is not None:
                self._stream.close()
                self._stream = None

    def _keep(self, operation: Operation) -> None:
        self._waiting.append(operation)
        try:
            if self._stream is None:
                self.file.parent.mkdir(parents=True, exist_ok=True)
                self._stream = self.file.open("a", encoding="utf-8")
                fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._write(self._header)
            self._write(operation)
        except OSError as error:  # no space, say: the training is worth more than its curves
            logger.warning("%s cannot be written, what belongs there is kept in memory: %s", self.file, _line(error))

    def _write(self, operation: Operation) -> None:
        if self._stream is not None:
            self._stream.write(json.dumps(operation, ensure_ascii=False) + "\n")
            self._stream.flush()

    def _forget(self) -> None:
        if self._stream is not None:
            self.file.unlink(missing_ok=True)
        self.close()


def send_waiting(folder: Path, open_store: Callable[[Operation], Callable[[Operation], None]]) -> tuple[int, int]:
    """Send what earlier processes left.

    Args:
        folder: Where the files are.
        open_store: Turns the header of a file into what performs its operations.

    Returns:
        How many files were sent, and how many still wait.
    """
    sent = waiting = 0
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        done = _send_file(file, open_store)
        sent, waiting = sent + done, waiting + (not done)
    return sent, waiting


def _send_file(file: Path, open_store: Callable[[Operation], Callable[[Operation], None]]) -> bool:
    try:
        stream = file.open("r+", encoding="utf-8", errors="replace")
    except FileNotFoundError:  # another process was faster
        return True
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # its run is still going on and sends it itself
            return False
        operations = list(_operations(stream))
        try:
            if operations:
                perform = open_store(operations[0])
                for operation in operations[1:]:
                    if operation != operations[0]:  # a run that was gone on with writes its header again
                        _unless_refused(perform, operation)
        except Exception as error:
            logger.warning("what waits in %s cannot be sent: %s", file, _line(error))
            return False
        file.unlink(missing_ok=True)
        return True


def _unless_refused(perform: Callable[[Operation], None], operation: Operation) -> None:
    try:
        perform(operation)
    except Refused as error:
        logger.warning("the store refuses %s: %s", operation.get("do"), _line(error))


def _operations(stream: TextIOWrapper) -> list[Operation]:
    """Read the operations; a last line that was cut by a kill is left out."""
    found: list[Operation] = []
    for line in stream:
        try:
            operation = json.loads(line)
        except ValueError:
            continue
        if isinstance(operation, dict):
            found.append(operation)
    return found


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
