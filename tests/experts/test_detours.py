"""The expert of ReachHuman gets around the table, its pedestal and the arm itself."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.experts.detours import CLEAR_OF_OBSTACLES_M, Detours, detours_of
from hrg_pipeline.experts.reach_human import ReachHumanExpert, ReachHumanExpertParams
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.robots.records import ROBOTS

ROBOT, GOALS = ROBOTS["panda"], 4


@pytest.fixture(scope="module")
def ways() -> Detours:
    return detours_of(RobotParams())


@pytest.fixture(scope="module")
def hidden(ways: Detours) -> list[np.ndarray]:
    """Free configurations that no straight motion leads to from the home pose."""
    rng, home, found = np.random.default_rng(3), np.array(ROBOT.home_qpos), []
    while len(found) < GOALS:
        q = rng.uniform(ROBOT.q_min, ROBOT.q_max)
        clear = all(checker.gap(0, q) > 1.2 * checker.margin_m for checker in ways._checkers)
        if clear and not ways.is_straight(home, q):
            found.append(q)
    return found


def test_what_is_hidden_behind_an_obstacle_is_reached_and_nothing_is_touched(ways, hidden):
    expert = ReachHumanExpert(ReachHumanExpertParams(), 0.1)
    around, itself = ways._checkers
    for goal in hidden:
        q = np.array(ROBOT.home_qpos)
        for _ in range(100):
            q = q + 0.1 * expert.motion({"robot0_joint_pos": q[None], "desired_goal": goal[None]})[0]
            assert around.gap(0, q) > CLEAR_OF_OBSTACLES_M - 1e-3
            assert itself.gap(0, q) > 0.0
            if np.linalg.norm(q - goal) < 0.1:
                break
        assert np.linalg.norm(q - goal) < 0.1


def test_a_straight_way_is_taken_and_an_impossible_goal_is_headed_for(ways):
    home = np.array(ROBOT.home_qpos)
    near = home + 0.05
    assert ways.next_stop(home, near) is near
    inside = home.copy()
    inside[1] = ROBOT.q_max[1]  # deep in the table
    assert ways._checkers[0].gap(0, inside) < 0.0
    assert ways.next_stop(home, inside) is inside


def test_the_roadmap_is_the_same_every_time(ways):
    again = Detours(RobotParams())
    np.testing.assert_array_equal(again._nodes, ways._nodes)
    np.testing.assert_array_equal(again._lengths, ways._lengths)
