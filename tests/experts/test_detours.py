"""The expert of ReachHuman gets around the table, its pedestal, the arm itself and people."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.experts.detours import CLEAR_OF_OBSTACLES_M, Detours, detours_of
from hrg_pipeline.experts.reach_human import ReachHumanExpert, ReachHumanExpertParams
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.robots.records import ROBOTS

ROBOT, GOALS = ROBOTS["panda"], 4
NOBODY = np.full((9, 3), 9.0)


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


def walk(goal: np.ndarray, people: np.ndarray) -> list[np.ndarray]:
    """Follow the expert from the home pose until it is there, at the speed of half an action a step."""
    expert, way = ReachHumanExpert(ReachHumanExpertParams(), 0.1), [np.array(ROBOT.home_qpos)]
    while np.linalg.norm(way[-1] - goal) >= 0.1:
        assert len(way) < 150
        seen = {"robot0_joint_pos": way[-1][None], "desired_goal": goal[None], "human_joint_pos": people.reshape(1, -1)}
        way.append(way[-1] + 0.1 * expert.motion(seen)[0])
    return way


def test_what_is_hidden_behind_an_obstacle_is_reached_and_nothing_is_touched(ways, hidden):
    around, itself = ways._checkers
    for goal in hidden:
        for q in walk(goal, NOBODY):
            assert around.gap(0, q) > CLEAR_OF_OBSTACLES_M - 1e-3
            assert itself.gap(0, q) > 0.0


def test_a_person_in_the_way_is_gone_around(ways):
    home = np.array(ROBOT.home_qpos)
    goal = home + 2.0 * np.eye(len(home))[0]
    straight = ways._crowding.motions(home[None], goal[None])
    hand = straight.points[0, 1, -1]  # where the gripper would be half way
    assert ways.is_straight(home, goal) and np.array_equal(ways.next_stop(home, goal, NOBODY), goal)

    def nearest(way: list[np.ndarray]) -> float:
        points = ways._crowding.motions(np.array(way[:-1]), np.array(way[1:])).points
        return float(np.linalg.norm(points - hand, axis=-1).min())

    assert nearest([home, goal]) < 1e-9 < 0.25 < nearest(walk(goal, hand[None]))


def test_a_straight_way_is_taken_and_an_impossible_goal_is_headed_for(ways):
    home = np.array(ROBOT.home_qpos)
    near = home + 0.05
    assert ways.next_stop(home, near, NOBODY) is near
    inside = home.copy()
    inside[1] = ROBOT.q_max[1]  # deep in the table
    assert ways._checkers[0].gap(0, inside) < 0.0
    assert ways.next_stop(home, inside, NOBODY) is inside


def test_the_roadmap_is_the_same_every_time(ways):
    again = Detours(RobotParams())
    np.testing.assert_array_equal(again._nodes, ways._nodes)
    np.testing.assert_array_equal(again._pairs, ways._pairs)
