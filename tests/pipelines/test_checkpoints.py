"""Policies of checkpoints: which there are, how they are loaded, what is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hrg_pipeline.errors import HrgError, IntegrityError
from hrg_pipeline.learning.agent import Agent, ObservationNormalizer
from hrg_pipeline.learning.checkpoint_state import ARRAYS, NETWORKS, STATE
from hrg_pipeline.learning.checkpoint_store import FOLDER, CheckpointStore, Manifest
from hrg_pipeline.pipelines.evaluate.checkpoints import agent_at, chosen_steps
from tests.learning.test_agent import make_agent

OBSERVATIONS = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


def store_checkpoint(models: Path, step: int, agent: Agent) -> Path:
    networks, arrays = io.BytesIO(), io.BytesIO()
    torch.save({"parameters": agent.model.get_parameters(), "variables": {}}, networks)
    names = ("mean", "var")
    np.savez(arrays, **{name: np.full(4, 2.0) for name in names})
    statistics = {name: {"__array__": name} for name in names} | {"count": 7.0}
    state = json.dumps({"normalisation": {"obs_rms": statistics}}).encode()
    store = CheckpointStore(models / FOLDER)
    store.write(Manifest(step, {}), {NETWORKS: networks.getvalue(), STATE: state, ARRAYS: arrays.getvalue()})
    return store.path(step)


def changed_agent(name: str) -> Agent:
    """An agent that acts otherwise."""
    agent = make_agent(name)
    with torch.no_grad():
        for parameter in agent.model.policy.parameters():
            parameter.add_(0.1)
    return agent


@pytest.mark.parametrize("name", ["sac", "ppo"])
def test_the_policy_of_a_checkpoint_acts_as_it_did_then(tmp_path, name):
    then, now = changed_agent(name), make_agent(name)
    store_checkpoint(tmp_path, 1000, then)
    expected = then.predict(OBSERVATIONS)
    assert not np.array_equal(now.predict(OBSERVATIONS), expected)
    np.testing.assert_array_equal(agent_at(now, tmp_path, 1000).predict(OBSERVATIONS), expected)


def test_so_does_its_normalisation(tmp_path):
    store_checkpoint(tmp_path, 1000, make_agent("sac"))
    final = ObservationNormalizer(np.zeros(4), np.ones(4), 100.0, 10.0, 1e-8)
    found = agent_at(Agent("sac", make_agent("sac").model, final), tmp_path, 1000).normalizer
    assert (found.mean.tolist(), found.var.tolist(), found.count, found.clip) == ([2.0] * 4, [2.0] * 4, 7.0, 10.0)


def test_steps_are_chosen_by_number_best_final_or_all(tmp_path):
    for step in (3000, 1000, 2000):
        store_checkpoint(tmp_path, step, make_agent("ppo"))
    (tmp_path / "checkpoints/step-000000002000/manifest.json").unlink()
    (tmp_path / "checkpoints/best.json").write_text('{"step": 1000, "success_rate": 1.0}')
    assert chosen_steps(tmp_path, "final") == [None]
    assert chosen_steps(tmp_path, "all") == [1000, 3000, None]
    assert chosen_steps(tmp_path, "best") == [1000]
    assert chosen_steps(tmp_path, "3000") == [3000]
    for wish in ("2000", "newest", "-1"):
        with pytest.raises(HrgError, match="expected final, best, all or one of: 1000, 3000"):
            chosen_steps(tmp_path, wish)
    with pytest.raises(HrgError, match="none"):
        chosen_steps(tmp_path / "elsewhere", "best")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + b"\x00" * 60])
def test_a_damaged_checkpoint_is_one_clear_error(tmp_path, content):
    folder = store_checkpoint(tmp_path, 1000, make_agent("ppo"))
    (folder / "networks.pt").write_bytes(content)
    with pytest.raises(IntegrityError, match="step-000000001000 is damaged") as error:
        agent_at(make_agent("ppo"), tmp_path, 1000)
    assert "\n" not in str(error.value)


def test_a_checkpoint_of_another_algorithm_does_not_fit(tmp_path):
    store_checkpoint(tmp_path, 1000, make_agent("ppo"))
    with pytest.raises(IntegrityError, match="cannot be loaded"):
        agent_at(make_agent("sac"), tmp_path, 1000)
