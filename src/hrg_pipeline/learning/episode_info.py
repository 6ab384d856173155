"""Which values of an episode's last step are kept, and how a vector env is reset lane by lane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from hrg_pipeline.errors import HrgError
from hrg_pipeline.shield.model import ASSUMPTIONS, SAFE, VERDICTS

SAFETY_KEYS = (
    "failsafe_interventions",
    "n_collisions_static",
    "n_collisions_robot",
    "n_collisions_human",
    "n_collisions_critical",
    "min_human_distance",
    "time_slowed_s",
    "time_stopped_s",
    "mean_path_speed",
    "max_tracking_error_m",
    "max_measurement_age_s",
    "contact_speed_max_m_s",
    "contact_energy_max_j",
    "contact_normal_energy_max_j",
    "episode_cost",
    *(f"verdict/{name}" for name in VERDICTS if name != VERDICTS[SAFE]),
    *(f"assumption/{name}" for name in ASSUMPTIONS),
)
"""Info keys that describe how safe an episode was so far: counts, sums, means and extremes since it began."""

EPISODE_KEYS = ("is_success", *SAFETY_KEYS, "failure", "weld_force_max_n")
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
