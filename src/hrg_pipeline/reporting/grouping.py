"""Stored runs as groups of seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hrg_pipeline.errors import HrgError

if TYPE_CHECKING:
    import pandas as pd

NO_DIFFERENCE = (
    "experiment",
    "select.",
    "run.id",
    "run.n_threads",
    "run.verbose",
    "run.record_video",
    "run.log_interval",
    "run.save_freq",
    "run.start_index",
    "run.test_only",
    "run.eval",
    "run.keep_",
    "run.resume",
    "run.load_step",
    "tracking.",
    "motion.",
)
"""Beginnings of the names of parameters that do not change what is learned."""
_OF_AN_EXPERT, _OF_AN_AGENT = ("expert.",), ("algorithm.", "run.obs_keys", "run.n_steps")


@dataclass(frozen=True)
class RunData:
    """What a comparison reads of one stored run."""

    key: str
    experiment: str
    seed: int
    parameters: Mapping[str, Any]
    """By dotted name."""
    curve: pd.DataFrame | None = None
    """Metrics over env steps; None where nothing was trained."""
    episodes: pd.DataFrame | None = None
    """Its newest evaluation; None where there is none."""
    steps: int | None = None
    wall_time_s: float | None = None
    """Of the training alone."""

    @property
    def task(self) -> str:
        """Name of its environment."""
        return str(self.parameters.get("environment.env_id", "task"))


@dataclass(frozen=True)
class Group:
    """Runs that are the same but for their seeds, or that the user put together."""

    label: str
    runs: tuple[RunData, ...]


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested parameters by dotted name."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        inner = isinstance(value, Mapping) and value
        flat |= flatten(value, f"{prefix}{key}.") if inner else {f"{prefix}{key}": value}
    return flat


def group_runs(runs: Sequence[RunData], by: str | None = None) -> list[Group]:
    """Put runs together.

    Args:
        runs: all of them.
        by: ``experiment``, ``run`` (each run alone), or the dotted name of a parameter; None: runs whose
            parameters are equal but for seeds and what does not change the learning.

    Returns:
        Groups in the order of their first run. Without ``by`` a label is the experiment, with the values that
        tell apart groups of one experiment.

    Raises:
        HrgError: if no run has the parameter.
    """
    if by is None:
        return _by_configuration(runs)
    if by == "experiment":
        return _collect(runs, [run.experiment for run in runs])
    if by == "run":
        return _collect(runs, [run.key for run in runs])
    if not any(by in run.parameters for run in runs):
        raise HrgError(f"no run has a parameter '{by}'; group by experiment, run or the dotted name of a parameter")
    return _collect(runs, [f"{by}={_text(run.parameters.get(by))}" for run in runs])


def differing(parameters: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of the parameters that are not the same everywhere and that matter."""
    tables = list(parameters)
    names = dict.fromkeys(name for table in tables for name in table)
    return [
        name for name in names if _matters(name) and any(table.get(name) != tables[0].get(name) for table in tables[1:])
    ]


def _by_configuration(runs: Sequence[RunData]) -> list[Group]:
    marks = [
        (run.experiment, tuple((name, _text(value)) for name, value in sorted(_identity(run).items()))) for run in runs
    ]
    collected: dict[Any, list[RunData]] = {}
    for mark, run in zip(marks, runs, strict=True):
        collected.setdefault(mark, []).append(run)
    members = [tuple(group) for group in collected.values()]
    labels = [_label(group[0], [other[0] for other in members]) for group in members]
    return [
        Group(label if labels.count(label) == 1 else f"{label} #{labels[: k + 1].count(label)}", group)
        for k, (label, group) in enumerate(zip(labels, members, strict=True))
    ]


def _label(run: RunData, firsts: Sequence[RunData]) -> str:
    """Name a group by its experiment, and by what differs from other groups of that experiment."""
    rivals = [other for other in firsts if other.experiment == run.experiment]
    own = _identity(run)
    names = differing([_identity(other) for other in rivals])
    return ", ".join([run.experiment, *(f"{name}={_text(own[name])}" for name in names if name in own)])


def _identity(run: RunData) -> dict[str, Any]:
    """Return the parameters that decide what a run learns, or demonstrates."""
    unread = _OF_AN_EXPERT if run.curve is not None else _OF_AN_AGENT
    return {name: value for name, value in run.parameters.items() if _matters(name) and not name.startswith(unread)}


def _matters(name: str) -> bool:
    return not name.startswith(NO_DIFFERENCE) and not name.endswith(("seed", ".n_test_episodes"))


def _collect(runs: Sequence[RunData], labels: Sequence[str]) -> list[Group]:
    found: dict[str, list[RunData]] = {}
    for label, run in zip(labels, runs, strict=True):
        found.setdefault(label, []).append(run)
    return [Group(label, tuple(members)) for label, members in found.items()]


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
