"""A run that is killed with SIGKILL at random moments ends like one that was let be."""

from __future__ import annotations

import os

import pytest

from tests.kill_and_resume import copy_project, kill_and_resume

KILLS = int(os.environ.get("HRG_KILLS", "2"))
"""How often; the script kill_and_resume.py does it twenty times."""


@pytest.mark.slow
def test_killed_training_ends_like_an_undisturbed_one(tmp_path):
    found, reached = kill_and_resume(copy_project(tmp_path / "project"), KILLS, seed=1)
    assert len(reached) == KILLS
    assert found == []
