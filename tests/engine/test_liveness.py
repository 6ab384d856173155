"""The shield is not safe by standing still: with nobody near it changes nothing at all."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def liveness():
    sys.path.insert(0, str(FOLDER))
    try:
        import liveness

        yield liveness
    finally:
        sys.path.remove(str(FOLDER))


def test_a_person_far_away_costs_no_time_at_all(liveness):
    results = liveness.run_scenario("far", episodes=2, goals=2, n_threads=1)
    off = results["OFF"]
    assert off.reached == [2, 2] and max(off.time_s) < liveness.LIMIT_S
    for mode in ("SSM", "PFL"):
        one = results[mode]
        assert one.interventions == [0, 0]
        assert one.path_speed == [1.0, 1.0]
        assert one.time_s == off.time_s
        assert np.array_equal(one.q, off.q), "the same commands, to the last bit"


@pytest.mark.slow
def test_the_arm_reaches_its_goals_beside_people_who_work_there(liveness):
    results = liveness.run_scenario("leaning_in", episodes=3, goals=2, n_threads=1)
    for mode in ("SSM", "PFL"):
        assert results[mode].reached == [2, 2, 2]
    assert sum(results["SSM"].interventions) > 0, "nobody leaned in"
    assert sum(results["PFL"].time_s) <= sum(results["SSM"].time_s) < 2.0 * sum(results["OFF"].time_s)


def test_the_walker_passes_at_the_distance_that_is_said(liveness):
    clip = liveness.passing_clip(10.0)
    assert clip.duration_s > 10.0
    assert np.abs(clip.root_position[:, 0] + liveness.PASSING_M).max() < 0.1
    assert clip.root_position[:, 1].min() < -2.0 < 2.0 < clip.root_position[:, 1].max()
