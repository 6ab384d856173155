"""``kedro evaluate``: stored policies under several conditions, beside experts and chance."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hrg_pipeline.commands.compare import default_name, open_report
from hrg_pipeline.commands.errors import one_line_errors, this_project
from hrg_pipeline.commands.stored import EVALUATIONS, StoredRun, select_runs
from hrg_pipeline.config.params import RUN_ID_PATTERN
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.pipelines.evaluate.conditions import AXES, conditions

if TYPE_CHECKING:
    import pandas as pd

    from hrg_pipeline.pipelines.evaluate.jobs import Job

BASELINES = ("expert", "random")
Command = TypeVar("Command", bound=Callable[..., Any])
_NUMBERS = {"stature": float, "people": int}


@dataclass(frozen=True)
class Wishes:
    """What is to be evaluated, and how."""

    axes: Mapping[str, Sequence[Any]]
    baselines: Sequence[str] = ()
    step: str = "final"
    n_episodes: int | None = None
    seed: int | None = None
    start: int | None = None
    workers: int = 1
    n_envs: int = 8
    show: bool = False
    video: bool = False


def _words(ctx: click.Context, param: click.Parameter, value: str | None) -> list[Any]:
    """Read ``a,b``; numbers where the axis takes some."""
    words = [word.strip() for word in (value or "").split(",") if word.strip()]
    try:
        return [_NUMBERS.get(str(param.name), str)(word) for word in words]
    except ValueError as error:
        raise click.BadParameter(f"expected numbers, not '{value}'") from error


def _axis(name: str, what: str) -> Callable[[Command], Command]:
    return click.option(f"--{name}", default=None, callback=_words, metavar="A,B", help=what)


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="RUN|EXPERIMENT|GROUP|TAG|FOLDER...")
@_axis("shield", "Modes of the shield: OFF, SSM, PFL.")
@_axis("split", "Clips that are played: train, test, all.")
@_axis("motion", "Sets of motion: procedural, or folders of clips.")
@_axis("families", "Families of motion.")
@_axis("stature", "Statures of the person [m].")
@_axis("build", "Builds of the person: slim, normal, heavy.")
@_axis("people", "Numbers of people.")
@_axis("robot", "Robots; a policy fits only arms with its number of joints.")
@click.option("--baseline", "baselines", multiple=True, type=click.Choice(BASELINES), help="Add rows; may be repeated.")
@click.option("--step", default="final", show_default=True, help="Checkpoint: its env steps, final, best or all.")
@click.option("--episodes", type=click.IntRange(1), default=None, help="Episodes each, instead of run.n_test_episodes.")
@click.option("--eval-seed", type=click.IntRange(0), default=None, help="Seed, instead of run.eval_seed.")
@click.option("--start-index", type=click.IntRange(0), default=None, help="Index of the first episode.")
@click.option(
    "--workers", type=click.IntRange(1), default=os.cpu_count() or 1, help="Processes; one a core by default."
)
@click.option("--envs", type=click.IntRange(1), default=8, show_default=True, help="Environments stepped together.")
@click.option("--show", is_flag=True, help="Show it: a window, or pictures where there is no display.")
@click.option("--video", is_flag=True, help="An MP4 of the first episode of each row.")
@click.option("--name", default=None, help="Name of the folder; by default what is evaluated, and when.")
@click.option("--no-mlflow", is_flag=True, help="Do not record it in MLflow.")
def evaluate(words: tuple[str, ...], name: str | None, no_mlflow: bool, **options: Any) -> None:
    """Evaluate stored policies under all combinations of conditions, in one table with intervals.

    A word is a run key or a pattern of keys, an MLflow id, an experiment, a group, a tag, or a folder of models.
    """
    wishes = Wishes(
        axes={axis: options[axis] for axis in AXES},
        baselines=options["baselines"],
        step=options["step"],
        n_episodes=options["episodes"],
        seed=options["eval_seed"],
        start=options["start_index"],
        workers=1 if options["show"] else options["workers"],
        n_envs=1 if options["show"] else options["envs"],
        show=options["show"],
        video=options["video"],
    )
    with one_line_errors():
        project = this_project()
        text, folder, link = evaluate_stored(project, words, wishes, name=name, track=not no_mlflow)
    click.echo(text)
    click.echo(folder.relative_to(project))
    if link:
        click.echo(f"MLflow: {link}")


def evaluate_stored(
    project: Path, words: Sequence[str], wishes: Wishes, *, name: str | None = None, track: bool = True
) -> tuple[str, Path, str | None]:
    """Evaluate stored policies, and store the episodes and the table.

    Args:
        project: folder of the project.
        words: which runs; see ``select_runs``.
        wishes: conditions, baselines, episodes.
        name: of the folder below ``data/08_reporting/evaluation``.
        track: record it in MLflow.

    Returns:
        The table as text, its folder, and the link of the MLflow run.

    Raises:
        HrgError: one line, before anything is written.
    """
    name = name or default_name(words, datetime.now(UTC))
    folder = project / EVALUATIONS / name
    if not re.match(RUN_ID_PATTERN, name) or len(name) > 128:
        raise ConfigError(f"name is '{name}'; expected letters, digits, dot, dash and underscore")
    if folder.exists():
        raise ConfigError(f"{EVALUATIONS / name} exists already; choose another --name")
    runs = select_runs(project, words)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=folder.parent))
    try:
        partial.chmod(0o755)
        episodes = _episodes(plan_jobs(runs, wishes, partial), wishes.workers)
        text = _write(partial, episodes)
        os.rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if not track:
        return text, folder, None
    tags = {"hrg.pipeline": "evaluate", "hrg.evaluated_runs": " ".join(run.key for run in runs)}
    with open_report(project, f"evaluate/{name}", runs[0], tags) as run:
        for file in sorted(folder.iterdir()):
            run.log_file(file, "evaluation")
    return text, folder, run.ref.invitation


def plan_jobs(runs: Sequence[StoredRun], wishes: Wishes, folder: Path) -> list[Job]:
    """Return every policy under every condition; a baseline once for each environment and condition.

    Raises:
        ConfigError: for a condition that cannot be.
        HrgError: for a checkpoint that a run does not have.
    """
    from hrg_pipeline.pipelines.evaluate import stored
    from hrg_pipeline.pipelines.evaluate.checkpoints import chosen_steps
    from hrg_pipeline.pipelines.evaluate.jobs import Job

    jobs: list[Job] = []
    baselines: set[tuple[object, ...]] = set()
    for condition in conditions(wishes.axes):
        for run in runs:
            common: dict[str, Any] = {
                "models": run.models,
                "run": run.key,
                "condition": condition,
                "n_episodes": wishes.n_episodes or run.setting("n_test_episodes", 20),
                "seed": run.setting("eval_seed", 100) if wishes.seed is None else wishes.seed,
                "start": run.setting("start_index", 0) if wishes.start is None else wishes.start,
                "n_envs": wishes.n_envs,
                "show": wishes.show,
            }
            spec = condition.apply(stored.wrapped_spec(run.models))
            jobs += [
                Job(**common, step=step, film=_film(folder, wishes, len(jobs) + k))
                for k, step in enumerate(chosen_steps(run.models, wishes.step))
            ]
            for actor in wishes.baselines:
                # The seed of the training does not matter: an evaluation has its own.
                which = (common["seed"], common["start"], common["n_episodes"])
                once = (actor, spec.with_task(seed=0).sha256(), *which)
                if once not in baselines:
                    baselines.add(once)
                    jobs.append(Job(**common, actor=actor, film=_film(folder, wishes, len(jobs))))  # type: ignore[arg-type]
    return jobs


def _film(folder: Path, wishes: Wishes, number: int) -> Path | None:
    return folder / f"{number:03d}.mp4" if wishes.video else None


def _episodes(jobs: Sequence[Job], workers: int) -> pd.DataFrame:
    import pandas as pd

    from hrg_pipeline.pipelines.evaluate.jobs import run_jobs

    tables = []
    for job, table in zip(jobs, run_jobs(jobs, workers), strict=True):
        tables.append(table.assign(film=job.film.name if job.film else None) if job.film else table)
        share = f"{table['success'].mean():.0%}"
        click.echo(f"{len(tables)}/{len(jobs)}  {job.condition.name}: {job.policy}: success {share}", err=True)
    return pd.concat(tables, ignore_index=True)


def _write(folder: Path, episodes: pd.DataFrame) -> str:
    """Write the episodes and the table of them; returns the table as text."""
    from hrg_pipeline.reporting.evaluation_table import as_text, evaluation_table

    labels = {run: re.sub(r"-seed\d+-\d{8}-\d{6}-[0-9a-f]{3}$", "", run) for run in episodes["policy"].unique()}
    # Runs of one experiment are the seeds of one policy.
    table = evaluation_table(episodes.assign(policy=episodes["policy"].map(labels)))
    episodes.to_parquet(folder / "episodes.parquet", index=False)
    episodes.to_csv(folder / "episodes.csv", index=False)
    table.to_csv(folder / "table.csv", index=False)
    text = as_text(table)
    (folder / "table.md").write_text(text, encoding="utf-8")
    return text
