"""``kedro tracking``: what could not be sent to the store yet."""

from __future__ import annotations

import click

from hrg_pipeline.commands.errors import OneLineErrors, this_project


@click.group(cls=OneLineErrors)
def tracking() -> None:
    """Look after tracked runs."""


@tracking.command()
def send() -> None:
    """Send what MLflow did not take while a run was going on; each start of a run does the same."""
    from hrg_pipeline.tracking.mlflow_run import send_unsent

    sent, waiting = send_unsent(this_project())
    click.echo(f"runs sent: {sent}, still waiting: {waiting}")
    if waiting:
        raise SystemExit(1)
