"""The project's own commands: ``kedro run`` with clear errors, and what only looks at things."""

from __future__ import annotations

import copy
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines as project_pipelines
from kedro.framework.project import settings
from kedro.utils import find_kedro_project

from hrg_pipeline.commands.compare import compare
from hrg_pipeline.commands.errors import one_line_errors
from hrg_pipeline.commands.evaluate import evaluate
from hrg_pipeline.commands.model import model
from hrg_pipeline.commands.runs import runs
from hrg_pipeline.commands.tracking import tracking
from hrg_pipeline.config.compose import compose
from hrg_pipeline.config.loader import project_of
from hrg_pipeline.config.overrides import parse_params, read_overrides
from hrg_pipeline.config.run_guard import TRAINING
from hrg_pipeline.config.run_store import RunStore
from hrg_pipeline.config.show import list_choices, to_yaml
from hrg_pipeline.config.sources import ConfFolders
from hrg_pipeline.tracking import end_interrupted_run

PARAMS_HELP = (
    "Changes to the configuration, separated by commas: experiment=<name>, <group>=<choice>, "
    "<section>.<key>=<value>, +tracking.tags.<name>=<text>. Lists in brackets: run.obs_keys=[a,b]. "
    "A choice and values of one group: select.robot=panda,robot.<key>=<value>."
)
INTERRUPTED, TERMINATED = 130, 143


class _Terminated(KeyboardInterrupt):
    """SIGTERM arrived; handled wherever Ctrl-C is."""


def _raise_terminated(signum: int, frame: FrameType | None) -> NoReturn:
    raise _Terminated


@contextmanager
def _interruptible() -> Iterator[None]:
    """Close the tracked run as KILLED after Ctrl-C or SIGTERM; exit with 130 or 143."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _raise_terminated) if in_main_thread else None
    try:
        yield
    except KeyboardInterrupt as interrupt:
        end_interrupted_run()
        click.echo("Interrupted; what was stored so far is kept.", err=True)
        raise SystemExit(TERMINATED if isinstance(interrupt, _Terminated) else INTERRUPTED) from None
    finally:
        if in_main_thread:
            signal.signal(signal.SIGTERM, before)


def _read_params(ctx: click.Context, param: click.Parameter, value: Any) -> dict[str, Any]:
    """Parse ``--params``; a mapping from a ``--config`` file is taken as it is."""
    if isinstance(value, Mapping):
        return dict(value)
    with one_line_errors():
        return parse_params(value or "")


def _with_our_params(option: click.Parameter) -> click.Parameter:
    """Return Kedro's option, the ``--params`` one with our syntax."""
    if option.name != "params":
        return option
    ours = copy.copy(option)
    ours.callback = _read_params
    if isinstance(ours, click.Option):
        ours.help = PARAMS_HELP
    return ours


def _run(**options: Any) -> Any:
    """Run a pipeline: train (the default), evaluate, demonstrate, reproduce or import_motion."""
    if options["pipeline"] and options["pipelines"]:
        raise click.UsageError("give --pipeline or --pipelines, not both")
    # Kedro warns about the singular form; both mean the same here.
    names = [options["pipeline"]] if options["pipeline"] else list(options["pipelines"] or [])
    unknown = [name for name in names if name not in project_pipelines]
    if unknown:
        raise click.ClickException(f"no pipeline '{unknown[0]}'; choose one of {sorted(project_pipelines)}")
    assert kedro_run.callback is not None
    with one_line_errors(), _interruptible():
        if set(names) <= TRAINING and _only_tests(options):
            names = ["evaluate"]
        options |= {"pipeline": None, "pipelines": names}
        return kedro_run.callback(**options)


def _only_tests(options: Mapping[str, Any]) -> bool:
    """Whether the configuration wants a stored run evaluated where the command says train."""
    folders = _folders(options.get("env"), Path(options["conf_source"]) if options.get("conf_source") else None)
    overrides = read_overrides(options.get("params") or {})
    run = compose(folders, overrides, RunStore(project_of(folders.base.parent))).parameters["run"]
    return bool(run["test_only"] or run["eval"])


run = click.Command(
    name="run",
    callback=_run,
    params=[_with_our_params(option) for option in kedro_run.params],
    help=_run.__doc__,
)


@click.group(name="hrg_pipeline")
def cli() -> None:
    """Train and evaluate shielded policies."""


cli.add_command(run)
cli.add_command(model)
cli.add_command(tracking)
cli.add_command(compare)
cli.add_command(evaluate)
cli.add_command(runs)


@cli.group()
def config() -> None:
    """Look at the configuration without running anything."""


_env_option = click.option("--env", "-e", default=None, help="Configuration folder instead of conf/local.")
_source_option = click.option(
    "--conf-source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=None,
    help="Configuration folder instead of conf.",
)


