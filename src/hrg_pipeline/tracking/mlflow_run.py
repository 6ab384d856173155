"""One MLflow run, written through a client with an explicit run id."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from hrg_pipeline.tracking import outbox
from hrg_pipeline.tracking.buffer import MetricBuffer, Point
from hrg_pipeline.tracking.flatten import flatten_params
from hrg_pipeline.tracking.links import run_link
from hrg_pipeline.tracking.store import experiment_id, is_server, open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

PARENT_TAG = "mlflow.parentRunId"
MAX_TAG_LENGTH = 5000
CANNOT_BE = frozenset(
    {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_DOES_NOT_EXIST", "PERMISSION_DENIED", "INVALID_STATE"}
)
"""Codes of errors that no second try changes."""


class RunRef(NamedTuple):
    """What identifies a stored MLflow run; kept beside the model as ``mlflow_run.json``."""

    run_id: str
    experiment_id: str
    tracking_uri: str

    @property
    def invitation(self) -> str:
        """The link that opens the run in the UI, and what starts the UI where that is needed."""
        link = run_link(self.tracking_uri, self.experiment_id, self.run_id)
        return link if is_server(self.tracking_uri) else f"{link}   (start the UI with: make ui)"


class MlflowRun:
    """An open MLflow run; a store that stops answering does not end what is tracked (see ``Outbox``).

    MLflow's own "active run" belongs to a thread and is marked as finished at exit whatever happened, so it
    is not used.

    Args:
        client: the store.
        ref: an existing run, status RUNNING.
        project: where operations wait that the store did not take.
    """

    label = "MLflow"

    def __init__(self, client: MlflowClient, ref: RunRef, project: Path) -> None:
        self.client = client
        self.ref = ref
        file = project / outbox.FOLDER / f"{ref.run_id}{outbox.SUFFIX}"
        self._outbox = outbox.Outbox(file, lambda operation: perform(client, ref.run_id, operation), ref._asdict())
        self._buffer = MetricBuffer(self._send)

    @classmethod
    def create(
        cls,
        project: Path,
        experiment: str,
        name: str,
        tags: Mapping[str, str],
        parent: RunRef | None = None,
    ) -> Self:
        """Open a new run; with ``parent`` it is nested under that run, which stays as it is."""
        client = open_client(project)
        nested = {PARENT_TAG: parent.run_id} if parent else {}
        run = client.create_run(
            parent.experiment_id if parent else experiment_id(client, experiment, project),
            run_name=name,
            tags={key: value[:MAX_TAG_LENGTH] for key, value in {**tags, **nested}.items()},
        )
        return cls(client, RunRef(run.info.run_id, run.info.experiment_id, client.tracking_uri), project)

    @classmethod
    def resume(cls, project: Path, ref: RunRef, tags: Mapping[str, str]) -> Self:
        """Open an earlier run again."""
        run = cls(open_client(project), ref, project)
        run.client.update_run(ref.run_id, status="RUNNING")
        run.set_tags(tags)
        return run

    @property
    def where(self) -> str:
        """Where to look at it."""
        return self.ref.invitation

    def batch_every(self, seconds: float) -> None:
        """Send metrics at most this far apart [s]."""
        self._buffer.max_age_s = seconds

    def log_params(self, parameters: Mapping[str, Any]) -> None:
        """Store nested parameters flat; MLflow never changes a stored value, so changed ones become tags."""
        from mlflow.entities import Param

        stored = self.client.get_run(self.ref.run_id).data.params
        flat = flatten_params(parameters)
        new = [Param(name, text) for name, text in flat.items() if name not in stored]
        self.client.log_batch(self.ref.run_id, params=new)
        changed = {name: text for name, text in flat.items() if stored.get(name, text) != text}
        self.set_tags({f"resumed.{name}": text for name, text in changed.items()})

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Add metrics of one step; they are sent in batches."""
        self._buffer.log(metrics, step)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        self._outbox.submit({"do": "tags", "tags": {key: str(value)[:MAX_TAG_LENGTH] for key, value in tags.items()}})

    def log_file(self, path: Path, folder: str) -> None:
        """Copy a file into a folder of the run's artifacts."""
        self._outbox.submit({"do": "file", "path": str(path.absolute()), "folder": folder})

    def log_text(self, text: str, artifact: str) -> None:
        """Write a text as an artifact."""
        self.client.log_text(self.ref.run_id, text, artifact)

    def register_model(self, name: str, artifact: str, tags: Mapping[str, str]) -> None:
        """Make an artifact of this run the next version of a registered model, unless it is one already."""
        name = re.sub(r"[/:@]", "_", name)
        self._outbox.submit({"do": "register", "name": name, "artifact": artifact, "tags": dict(tags)})

    def end(self, status: str, error: str | None = None) -> None:
        """Send what waits and close the run as FINISHED, FAILED or KILLED."""
        self._buffer.stop()
        if error:
            self.set_tags({"error": error})
        self._outbox.submit({"do": "end", "status": status})
        if not self._outbox.retry():
            logger.warning(
                "%d operations wait in %s; the next start sends them, and so does: kedro tracking send",
                len(self._outbox),
                self._outbox.file,
            )
        self._outbox.close()

    def _send(self, points: list[Point]) -> None:
        self._outbox.retry()
        self._outbox.submit({"do": "metrics", "points": [list(point) for point in points]})


