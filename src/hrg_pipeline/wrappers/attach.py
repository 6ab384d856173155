"""From wrapper parameters to wrappers in a spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hrg_pipeline.envs import TIME_LIMIT
from hrg_pipeline.envs.spec import EnvSpec, WrapperSpec
from hrg_pipeline.wrappers.params import WrapperParams

COLLISION_PREVENTION = "hrg_pipeline.wrappers.collision_prevention:CollisionPrevention"
IK_POSITION_DELTA = "hrg_pipeline.wrappers.ik_position_delta:IkPositionDelta"
SELECT_OBSERVATIONS = "hrg_pipeline.wrappers.select_observations:SelectObservations"
VISUALIZATION = "hrg_pipeline.wrappers.visualization:Visualization"


def attach_wrappers(spec: EnvSpec, params: WrapperParams, obs_keys: Sequence[str]) -> EnvSpec:
    """Return the spec with the chosen wrappers; their order, innermost first, is that of docs/wrappers.md."""
    if params.time_limit:
        spec = _with(spec, "time_limit", TIME_LIMIT, {"max_episode_steps": spec.task_params.horizon})
    for name, entry_point in (("collision_prevention", COLLISION_PREVENTION), ("ik_position_delta", IK_POSITION_DELTA)):
        spec = _with_section(spec, params, name, entry_point)
    if params.select_observations:
        spec = _with(spec, "select_observations", SELECT_OBSERVATIONS, {"keys": list(obs_keys)})
    return _with_section(spec, params, "visualization", VISUALIZATION)


def _with_section(spec: EnvSpec, params: WrapperParams, name: str, entry_point: str) -> EnvSpec:
    """Add a wrapper that has a section of parameters, if it is switched on there."""
    section = getattr(params, name)
    if not section.enabled:
        return spec
    return _with(spec, name, entry_point, section.model_dump(mode="json", exclude={"enabled"}))


def _with(spec: EnvSpec, name: str, entry_point: str, kwargs: dict[str, Any]) -> EnvSpec:
    return spec.with_wrapper(WrapperSpec(name=name, entry_point=entry_point, kwargs=kwargs))
