"""What all commands do with the errors that we raise on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from kedro.io.core import DatasetError
from kedro.utils import find_kedro_project
from kedro.validation.exceptions import ParameterValidationError

from hrg_pipeline.errors import HrgError


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn the errors that we raise on purpose, and stored files that cannot be read, into one line and exit code 1."""
    try:
        yield
    except (HrgError, ParameterValidationError, DatasetError) as error:
        raise click.ClickException(" ".join(str(error).split())) from error


class OneLineErrors(click.Group):
    """A group whose commands do so."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        with one_line_errors():
            return super().invoke(ctx)


def this_project() -> Path:
    """Return the project that the working folder belongs to."""
    return Path(find_kedro_project(Path.cwd()) or Path.cwd())
