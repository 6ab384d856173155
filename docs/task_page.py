"""Write the page of a task from its docstring, its spaces and its parameters: ``python docs/task_page.py <EnvId>``.

What is there already is not overwritten: a page may say more than its code does. Without a name, all pages are looked
for, and those that are missing are written.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

import hrg_pipeline.envs
from hrg_pipeline.config.schema import defaults_of
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.registry import TASK_CLASSES, TASKS, snake_case

PAGES = Path(__file__).resolve().parent / "tasks"
PICTURES = "../images/tasks"


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return what the docstrings below the fields of a model say, inherited ones included."""
    found: dict[str, str] = {}
    for one in reversed([c for c in model.__mro__ if issubclass(c, BaseModel) and c is not BaseModel]):
        body = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, after in zip(body.body, body.body[1:], strict=False):
            text = getattr(getattr(after, "value", None), "value", None)
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, str):
                found[field.target.id] = " ".join(text.split()).replace("``", "`").replace("||", "‖")
    return found


def leaves(values: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """Dotted names and values of nested sections."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}", value


def arguments(env_id: str) -> Iterator[str]:
    """Rows of the parameters that a task adds to those of all tasks, or sets otherwise."""
    params = TASKS[env_id]
    shared, own = (dict(leaves(defaults_of(model), "environment")) for model in (TaskParams, params))
    said = meanings(params)
    for name, value in own.items():
        if name not in shared or shared[name] != value:
            text = yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()
            yield f"| `{name}` | `{text}` | {said.get(name.split('.')[1], 'set by this task')} |"


def sizes(env_id: str) -> Iterator[str]:
    """Rows of all sensors with a Panda."""
    env = hrg_pipeline.envs.make_env(env_id, human={"motion": {"n_clips": 1}})
    groups = {name: group for group, names in TASK_CLASSES[env_id].observation_groups.items() for name in names}
    spaces: Any = env.observation_space
    for name, space in spaces.items():
        yield f"| `{name}` | {space.shape[0]} | {f'`{groups[name]}`' if name in groups else ''} |"
    env.close()


def page(env_id: str) -> str:
    """Return the page of a task."""
    name, params = snake_case(env_id), TASKS[env_id]()
    first, _, rest = inspect.cleandoc(TASK_CLASSES[env_id].__doc__ or "").partition("\n")
    history = re.search(r"Version history: (.+?)\.?$", rest, re.MULTILINE)
    rest = re.sub(r"\n*Version history:.*", "", rest, flags=re.DOTALL).strip()
    parts = [
        f"# {env_id}",
        f"`hrg/{env_id}-v0`. {first}",
        f"![The expert of {env_id} with a Panda arm]({PICTURES}/{name}.gif)"
        if (PAGES / PICTURES / f"{name}.gif").is_file()
        else "",
        f"```\nkedro run --pipeline demonstrate --params environment={name},expert={name}\n```",
        f"An episode has {params.horizon} steps of 0.1 s at most.",
        rest,
        "## Sizes\n\nOf the observations, with a Panda arm.\n\n| sensor | size | group |\n|---|---|---|\n"
        + "\n".join(sizes(env_id)),
        "## Arguments\n\nThose of [ReachHuman](reach_human.md#arguments) that are not about its goals, and:\n\n"
        "| parameter | default | meaning |\n|---|---|---|\n" + "\n".join(arguments(env_id)),
        f"## Version history\n\n- {history[1].replace(',', ':', 1) if history else 'v0: first release'}.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def main() -> None:
    """Write the pages that were asked for, or are missing."""
    asked = sys.argv[1:]
    unknown = sorted(set(asked) - set(TASKS))
    if unknown:
        raise SystemExit(f"unknown task '{unknown[0]}'; choose among {', '.join(sorted(TASKS))}")
    for env_id in asked or TASKS:
        path = PAGES / f"{snake_case(env_id)}.md"
        if path.exists():
            if asked:
                raise SystemExit(f"{path.name} exists; it is not overwritten")
            continue
        path.write_text(page(env_id), encoding="utf-8")
        sys.stdout.write(f"docs/tasks/{path.name}\n")


if __name__ == "__main__":
    main()
