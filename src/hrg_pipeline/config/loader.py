"""The configuration loader that Kedro uses: groups and experiments, typed parameters, run keys."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from kedro.utils import find_kedro_project
from omegaconf import OmegaConf

from hrg_pipeline.config.compose import Composition, compose
from hrg_pipeline.config.overrides import read_overrides
from hrg_pipeline.config.run_store import RunStore, new_run_key
from hrg_pipeline.config.sources import ConfFolders
from hrg_pipeline.human.recorded.params import MotionImportParams, set_name


def project_of(conf_source: Path) -> Path:
    """Return the project that a ``conf`` folder belongs to: its parent, or else the one we are in."""
    if (conf_source.parent / "pyproject.toml").is_file():
        return conf_source.parent
    return Path(find_kedro_project(Path.cwd()) or conf_source.parent)


class GroupedConfigLoader(OmegaConfigLoader):
    """Composes ``parameters`` from groups, experiments and overrides; the rest is as in Kedro.

    The configuration is composed and checked when the loader is made, so that a wrong one stops a session
    before anything is created. ``composition`` holds the result; in it ``run.id`` is always set. The catalog
    reads it as ``${run_key:}``, and the name of the set of imported clips as ``${motion_set:}``.
    """

    def __init__(
        self,
        conf_source: str | Path,
        env: str | None = None,
        runtime_params: dict[str, Any] | None = None,
        *,
        base_env: str = "base",
        default_run_env: str = "local",
        **kwargs: Any,
    ) -> None:
        """Compose the configuration.

        Args:
            conf_source: the ``conf`` folder.
            env: environment instead of ``default_run_env``.
            runtime_params: overrides, nested or by dotted key.
            base_env: folder below all others.
            default_run_env: environment when none is asked for.
            **kwargs: see ``OmegaConfigLoader``.

        Raises:
            ConfigError: if the configuration cannot be.
        """
        overrides = read_overrides(runtime_params or {})
        super().__init__(
            conf_source,
            env,
            overrides.tree(),
            base_env=base_env,
            default_run_env=default_run_env,
            **kwargs,
        )
        folder = Path(conf_source).resolve()
        folders = ConfFolders(folder, env, base_env, default_run_env)
        composition = compose(folders, overrides, RunStore(project_of(folder)))
        run = composition.parameters["run"]
        self.run_key: str = run["id"] or new_run_key(composition.title, run["seed"])
        self.composition: Composition = composition.with_run_id(self.run_key)
        self.motion_set: str = set_name(MotionImportParams.model_validate(composition.parameters["motion"]))

    def __getitem__(self, key: str) -> Any:
        """Return one kind of configuration; see ``OmegaConfigLoader``."""
        # Resolvers are global in OmegaConf: each access puts in this loader's own key.
        OmegaConf.register_new_resolver("run_key", lambda: self.run_key, replace=True)
        OmegaConf.register_new_resolver("motion_set", lambda: self.motion_set, replace=True)
        if key == "parameters" and key not in self.data:
            return copy.deepcopy(self.composition.parameters)
        return super().__getitem__(key)
