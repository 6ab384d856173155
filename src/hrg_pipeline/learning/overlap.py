"""Learning while the environments step."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from hrg_pipeline.engine.threads import available_cores
from hrg_pipeline.learning.vec_env import EngineVecEnv

_SWITCH_INTERVAL_S = 1e-3
"""A thread that needs the interpreter gets it after this long [s]; Python's 5 ms are as long as a whole step."""


def threads_beside_learning() -> int:
    """How many threads may simulate while another one learns: one per core, less one, at least one."""
    return max(available_cores() - 1, 1)


class PendingUpdates:
    """Updates that are put off until the environments are under way.

    Args:
        update: The model's own ``train``.
    """

    def __init__(self, update: Callable[..., None]) -> None:
        self._update = update
        self._waiting: list[dict[str, Any]] = []

    def put_off(self, **arguments: Any) -> None:
        """Take an update for later, and make the one that waits."""
        self.catch_up()
        self._waiting.append(arguments)

    def catch_up(self) -> None:
        """Make the update that waits, if one does."""
        while self._waiting:
            self._update(**self._waiting.pop())

    def get_state(self) -> list[dict[str, Any]]:
        """Return the arguments of what waits."""
        return [dict(arguments) for arguments in self._waiting]

    def set_state(self, state: list[dict[str, Any]]) -> None:
        """Let wait what waited."""
        self._waiting = [dict(arguments) for arguments in state]


@contextmanager
def overlapping(model: OffPolicyAlgorithm, env: EngineVecEnv) -> Iterator[PendingUpdates]:
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
        The updates that wait. The last one is made on the way out, unless an error passes through.
    """
    pending = PendingUpdates(model.train)
    model.train = pending.put_off  # type: ignore[method-assign,assignment]
    patience = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        with env.in_background(pending.catch_up):
            yield pending
            pending.catch_up()
    finally:
        sys.setswitchinterval(patience)
        del model.train  # the method of the class is back
