"""Names of what flows between the nodes, without importing what defines it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from pandas import DataFrame
    from stable_baselines3.common.base_class import BaseAlgorithm

    from hrg_pipeline.envs.spec import EnvSpec
    from hrg_pipeline.learning.agent import Agent

    Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]
else:
    # Kedro evaluates the annotations of all nodes before a run, in order to check typed parameters. With the
    # real classes that would import torch and the simulator; with unknown names it would check nothing.
    Agent = Arrays = BaseAlgorithm = DataFrame = EnvSpec = Any

__all__ = ["Agent", "Arrays", "BaseAlgorithm", "DataFrame", "EnvSpec"]
