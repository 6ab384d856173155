"""Where MLflow keeps its runs, and how the first of several processes opens it."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"
SQLITE = "sqlite:///"
URI_VARIABLE = "MLFLOW_TRACKING_URI"


def tracking_uri(project: Path) -> str:
    """Return ``MLFLOW_TRACKING_URI`` where it is set, else the project's SQLite file as an absolute URI."""
    return os.environ.get(URI_VARIABLE) or f"{SQLITE}{project.resolve() / DATABASE}"


def is_server(uri: str) -> bool:
    """Whether the store is behind an MLflow server, which then decides where artifacts go."""
    return uri.startswith(("http://", "https://", "databricks"))


def open_client(project: Path, uri: str | None = None) -> MlflowClient:
    """Return a client on the project's store, or another one, after its tables exist as this MLflow expects.

    MLflow creates and migrates tables at the first contact without a lock, and processes that do so at the
    same time destroy each other's work; so the first contact with an SQLite file happens under a file lock.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    for name in ("alembic", "mlflow.store.db.utils"):  # one line per migration at INFO
        logging.getLogger(name).setLevel(logging.WARNING)
    # MLflow would try for minutes; what a server does not take waits in a file instead.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    uri = uri or tracking_uri(project)
    if not uri.startswith(SQLITE):
        return MlflowClient(tracking_uri=uri, registry_uri=uri)
    database = Path(uri.removeprefix(SQLITE))
    database.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(database.with_name(f"{database.name}.lock")):
        try:
            return MlflowClient(tracking_uri=uri, registry_uri=uri)
        except MlflowException:  # tables of an older MLflow
            _upgrade(uri)
            return MlflowClient(tracking_uri=uri, registry_uri=uri)


def experiment_id(client: MlflowClient, name: str, project: Path) -> str:
    """Return the id of the experiment called ``name``; it is created, or restored, where needed."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        location = None if is_server(client.tracking_uri) else (project.resolve() / ARTIFACTS).as_uri()
        try:
            return str(client.create_experiment(name, artifact_location=location))
        except MlflowException:  # another process was faster
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; it ends with the process at the latest."""
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(stream, fcntl.LOCK_UN)


def _upgrade(uri: str) -> None:
    """Migrate the tables of an older MLflow, as ``mlflow db upgrade`` does."""
    from mlflow.store.db import utils

    engine = utils.create_sqlalchemy_engine_with_retry(uri)
    try:
        utils._upgrade_db(engine)
    finally:
        engine.dispose()
