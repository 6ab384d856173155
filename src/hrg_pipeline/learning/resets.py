"""Networks that begin anew while what was experienced stays (Nikishin et al. 2022, the primacy bias)."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm


def reset_networks(model: BaseAlgorithm) -> None:
    """Give a model fresh networks and optimisers, drawn from torch's global generator.

    Replay buffer, entropy coefficient, counters and observation statistics stay.
    """
    # Both kinds of policies build their networks, initialise them and make their optimisers in this one method.
    policy: Any = model.policy
    policy._build(model.lr_schedule)
    policy.to(model.device)
    aliases = getattr(model, "_create_aliases", None)
    if aliases is not None:
        aliases()


def reset_is_due(steps: int, done_at: int, interval: int, n_steps: int) -> bool:
    """Whether networks begin anew now.

    Args:
        steps: Env steps so far.
        done_at: Env steps when this was last asked.
        interval: Env steps between two resets.
        n_steps: Of the whole training; in its last half interval nothing is reset, so that it ends with what has
            learned.
    """
    return steps // interval > done_at // interval and steps <= n_steps - interval / 2
