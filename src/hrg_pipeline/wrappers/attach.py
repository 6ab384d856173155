"""From wrapper parameters to wrappers in a spec."""

from __future__ import annotations

from collections.abc import Sequence

from hrg_pipeline.envs import TIME_LIMIT
from hrg_pipeline.envs.spec import EnvSpec, WrapperSpec
from hrg_pipeline.wrappers.params import WrapperParams

SELECT_OBSERVATIONS = "hrg_pipeline.wrappers.select_observations:SelectObservations"


def attach_wrappers(spec: EnvSpec, params: WrapperParams, obs_keys: Sequence[str]) -> EnvSpec:
    """Return the spec with the chosen wrappers, innermost first: time limit, selection of observations."""
    if params.time_limit:
        limit = {"max_episode_steps": spec.task_params.horizon}
        spec = spec.with_wrapper(WrapperSpec(name="time_limit", entry_point=TIME_LIMIT, kwargs=limit))
    if params.select_observations:
        chosen = {"keys": list(obs_keys)}
        spec = spec.with_wrapper(
            WrapperSpec(name="select_observations", entry_point=SELECT_OBSERVATIONS, kwargs=chosen)
        )
    return spec
