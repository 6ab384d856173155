"""Where two trainings first differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch

    from hrg_pipeline.pipelines.types import Arrays, BaseAlgorithm

WALL_CLOCK = "time/"
"""Beginning of the names of metrics that differ between any two runs."""

_COLUMNS = ("obs", "actions", "rewards", "next_obs", "dones", "timeouts")
"""Columns of a transition in the order in which they come about."""


def weights_of(model: BaseAlgorithm) -> dict[str, torch.Tensor]:
    """Return every parameter of a model's networks, target networks included, by name."""
    return {name: value.detach().cpu() for name, value in model.policy.state_dict().items()}


def compare_weights(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> str | None:
    """Return the first parameters that differ, None if all are equal to the bit."""
    if one.keys() != other.keys():
        return f"the networks have other parameters: {sorted(one.keys() ^ other.keys())}"
    for name, value in one.items():
        if value.shape != other[name].shape:
            return f"parameters {name} have shape {tuple(value.shape)} and {tuple(other[name].shape)}"
        if not _same(value.numpy(), other[name].numpy()):
            gap = float((value - other[name]).abs().max())
            return f"parameters {name} differ by up to {gap:.3g}"
    return None


def compare_buffers(one: Arrays, other: Arrays) -> str | None:
    """Return the first transition, in the order of time, that differs between two replay buffers."""
    import numpy as np

    if one.keys() != other.keys():
        return f"the replay buffers hold {sorted(one)} and {sorted(other)}"
    if not one:
        return None
    shapes = {name: (one[name].shape, other[name].shape) for name in _COLUMNS}
    uneven = {name: pair for name, pair in shapes.items() if pair[0] != pair[1]}
    if uneven or not all(_same(one[name], other[name]) for name in ("pos", "full")):
        sizes = " and ".join(str(buffer["rewards"].size) for buffer in (one, other))
        return f"the replay buffers hold {sizes} transitions, or end elsewhere"
    begin = int(one["pos"]) if bool(one["full"]) else 0
    slots, lanes = one["rewards"].shape
    differ = np.zeros((slots, lanes), dtype=np.bool_)
    for name in _COLUMNS:
        differ |= (_bits(one[name]) != _bits(other[name])).reshape(slots, lanes, -1).any(axis=2)
    found = np.argwhere(np.roll(differ, -begin, axis=0))
    if not len(found):
        return None
    age, lane = (int(k) for k in found[0])
    slot = (begin + age) % slots
    name = next(n for n in _COLUMNS if not _same(one[n][slot, lane], other[n][slot, lane]))
    values = [np.array2string(buffer[name][slot, lane], precision=9) for buffer in (one, other)]
    return f"transition {age} of environment {lane}, counted from the oldest: {name} is {values[0]} and {values[1]}"


def compare_curves(one: pd.DataFrame, other: pd.DataFrame) -> str | None:
    """Return the first row and metric at which two learning curves differ, wall clock aside."""
    return _compare_tables(_without_clock(one), _without_clock(other), "curve", "step")


def compare_episodes(one: pd.DataFrame, other: pd.DataFrame) -> str | None:
    """Return the first evaluation episode that differs between two tables."""
    return _compare_tables(one, other, "episodes table", "episode")


def _without_clock(curve: pd.DataFrame) -> pd.DataFrame:
    return curve[[name for name in curve.columns if not name.startswith(WALL_CLOCK)]]


def _compare_tables(one: pd.DataFrame, other: pd.DataFrame, what: str, key: str) -> str | None:
    import numpy as np

    if list(one.columns) != list(other.columns):
        return f"the {what} has other columns: {sorted(set(one.columns) ^ set(other.columns))}"
    rows = min(len(one), len(other))
    same = np.column_stack([_equal_values(one[name], other[name], rows) for name in one.columns])
    if not same.all():
        row, column = (int(k) for k in np.argwhere(~same)[0])
        name = one.columns[column]
        return f"{what}, {key} {one[key].iloc[row]}: {name} is {one[name].iloc[row]!r} and {other[name].iloc[row]!r}"
    return None if len(one) == len(other) else f"the {what} has {len(one)} and {len(other)} rows"


def _equal_values(one: pd.Series[Any], other: pd.Series[Any], rows: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    import numpy as np

    first, second = one.iloc[:rows], other.iloc[:rows]
    return np.asarray((first == second) | (first.isna() & second.isna()), dtype=np.bool_)


def _bits(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The bytes of each element, so that NaN equals itself and -0 is not 0."""
    import numpy as np

    plain = np.ascontiguousarray(array)
    return plain.view(np.uint8).reshape(*array.shape, array.dtype.itemsize)


def _same(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    import numpy as np

    return one.dtype == other.dtype and np.array_equal(_bits(np.asarray(one)), _bits(np.asarray(other)))
