"""Tracks each Kedro run and says at the end what came out of it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from hrg_pipeline.config.params import TrackingParams
from hrg_pipeline.tracking import cards, recorder, session
from hrg_pipeline.tracking.recorder import RUN_PARAMETERS, Recorder
from hrg_pipeline.tracking.summary import summarize, summarize_import, summarize_reproduction

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node


class TrackingHooks:
    """Opens, feeds and closes the tracked run of a session; empty between two sessions.

    Kedro shares this object between all sessions of a process, so everything in it is of the run that is
    going on, and it is forgotten when that one ends.
    """

    def __init__(self) -> None:
        self._recorder: Recorder | None = None
        self._catalog: DataCatalog | None = None
        self._started_s = 0.0
        self._imports = self._repeats = False

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Check that what it starts from is stored, and open its tracked run."""
        self._recorder = self._catalog = None
        self._started_s = time.monotonic()
        self._imports = {node.name for node in pipeline.nodes} == {"import_motion"}
        if self._imports:
            return  # nothing is trained, so there is no run to track
        self._repeats = "compare_with_stored" in {node.name for node in pipeline.nodes}
        parameters = recorder.plain_parameters(catalog)
        plan = recorder.plan(run_params, pipeline, parameters)
        recorder.require_inputs(plan, pipeline, catalog)
        if self._repeats:
            return  # the stored run and its tracked run stay as they are
        wishes = TrackingParams.model_validate(parameters["tracking"])
        if wishes.store:
            self._catalog = catalog
        else:
            recorder.keep_in_memory(pipeline, catalog)
        if wishes.store and not plan.only_evaluates and RUN_PARAMETERS in catalog:
            catalog[RUN_PARAMETERS].save(parameters)
        if not wishes.backends:
            return
        try:
            project = Path(run_params["project_path"])
            self._recorder = Recorder.start(project, plan, parameters, catalog)
        except Exception as error:  # Kedro reports errors of nodes only
            session.close_run(session.FAILED, _one_line(error))
            raise

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Mirror the dataset; write the card of the policy where there is something new to say."""
        del node
        if self._recorder is not None:
            self._recorder.dataset_saved(dataset_name, data)
        if dataset_name in cards.OCCASIONS and self._catalog is not None:
            for card in cards.write_card(self._catalog):
                if self._recorder is not None:
                    self._recorder.dataset_saved(card, None)

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Close the tracked run and print the summary."""
        links = self._recorder.run.where if self._recorder else {}
        self._recorder = self._catalog = None
        session.close_run(session.FINISHED)
        elapsed_s = time.monotonic() - self._started_s
        if self._imports:
            sys.stdout.write(f"\n{summarize_import(catalog, Path(run_params['project_path']), elapsed_s)}\n")
            return
        if self._repeats:
            text = summarize_reproduction(catalog, Path(run_params["project_path"]), elapsed_s)
            sys.stdout.write(f"\n{text}\n")
            return
        text = summarize(catalog, Path(run_params["project_path"]), elapsed_s, links)
        sys.stdout.write(f"\n{text}\n")

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Close the tracked run as failed."""
        self._recorder = self._catalog = None
        session.close_run(session.FAILED, _one_line(error))


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


HOOKS = (TrackingHooks(),)
