"""The experts by the names of their tasks."""

from __future__ import annotations

import importlib

from hrg_pipeline.errors import ConfigError
from hrg_pipeline.experts.base import Expert
from hrg_pipeline.experts.params import ExpertParams
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.registry import NAMES, snake_case


def _load(name: str) -> tuple[type[ExpertParams], type[Expert]]:
    module = importlib.import_module(f"hrg_pipeline.experts.{snake_case(name)}")
    return getattr(module, f"{name}ExpertParams"), getattr(module, f"{name}Expert")


EXPERTS = {name: _load(name) for name in NAMES}
"""Every task has one: that of ``MyTask`` is the class ``MyTaskExpert``, with its parameters, in a file of that name."""


def expert_params_class(name: object) -> type[ExpertParams]:
    """Return the parameter model of an expert.

    Raises:
        ConfigError: if there is no such expert.
    """
    if not isinstance(name, str) or name not in EXPERTS:
        raise ConfigError(f"unknown expert.name '{name}'; choose one of {sorted(EXPERTS)}")
    return EXPERTS[name][0]


def make_expert(params: ExpertParams, env_id: str, action_limit: float, robot: RobotParams | None = None) -> Expert:
    """Make the expert for a task.

    Args:
        params: which one, and how it acts.
        env_id: name of the task.
        action_limit: Cartesian step of a full action [m].
        robot: which arm and gripper it acts with; None: the default ones.

    Raises:
        ConfigError: if it is the expert of another task.
    """
    if params.name != env_id:
        raise ConfigError(f"expert.name is {params.name}, but the task is {env_id}; choose the expert of this task")
    return EXPERTS[params.name][1](params, action_limit, robot)
