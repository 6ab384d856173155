"""Evaluations as jobs that any process can do: a policy, a condition, episodes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hrg_pipeline.errors import ConfigError
from hrg_pipeline.pipelines.evaluate.conditions import Condition

if TYPE_CHECKING:
    import pandas as pd

    from hrg_pipeline.envs.spec import EnvSpec

Actor = Literal["agent", "expert", "random"]


@dataclass(frozen=True)
class Job:
    """One policy under one condition."""

    models: Path
    """Folder of the run that the policy, or the environment of a baseline, is of."""
    run: str
    """How the run is called in the table."""
    condition: Condition
    n_episodes: int
    seed: int
    start: int = 0
    actor: Actor = "agent"
    step: int | None = None
    """Checkpoint; None: the stored model."""
    n_envs: int = 8
    n_threads: int | None = 1
    show: bool = False
    """Show the first environment while it moves."""
    film: Path | None = None
    """MP4 file of the first episode."""

    @property
    def policy(self) -> str:
        """How the policy is called in tables."""
        return self.run if self.actor == "agent" else self.actor


def run_job(job: Job) -> pd.DataFrame:
    """Run the episodes of a job.

    The rows depend on nothing but the policy, the condition and the seed: not on the process, nor on how many
    environments are stepped together.

    Returns:
        ``policy``, ``run``, ``step`` (missing: the stored model), ``condition``, one column an axis, and the columns of
        an evaluation.

    Raises:
        ConfigError: if the policy does not fit the environment under this condition.
        IntegrityError: if something stored cannot be read.
    """
    from hrg_pipeline.learning import evaluation
    from hrg_pipeline.learning.determinism import contained_randomness

    spec, make_policy = _prepare(job)
    env = shown(without_display(spec), job.show).make_vector(
        num_envs=job.n_envs, seed=job.seed, n_threads=job.n_threads
    )
    try:
        with contained_randomness():
            policy = make_policy(env)
            table = evaluation.evaluate(policy, env, job.n_episodes, job.seed, start=job.start)
    finally:
        env.close()
    if job.film is not None:
        _film(job, spec, make_policy)
    for place, (name, value) in enumerate(
        (("policy", job.policy), ("run", job.run), ("step", job.step), ("condition", job.condition.name))
    ):
        table.insert(place, name, value)
    table["step"] = table["step"].astype("Int64")
    for axis, value in job.condition.values:
        table[axis] = str(value)
    return table


def run_jobs(jobs: Sequence[Job], workers: int = 1) -> Iterator[pd.DataFrame]:
    """Run jobs in their order, several at a time; the tables do not depend on how many."""
    if workers == 1 or len(jobs) == 1:
        yield from map(run_job, jobs)
        return
    # Fresh processes: torch and the simulator have threads, which a fork would not take along.
    with ProcessPoolExecutor(min(workers, len(jobs)), multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(run_job, jobs)


def _prepare(job: Job) -> tuple[EnvSpec, Callable[[Any], Any]]:
    """Return the environment of a job, and what makes its policy for a vector of them."""
    from hrg_pipeline.pipelines.evaluate import stored

    if job.actor == "expert":
        spec, make_policy = stored.expert(job.models)
        return job.condition.apply(spec), make_policy
    spec = job.condition.apply(stored.wrapped_spec(job.models))
    if job.actor == "random":
        from hrg_pipeline.learning.random_policy import RandomPolicy

        return spec, lambda env: RandomPolicy(env.single_action_space.shape[0], env.num_envs)
    agent = stored.agent(job.models, job.step)

    def checked(env: Any) -> Any:
        for kind, space in (
            ("observation", agent.model.observation_space),
            ("action", agent.model.action_space),
        ):
            found = getattr(env, f"single_{kind}_space")
            if found.shape != space.shape:
                raise ConfigError(
                    f"{job.run} under '{job.condition.name}': the policy's {kind} has shape {space.shape}, the "
                    f"environment's {found.shape}; a policy fits the robot and observations it was trained with"
                )
        return agent

    return spec, checked


def shown(spec: EnvSpec, show: bool) -> EnvSpec:
    """Return a specification with the wrapper that shows, if it is wanted."""
    if not show:
        return spec
    from hrg_pipeline.wrappers.attach import attach_wrappers
    from hrg_pipeline.wrappers.params import VisualizationParams, WrapperParams

    only = WrapperParams(time_limit=False, select_observations=False, visualization=VisualizationParams(enabled=True))
    return attach_wrappers(without_display(spec), only, ())


def without_display(spec: EnvSpec) -> EnvSpec:
    """Return a specification without the wrapper that shows."""
    return spec.model_copy(update={"wrappers": tuple(one for one in spec.wrappers if one.name != "visualization")})


def _film(job: Job, spec: EnvSpec, make_policy: Callable[[Any], Any]) -> None:
    from hrg_pipeline.learning.determinism import contained_randomness
    from hrg_pipeline.learning.evaluation import episode_seed
    from hrg_pipeline.reporting.video import record_episode

    assert job.film is not None
    env = without_display(spec).make_vector(num_envs=1, seed=job.seed, n_threads=1)
    seed = episode_seed(job.seed, job.start)
    try:
        with contained_randomness():
            policy = make_policy(env)
            if hasattr(policy, "begin"):
                policy.begin(0, seed)
            recorded = record_episode(env, getattr(policy, "predict", None) or policy.act, job.film, seed=seed)
    finally:
        env.close()
    if recorded.note:
        job.film.with_suffix(".txt").write_text(f"{recorded.note}\n", encoding="utf-8")
