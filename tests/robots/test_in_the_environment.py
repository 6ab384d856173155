"""Every robot works next to the human, behind the shield."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import hrg_pipeline.envs  # noqa: F401  # registers the environments
from hrg_pipeline.envs import EnvSpec, make_env
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.robots.records import ROBOTS
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams

TRACKING_RAD = 0.01


def drive(robot, n_steps, num_envs, seed):
    """Random actions for a while; a new one every few steps, so that the arm gets somewhere."""
    task = ReachHumanParams(shield=ShieldParams(type="SSM"), horizon=n_steps, seed=seed)
    env = EnvSpec.create(robot, task).make_vector(num_envs)
    rng = np.random.default_rng(seed)
    engine = env.unwrapped.engine
    worst = {"share": 0.0, "error": 0.0, "critical": 0, "failed": 0}
    actions = np.zeros(env.action_space.shape)
    openings = []
    try:
        observation, _ = env.reset(seed=seed)
        for k in range(n_steps):
            if k % 4 == 0:
                actions = rng.uniform(-1.0, 1.0, env.action_space.shape)
                actions[:, -1] = 1.0 if (k // 20) % 2 else -1.0
            observation, _, _, _, info = env.step(actions.astype(np.float32))
            assert all(np.isfinite(values).all() for values in observation.values())
            # How well an arm is followed that touches something is another matter.
            free = (info["n_collisions_static"] == 0) & (info["n_collisions_robot"] == 0)
            error = np.abs(engine.shields.command[:, 0] - engine.q).max(axis=1)
            worst["share"] = max(worst["share"], engine.torque_share[free].max(initial=0.0))
            worst["error"] = max(worst["error"], error[free].max(initial=0.0))
            worst["critical"] += int(info["n_collisions_critical"].sum())
            worst["failed"] += int((info["failure"] != 0).sum())
            openings.append(engine.gripper_opening())
    finally:
        env.close()
    return worst, np.array(openings)


@pytest.mark.parametrize("name", sorted(ROBOTS))
def test_random_actions_stay_safe(name):
    worst, openings = drive(RobotParams(name=name), n_steps=60, num_envs=2, seed=3)
    assert worst["critical"] == worst["failed"] == 0
    assert 0.05 < worst["share"] < 1.0
    assert worst["error"] < TRACKING_RAD
    assert openings.min() > -0.1 and openings.max() < 1.1
    assert openings.max() - openings.min() > 0.45  # half open at first; beside a person they are held


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(ROBOTS))
def test_random_actions_stay_safe_for_long(name):
    worst, _ = drive(RobotParams(name=name), n_steps=500, num_envs=16, seed=4)
    assert worst["critical"] == worst["failed"] == 0
    assert worst["share"] < 1.0
    assert worst["error"] < TRACKING_RAD


def test_another_gripper_changes_the_model_and_works():
    worst, openings = drive(RobotParams(name="schunk", gripper="Robotiq85Gripper"), n_steps=30, num_envs=1, seed=5)
    assert worst["critical"] == worst["failed"] == 0
    assert openings.max() - openings.min() > 0.4
    ours, theirs = (
        EnvSpec.create(RobotParams(name="schunk", gripper=gripper), ReachHumanParams()).make()
        for gripper in (None, "Robotiq85Gripper")
    )
    assert ours.unwrapped.vector.engine.model_sha256() != theirs.unwrapped.vector.engine.model_sha256()


def test_gymnasium_makes_every_robot():
    for name, robot in ROBOTS.items():
        env = gym.make("hrg/ReachHuman-v0", robot=name, horizon=10)
        observation, _ = env.reset(seed=0)
        assert env.action_space.shape == (robot.dof + 1,)
        assert env.observation_space.contains(observation)
        env.close()


def test_an_unknown_robot_or_gripper_is_one_line():
    with pytest.raises(ConfigError, match=r"unknown robot 'atlas'; choose one of") as error:
        make_env("ReachHuman", robot="atlas")
    assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match=r"unknown gripper 'hook'; choose one of") as error:
        make_env("ReachHuman", gripper="hook")
    assert "\n" not in str(error.value)
