"""ReachHumanCart: goals that can be reached, rewards, and an expert that solves it."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.config.params import RunParams
from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.pipelines.demonstrate import create_pipeline, nodes
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human_cart import ReachHumanCartParams
from hrg_pipeline.wrappers.params import WrapperParams

PARAMS = ReachHumanCartParams.model_validate({"human": {"motion": {"n_clips": 4}}})
SPEC = EnvSpec.create(RobotParams(), PARAMS)


@pytest.fixture(scope="module")
def env():
    made = SPEC.make_vector(1, n_threads=1)
    yield made
    made.close()


@pytest.mark.parametrize(("distance", "expected"), [(0.049, 1.0), (0.051, -1.0)])
def test_reward_table(env, distance, expected):
    quiet = {"illegal_collision": np.array([False]), "failure": np.array([0])}
    achieved, desired = np.zeros((1, 3)), np.array([[0.0, distance, 0.0]])
    assert env.task.reward(achieved, desired, quiet)[0] == expected
    assert env.task.dense_terms(achieved, desired, quiet)["distance"][0] == pytest.approx(-0.1 * distance)


def test_goals_differ_lie_in_the_box_and_are_rarely_where_the_arm_starts(env):
    goals = []
    for seed in range(20):
        observation, _ = env.reset(seed=seed)
        goals.append(observation["desired_goal"][0])
    low, high = np.array(PARAMS.goal_box).T
    assert ((np.array(goals) >= low - 1e-6) & (np.array(goals) <= high + 1e-6)).all()
    near = [np.linalg.norm(observation["robot0_eef_pos"][0] - goal) < PARAMS.goal_dist for goal in goals]
    assert np.mean(near) < 0.2
    assert np.std(goals, axis=0).min() > 0.05


def test_the_speed_of_the_end_effector_is_that_of_its_motion(env):
    env.reset(seed=0)
    action = np.zeros((1, 8), np.float32)
    action[0, 0] = 1.0
    for _ in range(4):
        before = env.engine.eef_pos
        observation, *_ = env.step(action)
    mean = (env.engine.eef_pos - before) / 0.1
    np.testing.assert_allclose(observation["robot0_eef_velp"], mean, atol=0.05)
    assert np.linalg.norm(mean) > 0.05


def test_the_expert_demonstrates_it_next_to_a_person():
    run = RunParams(id="demo", n_test_episodes=6, n_envs=2, n_threads=1, verbose=False, record_video=False)
    expert = {"name": "ReachHumanCart", "signal_to_noise": 0.95}
    spec = nodes.attach_expert(SPEC, WrapperParams(), expert)
    found = nodes.demonstrate(spec, WrapperParams(), expert, run)
    assert found["metrics"]["success_rate"] >= 5 / 6
    assert found["metrics"]["contacts_critical_total"] == 0
    assert len(found["episodes"]) == 6
    again = nodes.demonstrate(spec, WrapperParams(), expert, run.model_copy(update={"n_envs": 1}))
    assert again["episodes"].equals(found["episodes"]), "whatever the number of environments"


def test_the_expert_of_another_task_is_refused():
    with pytest.raises(ConfigError, match="the task is ReachHumanCart"):
        nodes.attach_expert(SPEC, WrapperParams(), {"name": "ReachHuman"})


def test_the_pipeline_asks_for_nothing_but_parameters():
    assert {name.split(":")[0] for name in create_pipeline().inputs()} == {"params"}
