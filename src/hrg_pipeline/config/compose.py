"""Composing the configuration: layers merged raw, resolved once, checked."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel

from hrg_pipeline.config.overrides import COMMAND_LINE, UNSET, Override, Overrides
from hrg_pipeline.config.run_store import RunStore
from hrg_pipeline.config.schema import (
    GROUPS,
    SECTIONS,
    Problem,
    check_keys,
    defaults_of,
    key_status,
    model_at,
    section_classes,
    unknown_key,
    validate_section,
)
from hrg_pipeline.config.sources import EXPERIMENTS, ConfFolders, Document, as_document, read_mapping
from hrg_pipeline.errors import ConfigError

Path = tuple[str, ...]


@dataclass(frozen=True)
class Composition:
    """A composed configuration and where each of its values comes from."""

    parameters: dict[str, Any]
    """Plain nested values: ``experiment``, ``select`` and the sections, defaults filled in."""
    origin_of: Callable[[Path], str]
    """Where the value at a key path was set: a file, ``command line`` or ``default (<model>)``."""

    @property
    def title(self) -> str | None:
        """What a new run is called: its experiment, or its environment if the command line chose only that."""
        chosen = [self.origin_of(path) == COMMAND_LINE for path in (("experiment",), ("select", "environment"))]
        title: str | None = self.parameters["experiment"]
        return self.parameters["select"]["environment"] if chosen == [False, True] else title

    def with_run_id(self, run_id: str) -> Composition:
        """Return the same configuration for a run of this key."""
        parameters = copy.deepcopy(self.parameters)
        parameters["run"]["id"] = run_id
        if parameters["run"]["resume"] is not None:
            parameters["run"]["resume"] = run_id
        return replace(self, parameters=parameters)


@dataclass(frozen=True)
class _Plan:
    """What is to be merged, lowest layer first."""

    experiment: str | None
    select: Mapping[str, str]
    select_origins: Mapping[str, str]
    experiment_origin: str
    layers: Sequence[Document]


def compose(folders: ConfFolders, overrides: Overrides, store: RunStore) -> Composition:
    """Compose the configuration.

    The order is: choices of the groups < ``parameters.yml`` of base < experiment (with what it extends) <
    the environment's ``parameters*.yml`` < the command line. The values are merged as written and resolved
    once, so that ``${run.seed}`` follows every override. When ``run.id`` names a stored run, that run's own
    configuration stands in place of all files; ``run.resume`` does the same.

    Args:
        folders: the configuration files.
        overrides: what the caller chose and set.
        store: the stored runs.

    Raises:
        ConfigError: one line for a choice, key, type or interpolation that cannot be.
    """
    given = overrides.tree()
    stored = _stored_run(given.get("run"), store)
    plan = _stored_plan(store, stored, overrides) if stored else _file_plan(folders, overrides)

    tree: dict[str, Any] = {}
    origins: dict[Path, str] = {}
    for layer in plan.layers:
        _merge(tree, origins, layer.sections, layer.origin)
    below = copy.deepcopy(tree)
    _merge(tree, origins, given, COMMAND_LINE)

    for group in tree:
        if group not in SECTIONS:
            raise unknown_key((group,), [*SECTIONS, "experiment", "select"], COMMAND_LINE)
    classes = section_classes(tree)
    _check(classes, plan.layers, overrides, below)
    complete = {name: _over_defaults(defaults_of(cls), tree.get(name, {})) for name, cls in classes.items()}

    sources = _Origins(origins, tree, classes, plan)
    resolved = _resolve(complete, sources)
    sections = _validate(classes, resolved, sources)
    parameters = {"experiment": plan.experiment, "select": dict(plan.select), **sections}
    composition = Composition(parameters, sources)
    return composition.with_run_id(stored) if stored else composition


def _stored_run(run: Any, store: RunStore) -> str | None:
    """Return the key of the stored run that the caller names as ``run.id`` or ``run.resume``, None for a new one."""
    values = run if isinstance(run, Mapping) else {}
    run_id, resume = values.get("id"), values.get("resume")
    stored = store.find(str(run_id)) if run_id is not None else None
    if resume is None:
        return stored
    resumed = store.find(str(resume))
    if resumed is None:
        raise store.not_resumable(str(resume))
    if run_id is not None and stored != resumed:
        raise ConfigError(f"run.id={run_id} and run.resume={resume} are two runs; a run is resumed under its own key")
    return resumed


def _file_plan(folders: ConfFolders, overrides: Overrides) -> _Plan:
    """Find what the files and the caller select."""
    base = folders.parameters(folders.base)
    over = folders.parameters(folders.over) if folders.over else []
    caller = Document(COMMAND_LINE, {}, overrides.select, overrides.experiment)

    naming = [document for document in (*base, *over, caller) if document.experiment is not UNSET]
    experiment = naming[-1].experiment if naming else None
    experiment_origin = naming[-1].origin if naming else "not set"
    chain = folders.chain(EXPERIMENTS, experiment, experiment_origin)
    experiments = [as_document(content, origin, names_experiment=False) for origin, content in chain]

    select: dict[str, str] = {}
    select_origins: dict[str, str] = {}
    for document in (*base, *experiments, *over, caller):
        for group, choice in document.select.items():
            if group not in GROUPS:
                raise unknown_key(("select", group), GROUPS, document.origin)
            select[group], select_origins[group] = choice, document.origin

    presets: list[Document] = []
    for group in GROUPS:
        if group not in select:
            available = list(folders.choices(f"groups/{group}"))
            raise ConfigError(f"nothing is selected for {group}; set select.{group} to one of {available}")
        choice = "null" if select[group] is None else select[group]
        for origin, content in folders.chain(f"groups/{group}", choice, select_origins[group]):
            presets.append(Document(origin, {group: content}))
    layers = [*presets, *base, *experiments, *over]
    return _Plan(experiment, select, select_origins, experiment_origin, layers)


def _stored_plan(store: RunStore, key: str, overrides: Overrides) -> _Plan:
    """Take everything from a stored run."""
    chosen = [f"select.{group}" for group in overrides.select]
    chosen += [] if overrides.experiment is UNSET else ["experiment"]
    if chosen:
        raise ConfigError(
            f"run.id={key} brings the stored configuration of that run: {', '.join(chosen)} cannot be chosen "
            "anew; set single values instead"
        )
    path = store.parameters_file(key)
    origin = store.name_of(path)
    content = dict(read_mapping(path, origin))
    if isinstance(content.get("run"), Mapping):
        # How the run was once gone on with is no part of what it is.
        content["run"] = {key: value for key, value in content["run"].items() if key not in ("resume", "load_step")}
    document = as_document(content, origin, names_experiment=True)
    experiment = None if document.experiment is UNSET else document.experiment
    origins = dict.fromkeys(document.select, origin)
    return _Plan(experiment, document.select, origins, origin, [document])


def _merge(
    tree: dict[str, Any], origins: dict[Path, str], values: Mapping[str, Any], origin: str, path: Path = ()
) -> None:
    """Merge nested values into ``tree``; lists and single values replace what was there."""
    for key, value in values.items():
        here = (*path, key)
        if isinstance(value, Mapping):
            if not isinstance(tree.get(key), dict):
                tree[key] = {}
                origins.pop(here, None)
            _merge(tree[key], origins, value, origin, here)
        else:
            for old in [p for p in origins if p[: len(here)] == here]:
                del origins[old]
            tree[key] = copy.deepcopy(value)
            origins[here] = origin


def _over_defaults(defaults: Mapping[str, Any], values: Any) -> Any:
    if not isinstance(values, Mapping):
        return values
    merged = copy.deepcopy(dict(defaults))
    for key, value in values.items():
        default = merged.get(key)
        merged[key] = _over_defaults(default, value) if isinstance(default, Mapping) else value
    return merged


def _check(
    classes: Mapping[str, type[BaseModel]],
    layers: Sequence[Document],
    overrides: Overrides,
    below: Mapping[str, Any],
) -> None:
    """Check every key of every layer, and that ``+`` is used where, and only where, a key is new."""
    for layer in layers:
        for section, values in layer.sections.items():
            if isinstance(values, Mapping):
                check_keys(classes[section], values, layer.origin, (section,))
    for override in overrides.values:
        _check_override(classes[override.key[0]], override, below)


def _check_override(model: type[BaseModel], override: Override, below: Mapping[str, Any]) -> None:
    section, *inner = override.key
    nested: Any = override.value
    for key in reversed(inner):
        nested = {key: nested}
    if isinstance(nested, Mapping):
        check_keys(model, nested, COMMAND_LINE, (section,))
    status = key_status(model, tuple(inner))
    if override.add and status != "open":
        example = "+tracking.tags.<name>=<text>"
        raise ConfigError(f"+{override.name}: keys can be added only where they are your own, as {example}")
    if status == "open" and not override.add and not _exists(below, override.key):
        raise ConfigError(f"{override.name} does not exist yet; add it with +{override.name}=…")


def _exists(tree: Any, path: Path) -> bool:
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return False
        tree = tree[key]
    return True


def _resolve(tree: dict[str, Any], origin_of: Callable[[Path], str]) -> dict[str, Any]:
    """Replace every ``${...}`` by what it points to."""
    try:
        config = OmegaConf.create(tree)
        resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        key = str(error.full_key or "configuration")
        reason = (str(error).splitlines() or ["cannot be resolved"])[0]
        raise ConfigError(f"{key} ({origin_of(tuple(key.split('.')))}): {reason}") from error
    except RecursionError as error:
        raise ConfigError("the configuration has values that point to each other in a circle") from error
    return {str(key): value for key, value in resolved.items()} if isinstance(resolved, dict) else {}


def _validate(
    classes: Mapping[str, type[BaseModel]], resolved: Mapping[str, Any], origin_of: Callable[[Path], str]
) -> dict[str, Any]:
    """Validate every section; an error names all wrong values but those that only follow another."""
    sections: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, model in classes.items():
        checked, wrong = validate_section(name, model, resolved[name])
        problems += wrong
        sections[name] = checked.model_dump(mode="json") if checked else None
    if problems:
        told = [(origin_of(problem.path), problem) for problem in problems]
        causes = [(origin, problem) for origin, problem in told if "${" not in origin] or told
        raise ConfigError("; ".join(problem.text(origin) for origin, problem in causes))
    return sections


class _Origins:
    """Tells where the value at a key path was set."""

    def __init__(
        self,
        origins: Mapping[Path, str],
        raw: Mapping[str, Any],
        classes: Mapping[str, type[BaseModel]],
        plan: _Plan,
    ) -> None:
        self._origins = origins
        self._raw = raw
        self._classes = classes
        self._plan = plan

    def __call__(self, path: Path) -> str:
        if path[0] == "experiment":
            return self._plan.experiment_origin
        if path[0] == "select":
            return self._plan.select_origins.get(path[-1], self._plan.experiment_origin)
        for length in range(len(path), 0, -1):
            if path[:length] in self._origins:
                return self._origins[path[:length]] + self._expression(path[:length])
        section, *inner = path
        if section not in self._classes:
            return "configuration"
        model = model_at(self._classes[section], tuple(inner))
        return f"default ({model.__module__}.{model.__qualname__})"

    def _expression(self, path: Path) -> str:
        value: Any = self._raw
        for key in path:
            value = value[key]
        return f": {value}" if isinstance(value, str) and "${" in value else ""
