"""Metrics over steps, sent in batches."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from numbers import Real
from typing import NamedTuple

logger = logging.getLogger(__name__)

MAX_POINTS = 500
"""Points that wait at most; one batch of them costs about 40 ms on SQLite."""
MAX_AGE_S = 5.0
"""How long a point waits at most while others keep coming [s]."""
MAX_BACKLOG = 200_000
"""Points kept while the store does not answer; beyond it the oldest are dropped."""


class Point(NamedTuple):
    """One value of one metric."""

    name: str
    value: float
    step: int
    time_ms: int


class MetricBuffer:
    """Collects points and hands them to ``send`` in batches; a store that fails does not end the training.

    Args:
        send: stores a list of points or raises.
        max_points: flush when this many wait.
        max_age_s: flush when the last flush is longer ago [s].
        clock: seconds that only go up.
    """

    def __init__(
        self,
        send: Callable[[list[Point]], None],
        max_points: int = MAX_POINTS,
        max_age_s: float = MAX_AGE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._max_points = max_points
        self.max_age_s = max_age_s
        self._clock = clock
        self._points: list[Point] = []
        self._last_flush_s = clock()
        self._failing = False

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Add the metrics of one step; what is no number is left out."""
        now_ms = int(time.time() * 1000)
        self._points += [
            Point(name, float(value), int(step), now_ms) for name, value in metrics.items() if isinstance(value, Real)
        ]
        due = self._clock() - self._last_flush_s >= self.max_age_s
        # While the store fails, try again at the pace of the clock only.
        if due or (len(self._points) >= self._max_points and not self._failing):
            self.flush()

    def flush(self) -> bool:
        """Send what waits; True when nothing waits any more."""
        self._last_flush_s = self._clock()
        if not self._points:
            return True
        try:
            self._send(list(self._points))
        except Exception as error:
            if not self._failing:
                first_line = str(error).partition("\n")[0]
                logger.warning("metrics could not be stored, will try again: %s", first_line)
            self._failing = True
            del self._points[:-MAX_BACKLOG]
            return False
        self._points.clear()
        self._failing = False
        return True
