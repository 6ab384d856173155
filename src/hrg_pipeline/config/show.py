"""Printing the composed configuration and what can be chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from hrg_pipeline.config.schema import GROUPS
from hrg_pipeline.config.sources import EXPERIMENTS, ConfFolders


def to_yaml(values: Mapping[str, Any], comment: Callable[[tuple[str, ...]], str] | None = None) -> str:
    """Write nested values as YAML, one value a line.

    Args:
        values: nested plain values.
        comment: gives the comment of the value at a key path; None: no comments.
    """
    return "\n".join(_lines(values, comment, ())) + "\n"


def _lines(
    values: Mapping[str, Any], comment: Callable[[tuple[str, ...]], str] | None, path: tuple[str, ...]
) -> list[str]:
    lines: list[str] = []
    for key, value in values.items():
        here = (*path, key)
        head = "  " * len(path) + _flow(key) + ":"
        if isinstance(value, Mapping) and value:
            lines += [head, *_lines(value, comment, here)]
        else:
            lines.append(f"{head} {_flow(value)}" + (f"  # {comment(here)}" if comment else ""))
    return lines


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"))
    return text.strip().removesuffix("...").strip()


def list_choices(folders: ConfFolders) -> str:
    """Return the choices of every group and the experiments, each with the first comment of its file."""
    kinds = [(f"groups/{group}", group) for group in GROUPS] + [(EXPERIMENTS, "experiment")]
    lines: list[str] = []
    for kind, title in kinds:
        lines.append(f"{title}:")
        for name, path in folders.choices(kind).items():
            first = path.read_text(encoding="utf-8").partition("\n")[0]
            about = first.removeprefix("#").strip() if first.startswith("#") else ""
            lines.append(f"  {name:<28} {about}".rstrip())
    return "\n".join(lines) + "\n"
