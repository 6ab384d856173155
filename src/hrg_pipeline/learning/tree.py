"""Nested state as JSON beside plain arrays, so that reading it runs no code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import HrgError

_ARRAY = "__array__"


def pack(tree: Any) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Take the arrays out of nested dicts and lists.

    Args:
        tree: Dicts with text keys, lists, tuples, arrays, numpy scalars, numbers, texts, None.

    Returns:
        The same with every array replaced by ``{"__array__": name}``, ready for JSON, and copies of the arrays by
        name. Tuples become lists.

    Raises:
        HrgError: Something else is in it.
    """
    arrays: dict[str, NDArray[Any]] = {}

    def walk(node: Any, path: str) -> Any:
        if isinstance(node, np.ndarray | np.generic):
            name = f"a{len(arrays)}"
            array = np.array(node)
            if array.dtype.hasobject:
                raise HrgError(f"state '{path}' is an array of objects, expected plain numbers")
            arrays[name] = array
            return {_ARRAY: name}
        if isinstance(node, Mapping):
            return {str(key): walk(value, f"{path}.{key}") for key, value in node.items()}
        if isinstance(node, list | tuple):
            return [walk(value, f"{path}.{k}") for k, value in enumerate(node)]
        if node is None or isinstance(node, bool | int | float | str):
            return node
        raise HrgError(f"state '{path}' is a {type(node).__name__}, which is not stored")

    return walk(tree, "state"), arrays


def unpack(tree: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Put the arrays of ``pack`` back; what was a numpy scalar is an array without axes."""
    if isinstance(tree, dict):
        if tree.keys() == {_ARRAY}:
            return arrays[tree[_ARRAY]]
        return {key: unpack(value, arrays) for key, value in tree.items()}
    if isinstance(tree, list):
        return [unpack(value, arrays) for value in tree]
    return tree
