"""Sizes, states and leftovers of stored runs."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hrg_pipeline.commands.stored import StoredRun
from hrg_pipeline.tracking.store import DATABASE, SQLITE, open_client, tracking_uri

RUNNING, KILLED = "RUNNING", "KILLED"


class RunState(NamedTuple):
    """What MLflow says of a run."""

    run_id: str
    name: str
    key: str | None
    """Its run key; None for a run of something else."""
    status: str
    orphaned: bool
    """Marked as running by a process of this host that is gone."""


class Leftover(NamedTuple):
    """A folder that may go."""

    path: Path
    bytes: int
    reason: str


def mlflow_states(project: Path) -> list[RunState]:
    """Return all runs that the present store has, the newest first; none where nothing was tracked yet."""
    uri = tracking_uri(project)
    if uri == f"{SQLITE}{project.resolve() / DATABASE}" and not (project / DATABASE).exists():
        return []  # looking must not make an empty database
    client = open_client(project)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found: list[RunState] = []
    token: str | None = None
    while True:
        page = client.search_runs(
            experiments, order_by=["attributes.start_time DESC"], max_results=1000, page_token=token
        )
        for run in page:
            tags = run.data.tags
            status = str(run.info.status)
            lost = status == RUNNING and process_is_gone(tags)
            found.append(RunState(run.info.run_id, str(run.info.run_name), tags.get("hrg.run_key"), status, lost))
        token = page.token
        if not token:
            return found


def process_is_gone(tags: Mapping[str, str]) -> bool:
    """Whether the process that a run names is of this host and does not live any more; a zombie counts as gone."""
    pid = tags.get("hrg.pid", "")
    if tags.get("hrg.host") != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def orphans(project: Path) -> list[RunState]:
    """Return the runs that are marked as running, but whose process on this host is gone."""
    return [state for state in mlflow_states(project) if state.orphaned]


def reap_orphans(project: Path, lost: Iterable[RunState]) -> None:
    """Mark runs as KILLED."""
    for state in lost:
        client = open_client(project)
        client.set_terminated(state.run_id, status=KILLED)
        client.set_tag(state.run_id, "error", "its process ended without a word; marked by kedro runs reap")


def leftovers(project: Path, runs: Sequence[StoredRun], kinds: Sequence[str]) -> list[Leftover]:
    """Return what may go of these runs.

    Args:
        project: folder of the project.
        runs: which ones.
        kinds: keys of ``KINDS``.

    Returns:
        Each folder once; none of a run that is going on.
    """
    going_on = {state.key for state in mlflow_states(project) if state.status == RUNNING and not state.orphaned}
    idle = [run for run in runs if run.key not in going_on]
    found: dict[Path, Leftover] = {}
    for kind in sorted(kinds, key=list(KINDS).index):
        for run in idle:
            for path, reason in KINDS[kind](run):
                if path.is_dir() and not any(path.is_relative_to(other) for other in found):
                    found[path] = Leftover(path, folder_bytes(path), reason)
    return list(found.values())


def _whole(run: StoredRun) -> list[tuple[Path, str]]:
    return [(run.models, "asked for"), (run.reports, "asked for")]


def _unfinished(run: StoredRun) -> list[tuple[Path, str]]:
    """Folders without model, checkpoint and evaluation: nothing can go on from them."""
    if run.has_model or run.episodes_file is not None or (run.models / "checkpoints").is_dir():
        return []
    return [(run.models, "no model"), (run.reports, "no model")]


def _checkpoints(run: StoredRun) -> list[tuple[Path, str]]:
    """Checkpoints of a run whose model is stored; those of an interrupted one are all there is."""
    return [(run.models / "checkpoints", "the model is stored")] if run.has_model else []


def _versions(run: StoredRun) -> list[tuple[Path, str]]:
    """Return all but the newest version of each versioned file among the evaluations."""
    found: list[tuple[Path, str]] = []
    for file in sorted(path for path in run.reports.glob("*") if path.is_dir()):
        versions = sorted(path.parent for path in file.glob(f"*/{file.name}"))
        found += [(version, "an older version") for version in versions[:-1]]
    return found


KINDS: Mapping[str, Callable[[StoredRun], list[tuple[Path, str]]]] = {
    "whole": _whole,
    "unfinished": _unfinished,
    "checkpoints": _checkpoints,
    "versions": _versions,
}
"""What may go, the largest first."""


def folder_bytes(folder: Path) -> int:
    """Return the size of all files below a folder; a folder that is not there has none."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())


def size_text(size: float) -> str:
    """Return a size for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
