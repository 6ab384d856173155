"""``kedro runs``: what is stored, how big it is, and what may go."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from hrg_pipeline.commands.errors import one_line_errors, this_project
from hrg_pipeline.commands.inventory import (
    Leftover,
    folder_bytes,
    leftovers,
    mlflow_states,
    orphans,
    reap_orphans,
    size_text,
)
from hrg_pipeline.commands.stored import StoredRun, select_runs, stored_runs
from hrg_pipeline.errors import ConfigError


@click.group()
def runs() -> None:
    """Look at stored runs, and clean up after them."""


@runs.command(name="list")
@click.argument("words", nargs=-1, metavar="[RUN|EXPERIMENT|GROUP|TAG]...")
def list_runs(words: tuple[str, ...]) -> None:
    """List stored runs: state in MLflow, what there is of them, and how big they are."""
    with one_line_errors():
        project = this_project()
        found = select_runs(project, words) if words else stored_runs(project)
        states = mlflow_states(project)
    known = {state.run_id for state in states}
    by_id = {state.run_id: state for state in states}
    for run in found:
        state = by_id.get(run.mlflow_id or "")
        told = ("ORPHANED" if state.orphaned else state.status) if state else "not tracked"
        size = size_text(folder_bytes(run.models) + folder_bytes(run.reports))
        what = ", ".join(_contents(run)) or "nothing"
        click.echo(f"{run.key:<60} {told:<12} {size:>9}  {what}")
    total = sum(folder_bytes(run.models) + folder_bytes(run.reports) for run in found)
    click.echo(f"{len(found)} runs, {size_text(total)}")
    if not words:
        local = {run.mlflow_id for run in found}
        click.echo(f"{len(known - local)} further runs in MLflow have no folder here (evaluations, reports, others)")
        lost = [state for state in states if state.orphaned]
        if lost:
            click.echo(f"{len(lost)} are marked as running, but their process is gone; mark them: kedro runs reap")


@runs.command(name="show")
@click.argument("word", metavar="RUN")
def show_run(word: str) -> None:
    """Show one stored run: every file with its size, its state in MLflow, and its tags."""
    with one_line_errors():
        project = this_project()
        found = select_runs(project, [word])
        if len(found) > 1:
            raise ConfigError(f"'{word}' means {len(found)} runs; name one of: {', '.join(run.key for run in found)}")
        (run,) = found
        state = next((state for state in mlflow_states(project) if state.run_id == run.mlflow_id), None)
    click.echo(run.key)
    click.echo(f"  experiment {run.experiment}, seed {run.seed}, group {run.group or '-'}")
    click.echo(f"  tags       {', '.join(f'{name}={text}' for name, text in run.tags.items()) or '-'}")
    told = f"{'ORPHANED' if state.orphaned else state.status} {state.run_id}" if state else "not tracked"
    click.echo(f"  MLflow     {told}")
    for folder in (run.models, run.reports):
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        click.echo(f"  {folder.relative_to(project)}  {size_text(sum(file.stat().st_size for file in files))}")
        for file in files:
            click.echo(f"    {size_text(file.stat().st_size):>9}  {file.relative_to(folder)}")


@runs.command()
@click.argument("words", nargs=-1, metavar="[RUN|EXPERIMENT|GROUP|TAG]...")
@click.option("--checkpoints", is_flag=True, help="Remove checkpoints of trainings that ended; the models stay.")
@click.option("--versions", is_flag=True, help="Remove all but the newest version of each stored evaluation.")
@click.option("--unfinished", is_flag=True, help="Remove folders without a model in which nothing runs.")
@click.option("--whole", is_flag=True, help="Remove the folders of the named runs, models included.")
@click.option("--yes", is_flag=True, help="Do it; without, only say what would be removed.")
def clean(words: tuple[str, ...], checkpoints: bool, versions: bool, unfinished: bool, whole: bool, yes: bool) -> None:
    """Remove what is not needed any more: only what is asked for, and only with --yes.

    Nothing of a run that is going on is touched. What MLflow has stays there.
    """
    with one_line_errors():
        project = this_project()
        if not (checkpoints or versions or unfinished or whole):
            raise ConfigError("nothing is asked for; give --checkpoints, --versions, --unfinished or --whole")
        if whole and not words:
            raise ConfigError("--whole needs the runs that shall go")
        found = select_runs(project, words) if words else stored_runs(project)
        inside = [run for run in found if run.folder is None]
        kinds = {"checkpoints": checkpoints, "versions": versions, "unfinished": unfinished, "whole": whole}
        chosen = leftovers(project, inside, [kind for kind, wanted in kinds.items() if wanted])
    for leftover in chosen:
        click.echo(f"{size_text(leftover.bytes):>9}  {leftover.path.relative_to(project)}  ({leftover.reason})")
        if yes:
            _remove(leftover)
    total = size_text(sum(leftover.bytes for leftover in chosen))
    done = "removed" if yes else "would be removed; add --yes to do it"
    click.echo(f"{len(chosen)} folders, {total} {done}" if chosen else "nothing to remove")


@runs.command()
@click.option("--dry-run", is_flag=True, help="Only say which.")
def reap(dry_run: bool) -> None:
    """Mark runs in MLflow as KILLED that are marked as running, but whose process on this host is gone."""
    with one_line_errors():
        project = this_project()
        lost = orphans(project)
        if not dry_run:
            reap_orphans(project, lost)
    for state in lost:
        click.echo(f"{state.run_id}  {state.name}")
    done = "would be marked" if dry_run else "marked"
    click.echo(f"{len(lost)} runs {done} as KILLED" if lost else "no orphaned runs")


def _contents(run: StoredRun) -> list[str]:
    """Say in words what there is of a run."""
    present = {
        "model": run.has_model,
        "checkpoints": (run.models / "checkpoints").is_dir(),
        "evaluation": run.episodes_file is not None,
    }
    return [name for name, there in present.items() if there]


def _remove(leftover: Leftover) -> None:
    # Renamed first: a folder that is half gone never stands under its name.
    grave = Path(f"{leftover.path}.removing")
    leftover.path.rename(grave)
    shutil.rmtree(grave)
