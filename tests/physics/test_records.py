"""Rows show the same memory to Python, by column, and to kernels, by row."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import columns, make_rows


@kernel
def _add(rows, i, k):
    row = rows[i]
    row.count += 1
    row.matrix[k, 0] += row.scale


def test_python_and_kernels_see_the_same_memory():
    rows = make_rows(3, {"scale": np.array(0.5), "matrix": np.arange(4.0).reshape(2, 2), "count": np.array(7)})
    seen = columns(rows)
    assert seen["matrix"].shape == (3, 2, 2) and seen["count"].tolist() == [7, 7, 7]
    assert (seen["matrix"][2] == [[0.0, 1.0], [2.0, 3.0]]).all()
    seen["scale"][1] = 10.0
    _add(rows, 1, 1)
    assert seen["count"].tolist() == [7, 8, 7]
    assert seen["matrix"][1].tolist() == [[0.0, 1.0], [12.0, 3.0]]
    assert seen["matrix"][0].flags.c_contiguous
