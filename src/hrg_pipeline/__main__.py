"""Runs the project as ``python -m hrg_pipeline``: the same as ``kedro run``."""

import sys
from typing import Any

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main(*args: Any, **kwargs: Any) -> Any:
    """Run the project's ``run`` command."""
    configure_project("hrg_pipeline")
    kwargs.setdefault("standalone_mode", not hasattr(sys, "ps1"))
    return find_run_command("hrg_pipeline")(*args, **kwargs)


if __name__ == "__main__":
    main()
