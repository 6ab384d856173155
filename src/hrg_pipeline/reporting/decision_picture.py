"""A picture of one decision of the shield; drawn by matplotlib alone, so it needs neither display nor EGL."""

from __future__ import annotations

import io
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon
from mpl_toolkits.mplot3d.art3d import Poly3DCollection  # type: ignore[import-untyped]  # ships none
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import ConvexHull

from hrg_pipeline.reporting.decision import Decision, Plan
from hrg_pipeline.reporting.decision_replay import Found
from hrg_pipeline.shield.model import INTERVALS, OFF

Array = NDArray[np.float64]

ROBOT, ROBOT_SET = "#16324F", "#3B8BEB"
HUMAN, HUMAN_SET = "#8A4B20", "#F2A35E"
WORST, SAFE, GREY = "#C21F30", "#1E7A3C", "#444444"

_SIZE_IN, _DPI = (13.0, 7.4), 95
_COLOURS = 160
_AROUND, _ALONG = 10, 3
_VIEW_M = (1.7, 2.1)
_FAR_M = 2.3
_SAMPLES = 200
_WIDTH = 150


def draw_decision(found: Found, path: Path, title: str = "") -> None:
    """Write a picture of a decision: both sets from two sides, the stop, and the verdict in words.

    Args:
        found: The decision.
        path: PNG file; its folder is made.
        title: Where the decision comes from, such as the key of the run.
    """
    decision = found.decision
    figure = Figure(figsize=_SIZE_IN, dpi=_DPI)
    canvas: Any = FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        4, 3, width_ratios=(1.4, 1.1, 0.75), left=0.0, right=0.985, top=0.84, bottom=0.14, hspace=0.3, wspace=0.2
    )
    _draw_scene(figure.add_subplot(grid[:, 0], projection="3d"), found)
    _draw_top(figure.add_subplot(grid[:, 1]), found)
    _draw_stop([figure.add_subplot(grid[k, 2]) for k in range(4)], decision)
    _say(figure, found, title)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    content = io.BytesIO()
    # A palette keeps the file small; the picture has few colours.
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.getvalue())


def _shown(decision: Decision) -> int:
    """Interval whose sets are emphasised: the one that refuted the proof, or else the last."""
    failing = decision.failing
    return INTERVALS - 1 if failing is None else failing[0]


def _say(figure: Figure, found: Found, title: str) -> None:
    """Write the verdict, its reason, the numbers and the legend."""
    decision = found.decision
    where = f"episode {found.episode}, step {found.step}, cycle {found.cycle}, t = {decision.measured.time:.3f} s"
    figure.text(0.015, 0.965, ", ".join(filter(None, (title, where))), fontsize=10, color=GREY, va="center")
    if decision.mode == OFF:
        word, colour = ("OFF: released" if decision.safe else "OFF: stored plan followed"), GREY
    else:
        word, colour = ("SAFE: released", SAFE) if decision.safe else ("UNSAFE: the stored plan is followed", WORST)
    figure.text(0.015, 0.927, word, fontsize=14, fontweight="bold", color=colour, va="center")
    reason = "\n".join(textwrap.wrap(decision.reason, _WIDTH))
    figure.text(0.015, 0.885, reason, fontsize=10.5, va="center")
    capsule, body = decision.nearest
    gap = decision.gaps[capsule, body]
    total = "none" if decision.proposal is None else f"{1e3 * decision.proposal.total:.0f} ms to standstill"
    numbers = (
        f"nearest now: {found.robot_names[capsule]} and {found.human_names[body]}, {gap:.3f} m   "
        f"proposal: {total}   age of the measurement: {1e3 * decision.age:.0f} ms"
    )
    figure.text(0.015, 0.03, numbers, fontsize=9.5, va="center")
    handles: list[Any] = [
        Patch(color=ROBOT, label="robot now"),
        Patch(color=ROBOT_SET, alpha=0.45, label="robot until it stands"),
        Patch(color=HUMAN, label="person now"),
        Patch(color=HUMAN_SET, alpha=0.45, label=_human_label(decision)),
    ]
    if decision.failing is not None:
        handles.append(Patch(color=WORST, alpha=0.6, label="pair that may touch"))
    handles.append(Line2D([], [], color="black", linestyle=":", label="nearest pair now"))
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.01, 0.045), ncols=6, frameon=False, fontsize=9)


def _human_label(decision: Decision) -> str:
    if decision.failing is None:
        return "person until then"
    return f"person until the end of interval {_shown(decision) + 1}"


def _worst(decision: Decision) -> tuple[int | None, int | None]:
    """Robot capsule and body that refuted the proof."""
    failing = decision.failing
    return (None, None) if failing is None else failing[1:]


