"""Rows of a replay buffer by their number since the training began, whatever slot of the ring they are in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer

from hrg_pipeline.errors import IntegrityError
from hrg_pipeline.learning.storage import COLUMNS

Rows = dict[str, NDArray[Any]]
"""Arrays (S, N, ...) by column: S rows of N environments."""


def oldest_row(buffer: ReplayBuffer, n_rows: int) -> int:
    """Number of the oldest row that a ring still holds after ``n_rows`` were added."""
    return max(0, n_rows - int(buffer.buffer_size))


def copy_rows(buffer: ReplayBuffer, first: int, stop: int) -> Rows:
    """Copy the rows ``first`` to ``stop - 1``, which the buffer must still hold."""
    size = int(buffer.buffer_size)
    begin, end = first % size, first % size + (stop - first)
    columns = {key: getattr(buffer, name) for key, name in COLUMNS.items()}
    if end <= size:
        return {key: column[begin:end].copy() for key, column in columns.items()}
    return {key: np.concatenate([column[begin:], column[: end - size]]) for key, column in columns.items()}


def fill_buffer(buffer: ReplayBuffer, n_rows: int, pieces: Iterable[tuple[int, Rows]]) -> None:
    """Make a buffer what it was after ``n_rows`` were added.

    Args:
        buffer: Of the right size and spaces; changed in place.
        n_rows: How many rows had been added.
        pieces: First row and rows of pieces that cover all that the buffer held.

    Raises:
        IntegrityError: A row is missing, or a column has the wrong shape.
    """
    size, oldest = int(buffer.buffer_size), oldest_row(buffer, n_rows)
    seen = np.zeros(size, dtype=np.bool_)
    for first, rows in pieces:
        missing = COLUMNS.keys() - rows.keys()
        if missing:
            raise IntegrityError(f"replay buffer lacks {', '.join(sorted(missing))}")
        numbers = np.arange(first, first + len(rows["rewards"]))
        wanted = (numbers >= oldest) & (numbers < n_rows)
        slots = numbers[wanted] % size
        for key, name in COLUMNS.items():
            column = getattr(buffer, name)
            if rows[key].shape[1:] != column.shape[1:]:
                raise IntegrityError(f"replay buffer has {key} of shape {rows[key].shape}, expected {column.shape}")
            column[slots] = rows[key][wanted]
        seen[slots] = True
    if int(seen.sum()) != n_rows - oldest:
        raise IntegrityError(f"replay buffer lacks {n_rows - oldest - int(seen.sum())} rows of {n_rows - oldest}")
    buffer.pos = n_rows % size
    buffer.full = n_rows >= size
