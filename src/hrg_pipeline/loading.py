"""``load_policy``: a stored policy by its registered name, its run, or its folder, without a Kedro session."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hrg_pipeline.config.run_store import RUNS_FOLDER, RunStore
from hrg_pipeline.errors import RunNotFoundError

if TYPE_CHECKING:
    from hrg_pipeline.learning.policy import Policy, PolicyFiles

REGISTRY = "models:/"
MODEL, NORMALISATION, SPEC, MANIFEST = "policy.zip", "normalisation.json", "wrapped_env_spec.json", "manifest.json"


def load_policy(
    source: str | Path,
    *,
    project: Path | str | None = None,
    trust: bool = False,
    device: Literal["auto", "cpu", "cuda"] = "cpu",
) -> Policy:
    """Load a stored policy.

    Nothing in its files is run or imported on their word, every file must be the one that its manifest
    recorded, and for a registered version the model must be the one that was registered.

    Args:
        source: ``models:/<name>@<alias>``, ``models:/<name>/<version>`` or ``models:/<name>`` (the newest) in the
            MLflow registry; or a run's folder, or one that ``kedro model download`` made; or a run's key or MLflow id.
        project: Folder with ``data/`` and ``mlflow.db``; None: the Kedro project of the working directory, or that
            directory. ``MLFLOW_TRACKING_URI`` names another registry and wins.
        trust: Also load models that were stored without a description, by unpickling them, and wrappers of other
            packages: for files that you made yourself.
        device: Where the networks shall live.

    Returns:
        An object with ``predict(observation)``, ``make_env()`` and ``export(path)``.

    Raises:
        RunNotFoundError: Nothing is stored under that name.
        IntegrityError: A file is missing, damaged, not the one that was recorded, or could run code.
    """
    from hrg_pipeline.learning.policy import read_policy

    root = _project(project)
    if str(source).startswith(REGISTRY):
        from hrg_pipeline.tracking.registry import Registry

        registry = Registry(root)
        with tempfile.TemporaryDirectory() as folder:
            registry.download(registry.find(str(source).removeprefix(REGISTRY)), Path(folder))
            return read_policy(files_in(Path(folder)), trust=trust, device=device)
    return read_policy(files_in(find_folder(source, root)), trust=trust, device=device)


def find_folder(source: str | Path, project: Path) -> Path:
    """Return the folder that a path, a run key or an MLflow id means.

    Raises:
        RunNotFoundError: There is none.
    """
    if Path(source).is_dir():
        return Path(source)
    store = RunStore(project)
    key = store.find(str(source))
    if key is None or not store.has_model(key):
        newest = ", ".join(store.newest()) or "none"
        raise RunNotFoundError(
            f"no policy '{source}': expected models:/<name>@<alias>, a folder with {MODEL}, or a run in "
            f"{project / RUNS_FOLDER}, the newest: {newest}"
        )
    return store.folder / key


def files_in(folder: Path) -> PolicyFiles:
    """Return where the parts of a policy are; of what Kedro versions, the newest."""
    from hrg_pipeline.learning.policy import PolicyFiles

    def newest(name: str) -> Path:
        return max(folder.glob(f"{name}/*/{name}"), default=folder / name)

    return PolicyFiles(newest(MODEL), newest(NORMALISATION), folder / SPEC, folder / MANIFEST)


def _project(given: Path | str | None) -> Path:
    if given is not None:
        return Path(given)
    from kedro.utils import find_kedro_project

    return Path(find_kedro_project(Path.cwd()) or Path.cwd())
