"""Agents out of what is stored, and what proves that they act as before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hrg_pipeline.errors import IntegrityError
from hrg_pipeline.pipelines.types import Agent, BaseAlgorithm


def assemble_agent(policy: BaseAlgorithm, normalisation: Mapping[str, Any]) -> Agent:
    """Put a stored model and its stored normalisation (empty: none) together.

    The agent computes on the CPU: for networks of this size that is the fastest for one observation at a
    time, and the same bits come out whatever device it was trained on.
    """
    from hrg_pipeline.learning import agent as agents

    names = [name for name, model_class in agents.ALGORITHMS.items() if type(policy) is model_class]
    if not names:
        raise IntegrityError(
            f"the stored policy is a {type(policy).__name__}; only {sorted(agents.ALGORITHMS)} are known"
        )
    policy.policy.to("cpu")
    normalizer = agents.ObservationNormalizer.from_dict(dict(normalisation)) if normalisation else None
    return agents.Agent(names[0], policy, normalizer)


def fingerprint(agent: Agent) -> str:
    """Return the hash of what an agent does on fixed observations."""
    from hrg_pipeline.learning.agent import action_fingerprint, fingerprint_observations
    from hrg_pipeline.learning.determinism import contained_randomness

    observations = fingerprint_observations(agent.model.observation_space)
    with contained_randomness():
        return str(action_fingerprint(agent, observations)["sha256"])


def require_same_actions(agent: Agent, expected: str, where: str) -> None:
    """Check that an agent acts as it was recorded to.

    Raises:
        IntegrityError: if a single bit of its actions differs.
    """
    found = fingerprint(agent)
    if found != expected:
        raise IntegrityError(
            f"the stored policy does not act as {where} recorded: action fingerprint {found[:12]}…, "
            f"expected {expected[:12]}…"
        )
