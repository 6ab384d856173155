"""PickPlaceHuman: rewards, places, states, and an expert that solves it."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.learning.evaluation import episode_seed, evaluate
from hrg_pipeline.physics.contacts import GEOM_ALLOWED, GEOM_HELD
from hrg_pipeline.pipelines.demonstrate import nodes
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.pick_place_human import CUBE_M, PickPlaceHumanParams
from hrg_pipeline.wrappers.params import WrapperParams

PARAMS = PickPlaceHumanParams.model_validate(
    {
        "human": {"motion": {"n_clips": 4}},
        "shield": {
            "obstacles": ["table", "base", "walls", "floor"],
            "obstacle_gripper": False,
            "gripper_distance_m": 0.15,
        },
    }
)
EXPERT = {"name": "PickPlaceHuman"}


@pytest.fixture(scope="module")
def env():
    from hrg_pipeline.wrappers.attach import attach_wrappers

    wrappers = WrapperParams.model_validate({"ik_position_delta": {"enabled": True}})
    spec = EnvSpec.create(RobotParams(), PARAMS)
    keys = nodes._expert(spec, wrappers, EXPERT).obs_keys
    made = attach_wrappers(spec, wrappers, keys).make_vector(2, n_threads=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def expert():
    return nodes._expert(EnvSpec.create(RobotParams(), PARAMS), WrapperParams(), EXPERT)


def info(gripped, n=1, illegal=False):
    return {
        "object_gripped": np.full(n, gripped),
        "eef_to_object_m": np.full(n, 0.5),
        "illegal_collision": np.full(n, illegal),
        "failure": np.zeros(n, int),
    }


@pytest.mark.parametrize(
    ("distance", "gripped", "expected"),
    [(0.09, False, 1.0), (0.09, True, 1.0), (0.11, True, -0.25), (0.11, False, -1.0)],
)
def test_reward_table(env, distance, gripped, expected):
    task = env.unwrapped.task
    achieved, desired = np.zeros((1, 3)), np.array([[distance, 0.0, 0.0]])
    assert task.reward(achieved, desired, info(gripped))[0] == pytest.approx(expected)
    terms = task.dense_terms(achieved, desired, info(gripped))
    assert {name: float(value[0]) for name, value in terms.items()} == pytest.approx(
        {"object_distance": -0.1 * distance, "gripper_distance": -0.01}
    )


def test_goals_can_be_relabelled_and_have_equal_shapes(env):
    task = env.unwrapped.task
    observation = task.observe()
    achieved, desired = task.achieved_goal(observation), task.desired_goal(observation)
    assert achieved.shape == desired.shape == (2, 3)
    many = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    assert (task.reward(many, many, info(False, 20)) == 1.0).all()


def test_cube_and_target_lie_on_the_table_and_stay_there(env):
    inner = env.unwrapped
    for seed in range(4):
        env.reset(seed=seed)
        cube, target = inner.engine.objects.pos[:, 0].copy(), inner.task.observe()["target_pos"]
        for place, y_m in ((cube, PARAMS.object_y_m), (target, PARAMS.target_y_m)):
            assert ((place[:, 0] >= 0.245) & (place[:, 0] <= 0.42)).all()
            assert ((place[:, 1] >= y_m[0]) & (place[:, 1] <= y_m[1])).all()
            np.testing.assert_allclose(place[:, 2], 0.82 + 0.5 * CUBE_M)
        env.step(np.zeros((2, 4), np.float32))
        assert np.abs(inner.engine.objects.pos[:, 0] - cube).max() < 5e-4


def test_saved_in_every_phase_it_goes_on_exactly(env, expert):
    """The cube lies, is gripped, is carried: from each state the same future, to the bit, success included."""
    inner, policy = env.unwrapped, nodes._policy(expert, env)
    flat, _ = env.reset(seed=3)
    saved = {}
    for step in range(400):
        objects = inner.engine.objects
        phase = "lies" if objects.held[0] < 0 else "gripped" if objects.on_table[0, 0] else "carried"
        if phase not in saved or (phase == "carried" and step % 20 == 0 and "far" not in saved):
            saved["far" if phase in saved else phase] = (inner.get_state(0), flat.copy())
        flat, _, terminated, _, step_info = env.step(policy.act(flat))
        if terminated[0]:
            break
    assert step_info["is_success"][0]
    assert set(saved) >= {"lies", "gripped", "carried"}
    end = inner.engine.objects.pos[0].tobytes(), inner.engine.q[0].tobytes(), step_info["failsafe_interventions"][0]
    for state, before in saved.values():
        inner.set_state(0, state)
        flat = before.copy()
        for _ in range(400):
            flat, _, terminated, _, step_info = env.step(policy.act(flat))
            if terminated[0]:
                break
        assert end == (
            inner.engine.objects.pos[0].tobytes(),
            inner.engine.q[0].tobytes(),
            step_info["failsafe_interventions"][0],
        )


def test_the_shield_knows_what_is_held(env, expert):
    inner, policy = env.unwrapped, nodes._policy(expert, env)
    flat, _ = env.reset(seed=3)
    engine = inner.engine
    links = len(engine.scene.capsules.radius)
    geom = int(np.flatnonzero(np.isin(engine.scene.model.geom_bodyid, engine.scene.objects))[0])
    while engine.objects.held[0] < 0:
        assert engine.shields.n_capsules[0] == links
        assert engine._arrays.geom_class[0, geom] == GEOM_ALLOWED
        flat, *_ = env.step(policy.act(flat))
    assert engine.shields.n_capsules[0] == links + 1
    assert engine.shields.held_mass[0] == pytest.approx(0.064)
    assert engine._arrays.geom_class[0, geom] == GEOM_HELD
    for _ in range(30):
        flat, *_ = env.step(np.tile(np.array([0.0, 0.0, 0.3, -1.0], np.float32), (2, 1)))
    assert engine.objects.held[0] < 0
    assert engine.shields.n_capsules[0] == links


def test_the_expert_solves_it_next_to_a_person(env, expert):
    episodes = evaluate(nodes._policy(expert, env), env, 8, seed=100)
    assert episodes["success"].sum() >= 7
    assert (episodes["n_collisions_critical"] == 0).all()
    assert episodes["seed"][0] == episode_seed(100, 0)
