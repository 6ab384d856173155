"""The tasks by name, without importing a simulator."""

from __future__ import annotations

import importlib
import re

from hrg_pipeline.errors import ConfigError
from hrg_pipeline.tasks.base import Task
from hrg_pipeline.tasks.params import TaskParams

NAMES = (
    "ReachHuman",
    "ReachHumanCart",
    "PickPlaceHuman",
    "PickPlaceCloseHuman",
    "PickPlacePointingHuman",
    "HumanObjectInspection",
    "RobotHumanHandover",
    "HumanRobotHandover",
    "CollaborativeLifting",
    "CollaborativeStacking",
    "CollaborativeHammering",
)
"""One line a task: ``MyTask`` is the class ``MyTask``, with ``MyTaskParams``, in ``tasks/my_task.py``."""


def snake_case(name: str) -> str:
    """Turn the name of a task into that of its files and choices."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _load(name: str) -> tuple[type[TaskParams], type[Task]]:
    module = importlib.import_module(f"hrg_pipeline.tasks.{snake_case(name)}")
    return getattr(module, f"{name}Params"), getattr(module, name)


_TASKS = {name: _load(name) for name in NAMES}
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
