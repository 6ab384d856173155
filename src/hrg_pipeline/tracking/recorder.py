"""What of a Kedro run is recorded, and in which MLflow run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from hrg_pipeline.config.params import TrackingParams
from hrg_pipeline.errors import RunNotFoundError
from hrg_pipeline.tracking import provenance
from hrg_pipeline.tracking.backends import OPENERS, Backend, Backends, Start
from hrg_pipeline.tracking.flatten import flatten_metrics
from hrg_pipeline.tracking.groups import group_run
from hrg_pipeline.tracking.mlflow_run import MlflowRun, RunRef, count_children, find_run, send_unsent
from hrg_pipeline.tracking.session import open_run

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline

PARAMETERS_ARTIFACT = "config/parameters.yml"
CHECKPOINTS = "checkpoints"
"""Dataset that names the folder of a training's checkpoints; None: none are written."""
RUN_REF, RUN_PARAMETERS, MANIFEST = "mlflow_run", "run_parameters", "manifest"
"""Datasets outside the pipelines: the MLflow run of a run key, and its resolved parameters."""


class RunPlan(NamedTuple):
    """What is about to run."""

    run_key: str
    pipeline: str
    only_evaluates: bool
    """An earlier run is evaluated and must stay as it is."""


def plain_parameters(catalog: DataCatalog) -> dict[str, Any]:
    """Return the resolved parameters as plain values; Kedro puts models where a node asks for one."""
    return {
        name: value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        for name, value in catalog["parameters"].load().items()
    }


def plan(run_params: Mapping[str, Any], pipeline: Pipeline, parameters: Mapping[str, Any]) -> RunPlan:
    """Read off a Kedro run what it will do."""
    nodes = {node.name for node in pipeline.nodes}
    return RunPlan(
        run_key=str(parameters["run"]["id"]),
        pipeline=",".join(run_params.get("pipeline_names") or ["__default__"]),
        only_evaluates=nodes == {"evaluate"},
    )


