"""One MLflow run for each group, which the runs of the group are nested under."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from hrg_pipeline.tracking.mlflow_run import RunRef
from hrg_pipeline.tracking.store import SQLITE, experiment_id, file_lock, open_client

GROUP_TAG = "hrg.group_of_runs"


def group_run(project: Path, experiment: str, group: str) -> RunRef:
    """Return the run that stands for a group; it is made, and ended, by the first run of the group.

    Args:
        project: folder of the project.
        experiment: MLflow experiment of the runs.
        group: name of the group.
    """
    client = open_client(project)
    uri = client.tracking_uri
    database = Path(uri.removeprefix(SQLITE))
    # Two runs that start at the same time must find one group; a server has no file to lock.
    lock = file_lock(database.with_name(f"{database.name}.lock")) if uri.startswith(SQLITE) else nullcontext()
    with lock:
        number = experiment_id(client, experiment, project)
        quoted = group.replace("'", "_")
        found = client.search_runs([number], filter_string=f"tags.`{GROUP_TAG}` = '{quoted}'", max_results=1)
        if found:
            return RunRef(found[0].info.run_id, number, uri)
        run = client.create_run(number, run_name=group, tags={GROUP_TAG: quoted, "hrg.group": group})
        client.set_terminated(run.info.run_id, status="FINISHED")
    return RunRef(run.info.run_id, number, uri)
