"""What each step of the training does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hrg_pipeline.config.params import RunParams
from hrg_pipeline.config.schema import algorithm_params_class
from hrg_pipeline.errors import IntegrityError
from hrg_pipeline.pipelines.agents import assemble_agent, fingerprint, require_same_actions
from hrg_pipeline.pipelines.types import Arrays, BaseAlgorithm, EnvSpec
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.registry import task_params_class
from hrg_pipeline.wrappers.params import WrapperParams

MANIFEST_FORMAT = 1


def build_env(robot: RobotParams, environment: dict[str, Any]) -> EnvSpec:
    """Specify the environment and prove the specification: make it, reset it, step it.

    Args:
        robot: The arm.
        environment: Parameters of the task named by ``env_id``.

    Returns:
        The specification with its spaces and model fingerprint.
    """
    from hrg_pipeline.envs import spec

    task = task_params_class(environment["env_id"]).model_validate(environment)
    return spec.prove(spec.EnvSpec.create(robot, task))


def attach_wrappers(spec: EnvSpec, wrappers: WrapperParams, run: RunParams) -> EnvSpec:
    """Add the wrappers and prove the specification with them.

    Args:
        spec: The bare environment.
        wrappers: Which ones.
        run: Names the observations the policy sees.

    Returns:
        The specification of what the agent learns in; its observations are one flat vector.
    """
    from hrg_pipeline.envs.spec import prove
    from hrg_pipeline.wrappers import attach

    return prove(attach.attach_wrappers(spec, wrappers, run.obs_keys))


def train(spec: EnvSpec, algorithm: dict[str, Any], run: RunParams, checkpoints: Path | None) -> dict[str, Any]:
    """Train an agent, or go on with its training; its metrics go to the tracked run while it learns.

    Args:
        spec: What to learn in.
        algorithm: Parameters of the algorithm named by ``name``.
        run: Size and seeds, checkpoints, evaluations.
        checkpoints: Folder for the checkpoints; None: none are written.

    Returns:
        ``policy`` (model), ``replay_buffer`` (named arrays, empty if the algorithm has none),
        ``normalisation`` (empty if there is none), ``curve`` (table of the metrics over steps) and
        ``record``: what must hold again for the stored agent.
    """
    from hrg_pipeline import tracking
    from hrg_pipeline.learning import training
    from hrg_pipeline.learning.checkpoint_store import Keep
    from hrg_pipeline.learning.session import Checkpointing

    evaluation = None
    if run.eval_freq is not None:
        evaluation = training.EvaluationPlan(run.eval_freq, run.n_test_episodes, run.eval_seed)
    checkpointing = None
    if checkpoints is not None and (run.save_freq or run.resume):
        checkpointing = Checkpointing(
            folder=checkpoints,
            save_freq=run.save_freq,
            keep=Keep(run.keep_last, run.keep_every),
            resume=None if run.resume is None else run.load_step or "final",
            environment=spec.sha256(),
        )
    params: Any = algorithm_params_class(algorithm["name"]).model_validate(algorithm)
    result = training.train(
        spec,
        params,
        n_envs=run.n_envs,
        n_steps=run.n_steps,
        seed=int(spec.task["seed"]),
        n_threads=run.n_threads,
        overlap=run.overlap,
        log_interval=run.log_interval,
        log_info_keys=run.log_info_keys,
        verbose=run.verbose,
        sink=tracking.current_sink(),
        checkpointing=checkpointing,
        evaluation=evaluation,
        resetting_interval=run.resetting_interval,
    )
    normalizer = result.agent.normalizer
    normalisation = normalizer.to_dict() if normalizer else {}
    replay_buffer = result.replay_buffer or {}
    record = {
        "algorithm": result.agent.name,
        "spec_sha256": spec.sha256(),
        "action_sha256": fingerprint(assemble_agent(result.agent.model, normalisation)),
        "n_transitions": _n_transitions(replay_buffer),
        "steps": result.steps,
        "wall_time_s": result.wall_time_s,
        "fps": result.fps,
        "seeds": {"run": run.seed, "environment": spec.task["seed"], "algorithm": params.seed},
    }
    return {
        "policy": result.agent.model,
        "replay_buffer": replay_buffer,
        "normalisation": normalisation,
        "curve": result.curve,
        "record": record,
    }


def save_artifacts(
    spec: EnvSpec,
    policy: BaseAlgorithm,
    replay_buffer: Arrays,
    normalisation: dict[str, Any],
    record: dict[str, Any],
    stored_files: dict[str, dict[str, Any]],
    provenance: dict[str, Any],
    run: RunParams,
) -> dict[str, Any]:
    """Prove that what was stored is what was trained; only then is the model registered.

    Args:
        spec: As read back.
        policy: As read back.
        replay_buffer: As read back.
        normalisation: As read back.
        record: What ``train`` recorded about all of them.
        stored_files: Size and hash of every file of this run.
        provenance: Commit, lock file, versions, command, machine.
        run: For its key and seeds.

    Returns:
        The manifest of the run.

    Raises:
        IntegrityError: if anything read back differs from what was recorded.
    """
    require_same_actions(assemble_agent(policy, normalisation), record["action_sha256"], "train")
    _require_equal("environment specification", spec.sha256(), record["spec_sha256"])
    _require_equal("number of transitions", _n_transitions(replay_buffer), record["n_transitions"])
    return {
        "format": MANIFEST_FORMAT,
        "run_key": run.id,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "algorithm": record["algorithm"],
        "action_sha256": record["action_sha256"],
        "spec_sha256": record["spec_sha256"],
        "seeds": record["seeds"] | {"evaluation": run.eval_seed},
        "steps": record["steps"],
        **provenance,
        "files": stored_files,
    }


def _n_transitions(replay_buffer: Arrays) -> int:
    """Transitions of all environments together in what ``replay_buffer_arrays`` gives."""
    return int(replay_buffer["rewards"].size) if replay_buffer else 0


def _require_equal(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise IntegrityError(f"the stored {what} is {found}, but train recorded {expected}")