def perform(client: MlflowClient, run_id: str, operation: outbox.Operation) -> None:
    """Do one operation on a run.

    Args:
        client: the store.
        run_id: the run.
        operation: ``do`` names one of ``OPERATIONS``, the rest are its arguments.

    Raises:
        Refused: the store answers that this cannot be.
    """
    from mlflow.exceptions import MlflowException

    arguments = dict(operation)
    try:
        OPERATIONS[arguments.pop("do")](client, run_id, **arguments)
    except MlflowException as error:
        if error.error_code in CANNOT_BE:
            raise outbox.Refused(str(error)) from error
        raise


def send_unsent(project: Path) -> tuple[int, int]:
    """Send what the store did not take when it was tracked; returns how many runs were sent, and how many wait."""

    def open_store(header: outbox.Operation) -> Callable[[outbox.Operation], None]:
        ref = RunRef(**header)
        client = open_client(project, ref.tracking_uri)
        return lambda operation: perform(client, ref.run_id, operation)

    return outbox.send_waiting(project / outbox.FOLDER, open_store)


def _metrics(client: MlflowClient, run_id: str, points: list[list[Any]]) -> None:
    from mlflow.entities import Metric

    metrics = [Metric(name, value, time_ms, step) for name, value, step, time_ms in points]
    client.log_batch(run_id, metrics=metrics)


def _tags(client: MlflowClient, run_id: str, tags: Mapping[str, str]) -> None:
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])


def _file(client: MlflowClient, run_id: str, path: str, folder: str) -> None:
    if Path(path).is_file():  # what was replaced or removed since it waited is gone
        client.log_artifact(run_id, path, folder)


def _register(client: MlflowClient, run_id: str, name: str, artifact: str, tags: Mapping[str, str]) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    registered = client.search_model_versions(f"run_id = '{run_id}'")
    if any(version.name == name and version.tags.get("sha256") == tags.get("sha256") for version in registered):
        return
    source = f"{client.get_run(run_id).info.artifact_uri}/{artifact}"
    client.create_model_version(name, source=source, run_id=run_id, tags=dict(tags))


def _end(client: MlflowClient, run_id: str, status: str) -> None:
    client.set_terminated(run_id, status=status)


OPERATIONS: dict[str, Callable[..., None]] = {
    "metrics": _metrics,
    "tags": _tags,
    "file": _file,
    "register": _register,
    "end": _end,
}
"""What can wait in an outbox; each may be done twice."""


def find_run(project: Path, run_id: str) -> RunRef | None:
    """Return an earlier run by its MLflow id, or None where the present store does not have it."""
    from mlflow.exceptions import MlflowException

    client = open_client(project)
    try:
        info = client.get_run(run_id).info
    except MlflowException:
        return None
    return RunRef(run_id, info.experiment_id, client.tracking_uri)


def count_children(project: Path, ref: RunRef) -> int:
    """Return how many runs are nested under a run."""
    nested = f"tags.`{PARENT_TAG}` = '{ref.run_id}'"
    return len(open_client(project).search_runs([ref.experiment_id], filter_string=nested))
