"""Values given on the command line or by a Python caller, and the rules for writing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hrg_pipeline.config.schema import GROUPS
from hrg_pipeline.config.yaml12 import parse_yaml
from hrg_pipeline.errors import ConfigError

COMMAND_LINE = "command line"
_TEXT_KEYS = frozenset({"run.id", "run.resume", "motion.source", "motion.name"})
_OPEN, _CLOSE, _QUOTES = "[{(", "]})", "'\""


class Unset:
    """Marks a choice that nobody made; None is a choice (no experiment)."""


UNSET = Unset()


@dataclass(frozen=True)
class Override:
    """One value as it was written: ``key=value``, or ``+key=value`` to add a key."""

    key: tuple[str, ...]
    value: Any
    add: bool = False

    @property
    def name(self) -> str:
        """The key with dots."""
        return ".".join(self.key)


@dataclass(frozen=True)
class Overrides:
    """What a caller chose and set."""

    experiment: Any = UNSET
    select: Mapping[str, Any] = field(default_factory=dict)
    values: tuple[Override, ...] = ()

    def tree(self) -> dict[str, Any]:
        """Return the set values as one nested dict.

        Raises:
            ConfigError: if two of them set the same key.
        """
        tree: dict[str, Any] = {}
        for override in self.values:
            nested: Any = override.value
            for key in reversed(override.key):
                nested = {key: nested}
            _insert(tree, nested, ())
        return tree


def _insert(tree: dict[str, Any], values: Mapping[str, Any], path: tuple[str, ...]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict):
            _insert(tree[key], value, (*path, key))
        elif key in tree:
            raise ConfigError(f"{'.'.join((*path, key))} is given twice on the {COMMAND_LINE}")
        else:
            tree[key] = dict(value) if isinstance(value, Mapping) else value


def split_items(text: str) -> list[str]:
    """Split ``a=1,b=[x,y]`` at the commas outside of brackets and quotes.

    Raises:
        ConfigError: if a bracket or quote is not closed.
    """
    items, start, open_brackets, quote = [], 0, "", ""
    for position, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in _QUOTES and text[:position].rstrip()[-1:] in {"=", ",", ":", *_OPEN}:
            quote = char
        elif char in _OPEN:
            open_brackets += char
        elif char in _CLOSE:
            if open_brackets[-1:] != _OPEN[_CLOSE.index(char)]:
                raise ConfigError(f"'{char}' closes nothing in '{text[start:].strip()}'")
            open_brackets = open_brackets[:-1]
        elif char == "," and not open_brackets:
            items.append(text[start:position])
            start = position + 1
    if quote or open_brackets:
        raise ConfigError(f"'{quote or open_brackets[-1]}' is never closed in '{text[start:].strip()}'")
    return [item.strip() for item in (*items, text[start:]) if item.strip()]


def parse_params(text: str) -> dict[str, Any]:
    """Parse the text of ``--params``.

    Args:
        text: ``key=value`` items, separated by commas; values are YAML (``[a,b]`` is a list).

    Returns:
        The values by dotted key, in order; a leading ``+`` stays in the key.

    Raises:
        ConfigError: if an item is no ``key=value``, a value is no YAML, or a key comes twice.
    """
    params: dict[str, Any] = {}
    for item in split_items(text):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not key:
            raise ConfigError(f"'{item}' is no key=value")
        if not value:
            raise ConfigError(f"{key}= has no value; write {key}=null for none")
        if key in params:
            raise ConfigError(f"{key} is given twice on the {COMMAND_LINE}")
        as_text = key in _TEXT_KEYS and value != "null"
        params[key] = value if as_text else parse_yaml(value, f"{key}={value}")
    return params


def read_overrides(params: Mapping[str, Any]) -> Overrides:
    """Sort what was given into experiment, choices and values.

    Args:
        params: by dotted key or nested, as from ``parse_params`` or from a Python caller.

    Raises:
        ConfigError: for an empty key, a choice given twice, or a choice together with values of its group.
    """
    experiment: Any = UNSET
    select: dict[str, Any] = {}
    short: dict[str, Any] = {}
    values: list[Override] = []
    for text, value in params.items():
        add = text.startswith("+")
        key = tuple(text.removeprefix("+").split("."))
        if not all(part.strip() for part in key):
            raise ConfigError(f"'{text}' is no key; write section.key=value")
        if key == ("experiment",):
            experiment = value
        elif key[0] == "select":
            _add_choices(select, key, value)
        elif key == ("tracking",) and isinstance(value, list | tuple):
            # Places to track in need no file for each combination.
            values.append(Override((*key, "backends"), list(value), add))
        elif len(key) == 1 and key[0] in GROUPS and not isinstance(value, Mapping):
            short[key[0]] = value
        else:
            values.append(Override(key, value, add))
    for group, choice in short.items():
        if group in select:
            raise ConfigError(f"{group}={choice} and select.{group}={select[group]} are one choice given twice")
        together = next((item for item in values if item.key[0] == group), None)
        if together:
            name = together.name if len(together.key) > 1 else f"{group}.<key>"
            right = f"select.{group}={choice},{name}=…"
            raise ConfigError(f"{group}={choice} together with {name}=… is ambiguous; write {right}")
    return Overrides(experiment, {**select, **short}, tuple(values))


def _add_choices(select: dict[str, Any], key: tuple[str, ...], value: Any) -> None:
    if len(key) == 1 and isinstance(value, Mapping):
        select.update(value)
    elif len(key) == 2 and not isinstance(value, Mapping):
        select[key[1]] = value
    else:
        raise ConfigError(f"{'.'.join(key)}={value} chooses nothing; write select.<group>=<choice>")
