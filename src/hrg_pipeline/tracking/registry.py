"""Registered models: versions of a policy, and which of them is the champion."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hrg_pipeline.errors import ConfigError, IntegrityError, RunNotFoundError
from hrg_pipeline.tracking.mlflow_run import PARENT_TAG
from hrg_pipeline.tracking.promotion import CONDITIONS, MERIT, Verdict, judge
from hrg_pipeline.tracking.provenance import sha256_of
from hrg_pipeline.tracking.store import open_client, tracking_uri

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
EVALUATION = "evaluation/"
FILES = ("model/policy.zip", "model/normalisation.json", "model/manifest.json", "config/wrapped_env_spec.json")
"""Artifacts of a run that make its policy."""
CARDS = ("model_card.json", "model_card.html")
_REFERENCE = re.compile(r"(?P<name>[^@/]+)(?:@(?P<alias>[^@/]+)|/(?P<version>\d+))?")


class Registered(NamedTuple):
    """One version of a registered model."""

    name: str
    version: int
    run_id: str
    run_key: str
    created_ms: int
    """Since the epoch [ms]."""
    aliases: tuple[str, ...]
    sha256: str | None
    """Of the model's file."""

    @property
    def reference(self) -> str:
        """What ``load_policy`` takes."""
        return f"models:/{self.name}/{self.version}"


class Registry:
    """The registered models of a project.

    Args:
        project: Folder of the project.
    """

    def __init__(self, project: Path) -> None:
        self._client = open_client(project)
        self._uri = tracking_uri(project)

    def names(self) -> list[str]:
        """Return the names of all models."""
        return sorted(model.name for model in self._client.search_registered_models())

    def versions(self, name: str) -> list[Registered]:
        """Return the versions of a model, the newest first.

        Raises:
            RunNotFoundError: There is no such model.
        """
        found = self._client.search_model_versions(f"name = '{name}'") if re.fullmatch(r"[^']+", name) else []
        if not found:
            known = ", ".join(self.names()) or "none yet"
            raise RunNotFoundError(f"no registered model '{name}' in {self._uri}; there are: {known}")
        aliases = self._aliases(name)
        return sorted((_registered(one, aliases) for one in found), key=lambda one: -one.version)

    def find(self, reference: str) -> Registered:
        """Return one version.

        Args:
            reference: ``<name>@<alias>``, ``<name>/<version>`` or ``<name>`` (the newest), with or without
                ``models:/`` before it.

        Raises:
            ConfigError: It is none of these.
            RunNotFoundError: There is no such model, alias or version.
        """
        words = _REFERENCE.fullmatch(reference.removeprefix("models:/"))
        if words is None:
            raise ConfigError(f"'{reference}' is no model; write <name>, <name>@<alias> or <name>/<version>")
        versions = self.versions(words["name"])
        if words["alias"]:
            chosen = [one for one in versions if words["alias"] in one.aliases]
        else:
            chosen = [one for one in versions if words["version"] in {None, str(one.version)}]
        if not chosen:
            there = ", ".join(f"{one.version}{''.join(f'@{alias}' for alias in one.aliases)}" for one in versions)
            raise RunNotFoundError(f"no '{reference}'; versions of {words['name']}: {there}")
        return chosen[0]

    def evaluation(self, version: Registered) -> dict[str, float]:
        """Return the evaluation metrics of a version: of its run, or else of the newest evaluation under it."""
        return _evaluation(self._evaluated(version))

    def parameters(self, version: Registered) -> dict[str, str]:
        """Return the flat parameters of the run that a version comes from."""
        return dict(self._client.get_run(version.run_id).data.params)

    def judge(self, candidate: Registered, alias: str = CHAMPION, merit: tuple[str, ...] = MERIT) -> Verdict:
        """Compare a version with the one that has an alias now."""
        holders = [one for one in self.versions(candidate.name) if alias in one.aliases]
        ours = self._evaluated(candidate)
        if not holders:
            return judge(_evaluation(ours), None)
        theirs = self._evaluated(holders[0])
        pairs = {name: (ours.data.params.get(name), theirs.data.params.get(name)) for name in CONDITIONS}
        return judge(_evaluation(ours), _evaluation(theirs), pairs, merit)

    def promote(self, version: Registered, alias: str = CHAMPION, why: str = "") -> None:
        """Give a version an alias; the one that had it loses it."""
        self._client.set_registered_model_alias(version.name, alias, str(version.version))
        self._client.set_model_version_tag(version.name, str(version.version), f"promoted.{alias}", why[:5000])

    def download(self, version: Registered, folder: Path) -> Path:
        """Copy everything that makes a policy, and its cards, into a folder.

        Raises:
            ConfigError: A file is there already.
            RunNotFoundError: The run has lost one of the files.
            IntegrityError: The model is not the one that was registered.
        """
        import tempfile

        from mlflow.exceptions import MlflowException

        there = {artifact.path for artifact in self._client.list_artifacts(version.run_id, "model")}
        cards = [f"model/{name}" for name in CARDS if f"model/{name}" in there]
        taken = [name for path in (*FILES, *cards) if (folder / (name := Path(path).name)).exists()]
        if taken:
            raise ConfigError(f"{folder} has a {taken[0]} already; choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            files = []
            for path in (*FILES, *cards):
                try:
                    files.append(Path(self._client.download_artifacts(version.run_id, path, scratch)))
                except (MlflowException, OSError) as error:
                    raise RunNotFoundError(f"{version.reference} has no {path} any more: {error}") from error
            if version.sha256 not in {None, sha256_of(files[0])}:
                raise IntegrityError(f"the model of {version.reference} is not the one that was registered")
            for file in files:
                shutil.move(file, folder / file.name)
        return folder

    def _aliases(self, name: str) -> Mapping[str, tuple[str, ...]]:
        # A search for versions leaves the aliases out; the model itself knows them.
        found: dict[str, tuple[str, ...]] = {}
        for alias, version in self._client.get_registered_model(name).aliases.items():
            found[str(version)] = (*found.get(str(version), ()), alias)
        return found

    def _evaluated(self, version: Registered) -> Run:
        run = self._client.get_run(version.run_id)
        if _evaluation(run):
            return run
        children = self._client.search_runs(
            [run.info.experiment_id],
            filter_string=f"tags.`{PARENT_TAG}` = '{version.run_id}'",
            order_by=["attributes.start_time DESC"],
        )
        return next((child for child in children if _evaluation(child)), run)


def _registered(version: ModelVersion, aliases: Mapping[str, tuple[str, ...]]) -> Registered:
    tags: Mapping[str, Any] = version.tags
    return Registered(
        name=version.name,
        version=int(version.version),
        run_id=str(version.run_id),
        run_key=str(tags.get("hrg.run_key", "")),
        created_ms=int(version.creation_timestamp),
        aliases=aliases.get(str(version.version), ()),
        sha256=tags.get("sha256"),
    )


def _evaluation(run: Run) -> dict[str, float]:
    return {
        name.removeprefix(EVALUATION): value for name, value in run.data.metrics.items() if name.startswith(EVALUATION)
    }
