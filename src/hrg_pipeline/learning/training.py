"""Trains an agent."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

import pandas as pd
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from hrg_pipeline.learning.agent import Agent, ObservationNormalizer, algorithm_class, build_model, normalized
from hrg_pipeline.learning.callbacks import Interval, MetricsCallback, MetricSink, ProgressCallback, TrainingCurve
from hrg_pipeline.learning.determinism import contained_randomness
from hrg_pipeline.learning.episode_info import EPISODE_KEYS, AnyVectorEnv
from hrg_pipeline.learning.evaluation import evaluate
from hrg_pipeline.learning.overlap import overlapping, threads_beside_learning
from hrg_pipeline.learning.params import PPOParams, SACParams
from hrg_pipeline.learning.progress import Progress
from hrg_pipeline.learning.session import Checkpointing, Evaluating, TrainingSession
from hrg_pipeline.learning.storage import ReplayArrays, replay_buffer_arrays
from hrg_pipeline.learning.vec_env import EngineVecEnv

_NEVER = sys.maxsize

_EVALUATED = {
    "eval/success_rate": "success",
    "eval/mean_reward": "return",
    "eval/mean_ep_length": "length",
    "eval/n_collisions_critical": "n_collisions_critical",
}
"""Metric of an evaluation while training goes on: column of its episodes that it is the mean of."""


class VectorEnvSpec(Protocol):
    """Something that makes the vector env to learn in, such as an ``EnvSpec``."""

    def make_vector(self, *, num_envs: int, seed: int, n_threads: int | None) -> AnyVectorEnv:
        """Make a vector env with autoreset disabled and flat observations."""


@dataclass(frozen=True)
class EvaluationPlan:
    """Evaluations while the training goes on, in environments of their own.

    Attributes:
        freq: Env steps of the training between two.
        n_episodes: Episodes of each.
        seed: Root of their random numbers, the same in each.
    """

    freq: int
    n_episodes: int
    seed: int


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves.

    Attributes:
        agent: The trained agent; it holds no env and no replay buffer any more.
        replay_buffer: The transitions collected, None for algorithms without a replay buffer.
        curve: One row per ``log_interval``: column ``step`` and one per metric.
        wall_time_s: From the first reset to the last update, parts before an interruption included [s].
        steps: Env steps taken, of all environments together; PPO finishes its last roll-out.
        fps: Env steps per second of wall time.
    """

    agent: Agent
    replay_buffer: ReplayArrays | None
    curve: pd.DataFrame
    wall_time_s: float
    steps: int
    fps: float


