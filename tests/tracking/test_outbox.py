"""What a store does not take waits in a file and reaches it later, in its order, in this process or another."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from hrg_pipeline import tracking
from hrg_pipeline.tracking import session
from hrg_pipeline.tracking.mlflow_run import MlflowRun, send_unsent
from hrg_pipeline.tracking.outbox import FOLDER, Operation, Outbox, Refused, send_waiting
from hrg_pipeline.tracking.store import DATABASE, open_client


class Store:
    """Remembers operations, or fails."""

    def __init__(self) -> None:
        self.done: list[Operation] = []
        self.down = False

    def __call__(self, operation: Operation) -> None:
        if self.down:
            raise OSError("database is locked\nand more")
        self.done.append(operation)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def outbox(tmp_path: Path, store: Store) -> Outbox:
    return Outbox(tmp_path / "unsent" / "run.jsonl", store, {"run": "r"})


def numbers(operations: list[Operation]) -> list[int]:
    return [operation["n"] for operation in operations]


def test_a_store_that_answers_leaves_no_file(outbox: Outbox, store: Store) -> None:
    outbox.submit({"n": 1})
    assert numbers(store.done) == [1]
    assert not outbox.file.parent.exists()


def test_what_fails_waits_with_all_that_follows_and_goes_in_its_order(
    outbox: Outbox, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.down = True
    with caplog.at_level(logging.WARNING):
        for n in range(3):
            outbox.submit({"n": n})
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == ["database is locked"]
    assert not outbox.retry()
    store.down = False
    outbox.submit({"n": 3})
    assert store.done == [], "nothing overtakes what waits"
    assert outbox.retry()
    assert numbers(store.done) == [0, 1, 2, 3]
    assert not outbox.file.exists()


def test_another_process_goes_on_where_one_was_killed(outbox: Outbox, store: Store) -> None:
    store.down = True
    outbox.submit({"n": 1})
    outbox.submit({"n": 2})
    headers: list[Operation] = []

    def open_store(header: Operation) -> Callable[[Operation], None]:
        headers.append(header)
        return store

    store.down = False
    assert send_waiting(outbox.file.parent, open_store) == (0, 1), "its process lives and will send it itself"
    outbox.close()
    with outbox.file.open("a") as stream:
        stream.write('{"n": 3, "cut by a ki')
    assert send_waiting(outbox.file.parent, open_store) == (1, 0)
    assert headers == [{"run": "r"}]
    assert numbers(store.done) == [1, 2]
    assert not outbox.file.exists()


def test_a_file_that_cannot_be_sent_stays(outbox: Outbox, store: Store) -> None:
    store.down = True
    outbox.submit({"n": 1})
    outbox.close()
    assert send_waiting(outbox.file.parent, lambda header: store) == (0, 1)
    assert json.loads(outbox.file.read_text().splitlines()[1]) == {"n": 1}


def test_what_the_store_refuses_does_not_hold_up_the_rest(outbox: Outbox, store: Store) -> None:
    store.down = True
    outbox.submit({"n": 1})
    outbox.submit({"n": 2})

    def refuse_the_first(operation: Operation) -> None:
        if operation["n"] == 1:
            raise Refused("no such run")
        store.done.append(operation)

    outbox._perform = refuse_the_first
    assert outbox.retry()
    assert numbers(store.done) == [2]
    with pytest.raises(Refused):
        outbox.submit({"n": 1})


def test_where_no_file_can_be_written_the_run_goes_on(tmp_path: Path, store: Store) -> None:
    (tmp_path / "unsent").write_text("a file where a folder should be")
    outbox = Outbox(tmp_path / "unsent" / "run.jsonl", store, {})
    store.down = True
    outbox.submit({"n": 1})
    store.down = False
    assert outbox.retry()
    assert numbers(store.done) == [1]


def stored(project: Path, run: MlflowRun) -> Any:
    return open_client(project).get_run(run.ref.run_id)


class Locked:
    """Holds the database of a project as another program would that writes to it."""

    def __init__(self, project: Path) -> None:
        self.connection = sqlite3.connect(project / DATABASE, isolation_level=None)

    def __enter__(self) -> None:
        self.connection.execute("BEGIN EXCLUSIVE")

    def __exit__(self, *_: object) -> None:
        self.connection.execute("ROLLBACK")
        self.connection.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let MLflow wait for a lock for a moment instead of its 20 s."""
    text = sqlalchemy.sql.text
    monkeypatch.setattr("sqlalchemy.sql.text", lambda words: text(words.replace("= 20000", "= 50")))


def test_a_database_that_is_locked_amid_a_run_loses_nothing(impatient: None, project: Path) -> None:
    run = MlflowRun.create(project, "reach", "run-1", {})
    artifact = project / "policy.zip"
    artifact.write_text("weights")
    run.log({"a": 1.0}, 10)
    run._buffer.flush()
    with Locked(project):
        run.log({"a": 2.0}, 20)
        run._buffer.flush()
        run.set_tags({"t": "x"})
        run.log_file(artifact, "model")
        assert (project / FOLDER / f"{run.ref.run_id}.jsonl").is_file()
    run.log({"a": 3.0}, 30)
    run.end("FINISHED")
    found = stored(project, run)
    assert found.info.status == "FINISHED" and found.data.tags["t"] == "x"
    history = open_client(project).get_metric_history(run.ref.run_id, "a")
    assert [(point.step, point.value) for point in history] == [(10, 1.0), (20, 2.0), (30, 3.0)]
    assert list((project / "mlartifacts").rglob("policy.zip"))
    assert not list((project / FOLDER).iterdir())


def test_the_next_start_sends_what_a_run_could_not(impatient: None, project: Path) -> None:
    run = MlflowRun.create(project, "reach", "run-1", {})
    with Locked(project):
        run.log({"a": 1.0}, 10)
        run.register_model("tiny", "model/policy.zip", {"sha256": "0"})
        run.end("FINISHED")
    assert stored(project, run).info.status == "RUNNING"
    assert send_unsent(project) == (1, 0)
    assert stored(project, run).info.status == "FINISHED"
    assert stored(project, run).data.metrics == {"a": 1.0}
    MlflowRun.resume(project, run.ref, {}).register_model("tiny", "model/policy.zip", {"sha256": "0"})
    assert len(open_client(project).search_model_versions("name = 'tiny'")) == 1, "registered once, whoever repeats it"


def test_a_tracked_session_closes_with_a_store_that_is_gone(
    impatient: None, project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = MlflowRun.create(project, "reach", "run-1", {})
    session.open_run(run)
    with Locked(project), caplog.at_level(logging.WARNING):
        tracking.current_sink().log({"a": 1.0}, 1)
        session.close_run(session.FINISHED)
    assert "kedro tracking send" in caplog.text
