"""Who follows `docs/new_task.md` has a new task, with its configuration and its page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
EDITED = ("tasks", "experts")
OVERLAY = """
import hrg_pipeline.experts, hrg_pipeline.tasks
for package, folder in ((hrg_pipeline.tasks, "tasks"), (hrg_pipeline.experts, "experts")):
    package.__path__.insert(0, f"{SOURCE}/{folder}")
"""


@pytest.fixture
def copy(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """What the page edits, copied; all else, compiled kernels above all, is that of this project."""
    project = tmp_path / "project"
    source = project / "src" / "hrg_pipeline"
    for name in EDITED:
        shutil.copytree(PROJECT / "src" / "hrg_pipeline" / name, source / name)
    for name in ("conf", "docs"):
        shutil.copytree(PROJECT / name, project / name, ignore=shutil.ignore_patterns("images", "local"))
    shutil.copy(PROJECT / "pyproject.toml", project)
    (project / "conf" / "local").mkdir()
    start = tmp_path / "start"
    start.mkdir()
    (start / "sitecustomize.py").write_text(f"SOURCE = {str(source)!r}\n{OVERLAY}", encoding="utf-8")
    paths = os.pathsep.join((str(start), str(PROJECT / "src")))
    programs = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return project, {**os.environ, "PYTHONPATH": paths, "PATH": programs, "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.slow
def test_the_page_leads_to_a_task(copy: tuple[Path, dict[str, str]]) -> None:
    project, env = copy
    page = (PROJECT / "docs" / "new_task.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 5
    said = []
    for block in blocks:
        done = subprocess.run(
            ["bash", "-e", "-c", block], cwd=project, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert "docs/tasks/stow_human.md" in said[3]
    assert "env_id: StowHuman" in said[4] and "name: StowHuman" in said[4]
    target = [float(number) for number in re.findall(r"-?\d+\.\d*", said[4].splitlines()[-1])]
    assert len(target) == 3 and -0.3 <= target[1] <= -0.1, "the copy was edited"
    written = (project / "docs" / "tasks" / "stow_human.md").read_text(encoding="utf-8")
    assert "| `environment.target_y_m` | `[-0.3, -0.1]` | The same for y. |" in written
    assert "| `vec_eef_to_next_objective` | 3 | `goal-state` |" in written
    assert not (PROJECT / "src" / "hrg_pipeline" / "tasks" / "stow_human.py").exists()
