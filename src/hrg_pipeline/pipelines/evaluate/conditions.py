"""Conditions under which policies are evaluated: another shield, person, set of motion or robot."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from hrg_pipeline.errors import ConfigError

if TYPE_CHECKING:
    from hrg_pipeline.envs.spec import EnvSpec

AS_TRAINED = "as trained"
AXES: Mapping[str, tuple[str, ...]] = {
    "shield": ("task", "shield", "type"),
    "split": ("task", "human", "motion", "split"),
    "motion": ("task", "human", "motion", "source"),
    "families": ("task", "human", "motion", "families"),
    "stature": ("task", "human", "stature_m"),
    "build": ("task", "human", "build"),
    "people": ("task", "human", "count"),
    "robot": ("robot", "name"),
}
"""What can be varied: where the value stands in a specification."""
# A drawn size would hide the one that is asked for; another arm has grippers of its own.
_RESETS: Mapping[str, tuple[tuple[str, ...], Any]] = {
    "stature": (("task", "human", "stature_range"), None),
    "build": (("task", "human", "build_range"), None),
    "robot": (("robot", "gripper"), None),
}


class Condition(NamedTuple):
    """One value of each axis that is varied."""

    values: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """How it is called in tables."""
        return ", ".join(f"{axis}={value}" for axis, value in self.values) or AS_TRAINED

    def apply(self, spec: EnvSpec) -> EnvSpec:
        """Return the specification under this condition; the rest of it stays as it was trained in.

        Raises:
            ConfigError: if a value cannot be; it says what was expected.
        """
        if not self.values:
            return spec
        from hrg_pipeline.robots.params import RobotParams

        content = {"task": dict(spec.task), "robot": spec.robot.model_dump(mode="json")}
        for axis, value in self.values:
            _put(content, AXES[axis], [value] if axis == "families" else value)
            if axis in _RESETS:
                _put(content, *_RESETS[axis])
        try:
            changed = spec.with_task(**content["task"])
            return changed.model_copy(update={"robot": RobotParams.model_validate(content["robot"])})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            told = first["msg"].removeprefix("Value error, ")
            raise ConfigError(f"condition '{self.name}': {where} = {first['input']!r}: {told}") from error


def conditions(axes: Mapping[str, Sequence[Any]]) -> list[Condition]:
    """Return every combination of the values of the axes, in their order; without any, what was trained in.

    Raises:
        ConfigError: for an axis that does not exist, or a value given twice.
    """
    for axis, values in axes.items():
        if axis not in AXES:
            raise ConfigError(f"'{axis}' cannot be varied; choose from {', '.join(AXES)}")
        if len(set(map(str, values))) < len(values):
            raise ConfigError(f"{axis}: a value is given twice in {', '.join(map(str, values))}")
    varied = [[(axis, value) for value in values] for axis, values in axes.items() if values]
    return [Condition(combination) for combination in itertools.product(*varied)]


def _put(tree: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set a nested value; the dicts on the way are copied, for they belong to a specification."""
    *way, last = path
    for key in way:
        inner = tree.get(key)
        tree[key] = dict(inner) if isinstance(inner, Mapping) else {}
        tree = tree[key]
    tree[last] = value
