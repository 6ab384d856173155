"""Which values of an episode's last step are kept, and how a vector env is reset lane by lane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from hrg_pipeline.errors import HrgError

SAFETY_KEYS = (
    "failsafe_interventions",
    "n_collisions_static",
    "n_collisions_robot",
    "n_collisions_human",
    "n_collisions_critical",
    "min_human_distance",
    "time_slowed_s",
    "time_stopped_s",
    "episode_cost",
    "assumption/measurement_finite",
    "assumption/measurement_fresh",
    "assumption/human_speed",
    "assumption/robot_state_finite",
    "assumption/tracking",
    "assumption/plan_consistent",
)
"""Info keys that describe how safe an episode was; each is cumulative over the episode."""

EPISODE_KEYS = ("is_success", *SAFETY_KEYS, "failure")
"""Info keys kept from the last step of an episode."""

AnyVectorEnv = VectorEnv[Any, Any, Any]


def require_disabled_autoreset(env: AnyVectorEnv) -> None:
    """Refuse a vector env that resets finished lanes by itself.

    Args:
        env: Any gymnasium vector env.

    Raises:
        HrgError: Its autoreset mode is not DISABLED.
    """
    mode = env.metadata.get("autoreset_mode")
    if mode is not AutoresetMode.DISABLED:
        raise HrgError(f"vector env has autoreset_mode {mode}, expected {AutoresetMode.DISABLED}")


def reset_lanes(
    env: AnyVectorEnv, mask: NDArray[np.bool_], seeds: Sequence[int | None] | None = None
) -> NDArray[np.float32]:
    """Reset some lanes of a vector env and leave the others where they are.

    Args:
        env: Vector env with autoreset disabled.
        mask: (N,) lanes to reset.
        seeds: Seed of each lane, read where the mask is set; None goes on with the lane's own generator.

    Returns:
        (N, k) observations; rows outside the mask are not meant to be read.
    """
    # gymnasium's base class types the seed as one int; its vector envs take one per lane as well.
    reset: Any = env.reset
    observations, _ = reset(seed=None if seeds is None else list(seeds), options={"reset_mask": mask})
    return np.asarray(observations)
