"""What a demonstration does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hrg_pipeline.config.params import RunParams
from hrg_pipeline.pipelines.films import film_episode
from hrg_pipeline.pipelines.types import EnvSpec
from hrg_pipeline.wrappers.params import WrapperParams

if TYPE_CHECKING:
    import pandas as pd

    from hrg_pipeline.experts.base import Expert
    from hrg_pipeline.experts.policy import ExpertPolicy


def attach_expert(spec: EnvSpec, wrappers: WrapperParams, expert: dict[str, Any]) -> EnvSpec:
    """Add the wrappers that an expert acts through, and prove the specification with them.

    Args:
        spec: The bare environment.
        wrappers: Which ones; Cartesian actions are switched on or off as the expert needs it.
        expert: Parameters of the expert named by ``name``.

    Returns:
        The specification; its observations are those that the expert reads, as one flat vector.

    Raises:
        ConfigError: if it is the expert of another task.
    """
    from hrg_pipeline.envs.spec import prove

    return prove(expert_spec(spec, wrappers, expert))


def expert_spec(spec: EnvSpec, wrappers: WrapperParams, expert: dict[str, Any]) -> EnvSpec:
    """Add the wrappers that an expert acts through; arguments and errors are those of ``attach_expert``."""
    from hrg_pipeline.wrappers import attach

    one = _expert(spec, wrappers, expert)
    ik = wrappers.ik_position_delta.model_copy(update={"enabled": one.cartesian})
    needed = wrappers.model_copy(update={"ik_position_delta": ik, "select_observations": True})
    return attach.attach_wrappers(spec, needed, one.obs_keys)


def expert_policy(spec: EnvSpec, wrappers: WrapperParams, expert: dict[str, Any], env: Any) -> ExpertPolicy:
    """Put an expert in front of a vector of environments made from its ``expert_spec``."""
    return _policy(_expert(spec, wrappers, expert), env)


def demonstrate(spec: EnvSpec, wrappers: WrapperParams, expert: dict[str, Any], run: RunParams) -> dict[str, Any]:
    """Run ``run.n_test_episodes`` episodes on fresh environments seeded by ``run.eval_seed``.

    Args:
        spec: From ``attach_expert``.
        wrappers: For the length of a Cartesian step.
        expert: Parameters of the expert.
        run: Number and seed of the episodes.

    Returns:
        ``episodes`` (one row an episode), ``metrics`` (with 95 % intervals), ``figure`` and ``video``.
    """
    from hrg_pipeline.reporting.plots import evaluation_figure
    from hrg_pipeline.reporting.statistics import summarize_episodes

    one = _expert(spec, wrappers, expert)
    episodes = run_episodes(spec, wrappers, expert, run)

    def first_episode(env: Any, seed: int) -> Any:
        policy = _policy(one, env)
        policy.begin(0, seed)
        return policy.act

    return {
        "episodes": episodes,
        "metrics": summarize_episodes(episodes, seed=run.eval_seed),
        "figure": evaluation_figure(episodes, title=str(run.id)),
        "video": film_episode(spec, first_episode, run),
    }


def run_episodes(spec: EnvSpec, wrappers: WrapperParams, expert: dict[str, Any], run: RunParams) -> pd.DataFrame:
    """Run an expert's episodes alone; arguments and rows are those of ``demonstrate``."""
    from hrg_pipeline.learning import evaluation

    env = spec.make_vector(num_envs=run.n_envs, seed=run.eval_seed, n_threads=run.n_threads)
    try:
        policy = _policy(_expert(spec, wrappers, expert), env)
        return evaluation.evaluate(policy, env, run.n_test_episodes, run.eval_seed, run.verbose, run.start_index)
    finally:
        env.close()


def _expert(spec: EnvSpec, wrappers: WrapperParams, expert: dict[str, Any]) -> Expert:
    from hrg_pipeline.experts.registry import expert_params_class, make_expert

    params = expert_params_class(expert["name"]).model_validate(expert)
    return make_expert(params, spec.env_id, wrappers.ik_position_delta.action_limit, spec.robot)


def _policy(expert: Expert, env: Any) -> ExpertPolicy:
    """Put an expert in front of a vector of environments."""
    from hrg_pipeline.experts.policy import ExpertPolicy

    sensors = env.unwrapped.single_observation_space
    sizes = [sensors[name].shape[0] for name in expert.obs_keys]
    return ExpertPolicy(expert, sizes, env.single_action_space.shape[0] - 1, env.num_envs)
