from __future__ import annotations

import numpy as np
import pytest
import torch

from hrg_pipeline.errors import HrgError
from hrg_pipeline.learning.callbacks import EPISODE_METRICS
from hrg_pipeline.learning.evaluation import evaluate
from hrg_pipeline.learning.params import PPOParams, PPOPolicyParams, SACParams, SACPolicyParams
from hrg_pipeline.learning.training import train

from .fake_env import PointReachSpec, PointReachVectorEnv

SAC_PARAMS = SACParams(
    learning_rate=3e-3,
    learning_starts=200,
    batch_size=64,
    buffer_size=5000,
    gamma=0.9,
    gradient_steps=2,
    seed=3,
    device="cpu",
    policy_kwargs=SACPolicyParams(net_arch=(32, 32)),
)
PPO_PARAMS = PPOParams(
    learning_rate=3e-3,
    n_steps=64,
    batch_size=64,
    gamma=0.9,
    seed=3,
    device="cpu",
    policy_kwargs=PPOPolicyParams(net_arch=(32, 32)),
)


class ListSink:
    def __init__(self):
        self.calls = []

    def log(self, metrics, step):
        self.calls.append((step, dict(metrics)))


class InterruptingSink(ListSink):
    def log(self, metrics, step):
        super().log(metrics, step)
        if len(self.calls) == 2:
            raise KeyboardInterrupt


def policy_parameters(result):
    return {k: v.clone() for k, v in result.agent.model.policy.state_dict().items()}


@pytest.mark.parametrize(("params", "n_steps"), [(SAC_PARAMS, 3200), (PPO_PARAMS, 8192)], ids=["sac", "ppo"])
def test_an_agent_learns_to_reach(params, n_steps):
    result = train(PointReachSpec(), params, n_envs=8, n_steps=n_steps, seed=1, verbose=False)
    untrained = train(PointReachSpec(), params, n_envs=8, n_steps=8, seed=1, verbose=False)
    success = [
        evaluate(r.agent, PointReachVectorEnv(8), n_episodes=40, seed=9)["success"].mean() for r in (untrained, result)
    ]
    assert success[0] < 0.5
    assert success[1] >= 0.9


@pytest.mark.parametrize("params", [SAC_PARAMS, PPO_PARAMS], ids=["sac", "ppo"])
@pytest.mark.parametrize("normalize", [False, True])
def test_the_same_seed_twice_gives_the_same_parameters_to_the_bit(params, normalize):
    params = params.model_copy(update={"normalize_observations": normalize})
    runs = []
    for disturbance in (1, 2):
        np.random.seed(disturbance)
        torch.manual_seed(disturbance)
        runs.append(policy_parameters(train(PointReachSpec(), params, n_envs=4, n_steps=300, seed=1, verbose=False)))
    assert runs[0].keys() == runs[1].keys()
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


def test_environment_seed_and_algorithm_seed_each_matter():
    def parameters(seed, algorithm_seed):
        params = SAC_PARAMS.model_copy(update={"seed": algorithm_seed, "learning_starts": 8})
        spec = PointReachSpec()
        result = train(spec, params, n_envs=2, n_steps=40, seed=seed, verbose=False)
        assert spec.env.reset_seeds[0] == seed
        return policy_parameters(result)

    base, other_env, other_algorithm = parameters(1, 1), parameters(2, 1), parameters(1, 2)
    name = "actor.mu.weight"
    assert not torch.equal(base[name], other_env[name])
    assert not torch.equal(base[name], other_algorithm[name])


