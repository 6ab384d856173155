"""The shape of the whole configuration, and the checks against it."""

from __future__ import annotations

import difflib
import functools
import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, SerializeAsAny, ValidationError
from pydantic.fields import FieldInfo

from hrg_pipeline.config.params import RunParams, TrackingParams
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.experts.params import ExpertParams
from hrg_pipeline.experts.registry import expert_params_class
from hrg_pipeline.human.recorded.params import MotionImportParams
from hrg_pipeline.learning.params import AlgorithmParams
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.registry import task_params_class
from hrg_pipeline.wrappers.params import WrapperParams

ALGORITHMS: dict[str, type[BaseModel]] = {
    model.model_fields["name"].default: model for model in get_args(get_args(AlgorithmParams)[0])
}
"""Parameter model of each algorithm by its name."""

GROUPS = ("robot", "environment", "wrappers", "algorithm", "expert", "run", "tracking")
"""The sections of which one is chosen; each has a folder of choices under ``groups/``."""

_FIRST_EXPERT = "ReachHuman"
"""What is meant where none is named, as in runs that were stored before there were experts."""

SECTIONS = (*GROUPS, "motion")
"""All sections; those that are no groups have their values and nothing to choose from."""


def _as_task_params(value: Any) -> Any:
    if isinstance(value, Mapping):
        return task_params_class(str(value.get("env_id"))).model_validate(value)
    return value


def _as_expert_params(value: Any) -> Any:
    if isinstance(value, Mapping):
        return expert_params_class(value.get("name")).model_validate(value)
    return value


class Parameters(BaseModel):
    """Everything that decides a run, checked; ``Parameters.model_validate(parameters)`` in a node."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: str | None
    """Experiment that the values were composed from."""
    select: dict[str, str]
    """Choice of each group."""
    robot: RobotParams
    environment: Annotated[SerializeAsAny[TaskParams], BeforeValidator(_as_task_params)]
    """The task's own model, by ``env_id``."""
    wrappers: WrapperParams
    algorithm: AlgorithmParams
    """The algorithm's own model, by ``name``."""
    expert: Annotated[SerializeAsAny[ExpertParams], BeforeValidator(_as_expert_params)]
    """The expert's own model, by ``name``."""
    run: RunParams
    tracking: TrackingParams
    motion: MotionImportParams = MotionImportParams()


def algorithm_params_class(name: object) -> type[BaseModel]:
    """Return the parameter model of an algorithm.

    Raises:
        ConfigError: if there is no such algorithm.
    """
    if not isinstance(name, str) or name not in ALGORITHMS:
        raise ConfigError(f"unknown algorithm.name '{name}'; choose one of {sorted(ALGORITHMS)}")
    return ALGORITHMS[name]


def section_classes(values: Mapping[str, Any]) -> dict[str, type[BaseModel]]:
    """Return the model of each section, given the raw values (``env_id`` and ``name`` decide three of them)."""

    def chosen(section: str, key: str) -> Any:
        content = values.get(section)
        return content.get(key) if isinstance(content, Mapping) else None

    return {
        "robot": RobotParams,
        "environment": task_params_class(str(chosen("environment", "env_id"))),
        "wrappers": WrapperParams,
        "algorithm": algorithm_params_class(chosen("algorithm", "name")),
        "expert": expert_params_class(chosen("expert", "name") or _FIRST_EXPERT),
        "run": RunParams,
        "tracking": TrackingParams,
        "motion": MotionImportParams,
    }


