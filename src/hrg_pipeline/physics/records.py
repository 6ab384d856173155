"""Rows of named arrays in one block of memory: what compiled kernels read and write per environment.

A kernel that takes a tuple of forty arrays takes hundreds of scalars, in every call that is not inlined. A row of a
structured array is one pointer, its fields have constant shapes, and none of them is reference counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.void]
"""A structured array (N,), one element per environment."""
Row = Any
"""One element of ``Rows`` inside a kernel: scalars and arrays by the names of its fields."""


def make_rows(count: int, fields: Mapping[str, NDArray[Any]]) -> Rows:
    """Allocate rows that all hold the given values.

    Args:
        count: Number of rows.
        fields: Value of each field, which also gives its shape and type (float64 or int64).

    Returns:
        The rows (count,).
    """
    rows = np.zeros(count, np.dtype([(name, v.dtype, v.shape) for name, v in fields.items()], align=True))
    for name, value in fields.items():
        rows[name] = value
    return rows


def columns(rows: Rows) -> dict[str, Any]:
    """Views (count, ...) of all fields, by name; writing to them changes the rows."""
    names = rows.dtype.names or ()
    return {name: rows[name] for name in names}
