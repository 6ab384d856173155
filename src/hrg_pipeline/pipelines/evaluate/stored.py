"""Environments and policies out of the folder of a run, wherever that folder is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrg_pipeline.errors import HrgError, IntegrityError
from hrg_pipeline.pipelines.agents import assemble_agent, require_same_actions
from hrg_pipeline.pipelines.evaluate.checkpoints import agent_at

if TYPE_CHECKING:
    from hrg_pipeline.envs.spec import EnvSpec
    from hrg_pipeline.learning.agent import Agent

POLICY, NORMALISATION, MANIFEST = "policy.zip", "normalisation.json", "manifest.json"
SPEC, BARE_SPEC, PARAMETERS = "wrapped_env_spec.json", "env_spec.json", "parameters.yml"


def newest_file(path: Path) -> Path | None:
    """Return a stored file: itself, or its newest version ``<name>/<version>/<name>``; None where there is none."""
    if path.is_file():
        return path
    versions = sorted(path.glob(f"*/{path.name}"))
    return versions[-1] if versions else None


def wrapped_spec(models: Path) -> EnvSpec:
    """Read the environment that a run learned in."""
    return _spec(models, SPEC)


def agent(models: Path, step: int | None = None) -> Agent:
    """Read the policy of a run, and prove where it is the stored model that it acts as recorded.

    Args:
        models: folder of the run.
        step: checkpoint; None: the stored model.

    Raises:
        IntegrityError: if a file is missing or cannot be read, or the policy acts otherwise.
    """
    from kedro.io.core import DatasetError

    from hrg_pipeline.datasets.model_dataset import SB3ModelDataset

    try:
        policy = SB3ModelDataset(filepath=str(_file(models, POLICY)), load_args={"device": "cpu"}).load()
    except DatasetError as error:
        raise IntegrityError(str(error)) from error
    try:
        found = assemble_agent(policy, _json(models, NORMALISATION))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, HrgError):
            raise
        raise IntegrityError(f"{models / NORMALISATION} is no stored normalisation: {error}") from error
    if step is not None:
        return agent_at(found, models, step)
    require_same_actions(found, str(_json(models, MANIFEST).get("action_sha256")), "save_artifacts")
    return found


def expert(models: Path) -> tuple[EnvSpec, Callable[[Any], Any]]:
    """Return the environment of a run as the expert of its task needs it, and what makes the expert's policy.

    Raises:
        ConfigError: if the task has no expert.
    """
    import yaml

    from hrg_pipeline.experts.registry import expert_params_class
    from hrg_pipeline.pipelines.demonstrate.nodes import expert_policy, expert_spec
    from hrg_pipeline.wrappers.params import WrapperParams

    bare = _spec(models, BARE_SPEC)
    content: Any = yaml.safe_load(_file(models, PARAMETERS).read_text(encoding="utf-8"))
    parameters: Mapping[str, Any] = content if isinstance(content, Mapping) else {}
    wrappers = WrapperParams.model_validate(parameters.get("wrappers") or {})
    stored = parameters.get("expert") or {}
    # The stored configuration may name the expert of another task, which nothing read until now.
    own = stored if stored.get("name") == bare.env_id else {"name": bare.env_id}
    params = expert_params_class(bare.env_id).model_validate(own).model_dump()
    return expert_spec(bare, wrappers, params), lambda env: expert_policy(bare, wrappers, params, env)


def _spec(models: Path, name: str) -> EnvSpec:
    from pydantic import ValidationError

    from hrg_pipeline.envs.spec import EnvSpec

    file = _file(models, name)
    try:
        return EnvSpec.model_validate_json(file.read_bytes())
    except (ValidationError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise IntegrityError(f"{file} is no specification of an environment: {reason}") from error


def _json(models: Path, name: str) -> dict[str, Any]:
    file = _file(models, name)
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, OSError) as error:
        raise IntegrityError(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise IntegrityError(f"{file} holds {type(content).__name__}, expected names and values")
    return content


def _file(models: Path, name: str) -> Path:
    file = newest_file(models / name)
    if file is None:
        raise IntegrityError(f"{models} has no {name}")
    return file
