"""Nested parameters and metrics as the flat names and texts that a tracking store takes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any

MAX_PARAM_LENGTH = 6000
"""A longer parameter value is refused or cut by MLflow 3."""
_ELLIPSIS = "…"
_FORBIDDEN = re.compile(r"[^\w\-./: ]")


def flatten_params(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Flatten nested parameters to dotted names and texts.

    Lists, booleans and null become JSON; values longer than ``MAX_PARAM_LENGTH`` are cut and end in an
    ellipsis; characters that MLflow refuses in names become underscores.
    """
    return {_FORBIDDEN.sub("_", name): _as_text(value) for name, value in _leaves(parameters, "", ".")}


def flatten_metrics(metrics: Mapping[str, Any], prefix: str) -> dict[str, float]:
    """Flatten nested results to numbers named ``<prefix>/<name>``; what is no finite number is left out."""
    return {
        f"{prefix}/{_FORBIDDEN.sub('_', name)}": float(value)
        for name, value in _leaves(metrics, "", "/")
        if isinstance(value, Real) and math.isfinite(value)
    }


def _leaves(tree: Mapping[str, Any], prefix: str, separator: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}{separator}", separator)
        else:
            yield f"{prefix}{key}", value


def _as_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= MAX_PARAM_LENGTH else text[: MAX_PARAM_LENGTH - 1] + _ELLIPSIS
