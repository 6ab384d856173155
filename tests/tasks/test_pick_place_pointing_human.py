"""PickPlacePointingHuman: the target is where somebody points, from when they point, and stays there."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.pick_place_human import CUBE_M
from hrg_pipeline.tasks.pick_place_pointing_human import POINTED, UNKNOWN, PickPlacePointingHumanParams

ARMS = {"left": ("L_Elbow", "L_Hand"), "right": ("R_Elbow", "R_Hand")}
CUBE_HEIGHT_M = 0.82 + 0.5 * CUBE_M
STILL = np.zeros((1, 8), np.float32)


def make(**changes):
    params = PickPlacePointingHumanParams.model_validate({"human": {"motion": {"n_clips": 12}}, **changes})
    return EnvSpec.create(RobotParams(), params).make_vector(1, n_threads=1)


@pytest.fixture(scope="module")
def env():
    made = make()
    yield made
    made.close()


def test_the_target_follows_the_line_from_elbow_to_hand_while_somebody_points(env):
    observation, info = env.reset(seed=2)
    engine = env.unwrapped.engine
    facts = engine.people.facts(0)
    assert info["phase"][0] == UNKNOWN
    assert observation["target_known"][0, 0] == 0.0
    elbow_name, hand_name = ARMS[facts.hand]
    low, high = np.array([env.unwrapped.params.target_x_m, env.unwrapped.params.target_y_m]).T
    seen, last = 0, observation["target_pos"][0]
    while engine.people.time[0] < facts.keyframes_s[1] + 1.0:
        observation, _, _, _, info = env.step(STILL)
        time = engine.people.time[0]
        if facts.keyframes_s[0] <= time <= facts.keyframes_s[1]:
            elbow, hand = engine.human_position(elbow_name)[0], engine.human_position(hand_name)[0]
            down = (0.82 - hand[2]) / (hand[2] - elbow[2])
            expected = [*np.clip((hand + down * (hand - elbow))[:2], low, high), CUBE_HEIGHT_M]
            np.testing.assert_allclose(observation["target_pos"][0], expected, atol=1e-5)
            assert np.linalg.norm(expected - engine.people.point(0, np.array(facts.target))) < 0.08
            seen += 1
        else:
            np.testing.assert_array_equal(observation["target_pos"][0], last)
        assert info["phase"][0] == observation["target_known"][0, 0] == (POINTED if seen else UNKNOWN)
        last = observation["target_pos"][0]
    assert seen > 5


def test_nothing_succeeds_before_somebody_points(env):
    env.reset(seed=3)
    task = env.unwrapped.task
    here = np.zeros((2, 3))
    info = {"phase": np.array([UNKNOWN, POINTED])}
    assert task.success(here, here, info).tolist() == [False, True]


def test_after_a_success_another_person_comes():
    env = make(done_at_success=False)
    env.reset(seed=4)
    vector = env.unwrapped
    while vector.task.phase[0] == UNKNOWN:
        env.step(STILL)
    before = vector.engine.people.time[0]
    vector.engine.objects.place(0, 0, vector.task._target[0])
    *_, terminated, _, info = env.step(STILL)
    assert info["is_success"].tolist() == [True]
    assert terminated.tolist() == [False]
    assert vector.task.phase[0] == UNKNOWN
    assert vector.engine.people.time[0] < before
    assert np.linalg.norm(vector.engine.objects.vel[0]) == 0.0
    env.close()


def test_people_who_do_not_point_are_refused():
    with pytest.raises(ConfigError, match=r"nobody points in clip .*\[pointing\]"):
        make(human={"motion": {"n_clips": 2, "families": ["reach"]}})
