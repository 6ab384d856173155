"""One MLflow run, written through a client with an explicit run id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from hrg_pipeline.tracking.buffer import MetricBuffer, Point
from hrg_pipeline.tracking.flatten import flatten_params
from hrg_pipeline.tracking.links import run_link
from hrg_pipeline.tracking.store import experiment_id, is_server, open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARENT_TAG = "mlflow.parentRunId"
MAX_TAG_LENGTH = 5000


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
    """An open MLflow run.

    MLflow's own "active run" belongs to a thread and is marked as finished at exit whatever happened, so it
    is not used.

    Args:
        client: the store.
        ref: an existing run, status RUNNING.
    """

    def __init__(self, client: MlflowClient, ref: RunRef) -> None:
        self.client = client
        self.ref = ref
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
        return cls(client, RunRef(run.info.run_id, run.info.experiment_id, client.tracking_uri))

    @classmethod
    def resume(cls, project: Path, ref: RunRef, tags: Mapping[str, str]) -> Self:
        """Open an earlier run again."""
        run = cls(open_client(project), ref)
        run.client.update_run(ref.run_id, status="RUNNING")
        run.set_tags(tags)
        return run

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
        """Set tags at once."""
        from mlflow.entities import RunTag

        entities = [RunTag(key, str(value)[:MAX_TAG_LENGTH]) for key, value in tags.items()]
        self.client.log_batch(self.ref.run_id, tags=entities)

    def log_file(self, path: Path, folder: str) -> None:
        """Copy a file into a folder of the run's artifacts."""
        self.client.log_artifact(self.ref.run_id, str(path), folder)

    def log_text(self, text: str, artifact: str) -> None:
        """Write a text as an artifact."""
        self.client.log_text(self.ref.run_id, text, artifact)

    def register_model(self, name: str, artifact: str, tags: Mapping[str, str]) -> int:
        """Make an artifact of this run the next version of a registered model and return that version."""
        from mlflow.exceptions import MlflowException

        name = re.sub(r"[/:]", "_", name)
        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{self.client.get_run(self.ref.run_id).info.artifact_uri}/{artifact}"
        version = self.client.create_model_version(name, source=source, run_id=self.ref.run_id, tags=dict(tags))
        return int(version.version)

    def end(self, status: str, error: str | None = None) -> None:
        """Send what waits and close the run as FINISHED, FAILED or KILLED."""
        self._buffer.flush()
        if error:
            self.set_tags({"error": error})
        self.client.set_terminated(self.ref.run_id, status=status)

    def _send(self, points: list[Point]) -> None:
        from mlflow.entities import Metric

        metrics = [Metric(point.name, point.value, point.time_ms, point.step) for point in points]
        self.client.log_batch(self.ref.run_id, metrics=metrics)


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
