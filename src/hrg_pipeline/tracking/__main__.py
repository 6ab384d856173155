"""``python -m hrg_pipeline.tracking``: finds the newest run, for ``make ui`` and ``make viz``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from hrg_pipeline.config.run_store import RunStore
from hrg_pipeline.tracking.links import newest_run_link


def _newest_run(project: Path) -> str | None:
    return next(iter(RunStore(project).newest(1)), None)


QUESTIONS: dict[str, Callable[[Path], str | None]] = {
    "newest-link": newest_run_link,
    "newest-run": _newest_run,
}


@click.command()
@click.argument("question", type=click.Choice(sorted(QUESTIONS)))
def main(question: str) -> None:
    """Print the link (in the MLflow UI) or the key of the run that started last."""
    answer = QUESTIONS[question](Path.cwd())
    if answer is None:
        raise click.ClickException("no run is stored here yet; start one with: make train")
    click.echo(answer)


if __name__ == "__main__":
    main()
