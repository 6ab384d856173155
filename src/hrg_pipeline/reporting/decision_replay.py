"""One evaluated episode played once more, up to one cycle of the shield."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hrg_pipeline.engine.engine import ACTION_SCALE, Engine
from hrg_pipeline.engine.obstacles import static_pairs
from hrg_pipeline.engine.scene import CYCLES_PER_STEP
from hrg_pipeline.engine.step import begin_step, run_chunk
from hrg_pipeline.errors import HrgError, IntegrityError
from hrg_pipeline.human.body import BODY_NAMES
from hrg_pipeline.learning.episode_info import reset_lanes
from hrg_pipeline.learning.evaluation import PolicyFunction, episode_seed
from hrg_pipeline.reporting.decision import Decision, Measured
from hrg_pipeline.reporting.decision_explain import explain
from hrg_pipeline.reporting.decision_words import Names
from hrg_pipeline.robots.model import ARM_PREFIX
from hrg_pipeline.shield.factory import make_shield_state
from hrg_pipeline.shield.goals import plan_goal
from hrg_pipeline.shield.model import SAFE, VERDICTS, ShieldModel
from hrg_pipeline.shield.params import ShieldParams


@dataclass(frozen=True)
class Found:
    """A decision and where in the episode it was made."""

    episode: int
    step: int
    cycle: int
    decision: Decision
    model: ShieldModel
    names: Names


@dataclass(frozen=True)
class _Moment:
    """What the shield remembers and is told at the start of a cycle, and what it then decides."""

    rows: NDArray[np.void]
    goal: NDArray[np.float64] | None
    measured: Measured
    verdict: int

    @property
    def safe(self) -> bool:
        return self.verdict == SAFE


def find_decision(
    env: Any,
    policy: PolicyFunction,
    episodes: pd.DataFrame,
    eval_seed: int,
    episode: int = 0,
    step: int | None = None,
    cycle: int | None = None,
) -> Found:
    """Play an episode of a stored evaluation again and explain one decision of the shield.

    Args:
        env: Vector env of one environment, made as for the evaluation.
        policy: Observations (1, k) to actions (1, n + 1); the evaluation's.
        episodes: The evaluation's table.
        eval_seed: The evaluation's seed.
        episode: Which episode.
        step: Which RL step, from 0; None: the first with an intervention.
        cycle: Which cycle of it, from 0; None: the first with an intervention, or else the last.

    Returns:
        The decision.

    Raises:
        HrgError: There is no such episode, step or cycle; the message says which there are.
        IntegrityError: The episode does not end as the table says, or the decision does not come out again.
    """
    row = _stored_row(episodes, eval_seed, episode)
    engine: Engine = env.unwrapped.engine
    actions, intervened = _play(env, policy, row)
    if step is None:
        if not any(intervened):
            raise HrgError(
                f"the shield never intervened in episode {episode}; choose a step from 0 to {len(actions) - 1}"
            )
        step = intervened.index(True)
    if not 0 <= step < len(actions):
        raise HrgError(f"episode {episode} has steps 0 to {len(actions) - 1}, not {step}")
    moments = _moments(env, engine, int(row["seed"]), actions[: step + 1])
    if cycle is None:
        cycle = next((k for k, moment in enumerate(moments) if not moment.safe), len(moments) - 1)
    if not 0 <= cycle < len(moments):
        raise HrgError(f"step {step} of episode {episode} has cycles 0 to {len(moments) - 1}, not {cycle}")
    names = _names(engine, env.unwrapped.params.shield)
    return Found(episode, step, cycle, _decide(engine.shield, moments[cycle], names), engine.shield, names)


def _names(engine: Engine, shield: ShieldParams) -> Names:
    """Names of what the shield of an engine knows by number."""
    statics = static_pairs(engine.scene, shield.obstacles, gripper=shield.obstacle_gripper, held=True)
    robot = (*(name.removeprefix(ARM_PREFIX) for name in engine.scene.capsules.body), "held object")
    return Names(robot, tuple(BODY_NAMES), tuple(box.name for box in statics.obstacles), engine.scene.people)


def _stored_row(episodes: pd.DataFrame, eval_seed: int, episode: int) -> Mapping[str, Any]:
    """Return the table's row of an episode."""
    if not 0 <= episode < len(episodes):
        raise HrgError(f"the stored evaluation has episodes 0 to {len(episodes) - 1}, not {episode}")
    row = {str(name): value for name, value in episodes.iloc[episode].to_dict().items()}
    if int(row["seed"]) != episode_seed(eval_seed, episode):
        raise IntegrityError(
            f"the stored episodes were not made with eval_seed {eval_seed}; give the one that they were made with"
        )
    return row


