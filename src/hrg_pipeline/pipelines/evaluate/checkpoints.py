"""The policy that a run had at one of its checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hrg_pipeline.errors import HrgError, IntegrityError

if TYPE_CHECKING:
    from hrg_pipeline.learning.agent import Agent
    from hrg_pipeline.learning.checkpoint_store import CheckpointStore

FINAL, BEST, ALL = "final", "best", "all"


def store_of(models: Path) -> CheckpointStore:
    """Return the checkpoints below a run's folder."""
    from hrg_pipeline.learning.checkpoint_store import FOLDER, CheckpointStore

    return CheckpointStore(models / FOLDER)


def chosen_steps(models: Path, wish: str) -> list[int | None]:
    """Return the checkpoints that a wish means; None stands for the stored model.

    Args:
        models: folder of the run.
        wish: ``final``, ``best``, ``all`` (every checkpoint, then the stored model), or a number of env steps.

    Raises:
        HrgError: if there is no such checkpoint; it names those that are there.
    """
    store = store_of(models)
    steps = store.steps()
    if wish == FINAL:
        return [None]
    if wish == ALL:
        return [*steps, None]
    step = store.best() if wish == BEST else int(wish) if wish.isdecimal() else None
    if step not in steps:
        there = ", ".join(map(str, steps)) or "none"
        raise HrgError(f"{models.name} has no checkpoint '{wish}'; expected final, best, all or one of: {there}")
    return [step]


def agent_at(agent: Agent, models: Path, step: int) -> Agent:
    """Give an agent the networks and the normalisation of a checkpoint; it is changed and returned.

    Raises:
        IntegrityError: if a file of the checkpoint was changed or cannot be read, or does not fit the agent.
    """
    import dataclasses

    from hrg_pipeline.learning import checkpoint_state as state
    from hrg_pipeline.learning.agent import Agent

    store = store_of(models)
    manifest = store.check(step, replay=False)
    try:
        files = {name: store.read(manifest, name) for name in (state.NETWORKS, state.STATE, state.ARRAYS)}
        state.set_policy(agent.model, files[state.NETWORKS])
        normalizer, statistics = agent.normalizer, state.observation_statistics(files)
        if normalizer is not None and statistics is not None:
            normalizer = dataclasses.replace(normalizer, **statistics)
        return Agent(agent.name, agent.model, normalizer)
    except Exception as error:  # torch raises nearly anything for a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise IntegrityError(f"checkpoint {store.path(step)} cannot be loaded: {reason}") from error