def require_inputs(plan: RunPlan, pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse to go on from results that are not stored, before anything is written.

    Raises:
        RunNotFoundError: names what is missing.
    """
    needed = [name for name in pipeline.inputs() if name != "parameters" and not name.startswith("params:")]
    missing = sorted(name for name in needed if name not in catalog or not catalog.exists(name))
    if missing:
        raise RunNotFoundError(
            f"run '{plan.run_key}' has no stored {', '.join(missing)}; a training that ended early cannot be "
            "evaluated, and a part of a pipeline needs run.id=<a stored run>"
        )


def keep_in_memory(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Keep what a pipeline makes in memory, so that nothing is written."""
    from kedro.io import MemoryDataset

    kedro_logger = logging.getLogger("kedro.io.data_catalog")
    level = kedro_logger.level
    kedro_logger.setLevel(logging.ERROR)  # it warns of each dataset that is replaced
    try:
        for name in sorted(pipeline.all_outputs()):
            catalog[name] = MemoryDataset(copy_mode="assign")
        if CHECKPOINTS in pipeline.inputs():
            catalog[CHECKPOINTS] = MemoryDataset(None)
    finally:
        kedro_logger.setLevel(level)


def dataset_path(catalog: DataCatalog, name: str) -> Path | None:
    """Return the local file that a dataset would be loaded from, or None for what is no single file."""
    dataset: Any = catalog[name]
    if hasattr(dataset, "stored_path"):
        return Path(dataset.stored_path)
    # Kedro has no public name for this; its own plugins use this one too.
    return Path(dataset._get_load_path()) if hasattr(dataset, "_get_load_path") else None


def run_tags(plan: RunPlan, parameters: Mapping[str, Any], project: Path) -> dict[str, str]:
    """Return everything that a run needs to be repeated, besides its parameters."""
    git = provenance.git_state(project)
    tags = {
        **parameters["tracking"].get("tags", {}),
        "hrg.run_key": plan.run_key,
        "hrg.experiment": str(parameters.get("experiment")),
        "hrg.group": group_of(parameters),
        "hrg.pipeline": plan.pipeline,
        "hrg.command": provenance.command_line(),
        "hrg.git_commit": git["commit"],
        "hrg.git_dirty": git["dirty"],
        "hrg.lock_sha256": provenance.lock_hash(project),
        "mlflow.source.name": plan.pipeline,
        "mlflow.source.type": "LOCAL",
    }
    if git["commit"] != provenance.UNKNOWN:
        tags["mlflow.source.git.commit"] = git["commit"]
    tags |= {f"hrg.version.{name}": version for name, version in provenance.versions().items()}
    tags |= {f"hrg.seed.{name}": str(seed) for name, seed in provenance.seeds(parameters).items()}
    tags |= {f"hrg.{name}": value for name, value in provenance.machine().items()}
    return tags


def group_of(parameters: Mapping[str, Any]) -> str:
    """Return the name of the runs that a run belongs to: ``tracking.group``, else its experiment."""
    wishes = parameters["tracking"]
    return str(wishes.get("group") or parameters.get("experiment") or wishes.get("experiment_name", "custom"))


class Recorder:
    """Mirrors a Kedro run to where it is tracked.

    Args:
        catalog: of this session.
        parameters: resolved.
        run: everywhere it is tracked.
        mlflow: its MLflow run among them.
    """

    def __init__(
        self, catalog: DataCatalog, parameters: Mapping[str, Any], run: Backends, mlflow: MlflowRun | None
    ) -> None:
        self.run = run
        self._mlflow = mlflow
        self._catalog = catalog
        self._parameters = parameters
        self._tracking = TrackingParams.model_validate(parameters["tracking"])

    @classmethod
    def start(cls, project: Path, plan: RunPlan, parameters: Mapping[str, Any], catalog: DataCatalog) -> Recorder:
        """Open the tracked run that belongs to a Kedro run and store where it comes from.

        A new run key gets a new MLflow run. Going on with a stored key goes on with its MLflow run, except
        that an evaluation gets a run of its own, nested under it, so that nothing is overwritten.
        """
        wishes = TrackingParams.model_validate(parameters["tracking"])
        tags = run_tags(plan, parameters, project)
        name, mlflow, opened = wishes.run_name or plan.run_key, None, list[Backend]()
        if "mlflow" in wishes.backends:
            send_unsent(project)
            earlier = _earlier(project, catalog)
            if plan.only_evaluates:
                number = count_children(project, earlier) + 1 if earlier else 1
                name = f"{plan.run_key}/evaluate-{number}"
                mlflow = MlflowRun.create(project, wishes.experiment_name, name, tags, parent=earlier)
            elif earlier:
                mlflow = MlflowRun.resume(project, earlier, tags)
            else:
                parent = group_run(project, wishes.experiment_name, wishes.group) if wishes.group else None
                mlflow = MlflowRun.create(project, wishes.experiment_name, name, tags, parent=parent)
            mlflow.batch_every(wishes.log_batch_seconds)
            opened.append(mlflow)
        run = Backends(opened)
        open_run(run)
        start = Start(project, plan.run_key, name, group_of(parameters), wishes, tags)
        for backend in wishes.backends:
            if backend in OPENERS:
                run.add(OPENERS[backend](start))
        if mlflow and not plan.only_evaluates and RUN_REF in catalog:
            catalog[RUN_REF].save(mlflow.ref._asdict())
        recorder = cls(catalog, parameters, run, mlflow)
        recorder._store_parameters()
        return recorder

    def _store_parameters(self) -> None:
        import yaml

        self.run.log_params(self._parameters)
        text = yaml.safe_dump(dict(self._parameters), sort_keys=False, allow_unicode=True)
        self.run.log_text(text, PARAMETERS_ARTIFACT)

    def dataset_saved(self, name: str, data: Any) -> None:
        """Mirror a dataset as its ``metadata.mlflow`` in the catalog asks for.

        ``artifact_path`` is the folder its file goes to; ``upload_if`` names the parameter without which only
        the file's path and hash are noted; ``metrics`` is the prefix under which its numbers become metrics;
        ``registers`` is the dataset that becomes a model version now that this one is stored.
        """
        wishes = _wishes(self._catalog, name)
        if "artifact_path" in wishes:
            self._mirror(name, wishes)
        if "metrics" in wishes:
            self.run.log(flatten_metrics(data, wishes["metrics"]), step=self._learned_steps())
        if "registers" in wishes and self._tracking.register_model and self._mlflow:
            self._register(self._mlflow, wishes["registers"])

    def _learned_steps(self) -> int:
        """Return for how long the policy has learned, so that its figures stand along the curves; 0 for an expert."""
        asked = self._parameters["run"].get("load_step")
        if isinstance(asked, int):
            return asked
        known = MANIFEST in self._catalog and self._catalog.exists(MANIFEST)
        return int(self._catalog[MANIFEST].load()["steps"]) if known else 0

    def _mirror(self, name: str, wishes: Mapping[str, Any]) -> None:
        path = dataset_path(self._catalog, name)
        if path is None or not path.is_file():
            return
        version = getattr(self._catalog[name], "resolve_load_version", lambda: None)()
        if version:
            self.run.set_tags({f"kedro.version.{name}": str(version)})
        if _is_on(self._parameters, wishes.get("upload_if")):
            self.run.log_file(path, wishes["artifact_path"])
        else:
            self.run.set_tags({f"{name}.path": str(path), f"{name}.sha256": provenance.sha256_of(path)})

    def _register(self, run: MlflowRun, model: str) -> None:
        path = dataset_path(self._catalog, model)
        if path is None:
            return
        artifact = f"{_wishes(self._catalog, model)['artifact_path']}/{path.name}"
        tags = {"hrg.run_key": str(self._parameters["run"]["id"]), "sha256": provenance.sha256_of(path)}
        run.register_model(self._tracking.model_name or group_of(self._parameters), artifact, tags)


def _earlier(project: Path, catalog: DataCatalog) -> RunRef | None:
    """Return the MLflow run that was stored with this run key, if the present store has it."""
    if RUN_REF not in catalog or not catalog.exists(RUN_REF):
        return None
    return find_run(project, str(catalog[RUN_REF].load()["run_id"]))


def _wishes(catalog: DataCatalog, name: str) -> Mapping[str, Any]:
    metadata = getattr(catalog[name], "metadata", None) or {}
    wishes: Mapping[str, Any] = metadata.get("mlflow", {})
    return wishes


def _is_on(parameters: Mapping[str, Any], switch: str | None) -> bool:
    """Whether a parameter, named with dots, is true; without a name: yes."""
    value: Any = parameters
    for word in switch.split(".") if switch else ():
        value = value[word]
    return bool(value)