def _reset(env: Any, seed: int) -> NDArray[np.float32]:
    return reset_lanes(env, np.ones(1, dtype=np.bool_), [seed])


def _play(env: Any, policy: PolicyFunction, row: Mapping[str, Any]) -> tuple[list[Any], list[bool]]:
    """Play the whole episode; return its actions, and in which steps the shield intervened."""
    observations = _reset(env, int(row["seed"]))
    actions: list[Any] = []
    intervened: list[bool] = []
    total, ended = 0.0, False
    # One step more than stored is enough to see that an episode goes on.
    while not ended and len(actions) <= int(row["length"]):
        actions.append(policy(np.array(observations)))
        observations, rewards, terminated, truncated, _ = env.step(actions[-1])
        intervened.append(bool(env.unwrapped.engine.shields.intervened[0]))
        total += float(rewards[0])
        ended = bool(terminated[0] or truncated[0])
    if not ended or len(actions) != int(row["length"]) or total != float(row["return"]):
        raise IntegrityError(
            f"episode {int(row['episode'])} comes out differently here: return {total:.9g} after {len(actions)} steps"
            f"{'' if ended else ' and more'}, stored {float(row['return']):.9g} after {int(row['length'])}"
        )
    return actions, intervened


def _moments(env: Any, engine: Engine, seed: int, actions: list[Any]) -> list[_Moment]:
    """Play the episode up to its last given step again and watch the shield in each cycle of that one."""
    _reset(env, seed)
    for action in actions[:-1]:
        env.step(action)
    moments: list[_Moment] = []
    with _watched(engine, moments):
        env.step(actions[-1])
    return moments


@contextmanager
def _watched(engine: Engine, moments: list[_Moment]) -> Iterator[None]:
    """Let the engine's steps run cycle by cycle, and note what its first shield sees and says."""
    patched: Any = engine
    whole: Callable[[Any], None] = engine.step
    members = np.arange(engine.num_envs)

    def step(commands: NDArray[np.float64]) -> None:
        arrays, shields = engine._arrays, engine.shields
        commands = np.ascontiguousarray(commands, dtype=np.float64)
        goals, grips = engine._goals, engine._gripper_actions
        begin_step(arrays, engine.shield, shields, commands, ACTION_SCALE, goals, grips)
        for cycle in range(CYCLES_PER_STEP):
            if arrays.failure[0] != 0:
                break
            now = float(engine.time[0])
            human = arrays.human_pos[0].copy(), arrays.human_time[0].copy()
            measured = Measured(now, *human, engine.q[0], engine.dq[0])
            rows, goal = shields.rows[:1].copy(), goals[0].copy() if cycle == 0 else None
            # Goals are set when an environment begins its step: in the call that runs the first cycle.
            run_chunk(
                *(engine._constants, arrays, engine.shield, shields, engine.people.records, members, goals, grips),
                cycle + 1,
            )
            moments.append(_Moment(rows, goal, measured, int(shields.verdict[0])))
        engine._interventions += shields.intervened

    patched.step = step
    try:
        yield
    finally:
        patched.step = whole


def _decide(model: ShieldModel, moment: _Moment, names: Names) -> Decision:
    """Explain a decision, and check that it is the one of the episode."""
    state = make_shield_state(model, 1)
    state.rows[:] = moment.rows
    if moment.goal is not None:
        plan_goal(model, state, 0, moment.goal)
    if state.replan_wanted[0]:
        plan_goal(model, state, 0)
    decision = explain(model, state, 0, moment.measured, names)
    if decision.verdict != moment.verdict:
        raise IntegrityError(
            f"the shield said {VERDICTS[moment.verdict]}, and says {VERDICTS[decision.verdict]} in the same state again"
        )
    return decision
