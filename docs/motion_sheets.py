"""Draw the contact sheets of docs/motion_families.md: ``python docs/motion_sheets.py [family ...]``."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from hrg_pipeline.human.body import BODY_INDEX, BODY_NAMES, make_skeleton
from hrg_pipeline.human.clip import Clip
from hrg_pipeline.human.curves import pose_at
from hrg_pipeline.human.families import FAMILIES, make_clip
from hrg_pipeline.human.motion import library_from_rotations

FOLDER = Path(__file__).parent / "images" / "motion"
SEED, FRAMES = 3, 8
AZIMUTH, ELEVATION = np.radians(-62.0), np.radians(16.0)
LEFT_M, WIDTH_M, BOTTOM_M, TOP_M = -0.12, 2.42, -0.5, 1.98
PIXELS = 150
SKIN, SHIRT, TROUSERS, SHOES = "#deb393", "#426b99", "#45454f", "#1f1c1c"
CLOTHES = {
    **dict.fromkeys(("Pelvis", "L_Hip", "R_Hip", "L_Knee", "R_Knee"), TROUSERS),
    **dict.fromkeys(("Torso", "Spine", "Chest", "L_Thorax", "R_Thorax", "L_Shoulder", "R_Shoulder"), SHIRT),
    **dict.fromkeys(("L_Ankle", "R_Ankle", "L_Toe", "R_Toe"), SHOES),
}
TABLE = np.array([[0.0, -0.8, 0.82], [0.75, -0.8, 0.82], [0.75, 0.8, 0.82], [0.0, 0.8, 0.82]])
FLOOR = np.array([[0.0, -1.0, 0.0], [2.6, -1.0, 0.0], [2.6, 1.0, 0.0], [0.0, 1.0, 0.0]])
ROBOT = np.array([[0.0, 0.0, 0.82], [0.0, 0.0, 1.2]])


def project(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Right and up (n, 2) of points (n, 3) as seen by the camera, and their depth (n,)."""
    forward = np.array([np.cos(AZIMUTH) * np.cos(ELEVATION), np.sin(AZIMUTH) * np.cos(ELEVATION), np.sin(ELEVATION)])
    right = np.array([-np.sin(AZIMUTH), np.cos(AZIMUTH), 0.0])
    up = np.cross(forward, right)
    return np.stack((points @ right, points @ up), axis=1), points @ forward


def rotated(quat: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Turn vectors (24, 3) by unit quaternions wxyz (24, 4)."""
    twice = 2.0 * np.cross(quat[:, 1:], vectors)
    return np.asarray(vectors + quat[:, :1] * twice + np.cross(quat[:, 1:], twice))


def draw_frame(ax: Axes, clip: Clip, t: float) -> None:
    """Draw the person at one time of a clip, with table, floor, robot's axis and target."""
    skeleton = make_skeleton(clip.stature_m)
    library = library_from_rotations([clip.root_position], [clip.rotations], [clip.rate_hz])
    pos, quat = np.zeros((24, 3)), np.zeros((24, 4))
    pose_at(library, skeleton, 0, t, np.zeros(3), pos, quat)
    for corners, colour, order in ((FLOOR, "#f1f1f1", -100), (TABLE, "#dccbb0", -90)):
        ax.fill(*project(corners)[0].T, color=colour, zorder=order)
    ax.plot(*project(ROBOT)[0].T, color="#e08e2b", lw=3, zorder=-80)
    points_per_m = PIXELS / WIDTH_M * 72.0 / 100.0
    ends = [pos + rotated(quat, end) for end in (skeleton.geom_a, skeleton.geom_b)]
    for body, name in enumerate(BODY_NAMES):
        line, depth = project(np.array([ends[0][body], ends[1][body]]))
        width = 2.0 * skeleton.geom_radius[body] * points_per_m
        colour = CLOTHES.get(name, SKIN)
        ax.plot(*line.T, color=colour, lw=width, solid_capstyle="round", zorder=-depth.mean())
    hands = pos[[BODY_INDEX["L_Hand"], BODY_INDEX["R_Hand"]]]
    if clip.hand == "both":
        ax.plot(*project(hands)[0].T, color="#8a5a2b", lw=2, zorder=50)
    if clip.target is not None:
        ax.plot(*project(np.array([clip.target]))[0].T, "x", color="crimson", ms=4, zorder=60)


def draw_sheet(clip: Clip) -> None:
    """Write the contact sheet of a clip; keyframes are among its frames."""
    even = np.linspace(0.0, clip.duration_s, FRAMES - len(clip.keyframes_s))
    times = np.sort([*even, *clip.keyframes_s])
    figure, axes = plt.subplots(1, FRAMES, figsize=(FRAMES * PIXELS / 100, 1.65), dpi=100)
    for ax, t in zip(axes, times, strict=True):
        draw_frame(ax, clip, float(t))
        decisive = t in clip.keyframes_s
        ax.set_title(f"{t:.1f} s", fontsize=7, pad=1, color="crimson" if decisive else "black")
        ax.set_xlim(LEFT_M, LEFT_M + WIDTH_M)
        ax.set_ylim(BOTTOM_M, TOP_M)
        ax.set_aspect("equal")
        ax.axis("off")
    figure.subplots_adjust(0, 0, 1, 0.93, 0, 0)
    figure.savefig(FOLDER / f"{clip.family}.png")
    plt.close(figure)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for chosen in sys.argv[1:] or FAMILIES:
        draw_sheet(make_clip(chosen, 0, SEED))
