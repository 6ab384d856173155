"""One run at a time, and every run gets an end."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

import pytest

from hrg_pipeline import tracking
from hrg_pipeline.tracking import session


class Tracker:
    """Remembers what it is told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.metrics: list[tuple[Mapping[str, float], int]] = []
        self.ends: list[tuple[str, str | None]] = []
        self.error = error

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        self.metrics.append((metrics, step))

    def end(self, status: str, error: str | None = None) -> None:
        self.ends.append((status, error))
        if self.error:
            raise self.error


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    session.close_run(session.KILLED)
    yield
    session.close_run(session.KILLED)


def test_metrics_go_to_the_open_run() -> None:
    tracker = Tracker()
    session.open_run(tracker)
    tracking.current_sink().log({"a": 1.0}, 5)
    assert tracker.metrics == [({"a": 1.0}, 5)]


def test_without_a_run_metrics_go_nowhere() -> None:
    assert isinstance(tracking.current_sink(), tracking.NullSink)
    tracking.current_sink().log({"a": 1.0}, 5)


def test_a_closed_run_is_forgotten() -> None:
    tracker = Tracker()
    session.open_run(tracker)
    session.close_run(session.FINISHED)
    session.close_run(session.FAILED)
    tracking.end_interrupted_run()
    assert tracker.ends == [("FINISHED", None)]
    assert isinstance(tracking.current_sink(), tracking.NullSink)


def test_an_interrupted_run_is_killed() -> None:
    tracker = Tracker()
    session.open_run(tracker)
    tracking.end_interrupted_run()
    assert tracker.ends == [("KILLED", None)]


def test_a_run_left_behind_does_not_catch_the_next_one() -> None:
    left, new = Tracker(), Tracker()
    session.open_run(left)
    session.open_run(new)
    assert left.ends == [("KILLED", None)]
    assert tracking.current_sink() is new


def test_a_store_that_does_not_answer_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    session.open_run(Tracker(OSError("gone")))
    with caplog.at_level(logging.WARNING):
        session.close_run(session.FINISHED)
    assert "could not be closed as FINISHED: gone" in caplog.text
