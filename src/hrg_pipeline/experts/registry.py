"""The experts by the names of their tasks."""

from __future__ import annotations

from hrg_pipeline.errors import ConfigError
from hrg_pipeline.experts.base import Expert
from hrg_pipeline.experts.collaborative_stacking import (
    CollaborativeStackingExpert,
    CollaborativeStackingExpertParams,
)
from hrg_pipeline.experts.human_object_inspection import (
    HumanObjectInspectionExpert,
    HumanObjectInspectionExpertParams,
)
from hrg_pipeline.experts.human_robot_handover import HumanRobotHandoverExpert, HumanRobotHandoverExpertParams
from hrg_pipeline.experts.params import ExpertParams
from hrg_pipeline.experts.pick_place_close_human import PickPlaceCloseHumanExpert, PickPlaceCloseHumanExpertParams
from hrg_pipeline.experts.pick_place_human import PickPlaceHumanExpert, PickPlaceHumanExpertParams
from hrg_pipeline.experts.pick_place_pointing_human import (
    PickPlacePointingHumanExpert,
    PickPlacePointingHumanExpertParams,
)
from hrg_pipeline.experts.reach_human import ReachHumanExpert, ReachHumanExpertParams
from hrg_pipeline.experts.reach_human_cart import ReachHumanCartExpert, ReachHumanCartExpertParams
from hrg_pipeline.experts.robot_human_handover import RobotHumanHandoverExpert, RobotHumanHandoverExpertParams

EXPERTS: dict[str, tuple[type[ExpertParams], type[Expert]]] = {
    "ReachHuman": (ReachHumanExpertParams, ReachHumanExpert),
    "ReachHumanCart": (ReachHumanCartExpertParams, ReachHumanCartExpert),
    "PickPlaceHuman": (PickPlaceHumanExpertParams, PickPlaceHumanExpert),
    "RobotHumanHandover": (RobotHumanHandoverExpertParams, RobotHumanHandoverExpert),
    "HumanRobotHandover": (HumanRobotHandoverExpertParams, HumanRobotHandoverExpert),
    "PickPlaceCloseHuman": (PickPlaceCloseHumanExpertParams, PickPlaceCloseHumanExpert),
    "PickPlacePointingHuman": (PickPlacePointingHumanExpertParams, PickPlacePointingHumanExpert),
    "HumanObjectInspection": (HumanObjectInspectionExpertParams, HumanObjectInspectionExpert),
    "CollaborativeStacking": (CollaborativeStackingExpertParams, CollaborativeStackingExpert),
}
"""One line an expert."""


def expert_params_class(name: object) -> type[ExpertParams]:
    """Return the parameter model of an expert.

    Raises:
        ConfigError: if there is no such expert.
    """
    if not isinstance(name, str) or name not in EXPERTS:
        raise ConfigError(f"unknown expert.name '{name}'; choose one of {sorted(EXPERTS)}")
    return EXPERTS[name][0]


def make_expert(params: ExpertParams, env_id: str, action_limit: float) -> Expert:
    """Make the expert for a task.

    Args:
        params: which one, and how it acts.
        env_id: name of the task.
        action_limit: Cartesian step of a full action [m].

    Raises:
        ConfigError: if it is the expert of another task.
    """
    if params.name != env_id:
        raise ConfigError(f"expert.name is {params.name}, but the task is {env_id}; choose the expert of this task")
    return EXPERTS[params.name][1](params, action_limit)
