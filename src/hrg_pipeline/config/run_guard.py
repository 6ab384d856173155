"""A hook that keeps stored runs from being overwritten and finds missing ones early."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from hrg_pipeline.config.overrides import read_overrides
from hrg_pipeline.config.run_store import RunStore
from hrg_pipeline.config.sources import read_mapping
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.tracking.recorder import plain_parameters

if TYPE_CHECKING:
    from kedro.io import DataCatalog

TRAINING = frozenset({"__default__", "train"})
MAKES_A_RUN = TRAINING | {"demonstrate"}
REPRODUCE = "reproduce"
NEEDS_STORED_RUN = frozenset({"evaluate", REPRODUCE})
IMPORT = "import_motion"
_SLICES = ("tags", "from_nodes", "to_nodes", "node_names", "from_inputs", "to_outputs", "namespaces")


def check_run(
    store: RunStore, run_key: str, pipelines: Iterable[str], *, given: bool = True, sliced: bool = False
) -> None:
    """Check that the pipelines and the run fit together.

    Args:
        store: the stored runs.
        run_key: key of the run that is about to start.
        pipelines: names of the pipelines to run; none is the default one.
        given: whether ``run.id`` was set; else the key is a new one.
        sliced: whether only some of the nodes run; going on with a part of a stored run is allowed.

    Raises:
        ConfigError: if a training or demonstration would overwrite what a stored model belongs to.
        RunNotFoundError: if the run to evaluate is not stored.
    """
    names = frozenset(pipelines) or TRAINING
    if names & MAKES_A_RUN:
        if store.has_model(run_key) and not sliced:
            raise ConfigError(
                f"run.id={run_key} already has a trained model; choose another id, or run the pipeline 'evaluate' on it"
            )
        if store.checkpoints(run_key).steps() and not sliced:
            raise ConfigError(
                f"run.id={run_key} has checkpoints of a training; go on with it by run.resume={run_key}, or choose "
                "another id"
            )
    elif names & NEEDS_STORED_RUN and not store.has_model(run_key):
        raise store.not_found(run_key if given else None)


def check_resume(store: RunStore, parameters: Mapping[str, Any], pipelines: Iterable[str]) -> None:
    """Check that a training can go on as asked, before anything of the run is touched.

    Args:
        store: the stored runs.
        parameters: resolved; ``run.resume`` is the key of a stored run.
        pipelines: names of the pipelines to run; none is the default one.

    Raises:
        ConfigError: if something else than a training is to run, if a value that decides the training differs from
            what it began with, or if it has nothing left to train.
        RunNotFoundError: if the run has no checkpoint.
    """
    run = parameters["run"]
    key = run["resume"]
    if not (frozenset(pipelines) or TRAINING) <= TRAINING:
        raise ConfigError(f"run.resume={key} is for the pipeline 'train', not for {', '.join(pipelines)}")
    steps = store.checkpoints(key).steps()
    if not steps:
        raise store.not_resumable(key)
    changed = _changed(store, key, parameters, MAY_CHANGE)
    if changed:
        raise ConfigError(f"run.resume={key} goes on with what the training began with, and {changed}")
    if store.has_model(key) and steps[-1] >= run["n_steps"]:
        raise ConfigError(
            f"run.resume={key} has finished its training of {steps[-1]} steps; set run.n_steps to more to extend it"
        )


MAY_CHANGE = frozenset(
    f"run.{name}"
    for name in (
        "id",
        "resume",
        "load_step",
        "n_steps",
        "n_threads",
        "n_test_episodes",
        "eval_seed",
        "log_interval",
        "save_freq",
        "keep_last",
        "keep_every",
        "eval_freq",
        "verbose",
        "record_video",
    )
)
"""Values that do not decide what is learned; a resumed run may change them."""


DECIDING = ("robot", "environment", "wrappers", "algorithm", "run")
"""Sections whose values decide what is learned, but for ``MAY_CHANGE``."""


SHOWS_ONLY = frozenset(f"run.{name}" for name in ("id", "resume", "load_step", "n_threads", "verbose", "record_video"))
"""Values that decide nothing that is stored; a repetition may change them, and those about checkpoints."""


def check_repetition(store: RunStore, parameters: Mapping[str, Any]) -> None:
    """Check that a repetition is of what is stored.

    Raises:
        ConfigError: if a value that decides anything is another one.
    """
    key = parameters["run"]["id"]
    about_checkpoints = {f"run.{name}" for name in ("save_freq", "keep_last", "keep_every")}
    changed = _changed(store, key, parameters, SHOWS_ONLY | about_checkpoints)
    if changed:
        raise ConfigError(f"the pipeline 'reproduce' repeats run.id={key} as it was, and {changed}")


def _changed(store: RunStore, key: str, parameters: Mapping[str, Any], free: frozenset[str]) -> str:
    """Name the deciding values that are not those of a stored run, with what they were; empty where there is none."""
    path = store.parameters_file(key)
    began = dict(_flat(read_mapping(path, store.name_of(path))))
    now = dict(_flat(parameters))
    changed = sorted(name for name in (began.keys() & now.keys()) - free if began[name] != now[name])
    return ", ".join(f"{name} was {began[name]}" for name in changed if name.partition(".")[0] in DECIDING)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", list(value) if isinstance(value, tuple) else value


class RunGuard:
    """Checks a run against the stored ones before any other hook sees it."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Refuse a run that would overwrite a model, that evaluates nothing, or that cannot be resumed."""
        store = RunStore(Path(run_params["project_path"]))
        run = plain_parameters(catalog)["run"]
        if run["resume"] is not None:
            check_resume(store, plain_parameters(catalog), run_params.get("pipeline_names") or ())
            return
        if run["load_step"] is not None and frozenset(run_params.get("pipeline_names") or TRAINING) & TRAINING:
            raise ConfigError(f"run.load_step={run['load_step']} needs run.resume=<stored run> in a training")
        caller = read_overrides(run_params.get("runtime_params") or {}).tree().get("run")
        check_run(
            store,
            run["id"],
            run_params.get("pipeline_names") or (),
            given=isinstance(caller, Mapping) and caller.get("id") is not None,
            sliced=any(run_params.get(name) for name in _SLICES),
        )
        if REPRODUCE in (run_params.get("pipeline_names") or ()):
            check_repetition(store, plain_parameters(catalog))
        if IMPORT in (run_params.get("pipeline_names") or ()):
            check_import(catalog)


def check_import(catalog: DataCatalog) -> None:
    """Check, before anything is read, that an import has a source and would overwrite nothing.

    Raises:
        ConfigError: if ``motion.source`` is not set, or the set of clips exists and may not be replaced.
    """
    if catalog.load("params:motion.source") is None:
        raise ConfigError("motion.source is not set; give it a file or folder of recordings: motion.source=<path>")
    if catalog.exists("motion_clips") and not catalog.load("params:motion.overwrite"):
        where: Any = catalog["motion_clips"]
        raise ConfigError(
            f"{where.path} already holds imported clips; choose another motion.name, or motion.overwrite=true"
        )
