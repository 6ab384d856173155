"""The files of the configuration: what can be chosen, and what each choice says."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hrg_pipeline.config.overrides import UNSET
from hrg_pipeline.config.schema import SECTIONS, unknown_key
from hrg_pipeline.config.yaml12 import parse_yaml
from hrg_pipeline.errors import ConfigError

EXPERIMENTS = "experiments"
_SUFFIXES = (".yml", ".yaml")


@dataclass(frozen=True)
class Document:
    """One file of values: sections, and what it selects."""

    origin: str
    sections: Mapping[str, Any]
    select: Mapping[str, Any] = field(default_factory=dict)
    experiment: Any = UNSET


def read_mapping(path: Path, origin: str) -> dict[str, Any]:
    """Read a YAML file that holds a mapping; an empty file holds an empty one.

    Raises:
        ConfigError: if it holds something else or cannot be parsed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{origin} is no text in UTF-8: {error.reason} at byte {error.start}") from error
    content = parse_yaml(text, origin)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{origin}: expected keys and values, found {type(content).__name__}")
    return content


def as_document(content: Mapping[str, Any], origin: str, *, names_experiment: bool) -> Document:
    """Split the content of a file into sections and choices.

    Args:
        content: what the file holds.
        origin: its name for error messages.
        names_experiment: whether the key ``experiment`` may appear.

    Raises:
        ConfigError: for a top-level key that does not exist, or a ``select`` that is no mapping.
    """
    valid = [*SECTIONS, "select", "experiment" if names_experiment else "extends"]
    for key in content:
        if key not in valid:
            raise unknown_key((key,), valid, origin)
    select = content.get("select")
    if not isinstance(select, Mapping | None):
        raise ConfigError(f"{origin}: select must hold <group>: <choice>, not {select!r}")
    sections = {section: content[section] for section in SECTIONS if section in content}
    return Document(origin, sections, select or {}, content.get("experiment", UNSET))


class ConfFolders:
    """The folders of one configuration: the environment's (``local`` by default) before ``base``."""

    def __init__(
        self, conf_source: Path, env: str | None = None, base_env: str = "base", default_env: str = "local"
    ) -> None:
        """Find the folders.

        Args:
            conf_source: the ``conf`` folder.
            env: folder that is asked for and must exist; None: ``default_env``, which need not.
            base_env: folder below all others.
            default_env: folder that is used when none is asked for.

        Raises:
            ConfigError: if a folder that must exist does not.
        """
        if not (conf_source / base_env).is_dir():
            raise ConfigError(f"no configuration folder {conf_source / base_env}")
        if env and not (conf_source / env).is_dir():
            found = sorted(p.name for p in conf_source.iterdir() if p.is_dir() and p.name[0] not in "._")
            raise ConfigError(f"no environment '{env}' in {conf_source}; choose one of {found}")
        self._root = conf_source.parent
        self.base = conf_source / base_env
        over = conf_source / (env or default_env)
        self.over = over if over.is_dir() and over != self.base else None

    def name_of(self, path: Path) -> str:
        """Return a file's path relative to the project."""
        return path.relative_to(self._root).as_posix()

    def choices(self, kind: str) -> dict[str, Path]:
        """Return the files of one kind by name, the environment's own instead of base's.

        Args:
            kind: ``experiments`` or ``groups/<group>``.
        """
        folders = [folder / kind for folder in (self.base, self.over) if folder]
        files = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
        found = {path.stem: path for path in files if path.suffix in _SUFFIXES}
        return dict(sorted(found.items()))

    def chain(self, kind: str, name: Any, asked_by: str) -> list[tuple[str, dict[str, Any]]]:
        """Read a choice and everything it extends.

        Args:
            kind: ``experiments`` or ``groups/<group>``.
            name: the choice.
            asked_by: who chose it, for the error message.

        Returns:
            Origin and content of each file, the most basic first, without the key ``extends``.

        Raises:
            ConfigError: if a name does not exist or the files extend each other in a circle.
        """
        choices = self.choices(kind)
        names: list[str] = []
        found: list[tuple[str, dict[str, Any]]] = []
        while name is not None:
            if not isinstance(name, str) or name not in choices:
                raise self._unknown_choice(kind, name, list(choices), asked_by)
            if name in names:
                raise ConfigError(f"{kind} extend each other in a circle: {' -> '.join([*names, name])}")
            names.append(name)
            origin = self.name_of(choices[name])
            content = read_mapping(choices[name], origin)
            name, asked_by = content.pop("extends", None), f"extends in {origin}"
            found.append((origin, content))
        return found[::-1]

    @staticmethod
    def _unknown_choice(kind: str, name: Any, choices: list[str], asked_by: str) -> ConfigError:
        near = difflib.get_close_matches(str(name), choices, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        return ConfigError(f"no '{name}' in {kind} ({asked_by}).{hint} Choose one of {choices}")

    def parameters(self, folder: Path) -> list[Document]:
        """Read the ``parameters*.yml`` files of one folder.

        Raises:
            ConfigError: if two of them set the same key.
        """
        documents: list[Document] = []
        seen: dict[tuple[str, ...], str] = {}
        for path in sorted(p for p in folder.glob("parameters*") if p.suffix in _SUFFIXES):
            origin = self.name_of(path)
            content = read_mapping(path, origin)
            for key in leaf_paths(content):
                if key in seen:
                    raise ConfigError(f"{'.'.join(key)} is set in both {seen[key]} and {origin}")
                seen[key] = origin
            documents.append(as_document(content, origin, names_experiment=True))
        return documents


def leaf_paths(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the key path of every value that is not itself a non-empty mapping."""
    leaves: list[tuple[str, ...]] = []
    for key, value in values.items():
        inner = isinstance(value, Mapping) and value
        leaves += leaf_paths(value, (*path, key)) if inner else [(*path, key)]
    return leaves