def train(
    spec: VectorEnvSpec,
    algorithm: SACParams | PPOParams,
    *,
    n_envs: int,
    n_steps: int,
    seed: int,
    n_threads: int | None = None,
    overlap: bool = True,
    log_interval: Interval = 1000,
    log_info_keys: Sequence[str] | None = None,
    verbose: bool = True,
    sink: MetricSink | None = None,
    checkpointing: Checkpointing | None = None,
    evaluation: EvaluationPlan | None = None,
    resetting_interval: int | None = None,
) -> TrainingResult:
    """Train an agent, from scratch or from a checkpoint.

    The same arguments give the same policy, to the bit, however often the training was interrupted and resumed. An
    interrupt goes through to the caller after the last metrics are handed on, the checkpoint that is being written is
    complete, the bar and the envs are closed, and the global random states are as before.

    Args:
        spec: Makes the environments.
        algorithm: Algorithm and its arguments; its own seed rules networks, exploration and minibatches.
        n_envs: Environments stepped together.
        n_steps: Env steps to train for, of all environments together, those before an interruption included.
        seed: Of the environments.
        n_threads: Threads that simulate; None takes all cores, less the one that learns with ``overlap``.
        overlap: Update an off-policy algorithm while the environments step (see ``overlapping``).
        log_interval: Env steps, or episodes, between two rows of the curve.
        log_info_keys: Info values of an episode's last step whose means are logged; None: those of safety.
        verbose: Show progress.
        sink: Gets the metrics while training goes on; after a resume those since the checkpoint once more.
        checkpointing: Where and when checkpoints are written, and which one to go on from; None writes none.
        evaluation: Evaluate while training goes on; None never.
        resetting_interval: Env steps between two resets of the networks (see ``reset_networks``); None never.

    Returns:
        The agent, its data and its learning curve.

    Raises:
        HrgError: There is no checkpoint to go on from, or the training is going on in another process.
        IntegrityError: The checkpoint is damaged, or of another training.
    """
    curve = TrainingCurve()
    metrics = MetricsCallback((curve,) if sink is None else (curve, sink), log_interval, log_info_keys)
    overlap = overlap and issubclass(algorithm_class(algorithm.name), OffPolicyAlgorithm)
    threads = threads_beside_learning() if overlap and n_threads is None else n_threads
    with contained_randomness(), ExitStack() as stack:
        envs = spec.make_vector(num_envs=n_envs, seed=seed, n_threads=threads)
        vec_env = EngineVecEnv(envs, tuple(dict.fromkeys((*EPISODE_KEYS, *(log_info_keys or ())))))
        stack.callback(vec_env.close)
        env = normalized(algorithm, vec_env)
        model = build_model(algorithm, env)
        # The model has just seeded the env with its own seed; the environments have theirs.
        vec_env.seed(seed)
        pending = stack.enter_context(overlapping(cast(OffPolicyAlgorithm, model), vec_env)) if overlap else None
        evaluating = None
        if evaluation is not None:
            n_lanes = min(n_envs, evaluation.n_episodes)
            test_env = spec.make_vector(num_envs=n_lanes, seed=evaluation.seed, n_threads=threads)
            stack.callback(test_env.close)
            evaluating = Evaluating(evaluation.freq, partial(_evaluate, algorithm.name, model, test_env, evaluation))
        session = TrainingSession(
            model,
            vec_env,
            metrics,
            curve,
            n_steps,
            pending,
            checkpointing,
            evaluating,
            resetting_interval,
            identity={
                "environment": checkpointing.environment if checkpointing else "",
                "algorithm": algorithm.model_dump(mode="json"),
                "n_envs": n_envs,
                "seed": seed,
                "overlap": overlap,
                "resetting_interval": resetting_interval,
            },
        )
        with session.open():
            _learn(session, verbose)
        wall_time_s = session.wall_time_s
    steps = model.num_timesteps
    return TrainingResult(
        agent=Agent(algorithm.name, model, _normalizer(env)),
        replay_buffer=_release(model),
        curve=curve.to_frame(),
        wall_time_s=wall_time_s,
        steps=steps,
        fps=steps / wall_time_s,
    )


def _learn(session: TrainingSession, verbose: bool) -> None:
    """Run the algorithm."""
    model, metrics = session.model, session.metrics
    # A logger without outputs: the algorithms write their losses to it, the metrics callback reads them.
    model.set_logger(Logger(folder=None, output_formats=[]))
    progress = Progress("train", session.n_steps, "step", enabled=verbose, start=session.resumed_at)
    display = ProgressCallback(progress, metrics.window)
    try:
        model.learn(session.n_steps, callback=[metrics, display], log_interval=_NEVER)
        session.finish()
    finally:
        display.show()
        progress.close()
        metrics.flush()


def _evaluate(name: str, model: BaseAlgorithm, env: AnyVectorEnv, plan: EvaluationPlan) -> dict[str, float]:
    """Evaluate a model as it is; returns the means over the episodes."""
    with contained_randomness():
        episodes = evaluate(Agent(name, model, _normalizer(model.get_env())), env, plan.n_episodes, plan.seed)
    means = {metric: float(episodes[column].mean()) for metric, column in _EVALUATED.items() if column in episodes}
    return {"eval/success_rate": 0.0, **means}


def _normalizer(env: VecEnv | None) -> ObservationNormalizer | None:
    return ObservationNormalizer.from_vec_normalize(env) if isinstance(env, VecNormalize) else None


def _release(model: BaseAlgorithm) -> ReplayArrays | None:
    """Cut a model from its closed envs and take its replay buffer out, so that it stands by itself."""
    model.env = None
    model._vec_normalize_env = None
    if not isinstance(model, OffPolicyAlgorithm) or model.replay_buffer is None:
        return None
    arrays = replay_buffer_arrays(model.replay_buffer)
    model.replay_buffer = None
    return arrays
