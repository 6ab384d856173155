"""``kedro model``: registered policies, from a list to a file for another program."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrg_pipeline.commands.errors import OneLineErrors, this_project

if TYPE_CHECKING:
    from hrg_pipeline.tracking.registry import Registered, Registry

SHOWN = ("success_rate", "return", "collision_rate", "contacts_critical", "min_human_distance")
SETTINGS = ("experiment", "environment.env_id", "robot.name", "algorithm.name", "run.n_steps", "run.seed")


@click.group(cls=OneLineErrors)
def model() -> None:
    """Look at registered policies, choose the champion, take one elsewhere."""


def _registry() -> Registry:
    from hrg_pipeline.tracking.registry import Registry

    return Registry(this_project())


@model.command(name="list")
@click.argument("name", required=False)
def list_models(name: str | None) -> None:
    """Print all models with their versions, or those of NAME."""
    registry = _registry()
    names = [name] if name else registry.names()
    if not names:
        click.echo("no model is registered yet; a training registers one: make train")
    for each in names:
        click.echo(each)
        for version in registry.versions(each):
            success = _figure(registry.evaluation(version), "success_rate")
            created = datetime.fromtimestamp(version.created_ms / 1000, UTC)
            aliases = " ".join(f"@{alias}" for alias in version.aliases)
            line = (
                f"  {version.version:>4}  {created:%Y-%m-%d %H:%M}  success {success:<24} {version.run_key}  {aliases}"
            )
            click.echo(line.rstrip())


@model.command()
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(reference: str, as_json: bool) -> None:
    """Print where a version comes from and how it was evaluated.

    REFERENCE is <name>, <name>@<alias> or <name>/<version>.
    """
    registry = _registry()
    version = registry.find(reference)
    metrics, parameters = registry.evaluation(version), registry.parameters(version)
    if as_json:
        click.echo(json.dumps({**version._asdict(), "evaluation": metrics, "parameters": parameters}, indent=2))
        return
    lines = {
        "model": version.reference + "".join(f" @{alias}" for alias in version.aliases),
        "run": version.run_key,
        "MLflow run": version.run_id,
        "SHA-256": version.sha256 or "unknown",
        **{name: parameters[name] for name in SETTINGS if name in parameters},
        **{name: _figure(metrics, name) for name in SHOWN},
    }
    for label, text in lines.items():
        click.echo(f"{label:<20} {text}")


@model.command()
@click.argument("reference")
@click.option("--alias", default="champion", help="Alias instead of champion.")
@click.option("--metric", "metrics", multiple=True, help="What decides, higher is better; may be repeated.")
@click.option("--force", is_flag=True, help="Promote also when it is not better.")
def promote(reference: str, alias: str, metrics: tuple[str, ...], force: bool) -> None:
    """Make a version the champion if its evaluation is better than the champion's.

    Success rate decides, then return; a version that is less safe is refused, and one of which the intervals cannot
    tell that it is better.
    """
    from hrg_pipeline.tracking.promotion import MERIT

    registry = _registry()
    version = registry.find(reference)
    if alias in version.aliases:
        click.echo(f"{version.reference} is {alias} already")
        return
    verdict = registry.judge(version, alias, metrics or MERIT)
    for line in (*(comparison.text for comparison in verdict.comparisons), *verdict.notes):
        click.echo(f"  {line}")
    if not verdict.better and not force:
        raise click.ClickException(
            f"{version.reference} was not promoted: {verdict.reason}; --force promotes it nevertheless"
        )
    registry.promote(version, alias, f"{'forced: ' if not verdict.better else ''}{verdict.reason}")
    click.echo(f"{version.reference} is {alias} now: {verdict.reason}")


@model.command()
@click.argument("reference")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder instead of <name>-<version>.")
def download(reference: str, out: Path | None) -> None:
    """Copy policy, normalisation, environment, manifest and model card of a version into a folder."""
    registry = _registry()
    version = registry.find(reference)
    click.echo(registry.download(version, out or Path(_folder(version))))


@model.command()
@click.argument("source")
@click.option(
    "--format", "format_", type=click.Choice(["torchscript", "onnx"]), default="torchscript", help="Kind of file."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File instead of <name>.<suffix>.")
@click.option("--trust", is_flag=True, help="Also unpickle models that were stored without a description.")
def export(source: str, format_: str, out: Path | None, trust: bool) -> None:
    """Write a policy as one network, normalisation inside, for programs without this package.

    SOURCE is models:/<name>@<alias>, models:/<name>/<version>, a folder, or a run's key.
    """
    from hrg_pipeline.loading import load_policy

    policy = load_policy(source, project=this_project(), trust=trust)
    click.echo(policy.export(out or Path(Path(source.replace("@", "-")).name), format_))


def _folder(version: Registered) -> str:
    return f"{version.name}-{version.version}"


def _figure(metrics: dict[str, float], name: str) -> str:
    if name not in metrics:
        return "not evaluated"
    text = f"{metrics[name]:.3g}"
    if f"{name}_low" in metrics:
        text += f" [{metrics[f'{name}_low']:.3g}, {metrics[f'{name}_high']:.3g}]"
    return text
