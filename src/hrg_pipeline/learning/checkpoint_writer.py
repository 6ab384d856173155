"""Writes checkpoints while the training goes on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import numpy as np
from stable_baselines3.common.buffers import ReplayBuffer

from hrg_pipeline.learning.checkpoint_state import Snapshot
from hrg_pipeline.learning.checkpoint_store import CheckpointStore, Keep, Manifest, Segment
from hrg_pipeline.learning.replay_rows import Rows, copy_rows, oldest_row

logger = logging.getLogger(__name__)


class CheckpointWriter:
    """Hands copies to a thread that writes them; the training waits for the copying only.

    Of the replay buffer only the rows added since the last checkpoint are copied and written. A checkpoint that cannot
    be written is told in a warning, and the training goes on. Leaving the block waits for what is being written.

    Args:
        store: Where they go.
        keep: Which are kept.
        identity: What must be the same to go on from them.
        resumed: The checkpoint that the training went on from.
    """

    def __init__(
        self, store: CheckpointStore, keep: Keep, identity: Mapping[str, Any], resumed: Manifest | None = None
    ) -> None:
        self._store, self._keep, self._identity = store, keep, dict(identity)
        self._segments: tuple[Segment, ...] = resumed.segments if resumed else ()
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is being written."""
        self._thread.shutdown()

    def save(self, step: int, snapshot: Snapshot, buffer: ReplayBuffer | None, n_rows: int) -> None:
        """Take a checkpoint; waits for the one before if that is still being written.

        Args:
            step: Env steps so far, of all environments together.
            snapshot: State of the training.
            buffer: Its replay buffer.
            n_rows: Rows that were added to it since the training began.
        """
        self.wait()
        rows: Rows | None = None
        first = n_rows
        if buffer is not None:
            oldest = oldest_row(buffer, n_rows)
            self._segments = tuple(segment for segment in self._segments if segment.stop > oldest)
            first = max(oldest, self._segments[-1].stop if self._segments else 0)
            rows = copy_rows(buffer, first, n_rows) if first < n_rows else None
        self._writing = self._thread.submit(self._write, step, snapshot, rows, first, n_rows)

    def mark_best(self, step: int, figures: Mapping[str, float]) -> None:
        """Say that the checkpoint of this step did best so far; it is kept until another does better."""
        self.wait()
        self._writing = self._thread.submit(self._mark_best, step, dict(figures))

    def wait(self) -> None:
        """Wait for what is being written."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _write(self, step: int, snapshot: Snapshot, rows: Rows | None, first: int, stop: int) -> None:
        try:
            segments = self._segments
            if rows is not None:
                segment = self._store.write_segment(
                    first, stop, lambda stream: np.savez(stream, allow_pickle=False, **rows)
                )
                segments = (*segments, segment)
            manifest = Manifest(step, self._identity, segments=segments)
            self._store.write(manifest, snapshot.files())
            self._segments = segments
            self._store.prune(step, self._keep)
        except OSError as error:
            newest = max(self._store.steps(), default=None)
            kept = "there is none before it" if newest is None else f"the newest is that of step {newest}"
            logger.warning("no checkpoint at step %d: %s; %s, the training goes on", step, error, kept)

    def _mark_best(self, step: int, figures: dict[str, float]) -> None:
        if step not in self._store.steps():
            return  # it could not be written, which has been said
        try:
            self._store.mark_best(step, figures)
        except OSError as error:
            logger.warning("checkpoint %d could not be marked as the best: %s", step, error)
