"""What holds for every registered task, with every arm, as ``hrg/<Name>-v0`` gives it."""

from __future__ import annotations

import re
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import hrg_pipeline.envs  # noqa: F401  # registers the ids
from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.experts.registry import EXPERTS
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.robots.records import ROBOTS
from hrg_pipeline.tasks.registry import TASK_CLASSES, TASKS, snake_case

FEW_CLIPS, STEPS = 24, 25


def make_vector(task, robot="panda", num_envs=1, **changes):
    params = TASKS[task].model_validate({"human": {"motion": {"n_clips": FEW_CLIPS}}, **changes})
    return EnvSpec.create(RobotParams(name=robot), params).make_vector(num_envs, n_threads=1)


def rollout(env, seed, steps):
    """Observations (T, N, k) by sensor, of random actions that change every few steps."""
    rng = np.random.default_rng(seed)
    observation, _ = env.reset(seed=seed)
    seen = [observation]
    action = np.zeros(env.action_space.shape, np.float32)
    for step in range(steps):
        if step % 5 == 0:
            action = rng.uniform(-1.0, 1.0, env.action_space.shape).astype(np.float32)
        seen.append(env.step(action)[0])
    return {name: np.array([one[name] for one in seen]) for name in seen[0]}


@pytest.mark.parametrize("robot", sorted(ROBOTS))
@pytest.mark.parametrize("task", sorted(TASKS))
def test_it_starts_and_steps_with_every_arm(task, robot):
    env = make_vector(task, robot)
    seen = rollout(env, 0, 3)
    assert all(np.isfinite(values).all() for values in seen.values())
    assert env.unwrapped.engine.contact_counters[0, 0] == 0, "something touches the scene within 0.3 s"
    env.close()


@pytest.mark.parametrize("task", sorted(TASKS))
def test_same_seed_same_bytes_and_what_is_observed_moves(task):
    first, second = (make_vector(task) for _ in range(2))
    one, other = rollout(first, 3, STEPS), rollout(second, 3, STEPS)
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)
        if "quat" in name:
            np.testing.assert_allclose(np.linalg.norm(values, axis=-1), 1.0, atol=1e-6, err_msg=name)
    robot = {name: values for name, values in one.items() if name.startswith(("robot0_joint", "robot0_eef", "vec_eef"))}
    still = [name for name, values in robot.items() if (values == values[0]).all()]
    assert still == []
    first.close()
    second.close()


@pytest.mark.parametrize("task", sorted(TASKS))
def test_a_restored_state_goes_on_as_it_did(task):
    env = make_vector(task)
    rollout(env, 1, 10)
    state = env.unwrapped.get_state(0)
    actions = np.random.default_rng(2).uniform(-1.0, 1.0, (8, *env.action_space.shape)).astype(np.float32)
    after = [[env.step(action)[0] for action in actions]]
    env.unwrapped.set_state(0, state)
    after.append([env.step(action)[0] for action in actions])
    for one, other in zip(*after, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    env.close()


@pytest.mark.parametrize("task", sorted(TASKS))
def test_goals_have_equal_shapes_and_the_reward_is_a_function_of_them(task):
    env = make_vector(task, num_envs=2)
    env.reset(seed=4)
    *_, info = env.step(env.action_space.sample() * 0)
    inner = env.unwrapped.task
    observation = inner.observe()
    achieved, desired = inner.achieved_goal(observation), inner.desired_goal(observation)
    assert achieved.shape == desired.shape
    reward = inner.reward(achieved, desired, info)
    np.testing.assert_array_equal(reward, inner.reward(achieved.copy(), desired.copy(), dict(info)))
    assert reward.shape == (2,)
    env.close()


@pytest.mark.filterwarnings("ignore:.*Box observation space")  # sensors are unbounded, as in the reference
@pytest.mark.parametrize("task", sorted(TASKS))
def test_gymnasium_makes_it_and_finds_nothing_wrong(task):
    env = gym.make(f"hrg/{task}-v0", human={"motion": {"n_clips": FEW_CLIPS}})
    check_env(env.unwrapped, skip_render_check=True)
    env.close()


@pytest.mark.parametrize("task", sorted(TASKS))
def test_what_is_not_given_stays_as_the_task_has_it(task):
    default = TASKS[task]()
    given = {"human": {"motion": {"n_clips": 7}}, "shield": {}}
    changed = TASKS[task].model_validate(given)
    assert changed.human.motion.n_clips == 7
    assert changed.shield == default.shield
    motion = changed.human.motion.model_copy(update={"n_clips": default.human.motion.n_clips})
    assert changed.human.model_copy(update={"motion": motion}) == default.human


def test_every_task_has_an_expert():
    assert set(EXPERTS) == set(TASKS) == set(TASK_CLASSES)


@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_sensor_is_on_the_page_of_the_task(task):
    """By its name, on the page or on that of another task that it refers to."""
    folder = Path(__file__).resolve().parents[2] / "docs" / "tasks"
    page = folder / (snake_case(task) + ".md")
    text = page.read_text(encoding="utf-8")
    for other in sorted(set(re.findall(r"\((\w+\.md)", text))):
        text += (folder / other).read_text(encoding="utf-8")
    env = make_vector(task)
    assert [name for name in env.single_observation_space.spaces if f"`{name}`" not in text] == []
    env.close()
