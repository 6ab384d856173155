"""The last lines of a run: how good it is, where everything is."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrg_pipeline.tracking.recorder import dataset_path, plain_parameters

if TYPE_CHECKING:
    from kedro.io import DataCatalog

FIGURES = {
    "success rate": ("success_rate", ".2f"),
    "return": ("return", ".2f"),
    "shield interventions": ("interventions", ".2f"),
    "smallest human distance": ("min_human_distance_lowest", ".3f"),
    "critical contacts": ("contacts_critical_total", ".0f"),
}
"""Label: key among the evaluation metrics, format."""

PLACES = {
    "model": "policy",
    "replay buffer": "replay_buffer",
    "report": "evaluation_plot",
    "video": "episode_video",
}
"""Label: dataset."""

FOLDERS = ("report",)
"""Places of which the folder is named, because more is in it."""


def summarize(catalog: DataCatalog, project: Path, elapsed_s: float, links: Mapping[str, str]) -> str:
    """Return the summary of a run from what it stored; lines without a stored value are left out.

    Args:
        catalog: of the run.
        project: its folder, which paths are told relative to.
        elapsed_s: how long the run took [s].
        links: name of each place where it is tracked, and how to look at it there.
    """
    run_key = plain_parameters(catalog)["run"]["id"]
    lines = [f"{run_key} finished in {_duration(elapsed_s)}"]
    lines += [_line(label, text) for label, text in _figures(catalog)]
    for label, name in PLACES.items():
        path = dataset_path(catalog, name) if name in catalog and catalog.exists(name) else None
        if path and not _holds_nothing(path):
            lines.append(_line(label, _relative(path.parent if label in FOLDERS else path, project)))
    lines += [_line(label, link) for label, link in links.items()]
    return "\n".join(lines)


def summarize_import(catalog: DataCatalog, project: Path, elapsed_s: float) -> str:
    """Return the summary of an import of motion: its table, and where everything is."""
    places = {"clips": catalog["motion_clips"], "report": catalog["motion_report"]}
    lines = [str(catalog["motion_report_table"].load()).rstrip(), "", f"imported in {_duration(elapsed_s)}"]
    for label, dataset in places.items():
        path = Path(getattr(dataset, "path", None) or dataset_path(catalog, "motion_report") or "")
        lines.append(_line(label, _relative(path, project)))
    return "\n".join(lines)


def summarize_reproduction(catalog: DataCatalog, project: Path, elapsed_s: float) -> str:
    """Return the summary of a repetition: what was compared, what changed around it, and where the report is."""
    report = catalog["reproduction"].load()
    verdict = "came out the same, to the bit" if report["equal"] else "came out different"
    lines = [f"{report['run_key']} {verdict}, in {_duration(elapsed_s)}"]
    lines += [_line(name.replace("_", " "), text or "equal") for name, text in report["differences"].items()]
    lines.append(_line("changed since", ", ".join(report["changed"]) or "nothing"))
    path = dataset_path(catalog, "reproduction")
    return "\n".join(lines + ([_line("report", _relative(path, project))] if path else []))


def _holds_nothing(path: Path) -> bool:
    """Whether a file is an archive without arrays, such as the replay buffer of an algorithm that has none."""
    if path.suffix != ".npz":
        return False
    with zipfile.ZipFile(path) as archive:
        return not archive.namelist()


def _figures(catalog: DataCatalog) -> list[tuple[str, str]]:
    if "evaluation_metrics" not in catalog or not catalog.exists("evaluation_metrics"):
        return []
    metrics = catalog["evaluation_metrics"].load()
    return [(label, _figure(metrics, key, style)) for label, (key, style) in FIGURES.items() if key in metrics]


def _figure(metrics: Mapping[str, Any], key: str, style: str) -> str:
    text = f"{metrics[key]:{style}}"
    if f"{key}_low" in metrics:
        low, high = metrics[f"{key}_low"], metrics[f"{key}_high"]
        text += f"   95 % interval [{low:{style}}, {high:{style}}], {metrics['n_episodes']:.0f} episodes"
    return text


def _line(label: str, text: str) -> str:
    return f"  {label:<24} {text}"


def _relative(path: Path, project: Path) -> str:
    return str(path.relative_to(project)) if path.is_relative_to(project) else str(path)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
