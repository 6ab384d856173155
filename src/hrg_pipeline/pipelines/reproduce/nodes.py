"""What the repetition of a stored run does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hrg_pipeline.config.params import RunParams
from hrg_pipeline.errors import ConfigError, IntegrityError
from hrg_pipeline.pipelines.agents import assemble_agent
from hrg_pipeline.pipelines.train import nodes as training
from hrg_pipeline.pipelines.types import Arrays, BaseAlgorithm, DataFrame, EnvSpec

COMPARED = ("environment", "curve", "replay_buffer", "weights", "actions", "episodes")
"""What is compared, in the order in which a run makes it."""


def train_again(spec: EnvSpec, algorithm: dict[str, Any], run: RunParams, record: dict[str, Any]) -> dict[str, Any]:
    """Train from the recorded configuration; nothing is tracked and no checkpoint is written.

    Args:
        spec: Built anew.
        algorithm: As recorded.
        run: As recorded.
        record: What the stored training recorded.

    Returns:
        What ``train`` returns.

    Raises:
        ConfigError: if the stored model is not the end of the recorded training.
    """
    if record["steps"] < run.n_steps:
        raise ConfigError(
            f"the model of run {run.id} has {record['steps']} of {run.n_steps} steps: it was to be extended and is not "
            f"finished; first go on with it by run.resume={run.id}"
        )
    again = run.model_copy(update={"save_freq": 0, "resume": None, "load_step": None})
    return training.train(spec, algorithm, again, Path())


def evaluate_again(
    spec: EnvSpec, policy: BaseAlgorithm, normalisation: dict[str, Any], run: RunParams, stored: DataFrame
) -> DataFrame:
    """Run the episodes of the stored table with the repeated policy.

    Args:
        spec: Built anew.
        policy: The repeated one.
        normalisation: Of its observations.
        run: Seed of the evaluation.
        stored: The newest stored table; it says how many episodes there were.
    """
    from hrg_pipeline.learning import evaluation
    from hrg_pipeline.learning.determinism import contained_randomness

    env = spec.make_vector(num_envs=run.n_envs, seed=run.eval_seed, n_threads=run.n_threads)
    try:
        with contained_randomness():
            agent = assemble_agent(policy, normalisation)
            return evaluation.evaluate(agent, env, len(stored), run.eval_seed, run.verbose)
    finally:
        env.close()


def compare_with_stored(
    repeated: dict[str, Any], stored: dict[str, Any], provenance: dict[str, Any], manifest: dict[str, Any]
) -> dict[str, Any]:
    """Compare what was stored with what came out again.

    Args:
        repeated: ``spec``, ``curve``, ``replay_buffer``, ``policy``, ``record`` and ``episodes`` of the repetition.
        stored: The same of the stored run.
        provenance: Of this repetition.
        manifest: Of the stored run.

    Returns:
        ``equal``; ``differences``: for each of ``COMPARED`` None, or where it first differs; and ``changed``: commit,
        lock file, versions and machine where they are not those of the stored run.
    """
    from hrg_pipeline.pipelines.reproduce import comparison

    one, other = stored, repeated
    differences = {
        "environment": _environment(one["spec"], other["spec"]),
        "curve": comparison.compare_curves(one["curve"], other["curve"]),
        "replay_buffer": comparison.compare_buffers(one["replay_buffer"], other["replay_buffer"]),
        "weights": comparison.compare_weights(*(comparison.weights_of(run["policy"]) for run in (one, other))),
        "actions": _hashes("actions on fixed observations", *(run["record"]["action_sha256"] for run in (one, other))),
        "episodes": comparison.compare_episodes(one["episodes"], other["episodes"]),
    }
    changed = {
        key: {"then": manifest.get(key), "now": provenance[key]}
        for key in ("git", "lock_sha256", "versions", "machine")
        if key in provenance and _lasting(manifest.get(key)) != _lasting(provenance[key])
    }
    return {
        "run_key": manifest["run_key"],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "equal": not any(differences.values()),
        "differences": {name: differences[name] for name in COMPARED},
        "changed": changed,
    }


def gather(
    spec: EnvSpec,
    curve: DataFrame,
    replay_buffer: Arrays,
    policy: BaseAlgorithm,
    record: dict[str, Any],
    episodes: DataFrame,
) -> dict[str, Any]:
    """Put together what is compared of one run."""
    return {
        "spec": spec,
        "curve": curve,
        "replay_buffer": replay_buffer,
        "policy": policy,
        "record": record,
        "episodes": episodes,
    }


def require_equal(reproduction: dict[str, Any]) -> None:
    """End the run with an error, and so with exit code 1, if the repetition was not the same.

    Raises:
        IntegrityError: names everything that differs, the earliest first.
    """
    if not reproduction["equal"]:
        found = "; ".join(text for text in reproduction["differences"].values() if text)
        changed = ", ".join(reproduction["changed"]) or "nothing"
        raise IntegrityError(
            f"{reproduction['run_key']} came out different: {found}. Since it was stored {changed} changed"
        )


def _environment(one: EnvSpec, other: EnvSpec) -> str | None:
    if one.sha256() != other.sha256():
        return _hashes("environment specification", one.sha256(), other.sha256())
    seen = [(spec.fingerprint.model_dump() if spec.fingerprint else {}) for spec in (one, other)]
    differ = [name for name in seen[0] if seen[0][name] != seen[1].get(name)]
    return f"the environment's {', '.join(differ)} differ" if differ else None


def _hashes(what: str, one: str, other: str) -> str | None:
    return None if one == other else f"{what}: hash {one[:12]}… and {other[:12]}…"


def _lasting(value: Any) -> Any:
    """Leave out what differs between any two processes."""
    return {key: entry for key, entry in value.items() if key != "pid"} if isinstance(value, Mapping) else value
