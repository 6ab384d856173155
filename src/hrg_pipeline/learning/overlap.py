"""Learning while the environments step."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from hrg_pipeline.engine.threads import available_cores
from hrg_pipeline.learning.vec_env import EngineVecEnv

_SWITCH_INTERVAL_S = 1e-3
"""A thread that needs the interpreter gets it after this long [s]; Python's 5 ms are as long as a whole step."""


def threads_beside_learning() -> int:
    """How many threads may simulate while another one learns: one per core, less one, at least one."""
    return max(available_cores() - 1, 1)


@contextmanager
def overlapping(model: OffPolicyAlgorithm, env: EngineVecEnv) -> Iterator[None]:
    """Put off every update of a model until its environments are under way.

    An off-policy algorithm alternates: choose actions, step, store the transitions, update. In here the update runs
    on this thread while the next step runs on others, so a round takes as long as the longer of the two. What changes
    is the order, not the amount: actions are chosen before the latest update, by weights one update older, and an
    update does not see the transitions of the step beside it. That order does not depend on time or on the number of
    cores, so neither does the result.

    Args:
        model: The algorithm; its ``train`` is replaced in here.
        env: What it learns in (wrapped or not).

    Yields:
        Nothing. The last update is made on the way out, unless an error passes through.
    """
    update = model.train
    pending: list[partial[None]] = []

    def put_off(*args: Any, **kwargs: Any) -> None:
        catch_up()
        pending.append(partial(update, *args, **kwargs))

    def catch_up() -> None:
        while pending:
            pending.pop()()

    model.train = put_off  # type: ignore[method-assign]
    patience = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        with env.in_background(catch_up):
            yield
            catch_up()
    finally:
        sys.setswitchinterval(patience)
        del model.train  # the method of the class is back
