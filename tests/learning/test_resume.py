"""A training that was interrupted and resumed is the training that was not, to the bit."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hrg_pipeline.errors import HrgError, IntegrityError
from hrg_pipeline.learning.checkpoint_store import CheckpointStore, Keep
from hrg_pipeline.learning.params import PPOParams, SACParams
from hrg_pipeline.learning.session import Checkpointing
from hrg_pipeline.learning.storage import save_model
from hrg_pipeline.learning.training import EvaluationPlan, train

from .fake_env import PointReachSpec

SAC = SACParams.model_validate(
    {"buffer_size": 240, "learning_starts": 40, "batch_size": 16, "policy_kwargs": {"net_arch": [8]}, "device": "cpu"}
)
PPO = PPOParams.model_validate(
    {"n_steps": 10, "batch_size": 10, "n_epochs": 2, "policy_kwargs": {"net_arch": [8]}, "device": "cpu"}
)
SIZE = {"n_envs": 2, "seed": 3, "log_interval": 30, "verbose": False}


class Killed(BaseException):
    """What ends a training in the middle."""


@dataclass
class KillAt:
    """A sink that ends the training at a step."""

    step: int

    def log(self, metrics, step):
        if step >= self.step:
            raise Killed


def options(folder: Path, **changes):
    return Checkpointing(folder, save_freq=50, **changes)


def learn(algorithm=SAC, n_steps=400, spec=None, **kwargs):
    return train(spec or PointReachSpec(), algorithm, n_steps=n_steps, **SIZE | kwargs)


def content(result, folder: Path):
    """Everything a training leaves, as bytes and tables."""
    path = save_model(result.agent, folder / "model.zip")
    curve = result.curve.drop(columns="time/fps")
    buffer = {name: array.tobytes() for name, array in (result.replay_buffer or {}).items()}
    normalizer = result.agent.normalizer.to_dict() if result.agent.normalizer else None
    return path.read_bytes(), buffer, normalizer, curve, result.steps


def assert_same(one, other, tmp_path: Path):
    *first, curve, steps = content(one, tmp_path / "1")
    *second, other_curve, other_steps = content(other, tmp_path / "2")
    pd.testing.assert_frame_equal(curve, other_curve, check_exact=True)
    assert steps == other_steps
    parameters = [dict(result.agent.model.policy.state_dict()) for result in (one, other)]
    assert all(torch.equal(parameters[0][name], parameters[1][name]) for name in parameters[0])
    assert first[1:] == second[1:]
    assert first[0] == second[0], "the stored models differ"


def killed(folder, step, **kwargs):
    with pytest.raises(Killed):
        learn(sink=KillAt(step), checkpointing=options(folder, **kwargs.pop("options", {})), **kwargs)


SAC_NORMALISED = SAC.model_copy(update={"normalize_observations": True, "use_sde": True, "train_freq": (3, "step")})
SAC_FULL = SAC.model_copy(update={"ent_coef": 0.1, "buffer_size": 100})
PPO_NORMALISED = PPO.model_copy(update={"normalize_observations": True, "use_sde": True})


@pytest.mark.parametrize(
    ("algorithm", "n_envs", "overlap"),
    [
        pytest.param(SAC, 1, True, id="sac-1"),
        pytest.param(SAC, 8, True, id="sac-8"),
        pytest.param(SAC, 1, False, id="sac-1-without-overlap"),
        pytest.param(SAC, 8, False, id="sac-8-without-overlap"),
        pytest.param(SAC_NORMALISED, 8, True, id="sac-normalised"),
        pytest.param(SAC_FULL, 8, True, id="sac-full-buffer"),
        pytest.param(SAC_FULL, 1, False, id="sac-full-buffer-without-overlap"),
        pytest.param(PPO, 1, True, id="ppo-1"),
        pytest.param(PPO, 8, True, id="ppo-8"),
        pytest.param(PPO_NORMALISED, 8, True, id="ppo-normalised"),
    ],
)
def test_two_halves_are_the_whole(algorithm, n_envs, overlap, tmp_path):
    kwargs = {"algorithm": algorithm, "n_envs": n_envs, "overlap": overlap}
    whole = learn(n_steps=320, **kwargs)
    learn(n_steps=160, checkpointing=options(tmp_path / "c"), **kwargs)
    halves = learn(n_steps=320, checkpointing=options(tmp_path / "c", resume="final"), **kwargs)
    assert_same(whole, halves, tmp_path)


@pytest.mark.parametrize("algorithm", [SAC, PPO], ids=["sac", "ppo"])
def test_a_training_killed_again_and_again_ends_as_if_nothing_had_been(algorithm, tmp_path):
    whole = learn(algorithm)
    killed(tmp_path / "c", 120, algorithm=algorithm)
    for step in (180, 270, 390):
        killed(tmp_path / "c", step, algorithm=algorithm, options={"resume": "final"})
    resumed = learn(algorithm, checkpointing=options(tmp_path / "c", resume="final"))
    assert_same(whole, resumed, tmp_path)


def test_checkpoints_change_nothing(tmp_path):
    assert_same(learn(), learn(checkpointing=options(tmp_path / "c")), tmp_path)


def test_evaluations_and_resets_are_resumed_too(tmp_path):
    plan = {"evaluation": EvaluationPlan(80, 3, 7), "resetting_interval": 100}
    whole = learn(**plan, checkpointing=options(tmp_path / "whole"))
    killed(tmp_path / "c", 240, **plan)
    resumed = learn(**plan, checkpointing=options(tmp_path / "c", resume="final"))
    assert_same(whole, resumed, tmp_path)
    evaluated = whole.curve.dropna(subset=["eval/mean_reward"])
    assert evaluated["step"].tolist() == [80, 160, 240, 320, 400]
    best = [json.loads((tmp_path / run / "best.json").read_text()) for run in ("whole", "c")]
    assert best[0] == best[1]
    scores = evaluated[["eval/success_rate", "eval/mean_reward"]].apply(tuple, axis=1)
    assert best[0]["step"] == evaluated["step"].iloc[int(np.argmax([scores.rank().iloc[k] for k in range(5)]))]


def test_evaluations_do_not_change_what_is_learned(tmp_path):
    plain, watched = learn(), learn(evaluation=EvaluationPlan(60, 2, 1))
    assert_same(
        plain,
        type(watched)(**vars(watched) | {"curve": plain.curve}),
        tmp_path,
    )


def test_networks_begin_anew_at_the_interval_and_the_buffer_stays():
    plain, reset = learn(n_steps=300), learn(n_steps=300, resetting_interval=100)
    # The slots before 30 hold newer rows: the buffer is full.
    before = slice(30, 50)
    assert np.array_equal(plain.replay_buffer["obs"][before], reset.replay_buffer["obs"][before])
    weights = [result.agent.model.policy.state_dict()["actor.mu.weight"] for result in (plain, reset)]
    assert not torch.equal(*weights)
    late = learn(n_steps=300, resetting_interval=220)
    assert torch.equal(late.agent.model.policy.state_dict()["actor.mu.weight"], weights[0]), "reset near the end"


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path, caplog):
    whole = learn()
    killed(tmp_path / "c", 270)
    store = CheckpointStore(tmp_path / "c")
    newest = store.steps()[-1]
    file = store.path(newest) / "networks.pt"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with caplog.at_level(logging.WARNING):
        resumed = learn(checkpointing=options(tmp_path / "c", resume="final"))
    assert str(file) in caplog.text
    assert_same(whole, resumed, tmp_path)
    assert store.check(store.steps()[-1])


def test_a_damaged_piece_of_the_buffer_is_found(tmp_path):
    killed(tmp_path / "c", 270)
    store = CheckpointStore(tmp_path / "c")
    newest = store.manifest(store.steps()[-1]).segments[-1]
    path = store.segment_path(newest)
    data = bytearray(path.read_bytes())
    data[-200] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match=newest.name):
        store.check(store.steps()[-1])
    assert store.find().step == store.steps()[-2]


def test_load_step_goes_on_from_that_checkpoint(tmp_path):
    whole = learn()
    killed(tmp_path / "c", 270)
    store = CheckpointStore(tmp_path / "c")
    first = store.steps()[0]
    assert_same(whole, learn(checkpointing=options(tmp_path / "c", resume=first)), tmp_path)
    with pytest.raises(HrgError, match="no checkpoint of step 7"):
        learn(checkpointing=options(tmp_path / "c", resume=7))
    with pytest.raises(HrgError, match="no best checkpoint"):
        learn(checkpointing=options(tmp_path / "c", resume="best"))


def test_a_full_disk_is_told_and_the_training_goes_on(tmp_path, monkeypatch, caplog):
    whole = learn()
    store = CheckpointStore(tmp_path / "c")
    write, before = CheckpointStore.write, []

    def full(self, manifest, files):
        if manifest.step < 200:
            return write(self, manifest, files)
        before.append(store.steps())
        self.path(manifest.step).with_name("half").mkdir(exist_ok=True)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(CheckpointStore, "write", full)
    with caplog.at_level(logging.WARNING):
        result = learn(checkpointing=options(tmp_path / "c"))
    assert "No space left on device" in caplog.text and f"step {before[0][-1]}" in caplog.text
    assert before[0] and store.steps() == before[0]
    assert store.find().step == before[0][-1]
    assert_same(whole, result, tmp_path)
    monkeypatch.undo()
    assert_same(whole, learn(checkpointing=options(tmp_path / "c", resume="final")), tmp_path)


def test_rows_of_the_buffer_are_written_once(tmp_path):
    learn(checkpointing=options(tmp_path / "c"))
    store = CheckpointStore(tmp_path / "c")
    segments = store.check(store.steps()[-1]).segments
    assert segments[-1].stop == 200 and segments[0].first <= 200 - 120
    assert all(one.stop == other.first for one, other in pairwise(segments))
    used = {segment.name for step in store.steps() for segment in store.manifest(step).segments}
    assert {path.name for path in (tmp_path / "c" / "replay").iterdir()} == used


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    learn(n_steps=100, checkpointing=options(tmp_path / "c"))
    other = SAC.model_copy(update={"gamma": 0.5})
    with pytest.raises(IntegrityError, match="algorithm"):
        learn(other, checkpointing=options(tmp_path / "c", resume="final"))
    with pytest.raises(IntegrityError, match="environment"):
        learn(checkpointing=options(tmp_path / "c", resume="final", environment="elsewhere"))


def test_a_new_training_does_not_mix_with_stored_checkpoints(tmp_path):
    learn(n_steps=100, checkpointing=options(tmp_path / "c"))
    with pytest.raises(HrgError, match="holds checkpoints"):
        learn(checkpointing=options(tmp_path / "c"))


def test_a_run_is_trained_by_one_process_at_a_time(tmp_path):
    store = CheckpointStore(tmp_path / "c")
    with store.writing(), pytest.raises(HrgError, match="another process"):
        learn(checkpointing=options(tmp_path / "c"))


def test_what_was_half_written_is_cleared(tmp_path):
    killed(tmp_path / "c", 120)
    half = tmp_path / "c" / "step-000000000999.part"
    half.mkdir()
    (tmp_path / "c" / "replay" / "rows-000000000000.part").write_bytes(b"half")
    learn(checkpointing=options(tmp_path / "c", resume="final"))
    assert not list((tmp_path / "c").rglob("*.part"))


def test_a_finished_training_is_found_finished(tmp_path):
    whole = learn(checkpointing=options(tmp_path / "c"))
    again = learn(checkpointing=options(tmp_path / "c", resume="final"))
    assert_same(whole, again, tmp_path)


@pytest.mark.parametrize(
    ("keep", "best", "kept"),
    [
        (Keep(2), None, {400, 500}),
        (Keep(1), 200, {200, 500}),
        (Keep(1, every=200), None, {210, 400, 500}),
    ],
)
def test_checkpoints_are_kept_by_policy(keep, best, kept):
    assert keep.chosen([100, 200 if best else 210, 300, 400, 500], best) == kept
