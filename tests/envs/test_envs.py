"""ReachHuman as a gymnasium environment."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from hrg_pipeline.envs import EnvSpec, make_env, prove
from hrg_pipeline.errors import ConfigError, HrgError
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams
from hrg_pipeline.wrappers.attach import attach_wrappers
from hrg_pipeline.wrappers.params import WrapperParams

SMALL = {"human": {"motion": {"n_clips": 2}}}
KEYS = ("object-state", "goal_difference")


def spec(**changes):
    return EnvSpec.create(RobotParams(), ReachHumanParams.model_validate({**SMALL, **changes}))


def rollout(env, seed, n=15):
    observation, _ = env.reset(seed=seed)
    actions = np.random.default_rng(0)
    seen = [np.concatenate(list(observation.values()))]
    for _ in range(n):
        observation, reward, *_ = env.step(actions.uniform(-1, 1, 8).astype(np.float32))
        seen.append(np.append(np.concatenate(list(observation.values())), reward))
    return b"".join(row.tobytes() for row in seen)


def test_only_the_first_of_several_people_is_observed():
    seen = []
    for count in (1, 2):
        env = spec(human={"count": count, "motion": {"n_clips": 2}}).make()
        observation, _ = env.reset(seed=1)
        seen.append({name: values for name, values in observation.items() if "goal" not in name})  # drawn after people
        env.close()
    assert seen[0].keys() == seen[1].keys()
    for name, values in seen[0].items():
        np.testing.assert_array_equal(values, seen[1][name], err_msg=name)


@pytest.mark.filterwarnings("ignore:.*Box observation space")  # sensors are unbounded, as in the reference
def test_the_registered_environment_passes_gymnasiums_checker():
    env = gym.make("hrg/ReachHuman-v0", **SMALL)
    check_env(env.unwrapped, skip_render_check=True)
    env.close()


def test_a_seeded_reset_is_reproducible_to_the_bit():
    first, second = make_env("ReachHuman", **SMALL), make_env("ReachHuman", **SMALL)
    assert rollout(first, 7) == rollout(second, 7)
    assert rollout(first, 7) == rollout(second, 7)
    assert rollout(first, 8) != rollout(second, 7)
    first.close()
    second.close()


def test_the_global_random_state_is_neither_used_nor_changed():
    env = make_env("ReachHuman", **SMALL)
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = rollout(env, 3)
    assert (np.random.get_state()[1] == before).all()
    np.random.seed(2)
    assert rollout(env, 3) == first
    env.close()


def test_an_episode_is_truncated_at_the_horizon_and_terminated_at_success():
    env = make_env("ReachHuman", horizon=7, **SMALL)
    env.reset(seed=0)
    steps = [env.step(np.zeros(8, np.float32)) for _ in range(7)]
    assert [s[3] for s in steps] == [False] * 6 + [True]
    assert not any(s[2] for s in steps)
    assert steps[-1][4]["timeout"]
    env.close()
    env = make_env("ReachHuman", goal_dist=100.0, **SMALL)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(np.zeros(8, np.float32))
    assert terminated and not truncated and info["is_success"] and info["n_goal_reached"] == 1
    assert reward == 1.0
    env.close()


def test_without_done_at_success_the_next_goal_follows():
    env = make_env("ReachHuman", goal_dist=100.0, done_at_success=False, **SMALL)
    env.reset(seed=0)
    goals = []
    for k in range(3):
        observation, _, terminated, _, info = env.step(np.zeros(8, np.float32))
        goals.append(observation["desired_goal"].copy())
        assert not terminated and info["n_goal_reached"] == k + 1
    assert len({goal.tobytes() for goal in goals}) == 3
    env.close()


def test_observations_are_finite_and_none_is_constant():
    env = make_env("ReachHuman", **SMALL)
    rng = np.random.default_rng(0)
    seen: dict[str, list[np.ndarray]] = {}
    for episode in range(2):
        observation, _ = env.reset(seed=episode)
        for _ in range(25):
            observation, *_ = env.step(rng.uniform(-1, 1, 8).astype(np.float32))
            for name, value in observation.items():
                seen.setdefault(name, []).append(value)
    for name, values in seen.items():
        assert np.isfinite(values).all(), name
        assert np.ptp(values, axis=0).max() > 1e-5, name
    env.close()


def test_masked_reset_leaves_the_others_alone():
    env = spec().make_vector(3)
    env.reset(seed=0)
    observation, *_ = env.step(np.full((3, 8), 0.5, np.float32))
    again, _ = env.reset(options={"reset_mask": np.array([False, True, False])})
    for name in ("robot0_joint_pos", "desired_goal", "human_joint_pos"):
        np.testing.assert_array_equal(again[name][[0, 2]], observation[name][[0, 2]])
    assert not np.array_equal(again["desired_goal"][1], observation["desired_goal"][1])
    env.close()


def test_an_environment_does_not_depend_on_its_neighbours():
    few, many = spec().make_vector(2, n_threads=1), spec().make_vector(4, n_threads=2)
    first, _ = few.reset(seed=5)
    second, _ = many.reset(seed=5)
    for _ in range(10):
        first = few.step(np.full((2, 8), 0.3, np.float32))[0]
        second = many.step(np.full((4, 8), 0.3, np.float32))[0]
    for name in first:
        assert first[name].tobytes() == second[name][:2].tobytes(), name
    few.close()
    many.close()


def test_bad_actions_and_masks_are_refused_with_their_shape():
    env = spec().make_vector(2)
    env.reset(seed=0)
    with pytest.raises(HrgError, match=r"expected \(2,\)|shape \(2, 8\)"):
        env.step(np.zeros((3, 8), np.float32))
    with pytest.raises(HrgError, match="finite"):
        env.step(np.full((2, 8), np.nan, np.float32))
    with pytest.raises(HrgError, match="reset_mask"):
        env.reset(options={"reset_mask": np.ones(3, bool)})
    env.close()


def test_a_spec_survives_json_and_makes_the_same_environment():
    chosen = attach_wrappers(spec(horizon=50), WrapperParams(), KEYS)
    again = EnvSpec.model_validate_json(chosen.model_dump_json())
    assert again == chosen
    assert again.sha256() == chosen.sha256() != spec(horizon=51).sha256()
    env = again.make()
    assert env.observation_space.shape == (19,)
    env.close()


def test_proving_records_spaces_and_is_reproducible():
    proven = prove(attach_wrappers(spec(), WrapperParams(), KEYS))
    assert proven.fingerprint is not None
    assert "(19,)" in proven.fingerprint.observation_space
    assert prove(proven).fingerprint == proven.fingerprint
    assert proven.sha256() == attach_wrappers(spec(), WrapperParams(), KEYS).sha256()


def test_an_unknown_observation_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"unknown observation 'goal'.*goal_difference"):
        attach_wrappers(spec(), WrapperParams(), ["goal"]).make()


def test_an_unknown_task_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"'Juggle'.*ReachHuman"):
        make_env("Juggle")


def test_the_fingerprint_tells_motions_apart():
    def motion(seed):
        return prove(EnvSpec.create(RobotParams(), ReachHumanParams(seed=seed)), n_steps=1).fingerprint.motion_sha256

    assert motion(0) == motion(0) != motion(1)
