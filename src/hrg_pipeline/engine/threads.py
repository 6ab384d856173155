"""Threads that share the work of one step."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_PIECES_PER_THREAD = 4
"""More than one, so that a thread whose environments are quick takes over work of one whose are slow."""


class Crew:
    """Threads that take pieces of one list of environments until none is left.

    Which thread takes which piece does not matter: environments do not share anything that changes.

    Args:
        num_envs: how many environments.
        n_threads: how many threads may work at once, the calling one included; None means one per core.
        work: what is to be done with some environments (m,); must not hold the interpreter's lock for long.
    """

    def __init__(self, num_envs: int, n_threads: int | None, work: Callable[[Ints], None]) -> None:
        self.n_threads = max(1, min(n_threads or available_cores(), num_envs))
        self._work = work
        parts = 1 if self.n_threads == 1 else min(_PIECES_PER_THREAD * self.n_threads, num_envs)
        self._pieces = [piece.astype(np.int64) for piece in np.array_split(np.arange(num_envs), parts)]
        self._left: Iterator[Ints] = iter(())
        self._pool: ThreadPoolExecutor | None = None

    def run(self) -> None:
        """Do all the work, in this thread and in others; the first error is raised when all have stopped."""
        self._left = iter(self._pieces)
        if self.n_threads > 1 and self._pool is None:
            self._pool = ThreadPoolExecutor(self.n_threads - 1, "engine")
        others = [self._pool.submit(self._take_pieces) for _ in range(self.n_threads - 1)] if self._pool else []
        try:
            self._take_pieces()
        finally:
            errors = [error for error in (other.exception() for other in others) if error is not None]
        if errors:
            raise errors[0]

    def close(self) -> None:
        """Stop the threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _take_pieces(self) -> None:
        for piece in self._left:
            try:
                self._work(piece)
            except BaseException as error:
                self._left = iter(())  # nobody begins another piece
                error.add_note(f"while stepping environments {piece.tolist()}")
                raise


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
