"""One decision of the shield in a stored evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hrg_pipeline.config.run_store import RunStore
from hrg_pipeline.errors import RunNotFoundError
from hrg_pipeline.pipelines.agents import assemble_agent, require_same_actions


def draw_stored_decision(
    project: Path,
    run_id: str,
    episode: int = 0,
    step: int | None = None,
    cycle: int | None = None,
    eval_seed: int | None = None,
    out: Path | None = None,
) -> tuple[Path, str]:
    """Play an evaluated episode again and draw one decision of the shield.

    Args:
        project: Folder of the project.
        run_id: Key of a stored run, or its MLflow id.
        episode: Episode of its newest evaluation.
        step: RL step; None: the first with an intervention.
        cycle: Cycle of that step; None: the first with an intervention, or else the last.
        eval_seed: Seed of the evaluation; None: the run's.
        out: PNG file; None: one beside the evaluation.

    Returns:
        The file, and the decision in words.

    Raises:
        RunNotFoundError: The run is not stored, or was not evaluated.
        HrgError: There is no such episode, step or cycle.
        IntegrityError: The episode does not come out as it is stored.
    """
    store = RunStore(project)
    key = store.find(run_id)
    if key is None or not store.has_model(key):
        newest = ", ".join(store.newest()) or "none"
        raise RunNotFoundError(f"no trained run '{run_id}' here; give --run a stored one, the newest: {newest}")
    stored = _load(project, key, eval_seed)

    from hrg_pipeline.learning.determinism import contained_randomness
    from hrg_pipeline.reporting.decision_picture import draw_decision
    from hrg_pipeline.reporting.decision_replay import find_decision

    agent = assemble_agent(stored["policy"], stored["normalisation"])
    require_same_actions(agent, stored["manifest"]["action_sha256"], "save_artifacts")
    seed = stored["params:run"].eval_seed
    env = stored["wrapped_env_spec"].make_vector(num_envs=1, seed=seed, n_threads=1)
    try:
        with contained_randomness():
            found = find_decision(env, agent.predict, stored["episodes"], seed, episode, step, cycle)
    finally:
        env.close()
    name = f"decision_{found.episode}_{found.step}_{found.cycle}.png"
    file = out or project / "data" / "08_reporting" / key / name
    draw_decision(found, file, key)
    verdict = "safe" if found.decision.safe else "unsafe"
    where = f"episode {found.episode}, step {found.step}, cycle {found.cycle}"
    return file, f"{where}: {verdict}; {found.decision.reason}"


def _load(project: Path, key: str, eval_seed: int | None) -> dict[str, Any]:
    """Load what an evaluation needs, and its table."""
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project
    from kedro.io import DatasetError

    bootstrap_project(project)
    run = {"id": key} | ({} if eval_seed is None else {"eval_seed": eval_seed})
    opened: Any = KedroSession.create(project, runtime_params={"run": run})
    with opened as session:
        catalog = session.load_context().catalog
        names = ("wrapped_env_spec", "policy", "normalisation", "manifest", "params:run")
        stored = {name: catalog.load(name) for name in names}
        try:
            stored["episodes"] = catalog.load("episodes")
        except DatasetError as error:
            raise RunNotFoundError(
                f"run {key} was not evaluated; kedro run --pipelines evaluate --params run.id={key}"
            ) from error
    return stored
