"""The policy that a run had at one of its checkpoints."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrg_pipeline.errors import HrgError, IntegrityError

if TYPE_CHECKING:
    from hrg_pipeline.learning.agent import Agent

FOLDER = "checkpoints"
FINAL, BEST, ALL = "final", "best", "all"
_STEP = re.compile(r"step-(\d{12})")


def checkpoint_steps(models: Path) -> list[int]:
    """Return the env steps of all complete checkpoints below a run's folder, rising."""
    names = (_STEP.fullmatch(path.parent.name) for path in (models / FOLDER).glob("step-*/manifest.json"))
    return sorted(int(name[1]) for name in names if name)


def chosen_steps(models: Path, wish: str) -> list[int | None]:
    """Return the checkpoints that a wish means; None stands for the stored model.

    Args:
        models: folder of the run.
        wish: ``final``, ``best``, ``all`` (every checkpoint, then the stored model), or a number of env steps.

    Raises:
        HrgError: if there is no such checkpoint; it names those that are there.
    """
    steps = checkpoint_steps(models)
    if wish == FINAL:
        return [None]
    if wish == ALL:
        return [*steps, None]
    step = _best(models) if wish == BEST else int(wish) if wish.isdecimal() else None
    if step not in steps:
        there = ", ".join(map(str, steps)) or "none"
        raise HrgError(f"{models.name} has no checkpoint '{wish}'; expected final, best, all or one of: {there}")
    return [step]


def agent_at(agent: Agent, models: Path, step: int) -> Agent:
    """Give an agent the networks and the normalisation of a checkpoint; it is changed and returned.

    Raises:
        IntegrityError: if the checkpoint cannot be read, or does not fit the agent.
    """
    import torch

    from hrg_pipeline.learning.agent import Agent

    folder = models / FOLDER / f"step-{step:012d}"
    try:
        content = torch.load(io.BytesIO((folder / "networks.pt").read_bytes()), "cpu", weights_only=True)
        agent.model.set_parameters(content["parameters"], exact_match=True, device="cpu")
        return Agent(agent.name, agent.model, _normalizer(agent, folder))
    except Exception as error:  # torch raises nearly anything for a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise IntegrityError(f"checkpoint {folder} cannot be loaded: {reason}") from error


def _normalizer(agent: Agent, folder: Path) -> Any:
    """Return the normaliser of a checkpoint; one trained without has none."""
    import dataclasses

    import numpy as np

    if agent.normalizer is None:
        return None
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        stored = json.loads((folder / "state.json").read_text(encoding="utf-8"))["normalisation"]["obs_rms"]
        values = {name: _value(stored[name], arrays) for name in ("mean", "var", "count")}
    return dataclasses.replace(agent.normalizer, **values)


def _value(stored: Any, arrays: Any) -> Any:
    return arrays[stored["__array__"]] if isinstance(stored, dict) else stored


def _best(models: Path) -> int | None:
    try:
        return int(json.loads((models / FOLDER / "best.json").read_text(encoding="utf-8"))["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
