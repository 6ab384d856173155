"""Models and replay buffers to files and arrays, and back."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from hrg_pipeline.errors import HrgError, IntegrityError
from hrg_pipeline.learning.agent import Agent, ObservationNormalizer, algorithm_class
from hrg_pipeline.learning.determinism import contained_randomness
from hrg_pipeline.learning.params import Device

ReplayArrays = dict[str, NDArray[Any]]
"""The filled part of a replay buffer: see ``replay_buffer_arrays``."""

COLUMNS = {
    "obs": "observations",
    "next_obs": "next_observations",
    "actions": "actions",
    "rewards": "rewards",
    "dones": "dones",
    "timeouts": "timeouts",
}
"""Name of a column of transitions in files: name of its array in a replay buffer."""

# Of one moment or one wall clock; without them two runs of one seed write the same model.
_VOLATILE = (
    "start_time",
    "ep_info_buffer",
    "ep_success_buffer",
    "_last_obs",
    "_last_original_obs",
    "_last_episode_starts",
)


# In the descriptions that stand beside each pickled value for human readers; nothing reads them back.
_ADDRESS = re.compile(rb" at 0x[0-9a-f]+(?=>)")


def save_model(agent: Agent, path: Path | str) -> Path:
    """Write an agent's model as a zip file of stable-baselines3 (without normaliser and replay buffer).

    Equal models give equal files, byte for byte, also from different processes.

    Args:
        agent: The agent.
        path: File to write; folders are made, ``.zip`` is added if no suffix is there.

    Returns:
        The file written.
    """
    target = Path(path)
    target = target if target.suffix else target.with_suffix(".zip")
    target.parent.mkdir(parents=True, exist_ok=True)
    written = io.BytesIO()
    agent.model.save(written, exclude=_VOLATILE)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(target, "w") as stored:
        for name in source.namelist():
            content = source.read(name)
            if name == "data":
                content = _ADDRESS.sub(b"", content)
            # A ZipInfo of its own has no wall-clock date.
            stored.writestr(zipfile.ZipInfo(name), content)
    return target


def load_agent(
    name: str, path: Path | str, normalizer: ObservationNormalizer | None = None, device: Device = "auto"
) -> Agent:
    """Read a model that ``save_model`` wrote.

    Args:
        name: Its algorithm.
        path: The zip file.
        normalizer: What its observations go through, None when it was trained without.
        device: Where the networks shall live.

    Returns:
        An agent that acts as the saved one did.

    Raises:
        HrgError: There is no such algorithm or file.
    """
    if not Path(path).is_file():
        raise HrgError(f"no model file at {path}")
    with contained_randomness():
        model = algorithm_class(name).load(path, device=device)
    return Agent(name=name, model=model, normalizer=normalizer)


def replay_buffer_arrays(buffer: ReplayBuffer) -> ReplayArrays:
    """Copy the filled part of a replay buffer.

    Args:
        buffer: T slots of N environments, S of them filled.

    Returns:
        ``obs`` and ``next_obs`` (S, N, k), ``actions`` (S, N, n) scaled to [-1, 1], ``rewards``, ``dones``
        and ``timeouts`` (S, N), and the scalars ``pos`` (next slot), ``full`` and ``buffer_size`` (T).
    """
    filled = buffer.size()
    arrays: ReplayArrays = {key: getattr(buffer, name)[:filled].copy() for key, name in COLUMNS.items()}
    arrays["pos"] = np.array(buffer.pos, dtype=np.int64)
    arrays["full"] = np.array(buffer.full, dtype=np.bool_)
    arrays["buffer_size"] = np.array(buffer.buffer_size, dtype=np.int64)
    return arrays


def restore_replay_buffer(agent: Agent, arrays: ReplayArrays) -> ReplayBuffer:
    """Give an agent a replay buffer with the contents that ``replay_buffer_arrays`` copied.

    Args:
        agent: An off-policy agent (SAC).
        arrays: The contents.

    Returns:
        The buffer, which is now the model's.

    Raises:
        HrgError: The algorithm has no replay buffer.
        IntegrityError: The contents are incomplete or do not fit the agent's spaces.
    """
    model = agent.model
    if not isinstance(model, OffPolicyAlgorithm):
        raise HrgError(f"algorithm '{agent.name}' has no replay buffer")
    missing = sorted({*COLUMNS, "pos", "full", "buffer_size"} - arrays.keys())
    if missing:
        raise IntegrityError(f"replay buffer lacks {', '.join(missing)}")
    filled, n_envs = arrays["rewards"].shape
    buffer = ReplayBuffer(
        int(arrays["buffer_size"]) * n_envs,
        model.observation_space,
        model.action_space,
        device=model.device,
        n_envs=n_envs,
    )
    for key, name in COLUMNS.items():
        column = getattr(buffer, name)
        if arrays[key].shape != column[:filled].shape:
            raise IntegrityError(
                f"replay buffer has {key} of shape {arrays[key].shape}, expected {column[:filled].shape}"
            )
        column[:filled] = arrays[key]
    buffer.pos = int(arrays["pos"])
    buffer.full = bool(arrays["full"])
    model.replay_buffer = buffer
    return buffer
