"""The tasks by name, without importing a simulator."""

from __future__ import annotations

from hrg_pipeline.errors import ConfigError
from hrg_pipeline.tasks.base import Task
from hrg_pipeline.tasks.collaborative_stacking import CollaborativeStacking, CollaborativeStackingParams
from hrg_pipeline.tasks.human_object_inspection import HumanObjectInspection, HumanObjectInspectionParams
from hrg_pipeline.tasks.human_robot_handover import HumanRobotHandover, HumanRobotHandoverParams
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.pick_place_close_human import PickPlaceCloseHuman, PickPlaceCloseHumanParams
from hrg_pipeline.tasks.pick_place_human import PickPlaceHuman, PickPlaceHumanParams
from hrg_pipeline.tasks.pick_place_pointing_human import PickPlacePointingHuman, PickPlacePointingHumanParams
from hrg_pipeline.tasks.reach_human import ReachHuman, ReachHumanParams
from hrg_pipeline.tasks.reach_human_cart import ReachHumanCart, ReachHumanCartParams
from hrg_pipeline.tasks.robot_human_handover import RobotHumanHandover, RobotHumanHandoverParams

_TASKS: dict[str, tuple[type[TaskParams], type[Task]]] = {
    "ReachHuman": (ReachHumanParams, ReachHuman),
    "ReachHumanCart": (ReachHumanCartParams, ReachHumanCart),
    "PickPlaceHuman": (PickPlaceHumanParams, PickPlaceHuman),
    "RobotHumanHandover": (RobotHumanHandoverParams, RobotHumanHandover),
    "HumanRobotHandover": (HumanRobotHandoverParams, HumanRobotHandover),
    "PickPlaceCloseHuman": (PickPlaceCloseHumanParams, PickPlaceCloseHuman),
    "PickPlacePointingHuman": (PickPlacePointingHumanParams, PickPlacePointingHuman),
    "HumanObjectInspection": (HumanObjectInspectionParams, HumanObjectInspection),
    "CollaborativeStacking": (CollaborativeStackingParams, CollaborativeStacking),
}
"""One line a task."""
TASKS = {name: params for name, (params, _) in _TASKS.items()}
"""Parameter model of each task."""
TASK_CLASSES = {name: task for name, (_, task) in _TASKS.items()}


def task_params_class(env_id: str) -> type[TaskParams]:
    """Return the parameter model of a task.

    Raises:
        ConfigError: if there is no such task.
    """
    if env_id not in TASKS:
        raise ConfigError(f"unknown environment.env_id '{env_id}'; choose one of {sorted(TASKS)}")
    return TASKS[env_id]
