"""Where a run comes from: commit, lock file, versions, seeds, machine."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

LOCK_FILE = Path("requirements") / "lock.txt"
PACKAGES = (
    "hrg_pipeline",
    "mujoco",
    "robosuite",
    "stable-baselines3",
    "gymnasium",
    "torch",
    "numpy",
    "numba",
    "kedro",
    "mlflow",
)
UNKNOWN = "unknown"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's contents as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _git(project: Path, *words: str) -> str | None:
    """Return what git prints, or None where there is no git, no repository or no commit."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(project), *words], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def git_state(project: Path) -> dict[str, str]:
    """Return ``commit`` (40 hex digits or ``unknown``) and ``dirty`` (``true``, ``false`` or ``unknown``)."""
    commit = _git(project, "rev-parse", "--verify", "HEAD")
    changes = _git(project, "status", "--porcelain")
    dirty = UNKNOWN if changes is None else str(bool(changes)).lower()
    return {"commit": commit or UNKNOWN, "dirty": dirty}


def lock_hash(project: Path) -> str:
    """Return the SHA-256 of the project's lock file, or ``unknown`` where it has none."""
    lock = project / LOCK_FILE
    return sha256_of(lock) if lock.is_file() else UNKNOWN


def versions() -> dict[str, str]:
    """Return the installed versions of everything that shapes a run's numbers, Python first."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = UNKNOWN
    return found


def seeds(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, int]:
    """Return every seed among nested parameters by its dotted name, e.g. ``run.eval_seed``."""
    found: dict[str, int] = {}
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            found |= seeds(value, f"{prefix}{name}.")
        elif str(name).endswith("seed") and isinstance(value, int) and not isinstance(value, bool):
            found[f"{prefix}{name}"] = value
    return found


def command_line() -> str:
    """Return the command this process was started with, as one could type it again."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def machine() -> dict[str, str]:
    """Return ``host`` and ``pid`` of this process."""
    return {"host": socket.gethostname(), "pid": str(os.getpid())}