def _nearest_points(first: Array, second: Array) -> Array:
    """Points of two segments (2, 3) that are nearest to each other, found on a fine grid (2, 3)."""
    x = np.linspace(0.0, 1.0, 101)[:, None]
    a, b = first[0] + x * (first[1] - first[0]), second[0] + x * (second[1] - second[0])
    i, j = np.unravel_index(int(np.linalg.norm(a[:, None] - b, axis=-1).argmin()), (len(a), len(b)))
    return np.stack([a[i], b[j]])


def _human_axes(found: Found) -> Array:
    pos, model = found.decision.measured.human_pos, found.model
    return np.stack([pos[model.proximal], pos[model.distal]], axis=1)


def _centre(found: Found) -> Array:
    """Middle of what is shown: of the arm."""
    return np.asarray(found.decision.now.reshape(-1, 3).mean(axis=0))


def _near(found: Found, axes: Array) -> NDArray[np.bool_]:
    """Which capsules are near enough to be shown."""
    middle = axes.mean(axis=1) - _centre(found)
    return np.asarray(np.isfinite(middle).all(axis=1) & (np.linalg.norm(middle, axis=1) < _FAR_M))


def _faces(axis: Array, radius: float) -> Array:
    """Quadrilaterals of a capsule's surface (f, 4, 3)."""
    along = axis[1] - axis[0]
    length = float(np.linalg.norm(along))
    z = along / length if length > 1e-9 else np.array([0.0, 0.0, 1.0])
    x = np.cross(z, np.eye(3)[int(np.abs(z).argmin())])
    x /= np.linalg.norm(x)
    y = np.cross(z, x)
    turn = np.linspace(0.0, 2.0 * np.pi, _AROUND + 1)
    rings = []
    rise = np.linspace(-0.5 * np.pi, 0.0, _ALONG + 1)
    for lift, end in [*((a, axis[0]) for a in rise), *((a, axis[1]) for a in -rise[::-1])]:
        circle = np.cos(turn)[:, None] * x + np.sin(turn)[:, None] * y
        rings.append(end + radius * (np.cos(lift) * circle + np.sin(lift) * z))
    ring = np.array(rings)
    corners = (ring[:-1, :-1], ring[1:, :-1], ring[1:, 1:], ring[:-1, 1:])
    return np.stack(corners, axis=2).reshape(-1, 4, 3)


def _shade(faces: Array, colour: str, alpha: float) -> Array:
    """Colour of each face (f, 4), lit from above and the side."""
    normal = np.cross(faces[:, 2] - faces[:, 0], faces[:, 3] - faces[:, 1])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    light = 0.72 + 0.28 * np.abs(normal @ np.array([0.35, -0.35, 0.87]))
    rgb = np.array([int(colour[k : k + 2], 16) / 255.0 for k in (1, 3, 5)])
    return np.column_stack([np.clip(light[:, None] * rgb, 0.0, 1.0), np.full(len(faces), alpha)])


def _draw_scene(ax: Any, found: Found) -> None:
    """Draw everything in three dimensions."""
    decision, model = found.decision, found.model
    worst_capsule, worst_body = _worst(decision)
    shown = _shown(decision)
    human = _human_axes(found)
    solids: list[tuple[Array, float, str, float]] = []
    solids += [(axis, radius, ROBOT, 0.9) for axis, radius in zip(decision.now, model.capsule_radius, strict=True)]
    for b in np.flatnonzero(_near(found, human)):
        solids.append((human[b], float(model.body_radius[b]), HUMAN, 0.55))
        if decision.sets is not None:
            colour, alpha = (WORST, 0.25) if b == worst_body else (HUMAN_SET, 0.05)
            solids.append((human[b], float(decision.sets.human_radii[shown, b]), colour, alpha))
    if decision.sets is not None:
        sets = decision.sets
        for k in range(INTERVALS):
            for c in range(len(model.capsule_radius)):
                hit = k == shown and c == worst_capsule
                colour, alpha = (WORST, 0.3) if hit else (ROBOT_SET, 0.05)
                solids.append((sets.axes[k, c], float(sets.radii[k, c]), colour, alpha))
    meshes = []
    for axis, radius, colour, alpha in solids:
        faces = _faces(axis, radius)
        meshes.append((faces, _shade(faces, colour, alpha)))
    ax.add_collection3d(
        Poly3DCollection(np.concatenate([m[0] for m in meshes]), facecolors=np.concatenate([m[1] for m in meshes]))
    )
    middle = _centre(found)
    ax.set_xlim(middle[0] - 0.45, middle[0] + 1.15)
    ax.set_ylim(middle[1] - 0.7, middle[1] + 0.7)
    ax.set_zlim(middle[2] - 1.1, middle[2] + 0.7)
    ax.set_box_aspect((1.6, 1.4, 1.8), zoom=1.16)
    ax.view_init(elev=18, azim=-62)
    ax.set_xlabel("x [m]", fontsize=8)
    ax.set_ylabel("y [m]", fontsize=8)
    ax.set_zlabel("z [m]", fontsize=8, labelpad=-6)
    ax.tick_params(labelsize=7, pad=0)