@pytest.mark.parametrize(
    ("params", "loss"),
    [(SAC_PARAMS, "train/critic_loss"), (PPO_PARAMS, "train/value_loss")],
    ids=["sac", "ppo"],
)
def test_curve_and_sink_get_every_metric(params, loss):
    sink = ListSink()
    result = train(PointReachSpec(), params, n_envs=4, n_steps=512, seed=1, log_interval=100, verbose=False, sink=sink)
    curve = result.curve
    assert curve["step"].tolist() == [100, 200, 300, 400, 500, 512]
    assert {*EPISODE_METRICS, loss, "train/learning_rate", "time/fps"} <= set(curve.columns)
    assert [step for step, _ in sink.calls] == curve["step"].tolist()
    assert sink.calls[-1][1][loss] == curve[loss].iloc[-1]
    assert all(np.isfinite(value) for _, metrics in sink.calls for value in metrics.values())
    last = curve.iloc[-1]
    assert 0.0 <= last["rollout/success_rate"] <= 1.0
    assert 1.0 <= last["rollout/ep_len_mean"] <= 20.0
    assert last["safety/time_slowed_s"] == pytest.approx(0.1 * last["rollout/ep_len_mean"])


def test_metrics_can_be_logged_by_episodes():
    result = train(
        PointReachSpec(), PPO_PARAMS, n_envs=1, n_steps=256, seed=1, log_interval=(4, "episode"), verbose=False
    )
    lengths = result.curve["step"].diff().dropna()[:-1]
    assert len(lengths) > 1
    assert np.all((4 <= lengths) & (lengths <= 4 * 20)), "four episodes of at most 20 steps"


def test_the_logged_info_values_can_be_chosen():
    keys = ["n_collisions_human", "failure"]
    arguments = {"n_envs": 2, "n_steps": 256, "seed": 1, "log_interval": 100, "verbose": False}
    columns = set(train(PointReachSpec(), PPO_PARAMS, log_info_keys=keys, **arguments).curve)
    assert {"safety/n_collisions_human", "rollout/failure", "rollout/ep_rew_mean"} <= columns
    assert "safety/min_human_distance" not in columns
    with pytest.raises(HrgError, match=r"run.log_info_keys has \['nonsense'\].*choose of \[.*'is_success'"):
        train(PointReachSpec(), PPO_PARAMS, log_info_keys=["nonsense"], **arguments)


def test_result_says_what_was_done_and_stands_by_itself():
    spec = PointReachSpec()
    result = train(spec, SAC_PARAMS, n_envs=4, n_steps=400, seed=1, n_threads=2, verbose=False)
    assert spec.n_threads == 2
    assert spec.env.n_closed == 1
    assert result.steps == 400
    assert result.fps == pytest.approx(400 / result.wall_time_s)
    assert result.replay_buffer["obs"].shape == (100, 4, 4)
    assert result.agent.model.env is None
    assert result.agent.model.replay_buffer is None
    assert train(spec, PPO_PARAMS, n_envs=4, n_steps=1, seed=1, verbose=False).replay_buffer is None


def test_timeouts_are_stored_as_such():
    buffer = train(PointReachSpec(5), SAC_PARAMS, n_envs=2, n_steps=200, seed=1, verbose=False).replay_buffer
    ended_by_time = buffer["timeouts"] == 1.0
    assert ended_by_time.any()
    assert np.all(buffer["dones"][ended_by_time] == 1.0)
    goal = np.linalg.norm(buffer["next_obs"][..., 2:], axis=-1) < 0.25
    np.testing.assert_array_equal(goal, (buffer["dones"] == 1.0) & ~ended_by_time)


def test_an_interrupt_keeps_the_metrics_and_closes_everything():
    spec, sink = PointReachSpec(), InterruptingSink()
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        train(spec, SAC_PARAMS, n_envs=2, n_steps=1000, seed=1, log_interval=100, verbose=False, sink=sink)
    assert [step for step, _ in sink.calls] == [100, 200]
    assert spec.env.n_closed == 1
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_progress_is_shown_when_asked(capsys):
    train(PointReachSpec(), PPO_PARAMS, n_envs=4, n_steps=512, seed=1, verbose=True)
    shown = capsys.readouterr().err
    assert "train: 512/512 steps" in shown
    assert "reward -" in shown and "success 0." in shown
