"""Metrics are sent in batches by another thread, so who logs them never waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from hrg_pipeline.tracking.buffer import MetricBuffer, Point

LONG_S = 60.0


class Store:
    """Remembers batches, and takes none while it is held up."""

    def __init__(self) -> None:
        self.batches: list[list[Point]] = []
        self.answers = threading.Event()
        self.answers.set()
        self.took = threading.Event()

    def __call__(self, points: list[Point]) -> None:
        assert self.answers.wait(LONG_S)
        self.batches.append(points)
        self.took.set()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def buffer(store: Store) -> Iterator[MetricBuffer]:
    buffer = MetricBuffer(store, max_points=4, max_age_s=LONG_S)
    yield buffer
    store.answers.set()
    buffer.stop()


def test_a_batch_is_sent_when_there_are_enough_points(buffer: MetricBuffer, store: Store) -> None:
    buffer.log({"a": 1.0, "b": 2}, step=1)
    assert store.batches == []
    buffer.log({"a": 3.0, "b": 4}, step=2)
    assert store.took.wait(LONG_S)
    assert [(point.name, point.value, point.step) for point in store.batches[0]] == [
        ("a", 1.0, 1),
        ("b", 2.0, 1),
        ("a", 3.0, 2),
        ("b", 4.0, 2),
    ]


def test_points_wait_a_while_at_most(store: Store) -> None:
    buffer = MetricBuffer(store, max_age_s=0.01)
    buffer.log({"a": 1.0}, step=1)
    assert store.took.wait(LONG_S)
    buffer.stop()


def test_who_logs_does_not_wait_for_a_store_that_hangs(buffer: MetricBuffer, store: Store) -> None:
    store.answers.clear()
    for step in range(20):
        buffer.log({"a": float(step)}, step)
    assert store.batches == [], "twenty points were taken, and none was sent"
    store.answers.set()
    buffer.flush()
    assert [point.step for batch in store.batches for point in batch] == list(range(20))
    assert max(map(len, store.batches)) <= 4


def test_the_end_sends_the_rest_once(buffer: MetricBuffer, store: Store) -> None:
    buffer.log({"a": 1.0}, step=1)
    buffer.stop()
    buffer.stop()
    assert [len(batch) for batch in store.batches] == [1]


def test_what_is_no_number_is_left_out(buffer: MetricBuffer, store: Store) -> None:
    buffer.log({"a": "text", "b": 1.0}, step=1)  # type: ignore[dict-item]  # as a careless caller would
    buffer.flush()
    assert [point.name for point in store.batches[0]] == ["b"]
