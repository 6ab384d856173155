"""Keeps the global random states that stable-baselines3 uses to ourselves."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def contained_randomness(torch_threads: int = 1) -> Iterator[None]:
    """Give back the random states and the torch thread count as they were.

    stable-baselines3 seeds ``random``, ``numpy.random`` and ``torch`` when a model is made or loaded, and
    draws minibatches from the global numpy generator. Whoever makes, trains or loads a model does it in here,
    so nothing outside is disturbed, and nothing outside disturbs it between the seeding and the end.

    Args:
        torch_threads: Threads torch computes with inside. One is right while other threads simulate
            (spinning barriers of the two pools slow each other down), and keeps sums independent of the core
            count.

    Yields:
        Nothing.
    """
    python_state = random.getstate()
    numpy_state = np.random.get_state()
    threads_before = torch.get_num_threads()
    torch.set_num_threads(torch_threads)
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            yield
    finally:
        torch.set_num_threads(threads_before)
        np.random.set_state(numpy_state)
        random.setstate(python_state)
