"""What the evaluation does."""

from __future__ import annotations

from typing import Any

from hrg_pipeline.config.params import RunParams
from hrg_pipeline.pipelines.agents import assemble_agent, require_same_actions
from hrg_pipeline.pipelines.evaluate.jobs import shown
from hrg_pipeline.pipelines.films import film_episode
from hrg_pipeline.pipelines.types import BaseAlgorithm, DataFrame, EnvSpec


def evaluate(
    spec: EnvSpec,
    policy: BaseAlgorithm,
    normalisation: dict[str, Any],
    training_curve: DataFrame,
    manifest: dict[str, Any],
    run: RunParams,
) -> dict[str, Any]:
    """Run ``run.n_test_episodes`` deterministic episodes on fresh environments seeded by ``run.eval_seed``.

    Args:
        spec: What the agent learned in.
        policy: Its model.
        normalisation: Of its observations; empty if there is none.
        training_curve: Metrics over steps.
        manifest: Says how the agent must act; without it nothing is evaluated.
        run: Number and seed of the episodes.

    Returns:
        ``episodes`` (one row an episode), ``metrics`` (with 95 % intervals), ``learning_curve`` and
        ``figure`` (pictures), and ``video``.

    Raises:
        IntegrityError: if the stored policy does not act as the manifest says.
    """
    from hrg_pipeline.learning import evaluation
    from hrg_pipeline.learning.determinism import contained_randomness
    from hrg_pipeline.reporting.plots import evaluation_figure, learning_curve_figure
    from hrg_pipeline.reporting.statistics import summarize_episodes

    agent = assemble_agent(policy, normalisation)
    require_same_actions(agent, manifest["action_sha256"], "save_artifacts")
    n_envs = 1 if run.eval else run.n_envs
    env = shown(spec, run.eval).make_vector(num_envs=n_envs, seed=run.eval_seed, n_threads=run.n_threads)
    try:
        with contained_randomness():
            episodes = evaluation.evaluate(
                agent, env, run.n_test_episodes, run.eval_seed, run.verbose, start=run.start_index
            )
    finally:
        env.close()
    metrics = summarize_episodes(episodes, seed=run.eval_seed)
    return {
        "episodes": episodes,
        "metrics": metrics,
        "learning_curve": learning_curve_figure(training_curve, title=str(run.id)),
        "figure": evaluation_figure(episodes, title=str(run.id)),
        "video": film_episode(spec, lambda env, seed: agent.predict, run),
    }
