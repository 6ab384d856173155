"""What the tests of both handovers share."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.pipelines.demonstrate import nodes
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.registry import task_params_class
from hrg_pipeline.wrappers.attach import attach_wrappers
from hrg_pipeline.wrappers.params import WrapperParams


def make_params(env_id, family, **others):
    """Parameters as in ``conf/base``, with few clips."""
    return task_params_class(env_id).model_validate(
        {
            "human": {"gives_way": False, "motion": {"families": [family], "n_clips": 4}},
            "shield": {
                "type": "PFL",
                "obstacles": ["table", "base", "walls", "floor"],
                "obstacle_gripper": False,
                "gripper_distance_m": 0.0,
            },
            **others,
        }
    )


def make(params, n=2):
    """A vector of environments with Cartesian actions, and the task's expert as a policy."""
    wrappers = WrapperParams.model_validate({"ik_position_delta": {"enabled": True}})
    spec = EnvSpec.create(RobotParams(), params)
    expert = nodes._expert(spec, wrappers, {"name": params.env_id})
    env = attach_wrappers(spec, wrappers, expert.obs_keys).make_vector(n, n_threads=1)
    return env, nodes._policy(expert, env)


def play(env, policy, flat, steps, saved=None):
    """Let the expert act in environment 0 until its episode ends; phases in their order, successes, last info.

    States are put into ``saved`` by the phase that they are in, as far in as it has not been there before.
    """
    inner = env.unwrapped
    phases, successes, info = [], 0, {}
    for _ in range(steps):
        phase = int(inner.task.phase[0])
        if saved is not None and phase not in saved:
            saved[phase] = inner.get_state(0), flat.copy()
        flat, _, terminated, _, info = env.step(policy.act(flat))
        successes += int(info["is_success"][0])
        phase = int(info["phase"][0])
        if not phases or phases[-1] != phase:
            phases.append(phase)
        if terminated[0]:
            break
    return phases, successes, info


def future(env, policy, state, before, steps=600):
    """Where everything ends if it goes on from a saved state."""
    inner = env.unwrapped
    inner.set_state(0, state)
    phases, successes, info = play(env, policy, before.copy(), steps)
    objects = inner.engine.objects
    return phases[-1], successes, objects.pos[0].tobytes(), inner.engine.q[0].tobytes(), info["episode_cost"][0]


def make_info(phase, n=1, **others):
    """What rewards need, with equal values in all environments."""
    values = {"phase": phase, "object_gripped": False, "eef_to_object_m": 0.5, "illegal_collision": False, "failure": 0}
    return {name: np.full(n, value) for name, value in (values | others).items()}
