"""Robot, people, their sets and obstacles of one decision, in three dimensions and from above."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.patches import Polygon
from mpl_toolkits.mplot3d.art3d import Poly3DCollection  # type: ignore[import-untyped]  # ships none
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from hrg_pipeline.reporting.decision import Array
from hrg_pipeline.reporting.decision_replay import Found

ROBOT, ROBOT_SET = "#16324F", "#3B8BEB"
HUMAN, HUMAN_SET = "#8A4B20", "#F2A35E"
OBSTACLE, WORST = "#6E7B86", "#C21F30"

_AROUND, _ALONG = 10, 3
_VIEW_M = (1.7, 2.1)
_FAR_M = 2.3
_DASHED = 6
"""So many COMBINED sets are drawn: those nearest to the robot."""
_LOW, _HIGH = np.array([-0.45, -0.7, -1.1]), np.array([1.15, 0.7, 0.7])
"""What is seen in three dimensions, from the middle of the arm [m]."""


class _Parts:
    """What is drawn of a decision."""

    def __init__(self, found: Found) -> None:
        decision, model = found.decision, found.model
        self.decision, self.model = decision, model
        self.middle = decision.now.reshape(-1, 3).mean(axis=0)
        self.sets, self.shown = decision.sets, decision.shown
        pos = decision.measured.human_pos
        axes = np.stack([pos[:, model.proximal], pos[:, model.distal]], axis=2)
        away = axes.mean(axis=2) - self.middle
        seen = np.isfinite(away).all(axis=2) & (np.linalg.norm(away, axis=2) < _FAR_M)
        self.bodies = [(int(p), int(b)) for p, b in np.argwhere(seen)]
        self.human_axes = axes
        touch, hit, contact = decision.touch, decision.collision, decision.contact
        bodies = [] if touch is None else [touch.body]
        if touch is not None and contact is not None and contact.through is not None:
            bodies.append(contact.through)
        self.worst_bodies = {(touch.person, body) for body in bodies if touch is not None}
        capsules: list[int | None] = []
        boxes: list[int | None] = []
        if touch is not None:
            capsules.append(touch.capsule)
        if touch is not None and contact is not None:
            capsules.append(contact.link)
            boxes.append(contact.box)
        if hit is not None:
            capsules += [hit.capsule, hit.link]
            boxes.append(hit.box)
        self.worst_capsules = {capsule for capsule in capsules if capsule is not None}
        self.worst_boxes = {box for box in boxes if box is not None}

    def body_set(self, person: int, body: int) -> tuple[Array, float]:
        """VEL set of a body in the interval that is shown."""
        assert self.sets is not None
        pos = self.sets.human_pos[person]
        ends = np.stack([pos[self.model.proximal[body]], pos[self.model.distal[body]]])
        return ends, float(self.sets.vel_radii[self.shown, person, body])

    def combined_sets(self) -> list[tuple[Array, float]]:
        """COMBINED sets of the bodies nearest to the robot."""
        if self.sets is None:
            return []
        balls = self.sets.combined[self.shown]
        near = self.sets.margin.min(axis=1)
        used = [(p, b) for p, b in self.bodies if np.isfinite(balls[p, b]).all()]
        used.sort(key=lambda one: near[one])
        radius = self.model.body_radius
        return [(balls[p, b, :, :3], float(radius[b] + balls[p, b, :, 3].max())) for p, b in used[:_DASHED]]

    def boxes(self) -> list[tuple[Array, str]]:
        """Corners (2, 2, 2, 3) and colours of the obstacles, cut off where the view ends."""
        found, model = [], self.model
        signs = np.stack(np.meshgrid((-1.0, 1.0), (-1.0, 1.0), (-1.0, 1.0), indexing="ij"), axis=-1)
        low, high = self.middle + _LOW, self.middle + _HIGH
        for box in range(int(model.n_boxes)):
            corners = model.box_pos[box] + (signs * model.box_half[box]) @ model.box_rot[box].T
            flat = corners.reshape(-1, 3)
            if (flat.max(axis=0) > low).all() and (flat.min(axis=0) < high).all():
                found.append((np.clip(corners, low, high), WORST if box in self.worst_boxes else OBSTACLE))
        return found


def draw_scene(ax: Any, found: Found) -> None:
    """Draw everything in three dimensions."""
    parts = _Parts(found)
    ax.computed_zorder = False
    for corners, colour in parts.boxes():
        sides = [
            np.take(corners, side, axis=axis).reshape(4, 3)[[0, 1, 3, 2]] for axis in range(3) for side in range(2)
        ]
        alpha = 0.16 if colour == WORST else 0.07
        look = {"facecolor": colour, "alpha": alpha, "edgecolor": colour, "linewidth": 0.5}
        ax.add_collection3d(Poly3DCollection(sides, zorder=1, **look))
    solids = _solids(parts)
    meshes = []
    for axis, radius, colour, alpha in solids:
        faces = _faces(axis, radius)
        meshes.append((faces, _shade(faces, colour, alpha)))
    surfaces, colours = (np.concatenate([mesh[k] for mesh in meshes]) for k in range(2))
    ax.add_collection3d(Poly3DCollection(surfaces, facecolors=colours, zorder=2))
    low, high = parts.middle + _LOW, parts.middle + _HIGH
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
    ax.set_box_aspect(_HIGH - _LOW, zoom=1.12)
    ax.view_init(elev=18, azim=-62)
    ax.set_xlabel("x [m]", fontsize=8)
    ax.set_ylabel("y [m]", fontsize=8)
    ax.set_zlabel("z [m]", fontsize=8, labelpad=-6)
    ax.tick_params(labelsize=7, pad=0)


def _solids(parts: _Parts) -> list[tuple[Array, float, str, float]]:
    """Axis, radius, colour and opacity of everything round."""
    decision, sets = parts.decision, parts.sets
    found = [(axis, float(radius), ROBOT, 0.9) for axis, radius in zip(decision.now, decision.radius, strict=True)]
    for p, b in parts.bodies:
        found.append((parts.human_axes[p, b], float(parts.model.body_radius[b]), HUMAN, 0.55))
        if sets is not None:
            colour, alpha = (WORST, 0.25) if (p, b) in parts.worst_bodies else (HUMAN_SET, 0.05)
            found.append((*parts.body_set(p, b), colour, alpha))
    if sets is not None:
        for k, (axes, radii) in enumerate(zip(sets.axes, sets.radii, strict=True)):
            for c in range(len(radii)):
                hit = k == parts.shown and c in parts.worst_capsules
                colour, alpha = (WORST, 0.3) if hit else (ROBOT_SET, 0.3 / len(sets.radii))
                found.append((axes[c], float(radii[c]), colour, alpha))
    return found


def draw_top(ax: Any, found: Found) -> None:
    """Draw everything from above."""
    parts, decision = _Parts(found), found.decision
    for corners, colour in parts.boxes():
        _add(ax, [_hull(corners.reshape(-1, 3)[:, :2])], colour, alpha=0.12, edgecolor=colour, linewidth=0.6)
    if parts.sets is not None:
        sets = parts.sets
        _fill(ax, [parts.body_set(*one) for one in parts.bodies], HUMAN_SET, alpha=0.16, linewidth=0)
        for axes, radii in zip(sets.axes, sets.radii, strict=True):
            _fill(ax, zip(axes, radii, strict=True), ROBOT_SET, alpha=0.6 / len(sets.radii), linewidth=0)
    bodies = [(parts.human_axes[p, b], parts.model.body_radius[b]) for p, b in parts.bodies]
    _fill(ax, bodies, HUMAN, alpha=0.35, linewidth=0)
    _fill(ax, zip(decision.now, decision.radius, strict=True), ROBOT, alpha=0.55, linewidth=0)
    if parts.sets is not None:
        k = parts.shown
        worst = [(parts.sets.axes[k, c], float(parts.sets.radii[k, c])) for c in parts.worst_capsules]
        worst += [parts.body_set(*one) for one in parts.worst_bodies]
        _fill(ax, worst, WORST, alpha=0.30)
        _fill(ax, parts.combined_sets(), "none", edgecolor=HUMAN, linewidth=0.9, linestyle="--")
    person, capsule, body = decision.nearest
    if np.isfinite(decision.gaps[person, capsule, body]):
        points = _nearest_points(decision.now[capsule], parts.human_axes[person, body])
        ax.plot(points[:, 0], points[:, 1], ":", color="black", linewidth=1.6, marker=".")
    low = parts.middle[:2] - np.array([0.5, 0.5 * _VIEW_M[1]])
    ax.set(xlim=(low[0], low[0] + _VIEW_M[0]), ylim=(low[1], low[1] + _VIEW_M[1]))
    ax.set_aspect("equal", adjustable="box")
    ax.set_title("from above", loc="left", fontsize=9)
    ax.set_xlabel("x [m]", fontsize=8)
    ax.set_ylabel("y [m]", fontsize=8)
    ax.tick_params(labelsize=7)
    ax.grid(visible=True, color="#E4E4E4", linewidth=0.6)
    ax.set_axisbelow(True)


def _nearest_points(first: Array, second: Array) -> Array:
    """Points of two segments (2, 3) that are nearest to each other, found on a fine grid (2, 3)."""
    x = np.linspace(0.0, 1.0, 101)[:, None]
    a, b = first[0] + x * (first[1] - first[0]), second[0] + x * (second[1] - second[0])
    i, j = np.unravel_index(int(np.linalg.norm(a[:, None] - b, axis=-1).argmin()), (len(a), len(b)))
    return np.stack([a[i], b[j]])


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


def _hull(points: Array) -> NDArray[np.float64]:
    return np.asarray(points[ConvexHull(points).vertices])


def _outline(axis: Array, radius: float) -> Array:
    """Outline of a capsule seen from above (p, 2)."""
    turn = np.linspace(0.0, 2.0 * np.pi, 33)[:-1]
    circle = radius * np.column_stack([np.cos(turn), np.sin(turn)])
    return _hull(np.concatenate([end[:2] + circle for end in axis]))


def _fill(ax: Any, capsules: Any, colour: str, **style: Any) -> None:
    """Draw capsules, pairs of axis and radius, from above."""
    _add(ax, [_outline(axis, float(radius)) for axis, radius in capsules], colour, **style)


def _add(ax: Any, outlines: list[Array], colour: str, **style: Any) -> None:
    ax.add_collection(PatchCollection([Polygon(outline) for outline in outlines], facecolor=colour, **style))
