"""A model card: everything one should know about a policy before using it, as plain values and as a page."""

from __future__ import annotations

import base64
import html
import io
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from hrg_pipeline.reporting.plots import learning_curve_figure

FORMAT = 1
CURVE_POINTS = 100
"""Moments of the training curve that the card keeps; the whole curve is stored beside it."""
SAFETY = (
    "collision_rate",
    "failure_rate",
    "contacts_critical",
    "contacts_critical_total",
    "contacts_human",
    "contacts_static",
    "contacts_robot",
    "min_human_distance",
    "min_human_distance_lowest",
    "interventions",
    "time_slowed_s",
    "time_stopped_s",
    "cost",
)
"""Evaluation metrics that say how safe a policy was; the others say how good."""
NOTICE = (
    "The policy acts behind the shield of its environment. Its safety figures are those of the simulated arm with "
    "that shield, under the assumptions of docs/shield.md; without it they mean nothing."
)


def build_card(
    parameters: Mapping[str, Any],
    spec: Mapping[str, Any],
    manifest: Mapping[str, Any],
    curve: pd.DataFrame,
    evaluation: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Collect the card of a policy.

    Args:
        parameters: The resolved configuration.
        spec: Its environment, as JSON.
        manifest: Of its run.
        curve: Metrics over steps.
        evaluation: Metrics with intervals; None: not evaluated yet.

    Returns:
        Plain values: ``model``, ``environment``, ``training``, ``data``, ``evaluation``, ``safety``, ``origin`` and
        ``configuration``. An evaluation metric is ``value``, with ``low`` and ``high`` where it has an interval.
    """
    figures = _figures(evaluation or {})
    run = parameters["run"]
    fingerprint = spec.get("fingerprint") or {}
    files = manifest["files"]
    return {
        "format": FORMAT,
        "notice": NOTICE,
        "model": {
            "run": manifest["run_key"],
            "experiment": parameters.get("experiment"),
            "algorithm": manifest["algorithm"],
            "created": manifest["created"],
            "action_sha256": manifest["action_sha256"],
            "file_sha256": _hash_of("policy.zip", files),
        },
        "environment": {
            "task": spec["task"].get("env_id"),
            "robot": spec["robot"],
            "shield": spec["task"].get("shield"),
            "wrappers": [wrapper["name"] for wrapper in spec["wrappers"]],
            "observations": run.get("obs_keys"),
            "observation_space": fingerprint.get("observation_space"),
            "action_space": fingerprint.get("action_space"),
            "spec_sha256": manifest["spec_sha256"],
            "model_sha256": fingerprint.get("model_sha256"),
        },
        "training": {"steps": manifest["steps"], "seeds": manifest["seeds"], "curve": _thinned(curve)},
        "data": {
            "human": spec["task"].get("human"),
            "motion_sha256": fingerprint.get("motion_sha256"),
            "replay_buffer_sha256": _hash_of("replay_buffer.npz", files),
        },
        "evaluation": {name: figure for name, figure in figures.items() if not _is_safety(name)},
        "evaluated": {"episodes": run.get("n_test_episodes"), "seed": run.get("eval_seed")} if evaluation else None,
        "safety": {name: figure for name, figure in figures.items() if _is_safety(name)},
        "origin": {key: manifest.get(key) for key in ("git", "lock_sha256", "versions", "command", "machine")},
        "configuration": dict(parameters),
    }


def card_page(card: Mapping[str, Any], curve: pd.DataFrame) -> str:
    """Write a card as one HTML page that needs nothing else.

    Args:
        card: Of ``build_card``.
        curve: Metrics over steps, for the picture.

    Returns:
        The page.
    """
    title = f"{card['model']['experiment'] or 'custom'}: {card['model']['run']}"
    tables = "".join(
        f"<h2>{name.capitalize()}</h2>{_table(_rows(card[name]))}" for name in ("model", "environment", "data")
    )
    evaluated = card["evaluated"]
    how = f"{evaluated['episodes']} episodes, seed {evaluated['seed']}" if evaluated else "Not evaluated yet."
    training = {key: value for key, value in card["training"].items() if key != "curve"}
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{html.escape(title)}</title>"
        "<style>body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "td,th{padding:.15rem 1rem .15rem 0;text-align:left;vertical-align:top}"
        "td{overflow-wrap:anywhere}img{max-width:100%}pre{overflow:auto}</style>"
        f"<h1>{html.escape(title)}</h1><p>{html.escape(card['notice'])}</p>"
        f"<h2>Evaluation</h2><p>{html.escape(how)}</p>{_table(_measured(card['evaluation']))}"
        f"<h2>Safety</h2>{_table(_measured(card['safety']))}"
        f"<h2>Training</h2>{_table(_rows(training))}{_picture(curve)}{tables}"
        f"<h2>Origin</h2>{_table(_rows(card['origin']))}"
        f"<details><summary>Configuration</summary><pre>{html.escape(_json(card['configuration'], 2))}</pre></details>"
        "</html>\n"
    )


def _figures(metrics: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Put the ends of its interval beside each metric."""
    found: dict[str, dict[str, float]] = {}
    for name, value in metrics.items():
        if isinstance(value, Mapping):  # several conditions, each with its metrics
            found |= {f"{name}/{inner}": figure for inner, figure in _figures(value).items()}
            continue
        if not isinstance(value, int | float) or not math.isfinite(value):
            continue
        end = name.rpartition("_")[2]
        owner = name.removesuffix(f"_{end}")
        if end in {"low", "high"} and owner in metrics:
            found.setdefault(owner, {})[end] = float(value)
        else:
            found.setdefault(name, {})["value"] = float(value)
    return found


def _is_safety(name: str) -> bool:
    return name.rpartition("/")[2] in SAFETY


def _thinned(curve: pd.DataFrame) -> dict[str, list[float | None]]:
    every = max(1, math.ceil(len(curve) / CURVE_POINTS))
    # The last moment counts most.
    thin = curve.iloc[::-1].iloc[::every].iloc[::-1]
    shown = [name for name in thin.columns if name == "step" or name.startswith(("rollout/", "safety/"))]
    return {
        name: [value if isinstance(value, int) or math.isfinite(value) else None for value in thin[name].tolist()]
        for name in shown
    }


def _hash_of(name: str, files: Mapping[str, Any]) -> str | None:
    hashes = [entry["sha256"] for path, entry in sorted(files.items()) if path.rpartition("/")[2] == name]
    return hashes[-1] if hashes else None


def _rows(values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _rows({f"{name}.{inner}": part for inner, part in value.items()})
        else:
            yield name, value if isinstance(value, str) else _json(value)


def _measured(figures: Mapping[str, Mapping[str, float]]) -> Iterable[tuple[str, str]]:
    for name, figure in figures.items():
        text = f"{figure['value']:.4g}"
        if "low" in figure and "high" in figure:
            text += f"   95 % interval [{figure['low']:.4g}, {figure['high']:.4g}]"
        yield name, text


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in rows)
    return f"<table>{lines}</table>"


def _picture(curve: pd.DataFrame) -> str:
    if not len(curve):
        return ""
    stream = io.BytesIO()
    learning_curve_figure(curve, title="").savefig(stream, format="png", dpi=90)
    data = base64.b64encode(stream.getvalue()).decode()
    return f"<p><img alt='training curve' src='data:image/png;base64,{data}'></p>"


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False, default=str)
