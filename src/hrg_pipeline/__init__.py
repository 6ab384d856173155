"""Shielded reinforcement learning for robot arms that share a workspace with a human."""

import os

# Every dependency that reports usage is told not to, before any of them is imported.
for _switch in ("KEDRO_DISABLE_TELEMETRY", "MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ.setdefault(_switch, "true")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

__version__ = "0.1.0"
__all__ = ["__version__"]
