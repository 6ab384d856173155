from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower()


def test_every_dependency_is_explained():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    page = (ROOT / "docs" / "dependencies.md").read_text().lower()
    assert [name for name in map(_name, wanted) if not re.search(rf"\b{re.escape(name)}\b", page)] == []


def test_every_locked_package_is_pinned_with_hashes_and_needs_no_compiler_or_display():
    lock = (ROOT / "requirements" / "lock.txt").read_text()
    entries = re.split(r"\n(?=\S)", lock.strip())
    assert [entry.splitlines()[0] for entry in entries if "==" not in entry or "--hash=" not in entry] == []
    # The overrides leave their packages in the lock under a marker that is true nowhere.
    names = {_name(entry) for entry in entries if "sys_platform == 'never'" not in entry}
    assert names.isdisjoint({"torch", "evdev", "pynput", "opencv-python"})
    assert "kedro" in names


def test_lock_names_no_machine_and_no_registry():
    lock = (ROOT / "requirements" / "lock.txt").read_text()
    assert not re.search(r"https?://|file:|--(extra-)?index|--find-links", lock)
