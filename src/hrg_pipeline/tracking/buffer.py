"""Metrics over steps, sent in batches by a thread of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from numbers import Real
from typing import NamedTuple

MAX_POINTS = 500
"""Points that wait at most; one batch of them costs about 40 ms on SQLite."""
MAX_AGE_S = 5.0
"""How long a point waits at most [s]."""
STOP_S = 60.0
"""How long the end of a run waits for a batch that is under way [s]."""


class Point(NamedTuple):
    """One value of one metric."""

    name: str
    value: float
    step: int
    time_ms: int


class MetricBuffer:
    """Collects points and hands them to ``send`` in batches; who logs never waits for the store.

    Args:
        send: Takes a list of at most ``max_points`` points; called from another thread, and from ``flush``.
        max_points: Send when this many wait.
        max_age_s: Send when the last time is longer ago [s].
    """

    def __init__(
        self,
        send: Callable[[list[Point]], None],
        max_points: int = MAX_POINTS,
        max_age_s: float = MAX_AGE_S,
    ) -> None:
        self._send = send
        self._max_points = max_points
        self.max_age_s = max_age_s
        self._points: list[Point] = []
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._due = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Add the metrics of one step; what is no number is left out."""
        now_ms = int(time.time() * 1000)
        points = [
            Point(name, float(value), int(step), now_ms) for name, value in metrics.items() if isinstance(value, Real)
        ]
        with self._lock:
            self._points += points
            full = len(self._points) >= self._max_points
        if self._thread is None and not self._stopped:
            self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
            self._thread.start()
        if full:
            self._due.set()

    def flush(self) -> None:
        """Send what waits now, after what is being sent."""
        with self._sending:
            while True:
                with self._lock:
                    batch, self._points = self._points[: self._max_points], self._points[self._max_points :]
                if not batch:
                    return
                self._send(batch)

    def stop(self) -> None:
        """End the thread and send the rest."""
        self._stopped = True
        self._due.set()
        if self._thread is not None:
            self._thread.join(STOP_S)
        self.flush()

    def _run(self) -> None:
        while not self._stopped:
            self._due.wait(self.max_age_s)
            self._due.clear()
            self.flush()
