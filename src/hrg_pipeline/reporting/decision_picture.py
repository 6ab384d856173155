"""A picture of one decision of the shield; drawn by matplotlib alone, so it needs neither display nor EGL."""

from __future__ import annotations

import io
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from PIL import Image

from hrg_pipeline.reporting.decision import Decision
from hrg_pipeline.reporting.decision_replay import Found
from hrg_pipeline.reporting.decision_scene import (
    HUMAN,
    HUMAN_SET,
    OBSTACLE,
    ROBOT,
    ROBOT_SET,
    WORST,
    draw_scene,
    draw_top,
)
from hrg_pipeline.reporting.decision_stop import GREY, SAFE, draw_energy, draw_stop
from hrg_pipeline.shield.model import MODES, OFF, PFL

_SIZE_IN, _DPI = (13.0, 7.4), 95
_COLOURS = 160
_WIDTH = 165


def draw_decision(found: Found, path: Path, title: str = "") -> None:
    """Write a picture of a decision: the sets from two sides, the stop, and the verdict in words.

    Args:
        found: The decision.
        path: PNG file; its folder is made.
        title: Where the decision comes from, such as the key of the run.
    """
    decision = found.decision
    figure = Figure(figsize=_SIZE_IN, dpi=_DPI)
    canvas: Any = FigureCanvasAgg(figure)
    heights = (1.0, 1.0, 1.0, 2.2) if decision.mode == PFL else (1.0, 1.0, 1.0)
    sides = {"top": 0.82, "bottom": 0.14}
    views = figure.add_gridspec(1, 3, width_ratios=(1.4, 1.1, 0.8), left=0.0, right=0.985, wspace=0.2, **sides)
    curves = views[0, 2].subgridspec(len(heights), 1, height_ratios=heights, hspace=0.42)
    draw_scene(figure.add_subplot(views[0, 0], projection="3d"), found)
    draw_top(figure.add_subplot(views[0, 1]), found)
    axes = [figure.add_subplot(curves[k, 0]) for k in range(len(heights))]
    draw_stop(axes, decision)
    if decision.mode == PFL:
        draw_energy(axes[-1], found)
    _say(figure, found, title)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    content = io.BytesIO()
    # A palette keeps the file small; the picture has few colours.
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.getvalue())


def _say(figure: Figure, found: Found, title: str) -> None:
    """Write the verdict, its reason, the numbers and the legend."""
    decision = found.decision
    where = f"episode {found.episode}, step {found.step}, cycle {found.cycle}, t = {decision.measured.time:.3f} s"
    figure.text(0.015, 0.967, ", ".join(filter(None, (title, where))), fontsize=10, color=GREY, va="center")
    mode = {number: name for name, number in MODES.items()}[decision.mode]
    word = "released" if decision.safe else "the stored plan is followed"
    colour = SAFE if decision.safe else WORST
    if decision.mode == OFF:
        colour = GREY
    else:
        word = f"{'SAFE' if decision.safe else 'UNSAFE'}, {word}"
    figure.text(0.015, 0.93, f"{mode}: {word}", fontsize=14, fontweight="bold", color=colour, va="center")
    reason = "\n".join(textwrap.wrap(decision.reason, _WIDTH))
    figure.text(0.015, 0.905, reason, fontsize=10.5, va="top")
    figure.text(0.015, 0.03, _numbers(found), fontsize=9.5, va="center")
    figure.legend(
        handles=_handles(found),
        loc="lower left",
        bbox_to_anchor=(0.01, 0.045),
        ncols=8,
        frameon=False,
        fontsize=9,
        columnspacing=1.4,
    )


def _numbers(found: Found) -> str:
    decision, names = found.decision, found.names
    person, capsule, body = decision.nearest
    gap = decision.gaps[person, capsule, body]
    total = "none" if decision.proposal is None else f"{1e3 * decision.proposal.total:.0f} ms to standstill"
    near = f"{names.robot[capsule]} and {names.body(body, person)}, {gap:.3f} m" if np.isfinite(gap) else "not known"
    ages = ", ".join("none yet" if np.isnan(age) else f"{1e3 * age:.0f} ms" for age in decision.age)
    return f"nearest now: {near}   proposal: {total}   age of the measurement: {ages}"


def _handles(found: Found) -> list[Any]:
    decision = found.decision
    handles: list[Any] = [
        Patch(color=ROBOT, label="robot now"),
        Patch(color=ROBOT_SET, alpha=0.45, label="robot until it stands"),
        Patch(color=HUMAN, label="person now"),
        Patch(color=HUMAN_SET, alpha=0.45, label=_human_label(decision)),
    ]
    if decision.sets is not None and np.isfinite(decision.sets.combined).any():
        handles.append(Line2D([], [], color=HUMAN, linestyle="--", linewidth=0.9, label="COMBINED"))
    if int(found.model.n_boxes) > 0:
        handles.append(Patch(color=OBSTACLE, alpha=0.2, label="obstacles"))
    if decision.touch is not None or decision.collision is not None:
        handles.append(Patch(color=WORST, alpha=0.6, label="what refuted it"))
    handles.append(Line2D([], [], color="black", linestyle=":", label="nearest pair"))
    return handles


def _human_label(decision: Decision) -> str:
    if decision.touch is None and decision.collision is None:
        return "person until then"
    return f"person to end of interval {decision.shown + 1}"
