"""Models rebuilt from a description and plain weights: nothing in their file can run code."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.save_util import load_from_zip_file, recursive_setattr
from stable_baselines3.common.type_aliases import TrainFreq, TrainFrequencyUnit

from hrg_pipeline.errors import HrgError, IntegrityError
from hrg_pipeline.learning.agent import ACTIVATIONS, ALGORITHMS, algorithm_class
from hrg_pipeline.learning.determinism import contained_randomness
from hrg_pipeline.learning.params import Device, PPOPolicyParams, SACPolicyParams

CARD = "hrg_model.json"
"""Member of the zip that says which algorithm wrote it; stable-baselines3 skips it."""
DESCRIPTION = "description"
"""Key of the description on the card of a model file."""
MAX_CARD_BYTES = 1_000_000
MAX_MODEL_BYTES = 2_000_000_000
"""Unpacked; a file that claims more is refused before it fills memory or disk."""

_POLICY_KEYS = {*SACPolicyParams.model_fields, *PPOPolicyParams.model_fields, "use_sde"}
_SHARED = ("learning_rate", "gamma", "batch_size", "use_sde", "sde_sample_freq", "seed", "num_timesteps", "_n_updates")
_OWN = {
    True: ("tau", "learning_starts", "gradient_steps", "ent_coef", "target_update_interval", "target_entropy"),
    False: ("n_epochs", "gae_lambda", "ent_coef", "vf_coef", "max_grad_norm", "normalize_advantage", "target_kl"),
}
"""Plain attributes by whether the algorithm is off-policy."""
_SIZES = ("n_envs", "buffer_size", "n_steps")
"""What would make the algorithm allocate memory; put in place after it was set up with the smallest sizes."""


def describe_model(model: BaseAlgorithm) -> dict[str, Any]:
    """Say in plain values everything but the weights that a model is made from.

    Args:
        model: SAC or PPO with flat box spaces and the policy arguments of our parameters.

    Returns:
        What ``rebuild_model`` reads; it survives JSON to the bit.

    Raises:
        HrgError: The model has something that cannot be said in plain values.
    """
    off_policy = isinstance(model, OffPolicyAlgorithm)
    names = {activation: name for name, activation in ACTIVATIONS.items()}
    policy = dict(model.policy_kwargs or {})
    unknown = sorted(policy.keys() - _POLICY_KEYS)
    if unknown:
        raise HrgError(f"policy arguments {unknown} cannot be described; known are {sorted(_POLICY_KEYS)}")
    if "activation_fn" in policy:
        if policy["activation_fn"] not in names:
            raise HrgError(f"activation {policy['activation_fn']} cannot be described; choose of {sorted(ACTIVATIONS)}")
        policy["activation_fn"] = names[policy["activation_fn"]]
    attributes = {name: getattr(model, name) for name in (*_SHARED, *_OWN[off_policy])}
    if isinstance(model, PPO):
        attributes |= {name: _constant(getattr(model, name)) for name in ("clip_range", "clip_range_vf")}
    if isinstance(model, OffPolicyAlgorithm):
        every = model.train_freq
        assert isinstance(every, TrainFreq)
        attributes["train_freq"] = [every.frequency, every.unit.value]
    return {
        "observation_space": _describe_box(model.observation_space),
        "action_space": _describe_box(model.action_space),
        "policy_kwargs": policy,
        "attributes": attributes,
        "sizes": {name: getattr(model, name) for name in _SIZES if hasattr(model, name)},
    }


def rebuild_model(name: str, description: Mapping[str, Any], path: Path, device: Device = "auto") -> BaseAlgorithm:
    """Make a model from its description and fill in the weights of a file of stable-baselines3.

    The pickled part of the file is not read, weights are read by torch's reader for plain tensors. Optimisers
    are restored; there is no replay buffer.

    Args:
        name: Algorithm.
        description: Of ``describe_model``.
        path: The zip file.
        device: Where the networks shall live.

    Returns:
        A model that acts as the stored one did.

    Raises:
        HrgError: There is no such algorithm.
        IntegrityError: The description or the weights are not those of a model.
    """
    algorithm = algorithm_class(name)
    _check_size(path)
    with contained_randomness():
        try:
            model = _empty_model(algorithm, description, device)
            _, weights, variables = load_from_zip_file(path, load_data=False, device=model.device)
            model.set_parameters(weights, exact_match=True, device=model.device)
            for key, value in (variables or {}).items():
                if key == "log_ent_coef" and value is not None:
                    recursive_setattr(model, "log_ent_coef.data", value.data)
        except HrgError:
            raise
        except Exception as error:  # whatever a damaged or hostile file makes the readers say
            first_line = str(error).partition("\n")[0]
            raise IntegrityError(f"'{path}' holds no {name} model as described: {first_line}") from error
    return model


def read_card(file: Path | BinaryIO, origin: str) -> dict[str, Any]:
    """Read the card in a model file.

    Args:
        file: The zip file.
        origin: Its name for error messages.

    Returns:
        ``algorithm`` (a key of ``ALGORITHMS``), ``description``, and what people like to know.

    Raises:
        IntegrityError: There is none, it is no small JSON mapping, or it names another algorithm.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo(CARD).file_size > MAX_CARD_BYTES:
                raise IntegrityError(f"the card in '{origin}' is larger than {MAX_CARD_BYTES} bytes")
            card = json.loads(archive.read(CARD))
    except HrgError:
        raise
    except Exception as error:  # whatever a damaged or hostile file makes the readers say
        raise IntegrityError(f"'{origin}' is not a model that this project stored: {error}") from error
    name = card.get("algorithm") if isinstance(card, dict) else card
    if not isinstance(name, str) or name not in ALGORITHMS:
        raise IntegrityError(f"'{origin}' names algorithm '{name}'; only {sorted(ALGORITHMS)} are loaded")
    return dict(card)


