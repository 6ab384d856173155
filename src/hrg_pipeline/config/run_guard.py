"""A hook that keeps stored runs from being overwritten and finds missing ones early."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from hrg_pipeline.config.overrides import read_overrides
from hrg_pipeline.config.run_store import RunStore
from hrg_pipeline.errors import ConfigError

if TYPE_CHECKING:
    from kedro.io import DataCatalog

TRAINING = frozenset({"__default__", "train"})
MAKES_A_RUN = TRAINING | {"demonstrate"}
NEEDS_STORED_RUN = frozenset({"evaluate"})
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
    elif names & NEEDS_STORED_RUN and not store.has_model(run_key):
        raise store.not_found(run_key if given else None)


class RunGuard:
    """Checks a run against the stored ones before any other hook sees it."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Refuse a run that would overwrite a model, or that evaluates nothing."""
        caller = read_overrides(run_params.get("runtime_params") or {}).tree().get("run")
        check_run(
            RunStore(Path(run_params["project_path"])),
            catalog.load("params:run.id"),
            run_params.get("pipeline_names") or (),
            given=isinstance(caller, Mapping) and caller.get("id") is not None,
            sliced=any(run_params.get(name) for name in _SLICES),
        )
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
