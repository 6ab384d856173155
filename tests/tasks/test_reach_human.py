"""Goals, rewards and success of ReachHuman."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.envs import HumanVectorEnv
from hrg_pipeline.physics.contacts import ContactFlag
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams

SMALL = {"human": {"motion": {"n_clips": 2}}}


@pytest.fixture(scope="module")
def envs():
    made = {}

    def get(**changes):
        key = repr(sorted(changes.items()))
        if key not in made:
            params = ReachHumanParams.model_validate({**SMALL, **changes})
            made[key] = HumanVectorEnv(params, RobotParams(), 1)
        return made[key]

    yield get
    for env in made.values():
        env.close()


def info(illegal=False, failure=0):
    return {"illegal_collision": np.array([illegal]), "failure": np.array([failure])}


@pytest.mark.parametrize(
    ("shaping", "distance", "illegal", "failure", "expected"),
    [
        (False, 0.10, False, 0, 1.0),
        (False, 0.11, False, 0, -1.0),
        (True, 0.05, False, 0, 2.0 - 0.005),
        (True, 1.50, False, 0, -0.15),
        (True, 1.50, True, 0, -0.15 - 3.0),
        (False, 1.50, False, 1, -1.0 - 10.0),
    ],
)
def test_reward_table(envs, shaping, distance, illegal, failure, expected):
    task = envs(reward_shaping=shaping, collision_reward=-3.0).task
    achieved, desired = np.zeros((1, 7)), np.zeros((1, 7))
    desired[0, 2] = distance
    assert task.reward(achieved, desired, info(illegal, failure))[0] == pytest.approx(expected)


def test_reward_scale_multiplies_everything(envs):
    task = envs(reward_scale=2.0).task
    assert task.reward(np.zeros((1, 7)), np.ones((1, 7)), info())[0] == -2.0


def test_relabelling_many_goals_needs_no_environment_state(envs):
    task = envs().task
    achieved = np.random.default_rng(0).uniform(-1, 1, (50, 7))
    many = {"illegal_collision": np.zeros(50, bool), "failure": np.zeros(50, int)}
    assert task.success(achieved, achieved, many).all()
    assert (task.reward(achieved, achieved, many) == 1.0).all()
    assert not task.success(achieved, achieved + 0.1, many).any()


def test_an_episode_ends_by_illegal_collision_only_if_asked(envs):
    def seen(success=False, **kwargs):
        return {**info(**kwargs), "is_success": np.array([success])}

    assert not envs().task.terminated(seen(illegal=True))[0]
    assert envs(done_at_collision=True).task.terminated(seen(illegal=True))[0]
    assert envs().task.terminated(seen(failure=1))[0]
    assert envs().task.terminated(seen(success=True))[0]
    assert not envs(done_at_success=False).task.terminated(seen(success=True))[0]


def test_progress_is_rewarded_only_if_weighted(envs):
    achieved, desired = np.zeros((1, 7)), np.zeros((1, 7))
    desired[0, 0] = 1.5
    moved = {**info(), "previous_achieved_goal": np.array([[-0.2, 0, 0, 0, 0, 0, 0]])}
    task = envs(reward_shaping=True, progress_weight=2.0).task
    assert task.reward(achieved, desired, moved)[0] == pytest.approx(-0.15 + 2.0 * 0.2)
    assert envs(reward_shaping=True).task.reward(achieved, desired, moved)[0] == pytest.approx(-0.15)


def test_goals_are_free_of_collisions_and_within_limits(envs):
    env = envs()
    rng = np.random.default_rng(0)
    for _ in range(40):
        env.task.sample_goal(0, rng)
        goal = env.task.observe()["desired_goal"][0]
        robot = env.engine.robot
        assert (goal >= robot.q_min).all() and (goal <= robot.q_max).all()
        env.engine.reset(0, goal, rng)
        env.engine._arrays.human_frame[0, 0, 0] = 50.0
        env.engine.step(np.zeros((1, 8)))
        flags = ContactFlag(int(env.engine.contact_flags[0]))
        assert not flags & (ContactFlag.STATIC | ContactFlag.ROBOT)


def test_a_configuration_inside_the_table_is_not_free(envs):
    engine = envs().engine
    assert engine.is_free(np.array(engine.robot.home_qpos), 0.012)
    into_the_table = np.array([0.0, 1.7, 0.0, -1.0, 0.0, 2.6, 0.0])
    assert not engine.is_free(into_the_table, 0.012)


def test_a_proportional_controller_reaches_goals(envs):
    env = envs()
    observation, _ = env.reset(seed=11)
    reached = 0
    for episode in range(6):
        observation, _ = env.reset(seed=episode)
        for _ in range(100):
            action = np.zeros((1, 8), np.float32)
            action[:, :7] = np.clip(5 * observation["goal_difference"], -1, 1)
            observation, _, terminated, _, step_info = env.step(action)
            if terminated[0]:
                reached += bool(step_info["is_success"][0])
                break
    assert reached >= 4
