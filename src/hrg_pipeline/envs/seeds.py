"""The random streams of environments that are stepped together: branches of one seed tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hrg_pipeline.errors import HrgError


def spawn_generators(seed: int | Sequence[int | None], count: int, stream: tuple[int, ...] = ()) -> list[Any]:
    """Make one generator for each environment.

    Args:
        seed: one number for all, of which environment ``i`` gets branch ``i``; or one each, or None, for no new one.
        count: how many environments.
        stream: branch of the tree for a purpose of its own; what the environments draw is at the root.

    Returns:
        A generator, or None, for each.

    Raises:
        HrgError: not as many seeds as environments.
    """
    if isinstance(seed, (int, np.integer)):
        branches: list[tuple[int | None, int]] = [(int(seed), i) for i in range(count)]
    elif len(seed) == count:
        branches = [(None if one is None else int(one), 0) for one in seed]
    else:
        raise HrgError(f"got {len(seed)} seeds for {count} environments; give one each or a single number")
    return [
        None
        if one is None
        else np.random.Generator(np.random.PCG64(np.random.SeedSequence(one, spawn_key=(*stream, i))))
        for one, i in branches
    ]
