"""Metrics are sent in batches, and a failing store does not end a training."""

from __future__ import annotations

import logging

import pytest

from hrg_pipeline.tracking.buffer import MetricBuffer, Point


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Store:
    """Remembers batches, or fails."""

    def __init__(self) -> None:
        self.batches: list[list[Point]] = []
        self.error: Exception | None = None

    def __call__(self, points: list[Point]) -> None:
        if self.error:
            raise self.error
        self.batches.append(points)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def buffer(store: Store, clock: Clock) -> MetricBuffer:
    return MetricBuffer(store, max_points=4, max_age_s=5.0, clock=clock)


def test_points_wait_until_there_are_enough(buffer: MetricBuffer, store: Store) -> None:
    buffer.log({"a": 1.0, "b": 2}, step=1)
    assert store.batches == []
    buffer.log({"a": 3.0, "b": 4}, step=2)
    assert [(point.name, point.value, point.step) for point in store.batches[0]] == [
        ("a", 1.0, 1),
        ("b", 2.0, 1),
        ("a", 3.0, 2),
        ("b", 4.0, 2),
    ]


def test_points_wait_a_few_seconds_at_most(buffer: MetricBuffer, store: Store, clock: Clock) -> None:
    buffer.log({"a": 1.0}, step=1)
    clock.now = 6.0
    buffer.log({"a": 2.0}, step=2)
    assert [len(batch) for batch in store.batches] == [2]


def test_flush_sends_the_rest_once(buffer: MetricBuffer, store: Store) -> None:
    buffer.log({"a": 1.0}, step=1)
    assert buffer.flush()
    assert buffer.flush()
    assert [len(batch) for batch in store.batches] == [1]


def test_what_is_no_number_is_left_out(buffer: MetricBuffer, store: Store) -> None:
    buffer.log({"a": "text", "b": 1.0}, step=1)  # type: ignore[dict-item]  # as a careless caller would
    buffer.flush()
    assert [point.name for point in store.batches[0]] == ["b"]


def test_a_failing_store_is_reported_once_and_loses_nothing(
    buffer: MetricBuffer, store: Store, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    store.error = OSError("database is locked")
    with caplog.at_level(logging.WARNING):
        for step in range(9):
            buffer.log({"a": float(step)}, step)
            clock.now += 2.0
    assert [record.getMessage() for record in caplog.records] == [
        "metrics could not be stored, will try again: database is locked"
    ]
    store.error = None
    assert buffer.flush()
    assert [point.step for point in store.batches[0]] == list(range(9))
