"""Gymnasium environments over the engine; importing this registers ``hrg/<Task>-v0``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from hrg_pipeline.envs.human_env import HumanVectorEnv
from hrg_pipeline.envs.single import SingleEnv
from hrg_pipeline.envs.spec import EnvSpec, WrapperSpec, prove
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.robots.records import get_robot
from hrg_pipeline.tasks.registry import TASKS, task_params_class

__all__ = ["EnvSpec", "HumanVectorEnv", "SingleEnv", "WrapperSpec", "make_env", "prove"]

TIME_LIMIT = "hrg_pipeline.wrappers.time_limit:TimeLimit"


def make_env(
    env_id: str,
    robot: str = "panda",
    gripper: str | None = None,
    render_mode: str | None = None,
    **parameters: Any,
) -> gym.Env[Any, Any]:
    """Make one environment from a task's name and any of its parameters; truncated after its ``horizon``.

    Raises:
        ConfigError: if there is no such task, robot or gripper.
    """
    get_robot(robot, gripper)
    params = task_params_class(env_id)(env_id=env_id, **parameters)
    spec = EnvSpec.create(RobotParams(name=robot, gripper=gripper), params).with_wrapper(
        WrapperSpec(name="time_limit", entry_point=TIME_LIMIT, kwargs={"max_episode_steps": params.horizon})
    )
    return spec.make(render_mode=render_mode)


for _env_id in TASKS:
    gym.register(
        f"hrg/{_env_id}-v0",
        entry_point="hrg_pipeline.envs:make_env",
        kwargs={"env_id": _env_id},
        order_enforce=True,
    )
