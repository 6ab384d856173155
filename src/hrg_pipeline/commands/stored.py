"""What is stored of each run of a project, and which runs a word means."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hrg_pipeline.config.run_store import MLFLOW_FILE, MODEL_FILE, PARAMETERS_FILE, RUNS_FOLDER
from hrg_pipeline.errors import IntegrityError, RunNotFoundError
from hrg_pipeline.pipelines.evaluate.stored import newest_file

if TYPE_CHECKING:
    import pandas as pd

    from hrg_pipeline.reporting.grouping import RunData

REPORTS_FOLDER = Path("data") / "08_reporting"
COMPARISONS, EVALUATIONS = REPORTS_FOLDER / "compare", REPORTS_FOLDER / "evaluation"
# Written by yaml.dump, so the plain loader reads them back; in C, for there may be hundreds.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class StoredRun:
    """The two folders of a run key."""

    project: Path
    key: str
    folder: Path | None = None
    """Where its model is, if not below ``data/06_models``."""

    @property
    def models(self) -> Path:
        """Where its model is."""
        return self.folder or self.project / RUNS_FOLDER / self.key

    @property
    def reports(self) -> Path:
        """Where its evaluations are."""
        return self.project / REPORTS_FOLDER / self.key

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The resolved configuration that was stored with it; empty where there is none that can be read."""
        file = newest_file(self.models / PARAMETERS_FILE)
        try:
            content = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER) if file else {}
        except (yaml.YAMLError, OSError, UnicodeDecodeError):
            return {}
        return content if isinstance(content, Mapping) else {}

    @property
    def experiment(self) -> str:
        """Name of its experiment."""
        return str(self.parameters.get("experiment") or "custom")

    @property
    def seed(self) -> int:
        """Its ``run.seed``."""
        return self.setting("seed", 0)

    @property
    def group(self) -> str | None:
        """Its ``tracking.group``."""
        return self._section("tracking").get("group")

    @property
    def tags(self) -> Mapping[str, str]:
        """The user's own tags."""
        tags = self._section("tracking").get("tags")
        return tags if isinstance(tags, Mapping) else {}

    @property
    def has_model(self) -> bool:
        """Whether a trained model is stored."""
        return newest_file(self.models / MODEL_FILE) is not None

    @property
    def episodes_file(self) -> Path | None:
        """Its newest evaluation."""
        return newest_file(self.reports / "episodes.parquet")

    @cached_property
    def mlflow_id(self) -> str | None:
        """Id of its MLflow run."""
        file = newest_file(self.models / MLFLOW_FILE)
        try:
            return str(json.loads(file.read_text(encoding="utf-8"))["run_id"]) if file else None
        except (ValueError, KeyError, TypeError, OSError):
            return None

    def setting(self, name: str, default: int) -> int:
        """Return a whole number of its section ``run``."""
        value = self._section("run").get(name, default)
        return value if isinstance(value, int) else default

    def _section(self, name: str) -> Mapping[str, Any]:
        section = self.parameters.get(name)
        return section if isinstance(section, Mapping) else {}


def stored_runs(project: Path) -> list[StoredRun]:
    """Return every run that has a folder, oldest first."""
    folders = [folder for folder in (project / RUNS_FOLDER).glob("*") if folder.is_dir()]
    folders.sort(key=lambda folder: (folder.stat().st_ctime, folder.name))
    return [StoredRun(project, folder.name) for folder in folders]


def select_runs(project: Path, words: Sequence[str]) -> list[StoredRun]:
    """Return the runs that words mean, each once, in the order of the words.

    A word is a run key or a pattern of keys (``reach*seed0*``), an MLflow id, an experiment, a group (or
    sweep: ``tracking.group``), a tag: ``<name>=<text>``, or its text alone; or else a folder that is a run's, or that
    holds such folders.

    Raises:
        RunNotFoundError: for a word that means no stored run.
    """
    runs = stored_runs(project)
    found: dict[str, StoredRun] = {}
    for word in words:
        matching = [run for run in runs if any(test(run, word) for test in _MEANINGS)] or _models_in(project, word)
        if not matching:
            experiments = ", ".join(sorted({run.experiment for run in runs})) or "none"
            newest = ", ".join(run.key for run in runs[::-1][:3]) or "none"
            raise RunNotFoundError(
                f"'{word}' is no stored run, experiment, group or tag; experiments: {experiments}; "
                f"newest runs: {newest}"
            )
        found |= {run.key: run for run in matching}
    return list(found.values())


def _models_in(project: Path, word: str) -> list[StoredRun]:
    """Return the runs whose folders are somewhere else: a path to one, or to a folder of them."""
    path = Path(word).resolve()
    candidates = [path, *sorted(path.iterdir())] if path.is_dir() else []
    found = [folder for folder in candidates if newest_file(folder / MODEL_FILE) is not None]
    return [StoredRun(project, folder.name, folder) for folder in found]


def _has_tag(run: StoredRun, word: str) -> bool:
    name, equals, text = word.partition("=")
    return str(run.tags.get(name)) == text if equals else word in map(str, run.tags.values())


_MEANINGS: tuple[Callable[[StoredRun, str], bool], ...] = (
    lambda run, word: run.key == word,
    lambda run, word: fnmatch.fnmatchcase(run.key, word),
    lambda run, word: run.mlflow_id == word,
    lambda run, word: run.experiment == word,
    lambda run, word: run.group == word,
    _has_tag,
)


def load_run(run: StoredRun) -> RunData:
    """Read what a comparison needs of a run.

    Raises:
        IntegrityError: names the file that cannot be read.
    """
    from hrg_pipeline.reporting.grouping import RunData, flatten

    curve = newest_file(run.models / "training_curve.parquet")
    episodes = run.episodes_file
    record = newest_file(run.models / "training_record.json")
    recorded = _read_json(record) if record else {}
    return RunData(
        key=run.key,
        experiment=run.experiment,
        seed=run.seed,
        parameters=flatten(run.parameters),
        curve=read_table(curve, ("step",)) if curve else None,
        episodes=read_table(episodes, ("return", "length", "success")) if episodes else None,
        steps=recorded.get("steps"),
        wall_time_s=recorded.get("wall_time_s"),
    )


def read_table(file: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a parquet file.

    Raises:
        IntegrityError: if it is none, or lacks a column.
    """
    import pandas as pd
    import pyarrow

    try:
        table = pd.read_parquet(file)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise IntegrityError(f"{file} cannot be read as a table: {reason}") from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise IntegrityError(f"{file} lacks the columns {missing}")
    return table


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise IntegrityError(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise IntegrityError(f"{file} holds {type(content).__name__}, expected names and values")
    return content
