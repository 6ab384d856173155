"""The one decorator for compiled kernels, with a disk cache that can never serve stale code."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config as numba_config

_PACKAGE = Path(__file__).resolve().parents[1]
_KERNEL_FLOORS = ("physics", "robots", "human", "shield", "engine")

F = TypeVar("F", bound=Callable[..., Any])


def kernel_sources_hash() -> str:
    """Hash of every source file that can be compiled into a kernel (hex, 16 digits)."""
    digest = hashlib.sha256(numba.__version__.encode())
    for floor in _KERNEL_FLOORS:
        for path in sorted((_PACKAGE / floor).glob("*.py")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _use_versioned_cache() -> None:
    """Keep compiled kernels in a folder named after the sources.

    Numba checks only the file that a cached function stands in, not the files of the functions it calls: after an
    update it would go on running old callees, which a safety shield must never do. ``NUMBA_CACHE_DIR`` still wins.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        root = Path(os.environ["NUMBA_CACHE_DIR"])
    elif os.access(_PACKAGE, os.W_OK):
        root = _PACKAGE / "__pycache__" / "kernels"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hrg_pipeline" / "kernels"
    vars(numba_config)["CACHE_DIR"] = str(root / kernel_sources_hash())


_use_versioned_cache()


def kernel(function: F) -> F:
    """Compile a function with numba: no Python objects, no GIL, IEEE floating point, cached on disk."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