def sub_model(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model that a field holds, None for a plain value."""
    candidates = (field.annotation, *get_args(field.annotation))
    models = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
    return models[0] if len(models) == 1 else None


def is_open_dict(field: FieldInfo) -> bool:
    """Return whether the field is a dict whose keys are the user's own."""
    return get_origin(field.annotation) is dict


@functools.lru_cache(maxsize=64)
def defaults_of(model: type[BaseModel]) -> Mapping[str, Any]:
    """Return the defaults of a model as plain nested values; fields without one are left out."""
    defaults: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if not field.is_required():
            value = field.get_default(call_default_factory=True)
            defaults[name] = _plain(value)
    return types.MappingProxyType(defaults)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def model_at(model: type[BaseModel], path: tuple[str, ...]) -> type[BaseModel]:
    """Return the model, inside ``model``, that declares the last key of ``path``."""
    for key in path[:-1]:
        field = model.model_fields.get(key)
        inner = sub_model(field) if field else None
        if inner is None:
            break
        model = inner
    return model


def unknown_key(path: tuple[str, ...], valid: Iterable[str], origin: str) -> ConfigError:
    """Build the error for a key that does not exist: where it was given, the nearest keys, all keys."""
    valid = sorted(valid)
    near = difflib.get_close_matches(path[-1], valid, n=2, cutoff=0.6)
    hint = f" Did you mean {' or '.join(repr(key) for key in near)}?" if near else ""
    section = ".".join(path[:-1]) or "the top level"
    listed = f"Keys of {section}: {', '.join(valid)}"
    return ConfigError(f"unknown key '{'.'.join(path)}' ({origin}).{hint} {listed}")


def check_keys(model: type[BaseModel], values: Mapping[str, Any], origin: str, path: tuple[str, ...]) -> None:
    """Check that every key of ``values`` is one of the model's.

    Args:
        model: what the values are for.
        values: nested raw values.
        origin: where they were given, for the error message.
        path: where in the configuration they belong.

    Raises:
        ConfigError: for the first key that does not exist.
    """
    for key, value in values.items():
        field = model.model_fields.get(key)
        if field is None:
            raise unknown_key((*path, key), model.model_fields, origin)
        inner = sub_model(field)
        if isinstance(value, Mapping) and inner is not None:
            check_keys(inner, value, origin, (*path, key))
        elif isinstance(value, Mapping) and not is_open_dict(field):
            raise ConfigError(f"{'.'.join((*path, key))} ({origin}) holds one value, not keys of its own")


def key_status(model: type[BaseModel], path: tuple[str, ...]) -> typing.Literal["known", "open", "unknown"]:
    """Return whether a key path is the model's, is a user's own key in an open dict, or neither."""
    current: type[BaseModel] | None = model
    for depth, key in enumerate(path):
        field = current.model_fields.get(key) if current else None
        if field is None:
            return "unknown"
        if is_open_dict(field):
            return "known" if depth == len(path) - 1 else "open"
        current = sub_model(field)
    return "known"


@dataclass(frozen=True)
class Problem:
    """A value that cannot be, and what was expected."""

    path: tuple[str, ...]
    value: Any
    expected: str

    def text(self, origin: str) -> str:
        """Return it as one line; a section is not printed, and has no single origin."""
        if isinstance(self.value, Mapping):
            return f"{'.'.join(self.path)}: {self.expected}"
        return f"{'.'.join(self.path)} = {self.value!r} ({origin}): {self.expected}"


def validate_section(section: str, model: type[BaseModel], values: Any) -> tuple[BaseModel | None, list[Problem]]:
    """Validate one section.

    Args:
        section: its name.
        model: its model.
        values: its resolved values.

    Returns:
        The model, and no problems; or None, and what is wrong.
    """
    try:
        checked = model.model_validate(values)
    except ValidationError as error:
        return None, _problems(section, values, error)
    problems = _booleans((section,), values, checked.model_dump())
    return (None, problems) if problems else (checked, [])


_EXPECTED = {
    "tuple_type": "expected a list such as [a,b]",
    "list_type": "expected a list such as [a,b]",
    "dict_type": "expected keys and values such as {a: b}",
    "model_type": "expected keys of its own, not a single value",
    "missing": "expected one more value",
}
_MESSAGE = re.compile(r"^(?:Input should be|Input should|String should) ")


def _problems(section: str, values: Any, error: ValidationError) -> list[Problem]:
    """Bring pydantic's list of errors into our words, one for each value."""
    found: dict[tuple[str, ...], Problem] = {}
    for item in error.errors(include_url=False):
        path, value = _existing_part(section, values, item["loc"])
        expected = _EXPECTED.get(item["type"]) or _MESSAGE.sub("expected ", item["msg"])
        expected = expected.removeprefix("Value error, ")
        if path in found:
            # The members of a union each say what they would have taken.
            expected = f"{found[path].expected}, or {expected.removeprefix('expected ')}"
        found[path] = Problem(path, value, expected)
    return list(found.values())


def _existing_part(section: str, values: Any, loc: tuple[int | str, ...]) -> tuple[tuple[str, ...], Any]:
    """Return the part of a location that the values have; pydantic adds the member of a union to it."""
    path: tuple[str, ...] = (section,)
    value = values
    for part in loc:
        if isinstance(part, str) and isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(part, int) and isinstance(value, list) and part < len(value):
            value = value[part]
        else:
            break
        path = (*path, str(part))
    return path, value


def _booleans(path: tuple[str, ...], given: Any, checked: Any) -> list[Problem]:
    """Find ``true`` and ``false`` where a number or text is meant; pydantic would read them as 1 and 0."""
    if isinstance(given, Mapping) and isinstance(checked, Mapping):
        found = [_booleans((*path, key), value, checked.get(key)) for key, value in given.items()]
        return [problem for problems in found for problem in problems]
    if isinstance(given, bool) and not isinstance(checked, bool):
        return [Problem(path, given, f"expected a value of type {type(checked).__name__}")]
    return []