def _empty_model(algorithm: type[BaseAlgorithm], description: Mapping[str, Any], device: Device) -> BaseAlgorithm:
    off_policy = issubclass(algorithm, OffPolicyAlgorithm)
    attributes, sizes = dict(description["attributes"]), dict(description["sizes"])
    policy = dict(description["policy_kwargs"])
    allowed = {*_SHARED, *_OWN[off_policy], *(("train_freq",) if off_policy else ("clip_range", "clip_range_vf"))}
    foreign = sorted((attributes.keys() - allowed) | (sizes.keys() - set(_SIZES)) | (policy.keys() - _POLICY_KEYS))
    if foreign:
        raise IntegrityError(f"the description of a model names {foreign}, which no model has")
    if "activation_fn" in policy:
        policy["activation_fn"] = ACTIVATIONS[policy["activation_fn"]]
    if off_policy:
        frequency, unit = attributes.pop("train_freq")
        attributes["train_freq"] = TrainFreq(int(frequency), TrainFrequencyUnit(unit))
    model = algorithm("MlpPolicy", env=None, device=device, _init_setup_model=False)  # type: ignore[call-arg]
    model.__dict__.update(attributes)
    model.observation_space, model.action_space = (
        _box(description[key]) for key in ("observation_space", "action_space")
    )
    model.policy_kwargs = policy
    model.__dict__.update(dict.fromkeys(sizes, 1), seed=None)
    model._setup_model()
    model.__dict__.update(sizes, seed=attributes["seed"])
    model.__dict__.update({"replay_buffer": None} if off_policy else {})
    return model


def _check_size(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (OSError, zipfile.BadZipFile) as error:
        raise IntegrityError(f"'{path}' is no model file: {error}") from error
    if size > MAX_MODEL_BYTES:
        raise IntegrityError(f"'{path}' claims to hold {size} bytes, more than {MAX_MODEL_BYTES}")


def _constant(schedule: Any) -> float | None:
    return None if schedule is None else float(schedule(1.0)) if callable(schedule) else float(schedule)


def _describe_box(space: spaces.Space[Any]) -> dict[str, Any]:
    if not isinstance(space, spaces.Box) or len(space.shape) != 1 or space.dtype != np.float32:
        raise HrgError(f"space {space} cannot be described, expected a flat Box of float32")
    # Infinity is no JSON; the words are read back by float().
    low, high = ([x if np.isfinite(x) else str(x) for x in bound.tolist()] for bound in (space.low, space.high))
    return {"low": low, "high": high}


def _box(description: Mapping[str, Any]) -> spaces.Box:
    low, high = (np.array([float(x) for x in description[key]], dtype=np.float32) for key in ("low", "high"))
    return spaces.Box(low, high, dtype=np.float32)
