"""The one run that is being tracked in this process, from its start to its end."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Mapping
from typing import Protocol

logger = logging.getLogger(__name__)

FINISHED, FAILED, KILLED = "FINISHED", "FAILED", "KILLED"


class MetricSink(Protocol):
    """Where metrics over steps go."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Add the metrics of one step."""


class Tracker(MetricSink, Protocol):
    """An open run in some tracking store."""

    def end(self, status: str, error: str | None = None) -> None:
        """Send what waits and close the run."""


class NullSink:
    """Takes metrics and forgets them; in place while nothing is tracked."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Forget the metrics."""


_open: list[Tracker] = []


def open_run(tracker: Tracker) -> None:
    """Make a run the current one; one that is still open was left behind and is closed as KILLED."""
    end_interrupted_run()
    _open.append(tracker)
    atexit.register(end_interrupted_run)


def close_run(status: str, error: str | None = None) -> None:
    """Close the current run, if there is one; a store that does not answer is reported, not raised."""
    atexit.unregister(end_interrupted_run)
    while _open:
        try:
            _open.pop().end(status, error)
        except Exception as failure:
            first_line = str(failure).partition("\n")[0]
            logger.warning("the tracked run could not be closed as %s: %s", status, first_line)


def end_interrupted_run() -> None:
    """Close a run that neither finished nor failed as KILLED.

    Kedro reports exceptions only: the command line calls this after Ctrl-C and SIGTERM, and it is safe to
    call at any time.
    """
    close_run(KILLED)


def current_sink() -> MetricSink:
    """Return where metrics over steps go now."""
    return _open[-1] if _open else NullSink()
