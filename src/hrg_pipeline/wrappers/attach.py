"""From wrapper parameters to wrappers in a spec."""

from __future__ import annotations

from collections.abc import Sequence

from hrg_pipeline.envs import TIME_LIMIT
from hrg_pipeline.envs.spec import EnvSpec, WrapperSpec
from hrg_pipeline.wrappers.params import WrapperParams

IK_POSITION_DELTA = "hrg_pipeline.wrappers.ik_position_delta:IkPositionDelta"
SELECT_OBSERVATIONS = "hrg_pipeline.wrappers.select_observations:SelectObservations"


def attach_wrappers(spec: EnvSpec, params: WrapperParams, obs_keys: Sequence[str]) -> EnvSpec:
    """Return the spec with the chosen wrappers, innermost first: time limit, Cartesian actions, chosen observations."""
    if params.time_limit:
        limit = {"max_episode_steps": spec.task_params.horizon}
        spec = spec.with_wrapper(WrapperSpec(name="time_limit", entry_point=TIME_LIMIT, kwargs=limit))
    if params.ik_position_delta.enabled:
        chosen = params.ik_position_delta.model_dump(mode="json", exclude={"enabled"})
        spec = spec.with_wrapper(WrapperSpec(name="ik_position_delta", entry_point=IK_POSITION_DELTA, kwargs=chosen))
    if params.select_observations:
        keys = {"keys": list(obs_keys)}
        spec = spec.with_wrapper(WrapperSpec(name="select_observations", entry_point=SELECT_OBSERVATIONS, kwargs=keys))
    return spec
