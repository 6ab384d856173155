"""Shielded reinforcement learning for robot arms that share a workspace with a human."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hrg_pipeline.loading import load_policy

# Every dependency that reports usage is told not to, before any of them is imported.
for _switch in ("KEDRO_DISABLE_TELEMETRY", "MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ.setdefault(_switch, "true")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

__version__ = "0.1.0"
__all__ = ["__version__", "load_policy"]


def __getattr__(name: str) -> Any:
    """Import ``load_policy`` when it is first asked for: the package itself stays light."""
    if name == "load_policy":
        from hrg_pipeline.loading import load_policy

        return load_policy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
