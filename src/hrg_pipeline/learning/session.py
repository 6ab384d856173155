"""What happens between the roll-outs of a training: checkpoints, evaluations, resets, and the way back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import RolloutReturn

from hrg_pipeline.errors import HrgError, IntegrityError
from hrg_pipeline.learning import checkpoint_state
from hrg_pipeline.learning.callbacks import MetricsCallback, TrainingCurve
from hrg_pipeline.learning.checkpoint_store import CheckpointStore, Keep, LoadStep, Manifest
from hrg_pipeline.learning.checkpoint_writer import CheckpointWriter
from hrg_pipeline.learning.overlap import PendingUpdates
from hrg_pipeline.learning.replay_rows import fill_buffer
from hrg_pipeline.learning.resets import reset_is_due, reset_networks
from hrg_pipeline.learning.vec_env import EngineVecEnv

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Checkpointing:
    """Where checkpoints go, how often, and whether to go on from one.

    Attributes:
        folder: Of this training alone.
        save_freq: Env steps between two, of all environments together; 0: none. One more is written at the end.
        keep: Which are kept.
        resume: None: begin anew. Else the checkpoint to go on from.
        environment: What tells environments apart (their hash); a checkpoint of another one is refused.
    """

    folder: Path
    save_freq: int
    keep: Keep = field(default_factory=Keep)
    resume: LoadStep | None = None
    environment: str = ""


@dataclass(frozen=True)
class Evaluating:
    """Evaluations while the training goes on.

    Attributes:
        freq: Env steps between two.
        run: Evaluates the model as it is; returns ``eval/*`` metrics.
    """

    freq: int
    run: Callable[[], Figures]


@dataclass
class TrainingSession:
    """A training in progress, seen from the moments between its roll-outs.

    These are the moments at which all of its state is in known places: no step and no update is half done. A
    checkpoint is taken before anything else that is due at the same moment, so whoever goes on from it does that, too.

    Attributes:
        model: The algorithm, inside ``learn``.
        vec_env: Its innermost vec env.
        metrics: What is watched.
        curve: What was watched so far.
        n_steps: Env steps to train for.
        pending: Updates that wait for the environments to be under way.
        checkpointing: None writes none.
        evaluating: None evaluates never.
        resetting_interval: Env steps between two resets of the networks; None never.
        identity: What must be the same to go on from a checkpoint.
    """

    model: BaseAlgorithm
    vec_env: EngineVecEnv
    metrics: MetricsCallback
    curve: TrainingCurve
    n_steps: int
    pending: PendingUpdates | None
    checkpointing: Checkpointing | None
    evaluating: Evaluating | None
    resetting_interval: int | None
    identity: dict[str, Any]
    _writer: CheckpointWriter | None = None
    _resume: Manifest | None = None
    _saved_at: int = -1
    _evaluated_at: int = 0
    _reset_at: int = 0
    _best: list[float] | None = None
    _earlier_s: float = 0.0
    _started: float = field(default_factory=time.perf_counter)

    @property
    def resumed_at(self) -> int:
        """Env steps that the training goes on from."""
        return self._resume.step if self._resume else 0

    @property
    def wall_time_s(self) -> float:
        """Time that the training took so far [s], that before an interruption included."""
        return self._earlier_s + time.perf_counter() - self._started

    @contextmanager
    def open(self) -> Iterator[None]:
        """Be called between the roll-outs of the model; write checkpoints in the background.

        Raises:
            HrgError: Another process trains this run, or there is nothing to go on from.
            IntegrityError: What there is, is damaged.
        """
        with ExitStack() as stack:
            if self.checkpointing is not None:
                store = CheckpointStore(self.checkpointing.folder)
                stack.enter_context(store.writing())
                if self.checkpointing.resume is not None:
                    self._resume = store.find(self.checkpointing.resume)
                    self._require_identity(self._resume)
                elif store.steps():
                    raise HrgError(f"{store.folder} holds checkpoints of a training; go on with it, or use another one")
                writer = CheckpointWriter(store, self.checkpointing.keep, self.identity, self._resume)
                self._writer = stack.enter_context(writer)
            stack.enter_context(_between_rollouts(self.model, self._before_rollout))
            yield

    def finish(self) -> None:
        """Do what is due after the last roll-out; one more checkpoint lets the training be extended."""
        self._save(force=True)
        self._evaluate()
        if self._writer is not None:
            self._writer.wait()

    def _before_rollout(self) -> bool:
        """Do what is due between two roll-outs; returns whether there is anything left to train."""
        if self._resume is not None and self.model.num_timesteps == 0:
            self._restore(self._resume)
            if self.model.num_timesteps >= self.n_steps:
                return False
        self._save()
        self._evaluate()
        self._reset()
        return True

    def _save(self, force: bool = False) -> None:
        steps = self.model.num_timesteps
        if self._writer is None or self.checkpointing is None or steps == self._saved_at:
            return
        freq = self.checkpointing.save_freq
        if not force and (not freq or steps // freq <= max(self._saved_at, 0) // freq):
            return
        self._saved_at = steps
        extra = {
            "metrics": self.metrics.get_state(),
            "curve": self.curve.get_state(),
            "pending": self.pending.get_state() if self.pending else [],
            "evaluated_at": self._evaluated_at,
            "reset_at": self._reset_at,
            "best": self._best,
            "wall_time_s": self.wall_time_s,
        }
        snapshot = checkpoint_state.take(self.model, self.vec_env, extra)
        buffer = self.model.replay_buffer if isinstance(self.model, OffPolicyAlgorithm) else None
        self._writer.save(steps, snapshot, buffer, steps // self.vec_env.num_envs)

    def _restore(self, manifest: Manifest) -> None:
        assert self.checkpointing is not None
        store = CheckpointStore(self.checkpointing.folder)
        files = {name: store.read(manifest, name) for name in manifest.files}
        extra = checkpoint_state.put_back(self.model, self.vec_env, files)
        self.metrics.set_state(extra["metrics"], self.model.num_timesteps)
        self.curve.set_state(extra["curve"])
        if self.pending is not None:
            self.pending.set_state(extra["pending"])
        self._evaluated_at, self._reset_at = extra["evaluated_at"], extra["reset_at"]
        self._best, self._earlier_s = extra["best"], extra["wall_time_s"]
        self._saved_at = manifest.step
        if isinstance(self.model, OffPolicyAlgorithm) and self.model.replay_buffer is not None:
            pieces = ((one.first, dict(np.load(store.segment_path(one)))) for one in manifest.segments)
            fill_buffer(self.model.replay_buffer, manifest.step // self.vec_env.num_envs, pieces)
        self._started = time.perf_counter()

    def _evaluate(self) -> None:
        if self.evaluating is None:
            return
        steps, freq = self.model.num_timesteps, self.evaluating.freq
        if steps // freq <= self._evaluated_at // freq:
            return
        # A checkpoint of this moment has to say that the evaluation is still to be done: take it first.
        figures = self.evaluating.run()
        score = [figures["eval/success_rate"], figures["eval/mean_reward"]]
        if self._best is None or score > self._best:
            self._save(force=True)
            self._best = score
            if self._writer is not None:
                self._writer.mark_best(steps, figures)
        self._evaluated_at = steps
        self.metrics.hand_on(figures, steps)

    def _reset(self) -> None:
        interval, steps = self.resetting_interval, self.model.num_timesteps
        if interval is None:
            return
        due = reset_is_due(steps, self._reset_at, interval, self.n_steps)
        self._reset_at = steps
        if due:
            reset_networks(self.model)

    def _require_identity(self, manifest: Manifest) -> None:
        differ = sorted(
            key for key in {*manifest.identity, *self.identity} if manifest.identity.get(key) != self.identity.get(key)
        )
        if differ:
            told = ", ".join(f"{key} {manifest.identity.get(key)} (now {self.identity.get(key)})" for key in differ)
            raise IntegrityError(f"the checkpoint of step {manifest.step} was trained with {told}")


@contextmanager
def _between_rollouts(model: BaseAlgorithm, act: Callable[[], bool]) -> Iterator[None]:
    """Call ``act`` before every roll-out of a model; the training ends when it returns False."""
    algorithm: Any = model
    collect = algorithm.collect_rollouts

    def act_and_collect(*args: Any, **kwargs: Any) -> Any:
        if act():
            return collect(*args, **kwargs)
        return RolloutReturn(0, 0, continue_training=False) if isinstance(model, OffPolicyAlgorithm) else False

    algorithm.collect_rollouts = act_and_collect
    try:
        yield
    finally:
        del algorithm.collect_rollouts  # the method of the class is back