def _outline(axis: Array, radius: float) -> Array:
    """Outline of a capsule seen from above (p, 2)."""
    turn = np.linspace(0.0, 2.0 * np.pi, 33)[:-1]
    circle = radius * np.column_stack([np.cos(turn), np.sin(turn)])
    points = np.concatenate([end[:2] + circle for end in axis])
    return np.asarray(points[ConvexHull(points).vertices])


def _fill(ax: Any, axes: Array, radii: Array, colour: str, **style: Any) -> None:
    """Draw capsules from above."""
    outlines = [Polygon(_outline(axis, float(radius))) for axis, radius in zip(axes, radii, strict=True)]
    ax.add_collection(PatchCollection(outlines, facecolor=colour, **style))


def _draw_top(ax: Any, found: Found) -> None:
    """Draw everything from above."""
    decision, model = found.decision, found.model
    human = _human_axes(found)
    near = _near(found, human)
    shown = _shown(decision)
    if decision.sets is not None:
        sets = decision.sets
        _fill(ax, human[near], sets.human_radii[shown, near], HUMAN_SET, alpha=0.16, linewidth=0)
        for k in range(INTERVALS):
            _fill(ax, sets.axes[k], sets.radii[k], ROBOT_SET, alpha=0.10, linewidth=0)
    _fill(ax, human[near], model.body_radius[near], HUMAN, alpha=0.35, linewidth=0)
    _fill(ax, decision.now, model.capsule_radius, ROBOT, alpha=0.55, linewidth=0)
    failing = decision.failing
    if failing is not None and decision.sets is not None:
        k, c, b = failing
        pair = np.stack([decision.sets.axes[k, c], human[b]])
        _fill(ax, pair, np.array([decision.sets.radii[k, c], decision.sets.human_radii[k, b]]), WORST, alpha=0.30)
    capsule, body = decision.nearest
    if np.isfinite(decision.gaps[capsule, body]):
        points = _nearest_points(decision.now[capsule], human[body])
        ax.plot(points[:, 0], points[:, 1], ":", color="black", linewidth=1.6, marker=".")
    middle = _centre(found)
    ax.set_xlim(middle[0] - 0.5, middle[0] - 0.5 + _VIEW_M[0])
    ax.set_ylim(middle[1] - 0.5 * _VIEW_M[1], middle[1] + 0.5 * _VIEW_M[1])
    ax.set_aspect("equal", adjustable="box")
    ax.set_title("from above", loc="left", fontsize=9)
    ax.set_xlabel("x [m]", fontsize=8)
    ax.set_ylabel("y [m]", fontsize=8)
    ax.tick_params(labelsize=7)
    ax.grid(visible=True, color="#E4E4E4", linewidth=0.6)
    ax.set_axisbelow(True)


def _curves(plan: Plan, begin: float, end: float) -> tuple[Array, Array, Array]:
    """Times from now (m,) [s], path states (m, 3) and joint speeds (m, n) of a plan."""
    times = np.linspace(begin, max(end, begin), _SAMPLES)
    states = [plan.at(float(t)) for t in times]
    return times - begin, np.array([path[:3] for path, _ in states]), np.array([joints[1] for _, joints in states])


def _draw_stop(axes: list[Any], decision: Decision) -> None:
    """Draw path position, speed and acceleration and the joint speeds over the stop."""
    plans: list[tuple[str, str, Plan, float]] = []
    if decision.proposal is not None:
        plans.append(("proposal", SAFE if decision.safe else WORST, decision.proposal, 0.0))
    if not decision.safe:
        plans.append(("stored plan, followed", GREY, decision.stored, min(decision.elapsed, decision.stored.total)))
    for name, colour, plan, begin in plans:
        line = "-" if plan is decision.proposal else "--"
        # A little of the standstill shows that it is one.
        times, path, speeds = _curves(plan, begin, plan.total + 0.004)
        for ax, values in zip(axes[:3], path.T, strict=True):
            ax.plot(1e3 * times, values, line, color=colour, linewidth=1.4, label=name)
        if plan is (decision.proposal if decision.safe else decision.stored):
            axes[3].plot(1e3 * times, speeds, linewidth=1.1)
    for k in range(1, INTERVALS):
        if decision.proposal is not None:
            for ax in axes[:3]:
                ax.axvline(1e3 * decision.proposal.total * k / INTERVALS, color="#DDDDDD", linewidth=0.7, zorder=0)
    labels = ("s [s]", "s'", "s'' [1/s]", "joints [rad/s]")
    for ax, label in zip(axes, labels, strict=True):
        ax.set_ylabel(label, fontsize=8)
        ax.tick_params(labelsize=7)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_title("the stop and its intervals", loc="left", fontsize=9)
    if plans:
        axes[0].legend(fontsize=7, frameon=False)
    axes[-1].set_xlim(axes[0].get_xlim())
    axes[-1].set_xlabel("time from now [ms]", fontsize=8)