def _folders(env: str | None, conf_source: Path | None) -> ConfFolders:
    project = Path(find_kedro_project(Path.cwd()) or Path.cwd())
    source = (conf_source or project / settings.CONF_SOURCE).resolve()
    return ConfFolders(source, env or os.environ.get("KEDRO_ENV"))


@config.command()
@click.option("--params", type=click.UNPROCESSED, default="", callback=_read_params, help=PARAMS_HELP)
@click.option("--origin", is_flag=True, help="Say of each value where it comes from.")
@_env_option
@_source_option
def show(params: dict[str, Any], origin: bool, env: str | None, conf_source: Path | None) -> None:
    """Print the composed configuration as YAML."""
    with one_line_errors():
        folders = _folders(env, conf_source)
        store = RunStore(project_of(folders.base.parent))
        composed = compose(folders, read_overrides(params), store)
    click.echo(to_yaml(composed.parameters, composed.origin_of if origin else None), nl=False)


@config.command(name="list")
@_env_option
@_source_option
def list_(env: str | None, conf_source: Path | None) -> None:
    """Print the choices of each group and the experiments."""
    with one_line_errors():
        click.echo(list_choices(_folders(env, conf_source)), nl=False)


@cli.group()
def motion() -> None:
    """Look at clips of human motion."""


@motion.command(name="show")
@click.argument("clip")
@click.option("--seed", type=click.IntRange(0), default=0, help="Seed of a family's clips.")
@click.option("--stature", type=click.FloatRange(1.5, 2.0), default=1.75, help="Body height for a family's clips [m].")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Folder of the pictures instead of data/08_reporting/motion.",
)
@click.option("--gif", is_flag=True, help="Write the video as GIF instead of MP4.")
def show_motion(clip: str, seed: int, stature: float, out: Path | None, gif: bool) -> None:
    """Write a contact sheet and a video of CLIP, with the speed of the hands.

    CLIP is a stored clip (.npz), a folder of them with :<number>, or a family of generated motion with :<number>,
    such as reach:3; without a number it is the first.
    """
    from hrg_pipeline.reporting.motion_show import contact_sheet, find_clip, movie

    with one_line_errors():
        found = find_clip(clip, seed, stature)
        folder = out or Path(find_kedro_project(Path.cwd()) or Path.cwd()) / "data" / "08_reporting" / "motion"
        stem = found.name.replace("/", "_")
        files = folder / f"{stem}.png", folder / f"{stem}.{'gif' if gif else 'mp4'}"
        contact_sheet(found, files[0])
        movie(found, files[1])
    for file in files:
        click.echo(file)


@cli.group()
def robot() -> None:
    """Look at the robots."""


@robot.command(name="list")
def list_robots() -> None:
    """Print the robots and grippers that can be chosen."""
    from hrg_pipeline.robots.grippers import GRIPPERS
    from hrg_pipeline.robots.records import ROBOTS

    for one in ROBOTS.values():
        click.echo(f"{one.name:<10}{one.dof} joints, {one.gripper:<24}{one.title}")
    click.echo(f"grippers: {', '.join(GRIPPERS)}")


@robot.command(name="show")
@click.argument("name")
@click.option("--gripper", default=None, help="Gripper instead of the robot's own.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="PNG file for a picture of the robot with its capsules.",
)
def show_robot(name: str, gripper: str | None, picture: Path | None) -> None:
    """Print a robot's limits and how tight its capsules are; draw it."""
    with one_line_errors():
        from hrg_pipeline.reporting.robot_sheet import draw_robot, robot_text

        click.echo(robot_text(name, gripper), nl=False)
        if picture is not None:
            draw_robot(picture, name, gripper)
            click.echo(f"picture: {picture}")


@cli.group()
def shield() -> None:
    """Look at what the shield decides."""


@shield.command(name="inspect")
@click.option("--run", "run_id", required=True, help="Stored run, by its key or its MLflow id.")
@click.option("--episode", type=int, default=0, help="Episode of its evaluation, from 0.")
@click.option("--step", type=int, default=None, help="RL step, from 0, instead of the first with an intervention.")
@click.option("--cycle", type=int, default=None, help="Cycle of that step, from 0, instead of the first intervention.")
@click.option(
    "--eval-seed", type=click.IntRange(0), default=None, help="Seed of the evaluation, if it was not the run's own."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="PNG file instead of one in data/08_reporting/<run>/.",
)
def inspect_shield(
    run_id: str, episode: int, step: int | None, cycle: int | None, eval_seed: int | None, out: Path | None
) -> None:
    """Draw one decision of an evaluated episode: the sets of robot and person, the stop, and the verdict."""
    from hrg_pipeline.pipelines.evaluate.inspection import draw_stored_decision

    project = Path(find_kedro_project(Path.cwd()) or Path.cwd())
    with one_line_errors():
        file, text = draw_stored_decision(project, run_id, episode, step, cycle, eval_seed, out)
    click.echo(text)
    click.echo(file)
