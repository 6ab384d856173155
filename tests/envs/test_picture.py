"""What an environment shows of itself for pictures and videos."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.human.body import BODY_NAMES
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.shield.model import ASSUMPTION, HUMAN, OBSTACLE, SAFE
from hrg_pipeline.tasks.reach_human import ReachHumanParams


@pytest.fixture(scope="module")
def env():
    params = ReachHumanParams(horizon=10, human={"count": 2, "motion": {"n_clips": 1}})
    made = EnvSpec.create(RobotParams(), params).make_vector(num_envs=1, seed=0, n_threads=1)
    made.reset(seed=[0])
    yield made.unwrapped
    made.close()


def test_the_sets_of_everybody_and_of_the_stop_are_shown(env):
    view, capsules = env.view, len(env.engine.scene.capsules.body)
    people = view.human_capsules(0)
    assert view.robot_capsules(0).shape == (2 * capsules, 7) and people.shape == (2 * 24, 7)
    pelvis = [env.engine.human_pose(0, person)[0][0] for person in range(2)]
    for person in range(2):
        assert np.linalg.norm(people[24 * person : 24 * person + 24, :3] - pelvis[person], axis=1).max() < 1.5


@pytest.mark.parametrize(
    ("mode", "verdict", "words"),
    [
        ("SSM", SAFE, "SSM, safe"),
        ("OFF", SAFE, "OFF, unchecked"),
        ("OFF", ASSUMPTION, "OFF, stopping: assumption"),
        ("SSM", OBSTACLE, "SSM, stopping: obstacle"),
        ("PFL", HUMAN, "PFL, stopping: link2 near R_Hand of person 1"),
    ],
)
def test_the_overlay_says_mode_verdict_and_reason(env, mode, verdict, words):
    env.set_shield_type(mode)
    state = env.engine.shields
    slots = state.capsule_radius.shape[1]
    state.verdict[0], state.safe[0] = verdict, verdict == SAFE
    state.culprit[0] = ((slots + 1) * len(BODY_NAMES) + BODY_NAMES.index("R_Hand"), 0, 8)
    assert env.view.overlay(0)["shield"] == words
