"""An evaluated episode is played again to the bit, and one decision of it is explained and drawn."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hrg_pipeline.envs import TIME_LIMIT, EnvSpec, WrapperSpec
from hrg_pipeline.errors import HrgError, IntegrityError
from hrg_pipeline.learning.evaluation import evaluate
from hrg_pipeline.reporting.decision_picture import draw_decision
from hrg_pipeline.reporting.decision_replay import _watched, find_decision
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams
from hrg_pipeline.wrappers.attach import SELECT_OBSERVATIONS

STEPS, EVAL_SEED, EPISODES = 25, 11, 3
WEIGHTS = np.random.default_rng(0).normal(size=(200, 8)) * 6.0


def act(observations):
    """Move towards the person, in a way that depends on what is seen."""
    size = observations.shape[1]
    actions = np.sin(observations.astype(np.float64) @ WEIGHTS[:size])
    actions[:, 1] = actions[:, 3] = 1.0
    return actions.astype(np.float32)


@pytest.fixture(scope="module")
def spec():
    params = ReachHumanParams(horizon=STEPS, human={"motion": {"n_clips": 2}})
    limit = WrapperSpec(name="time_limit", entry_point=TIME_LIMIT, kwargs={"max_episode_steps": STEPS})
    keys = WrapperSpec(
        name="select_observations",
        entry_point=SELECT_OBSERVATIONS,
        kwargs={"keys": ["object-state", "goal_difference"]},
    )
    return EnvSpec.create(RobotParams(), params).with_wrapper(limit).with_wrapper(keys)


@pytest.fixture(scope="module")
def episodes(spec):
    """The table, evaluated side by side as the pipeline does."""
    env = spec.make_vector(num_envs=2, seed=EVAL_SEED, n_threads=1)
    try:
        return evaluate(act, env, EPISODES, EVAL_SEED)
    finally:
        env.close()


@pytest.fixture
def env(spec):
    made = spec.make_vector(num_envs=1, seed=EVAL_SEED, n_threads=1)
    yield made
    made.close()


@pytest.mark.parametrize(("mode", "people"), [("OFF", 1), ("PFL", 2)])
def test_every_mode_and_several_people_can_be_drawn(spec, mode, people, tmp_path):
    human = {"motion": {"n_clips": 2}, "count": people}
    env = spec.with_task(shield={"type": mode}, human=human).make_vector(num_envs=1, seed=EVAL_SEED, n_threads=1)
    try:
        found = find_decision(env, act, evaluate(act, env, 1, EVAL_SEED), EVAL_SEED, 0, STEPS - 1)
    finally:
        env.close()
    assert found.decision.gaps.shape[0] == found.names.people == people
    assert (found.decision.energy is not None) == (mode == "PFL")
    file = tmp_path / "decision.png"
    draw_decision(found, file)
    assert 20_000 < file.stat().st_size < 150_000


def stopped(episodes):
    """An episode in which the shield intervened."""
    return int(np.flatnonzero(episodes["failsafe_interventions"])[0])


def test_the_first_intervention_is_found_and_drawn(env, episodes, tmp_path):
    episode = stopped(episodes)
    found = find_decision(env, act, episodes, EVAL_SEED, episode)
    assert not found.decision.safe
    assert found.decision.measured.time == pytest.approx(0.1 * found.step + 0.004 * found.cycle)
    before = find_decision(env, act, episodes, EVAL_SEED, episode, found.step, max(found.cycle - 1, 0))
    assert before.decision.safe or found.cycle == 0
    file = tmp_path / "deep" / "decision.png"
    draw_decision(found, file, "a run")
    with Image.open(file) as image:
        colours = np.asarray(image.convert("RGB"), dtype=int)
    assert colours.shape[1] > 1000 and file.stat().st_size < 150_000
    red = (colours[..., 0] > 150) & (colours[..., 1] < 120) & (colours[..., 2] < 130)
    assert red.sum() > 500


def test_every_step_and_the_last_cycle_can_be_drawn(env, episodes, tmp_path):
    found = find_decision(env, act, episodes, EVAL_SEED, 0, 0, 24)
    assert (found.step, found.cycle) == (0, 24)
    draw_decision(found, tmp_path / "a.png")
    assert find_decision(env, act, episodes, EVAL_SEED, 0, STEPS - 1, 0).step == STEPS - 1


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ((EPISODES,), f"episodes 0 to {EPISODES - 1}, not {EPISODES}"),
        ((0, STEPS), f"steps 0 to {STEPS - 1}, not {STEPS}"),
        ((0, -1), f"steps 0 to {STEPS - 1}, not -1"),
        ((0, 2, 25), "cycles 0 to 24, not 25"),
    ],
)
def test_what_there_is_not_is_named_with_what_there_is(env, episodes, where, message):
    with pytest.raises(HrgError, match=message):
        find_decision(env, act, episodes, EVAL_SEED, *where)


@pytest.mark.parametrize(("column", "change"), [("return", 1e-9), ("length", -1), ("length", 1)])
def test_an_episode_that_comes_out_differently_is_refused(env, episodes, column, change):
    other = episodes.copy()
    other[column] += change
    with pytest.raises(IntegrityError, match="comes out differently"):
        find_decision(env, act, other, EVAL_SEED, 0, 1)


def test_another_seed_and_no_intervention_are_said(env, episodes):
    with pytest.raises(IntegrityError, match="not made with eval_seed 5"):
        find_decision(env, act, episodes, 5)

    def rest(observations):
        return np.zeros((len(observations), 8), dtype=np.float32)

    calm = evaluate(rest, env, 1, EVAL_SEED)
    assert calm["failsafe_interventions"][0] == 0
    with pytest.raises(HrgError, match=f"never intervened in episode 0; choose a step from 0 to {STEPS - 1}"):
        find_decision(env, rest, calm, EVAL_SEED)


def test_a_watched_step_is_the_same_step(spec):
    states = []
    for watch in (False, True):
        env = spec.make_vector(num_envs=1, seed=3, n_threads=1)
        observations, _ = env.reset(seed=[4])
        for k in range(4):
            if watch and k == 2:
                moments = []
                with _watched(env.unwrapped.engine, moments):
                    observations, *_ = env.step(act(observations))
                assert len(moments) == 25
            else:
                observations, *_ = env.step(act(observations))
        state = env.unwrapped.engine.get_state(0)
        states.append((observations, state))
        env.close()
    (first, a), (second, b) = states
    assert np.array_equal(first, second) and np.array_equal(a["physics"], b["physics"])
    assert a["interventions"] == b["interventions"]
    for part in ("arrays", "shield"):
        assert all(np.array_equal(a[part][name], b[part][name], equal_nan=True) for name in a[part]), part
