"""``kedro compare``: a report about groups of stored runs."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrg_pipeline.commands.errors import one_line_errors, this_project
from hrg_pipeline.commands.stored import COMPARISONS, StoredRun, load_run, select_runs
from hrg_pipeline.config.params import RUN_ID_PATTERN, TrackingParams
from hrg_pipeline.errors import ConfigError

if TYPE_CHECKING:
    from hrg_pipeline.tracking.mlflow_run import MlflowRun

BY_HELP = "Group by 'experiment', 'run' or a parameter such as algorithm.gamma, instead of equal configurations."
MAX_NAME = 80


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="RUN|EXPERIMENT|GROUP|TAG...")
@click.option("--by", default=None, help=BY_HELP)
@click.option("--name", default=None, help="Name of the report; by default what is compared, and when.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the bootstrap.")
@click.option("--no-mlflow", is_flag=True, help="Do not record the report in MLflow.")
def compare(words: tuple[str, ...], by: str | None, name: str | None, seed: int, no_mlflow: bool) -> None:
    """Compare stored runs: a page with learning curves, robust statistics, safety, parameters and wall time.

    A word is a run key or a pattern of keys, an MLflow id, an experiment, a group (sweep) or a tag. Runs of one
    configuration that differ in their seeds are one group.
    """
    with one_line_errors():
        project = this_project()
        files, link = make_report(project, words, by=by, name=name, seed=seed, track=not no_mlflow)
    for file in files:
        click.echo(file.relative_to(project))
    if link:
        click.echo(f"MLflow: {link}")


def make_report(
    project: Path,
    words: Sequence[str],
    *,
    by: str | None = None,
    name: str | None = None,
    seed: int = 0,
    track: bool = True,
) -> tuple[list[Path], str | None]:
    """Write the report of a comparison.

    Args:
        project: folder of the project.
        words: what to compare; see ``select_runs``.
        by: how to group; see ``group_runs``.
        name: of the report's folder.
        seed: of the bootstrap.
        track: record the report in MLflow.

    Returns:
        The files, and the link of the MLflow run.

    Raises:
        RunNotFoundError: for a word that means no run.
        ConfigError: for a name that is none, or that a report has already.
    """
    now = datetime.now(UTC)
    name = name or default_name(words, now)
    if not re.match(RUN_ID_PATTERN, name) or len(name) > 128:
        raise ConfigError(f"name is '{name}'; expected letters, digits, dot, dash and underscore")
    folder = project / COMPARISONS / name
    if folder.exists():
        raise ConfigError(f"{COMPARISONS / name} exists already; choose another --name")
    runs = select_runs(project, words)

    from hrg_pipeline.reporting.compare_page import write_report
    from hrg_pipeline.reporting.comparison import compare as compare_groups
    from hrg_pipeline.reporting.grouping import group_runs

    found = compare_groups(group_runs([load_run(run) for run in runs], by), seed=seed)
    made = f"{len(runs)} runs, {now:%Y-%m-%d %H:%M} UTC: kedro compare {' '.join(words)}{f' --by {by}' if by else ''}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The folder appears under its name only when it is complete.
    partial = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=folder.parent))
    try:
        partial.chmod(0o755)
        names = [file.name for file in write_report(partial, found, f"Comparison: {' and '.join(words)}", made)]
        os.rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    files = [folder / one for one in names]
    if not track:
        return files, None
    tags = {
        "hrg.pipeline": "compare",
        "hrg.compare": " ".join(words),
        "hrg.compare_runs": " ".join(run.key for run in runs),
    }
    with open_report(project, f"compare/{name}", runs[0], tags) as tracked:
        for file in files:
            tracked.log_file(file, "compare")
    return files, tracked.ref.invitation


def default_name(words: Sequence[str], now: datetime) -> str:
    """Return a name that says what is compared and when."""
    told = re.sub(r"[^A-Za-z0-9._-]+", "_", "-vs-".join(words))[:MAX_NAME].strip("._-") or "runs"
    return f"{told}-{now:%Y%m%d-%H%M%S}"


@contextmanager
def open_report(project: Path, name: str, like: StoredRun, tags: Mapping[str, str]) -> Iterator[MlflowRun]:
    """Open an MLflow run for a report, in the MLflow experiment of a stored run; it ends with the block."""
    section = like.parameters.get("tracking")
    default = TrackingParams.model_fields["experiment_name"].default
    experiment = str(section.get("experiment_name", default) if isinstance(section, Mapping) else default)

    from hrg_pipeline.tracking.mlflow_run import MlflowRun
    from hrg_pipeline.tracking.session import FAILED, FINISHED

    run = MlflowRun.create(project, experiment, name, tags)
    try:
        yield run
    except BaseException:
        run.end(FAILED)
        raise
    run.end(FINISHED)
