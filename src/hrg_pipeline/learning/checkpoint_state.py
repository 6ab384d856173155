"""Everything that decides how a training goes on: taken between two roll-outs, and put back there."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from hrg_pipeline.errors import IntegrityError
from hrg_pipeline.learning.tree import pack, unpack
from hrg_pipeline.learning.vec_env import EngineVecEnv

NETWORKS, STATE, ARRAYS = "networks.pt", "state.json", "arrays.npz"
"""Files of a checkpoint: networks, optimisers and torch's random states; the rest; the arrays of the rest."""

_COUNTERS = ("num_timesteps", "_episode_num", "_n_updates", "_current_progress_remaining")
_LAST = ("_last_obs", "_last_original_obs", "_last_episode_starts")
_STATISTICS = ("mean", "var", "count")


class Snapshot(NamedTuple):
    """State of a training that shares no memory with it."""

    networks: bytes
    tree: Any
    arrays: dict[str, NDArray[Any]]

    def files(self) -> dict[str, bytes]:
        """Files of a checkpoint, by name."""
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, **self.arrays)
        return {NETWORKS: self.networks, STATE: json.dumps(self.tree).encode(), ARRAYS: stream.getvalue()}


def take(model: BaseAlgorithm, vec_env: EngineVecEnv, extra: Mapping[str, Any]) -> Snapshot:
    """Copy the state of a training between two roll-outs, without its replay buffer.

    Args:
        model: The algorithm, with its optimisers.
        vec_env: The innermost vec env; observation statistics are found at the model.
        extra: What else belongs to it: nested dicts and lists, see ``pack``.
    """
    state = {
        "counters": {name: getattr(model, name) for name in _COUNTERS},
        "last": {name: getattr(model, name) for name in _LAST},
        "action_space": _generator_state(model.action_space),
        "random": {"python": random.getstate(), "numpy": np.random.get_state(legacy=False)},
        "losses": {name: float(value) for name, value in model.logger.name_to_value.items()},
        "normalisation": _normalisation(model),
        "vec_env": vec_env.get_state(),
        "extra": dict(extra),
    }
    return Snapshot(_networks(model), *pack(state))


def put_back(model: BaseAlgorithm, vec_env: EngineVecEnv, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Give a training that has just begun the state of another; it then goes on exactly as that one did.

    Args:
        model: Made from the same parameters, its environments reset.
        vec_env: Its innermost vec env.
        files: Content of ``NETWORKS``, ``STATE`` and ``ARRAYS``.

    Returns:
        What was given to ``take`` as ``extra``.

    Raises:
        IntegrityError: The files do not fit the training.
    """
    try:
        state = _read(files)
        _set_networks(model, files[NETWORKS])
        for name, value in {**state["counters"], **state["last"]}.items():
            setattr(model, name, value)
        model.action_space.np_random.bit_generator.state = state["action_space"]
        version, words, gauss = state["random"]["python"]
        random.setstate((version, tuple(words), gauss))
        np.random.set_state(state["random"]["numpy"])
        for name, value in state["losses"].items():
            model.logger.record(name, value)
        _set_normalisation(model, state["normalisation"])
        vec_env.set_state(state["vec_env"])
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError, EOFError) as error:
        if isinstance(error, IntegrityError):
            raise
        raise IntegrityError(f"the checkpoint does not fit this training: {error}") from error
    extra: dict[str, Any] = state["extra"]
    return extra


def observation_statistics(files: Mapping[str, bytes]) -> dict[str, Any] | None:
    """Return ``mean``, ``var`` and ``count`` of the observations at a checkpoint; None: they were not normalised.

    Args:
        files: Content of ``STATE`` and ``ARRAYS``.
    """
    normalisation = _read(files)["normalisation"]
    return dict(normalisation["obs_rms"]) if normalisation else None


def set_policy(model: BaseAlgorithm, networks: bytes) -> None:
    """Give a model the networks and optimisers in the ``NETWORKS`` file of a checkpoint, and nothing else."""
    content = _load(networks)
    model.set_parameters(content["parameters"], exact_match=True, device=model.device)
    for name, value in content["variables"].items():
        getattr(model, name).data.copy_(value)


def _read(files: Mapping[str, bytes]) -> Any:
    with np.load(io.BytesIO(files[ARRAYS]), allow_pickle=False) as archive:
        return unpack(json.loads(files[STATE]), {name: archive[name] for name in archive.files})


def _networks(model: BaseAlgorithm) -> bytes:
    # The names of what a model stores are those that stable-baselines3 itself would put into its zip.
    _, variables = model._get_torch_save_params()
    present = {name: getattr(model, name, None) for name in variables}
    stream = io.BytesIO()
    torch.save(
        {
            "parameters": model.get_parameters(),
            "variables": {name: value.detach() for name, value in present.items() if value is not None},
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        },
        stream,
    )
    return stream.getvalue()


def _set_networks(model: BaseAlgorithm, networks: bytes) -> None:
    set_policy(model, networks)
    content = _load(networks)
    torch.set_rng_state(content["random"])
    if content["random_cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(content["random_cuda"])


def _load(networks: bytes) -> dict[str, Any]:
    # Random states must stay on the CPU; set_parameters moves everything else.
    content: dict[str, Any] = torch.load(io.BytesIO(networks), map_location="cpu", weights_only=True)
    return content


def _generator_state(space: spaces.Space[Any]) -> Any:
    return space.np_random.bit_generator.state


def _normalisation(model: BaseAlgorithm) -> dict[str, Any] | None:
    env = model._vec_normalize_env
    if not isinstance(env, VecNormalize):
        return None
    return {
        "returns": env.returns,
        **{of: {name: getattr(getattr(env, of), name) for name in _STATISTICS} for of in ("obs_rms", "ret_rms")},
    }


def _set_normalisation(model: BaseAlgorithm, state: Mapping[str, Any] | None) -> None:
    env = model._vec_normalize_env
    if state is None or not isinstance(env, VecNormalize):
        if state is not None or isinstance(env, VecNormalize):
            raise IntegrityError("the checkpoint and this training differ in algorithm.normalize_observations")
        return
    env.returns = state["returns"]
    for of in ("obs_rms", "ret_rms"):
        for name in _STATISTICS:
            setattr(getattr(env, of), name, state[of][name])
