"""A stored policy that stands by itself: it acts, and makes the environment it was trained in."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from pydantic import ValidationError

from hrg_pipeline.envs.spec import EnvSpec
from hrg_pipeline.errors import HrgError, IntegrityError
from hrg_pipeline.learning.agent import Agent, ObservationNormalizer
from hrg_pipeline.learning.export import export_policy
from hrg_pipeline.learning.params import Device
from hrg_pipeline.learning.safe_model import DESCRIPTION, read_card, rebuild_model
from hrg_pipeline.learning.storage import load_agent
from hrg_pipeline.tasks.registry import TASK_CLASSES

OUR_WRAPPERS = "hrg_pipeline.wrappers."
"""Where the classes of wrappers must come from, as an environment specification names them by module."""
MAX_JSON_BYTES = 50_000_000
_SELECT = "select_observations"


@dataclass(frozen=True)
class PolicyFiles:
    """Where the parts of a stored policy are."""

    model: Path
    """``policy.zip``."""
    normalisation: Path
    spec: Path
    """``wrapped_env_spec.json``."""
    manifest: Path


@dataclass(frozen=True)
class Policy:
    """A trained policy with the environment it belongs to.

    Attributes:
        agent: Model and normalisation.
        spec: Task, robot and wrappers of its training, exactly.
        manifest: What was recorded of the run: algorithm, seeds, steps, commit, versions, hashes.
    """

    agent: Agent
    spec: EnvSpec
    manifest: Mapping[str, Any]

    def predict(
        self, observation: NDArray[Any] | Mapping[str, NDArray[Any]], deterministic: bool = True
    ) -> NDArray[np.float32]:
        """Choose actions.

        Args:
            observation: As the environment gives it: flat (k,) or a batch (N, k) of the environment with its
                wrappers, or the sensors by name, each (m,) or (N, m), of the one without.
            deterministic: The mean action; otherwise one drawn from the policy (global torch generator).

        Returns:
            (n,) or (N, n) actions for the environment with its wrappers.

        Raises:
            HrgError: A sensor is missing, or the sizes are not those of the training.
        """
        flat = self._flatten(observation) if isinstance(observation, Mapping) else np.asarray(observation)
        size = self.agent.model.observation_space.shape
        if flat.ndim not in {1, 2} or flat.shape[-1:] != size:
            raise HrgError(f"observation has shape {flat.shape}, expected {size} or (N, {size[0] if size else 0})")
        actions = self.agent.predict(np.atleast_2d(flat), deterministic)
        return actions[0] if flat.ndim == 1 else actions

    @functools.cached_property
    def sensors(self) -> tuple[str, ...]:
        """The sensors that the policy sees, in the order of its flat observation."""
        groups = TASK_CLASSES[self.spec.env_id].observation_groups
        keys = next((wrapper.kwargs["keys"] for wrapper in self.spec.wrappers if wrapper.name == _SELECT), ())
        return tuple(sensor for key in keys for sensor in groups.get(key, (key,)))

    def make_env(self, seed: int | None = None, render_mode: str | None = None) -> gym.Env[Any, Any]:
        """Make one environment exactly as it was trained in; ``seed`` replaces the task's."""
        return self.spec.make(seed, render_mode)

    def make_vector_env(
        self, num_envs: int, seed: int | None = None, n_threads: int | None = None
    ) -> VectorEnv[Any, Any, Any]:
        """Make several of them, stepped together; lanes do not reset themselves."""
        return self.spec.make_vector(num_envs, seed, n_threads)

    def export(self, path: Path | str, format: str = "torchscript") -> Path:
        """Write the deterministic policy as one network, see ``export_policy``."""
        return export_policy(self.agent, Path(path), format)

    def _flatten(self, observation: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        missing = [name for name in self.sensors if name not in observation]
        if missing or not self.sensors:
            raise HrgError(f"observation lacks the sensors {missing}; the policy sees {list(self.sensors)}")
        return np.concatenate([np.asarray(observation[name]) for name in self.sensors], axis=-1, dtype=np.float32)


def read_policy(files: PolicyFiles, *, trust: bool = False, device: Device = "cpu") -> Policy:
    """Read a stored policy after checking its files against the manifest.

    Args:
        files: Where its parts are.
        trust: Read a model without description, which runs what is pickled in it; wrappers may be of any module.
        device: Where the networks shall live.

    Returns:
        The policy.

    Raises:
        IntegrityError: A file is missing, damaged, not the one that was recorded, or could run foreign code.
    """
    manifest = _read_json(files.manifest)
    for file in (files.model, files.normalisation, files.spec):
        check_recorded(file, manifest)
    spec = _read_spec(files.spec, trust)
    if manifest.get("spec_sha256") != spec.sha256():
        raise IntegrityError(f"'{files.spec}' is not the environment that '{files.manifest}' recorded")
    card = read_card(files.model, str(files.model))
    name = card["algorithm"]
    normalisation = _read_json(files.normalisation)
    try:
        normalizer = ObservationNormalizer.from_dict(normalisation) if normalisation else None
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError(f"'{files.normalisation}' holds no normalisation: {error!r}") from error
    if isinstance(card.get(DESCRIPTION), dict):
        model = rebuild_model(name, card[DESCRIPTION], files.model, device)
    elif trust:
        model = load_agent(name, files.model, device=device).model
    else:
        raise IntegrityError(
            f"'{files.model}' has no description of its model, so loading it would run what is pickled in it; "
            "if you trust it, say trust=True"
        )
    return Policy(Agent(name, model, normalizer), spec, manifest)


def check_recorded(file: Path, manifest: Mapping[str, Any]) -> None:
    """Check that a file is the one that a manifest recorded, by name and SHA-256.

    Raises:
        IntegrityError: It is missing, not recorded, or other than recorded.
    """
    if not file.is_file():
        raise IntegrityError(f"'{file}' is missing")
    files = manifest.get("files")
    recorded = {
        entry.get("sha256")
        for name, entry in (files.items() if isinstance(files, Mapping) else ())
        if isinstance(entry, Mapping) and name.rpartition("/")[2] == file.name
    }
    if not recorded:
        raise IntegrityError(f"the manifest has no '{file.name}'")
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found not in recorded:
        raise IntegrityError(f"'{file}' is not the file that the manifest recorded: its SHA-256 is {found[:12]}…")


def _read_spec(file: Path, trust: bool) -> EnvSpec:
    try:
        spec = EnvSpec.model_validate(_read_json(file))
    except ValidationError as error:
        raise IntegrityError(f"'{file}' is no environment specification: {error.errors()[0]['msg']}") from error
    foreign = [w.entry_point for w in spec.wrappers if not w.entry_point.startswith(OUR_WRAPPERS)]
    if foreign and not trust:
        raise IntegrityError(f"'{file}' asks for {foreign}; only wrappers of {OUR_WRAPPERS}* are imported")
    return spec


def _read_json(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > MAX_JSON_BYTES:
            raise IntegrityError(f"'{file}' is larger than {MAX_JSON_BYTES} bytes")
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, HrgError):
            raise
        raise IntegrityError(f"'{file}' cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise IntegrityError(f"'{file}' holds a {type(content).__name__}, expected keys and values")
    return content
