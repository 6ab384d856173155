"""Looking at a clip: a sheet of its poses with the speed of the hands, and a video."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_INDEX, JOINT_SPEED_MAX, Skeleton, make_skeleton
from hrg_pipeline.human.clip import Clip
from hrg_pipeline.human.recorded.recording import place_joints
from hrg_pipeline.reporting.person_picture import Picture, View, draw_mark, draw_person, draw_scene
from hrg_pipeline.reporting.video import write_mp4

Array = NDArray[np.float64]

_COLUMNS, _ROWS = 5, 2
_CELL = (320, 360)
_PLOT_HEIGHT = 260
_MOVIE = (640, 560)
_MOVIE_PLOT_HEIGHT = 160
_MOVIE_FPS = 25.0
_GIF_FPS, _GIF_WIDTH, _GIF_COLOURS = 10.0, 360, 48
_SHEET_COLOURS = 160
_LEFT, _RIGHT, _BOUND = "#0072B2", "#D55E00", "#666666"
_INK = (40, 44, 52)


def find_clip(name: str, seed: int, stature_m: float) -> Clip:
    """Return the clip that a user means.

    Args:
        name: a stored clip (``.npz``), a folder of them with ``:<number>``, or a family with ``:<number>``.
        seed: of a family's clips.
        stature_m: body height for a family's clips [m].

    Raises:
        MotionError: if there is no such file, family or number.
    """
    if name.endswith(".npz"):
        return Clip.load(name)
    base, _, number = name.rpartition(":") if ":" in name else (name, "", "0")
    if not number.isdigit():
        raise MotionError(f"'{name}' has '{number}' after the colon; expected the number of a clip, such as {base}:3")
    if Path(base).is_dir():
        files = sorted(Path(base).rglob("*.npz"))
        if int(number) >= len(files):
            raise MotionError(f"'{base}' holds {len(files)} clips; '{number}' is none of 0..{len(files) - 1}")
        return Clip.load(files[int(number)])
    try:
        families = importlib.import_module("hrg_pipeline.human.families")
    except ModuleNotFoundError as error:
        raise MotionError(f"'{name}' is no clip file or folder, and no families of motion are installed") from error
    if base not in families.FAMILIES:
        raise MotionError(f"'{base}' is no .npz, no folder and no family; families are {', '.join(families.FAMILIES)}")
    clip: Clip = families.make_clip(base, int(number), seed, stature_m)
    return clip


@dataclass(frozen=True, eq=False)
class _Scene:
    """A clip worked out: joints, orientations, and from where it is seen."""

    clip: Clip
    skeleton: Skeleton
    joints: Array
    frames: list[Rotation]

    def view(self, size: tuple[int, int]) -> View:
        """Show the person all the time, and the robot's foot."""
        low, high = self.joints.min(axis=(0, 1)), self.joints.max(axis=(0, 1))
        low = np.minimum(low, (0.0, 0.0, 0.0))
        centre = np.array([0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), 0.5 * (high[2] + 0.05)])
        ends = np.array([(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (0.0, high[2])])
        pixels = View(centre, size, span_m=1.0).project(ends)[0] - 0.5 * np.array(size)
        share = float((np.abs(pixels) / (0.46 * np.array(size))).max())
        return View(centre, size, span_m=max(2.0, share))

    def picture(self, view: View, background: Picture, sample: int) -> Picture:
        picture = background.copy()
        if self.clip.target is not None:
            draw_mark(picture, view, self.clip.target)
        draw_person(picture, view, self.skeleton, self.joints[sample], [frame[sample] for frame in self.frames])
        return picture


def _work_out(clip: Clip) -> _Scene:
    skeleton = make_skeleton(float(np.clip(clip.stature_m, 1.5, 2.0)))
    joints, frames = place_joints(skeleton.offset, clip.root_position, clip.rotations)
    return _Scene(clip, skeleton, joints, frames)


def hand_speeds(clip: Clip) -> tuple[Array, Array]:
    """Times (n,) [s] and speeds of the left and the right hand (n, 2) [m/s]."""
    joints = _work_out(clip).joints[:, [BODY_INDEX["L_Hand"], BODY_INDEX["R_Hand"]]]
    speeds = np.linalg.norm(np.gradient(joints, 1.0 / clip.rate_hz, axis=0), axis=2)
    return np.arange(len(joints)) / clip.rate_hz, speeds


def sheet_times(clip: Clip, count: int = _COLUMNS * _ROWS) -> list[float]:
    """Times of the poses of a contact sheet: evenly spread, moved to the keyframes that are near [s]."""
    times = list(np.linspace(0.0, clip.duration_s, count))
    free = set(range(1, count - 1))
    for key in clip.keyframes_s:
        if free:
            nearest = min(free, key=lambda k: abs(times[k] - key))
            times[nearest] = key
            free.remove(nearest)
    return sorted(float(t) for t in times)


def contact_sheet(clip: Clip, path: Path) -> None:
    """Write a PNG with ten poses of a clip and the speed of the hands over time."""
    scene = _work_out(clip)
    view = scene.view(_CELL)
    background = draw_scene(view)
    width = _COLUMNS * _CELL[0]
    sheet = np.full((_ROWS * _CELL[1] + _PLOT_HEIGHT, width, 3), 255, dtype=np.uint8)
    keys = np.array(clip.keyframes_s)
    times = sheet_times(clip)
    for k, time in enumerate(times):
        cell = scene.picture(view, background, min(round(time * clip.rate_hz), len(scene.joints) - 1))
        mark = [int(i) + 1 for i in np.flatnonzero(np.abs(keys - time) < 1e-6)] if len(keys) else []
        _write(cell, f"{time:.1f} s" + (f"  keyframe {mark[0]}" if mark else ""))
        row, column = divmod(k, _COLUMNS)
        sheet[row * _CELL[1] : (row + 1) * _CELL[1], column * _CELL[0] : (column + 1) * _CELL[0]] = cell
    sheet[_ROWS * _CELL[1] :] = _speed_plot(clip, width, _PLOT_HEIGHT, f"{clip.name}: speed of the hands", times)[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).quantize(_SHEET_COLOURS).save(path, optimize=True)


def movie(clip: Clip, path: Path) -> None:
    """Write a video of a clip in real time, as MP4 or, where the path ends in ``.gif``, as GIF."""
    if path.suffix.lower() != ".gif":
        write_mp4(_movie_frames(clip, _MOVIE_FPS), path, _MOVIE_FPS)
        return
    frames = [Image.fromarray(frame) for frame in _movie_frames(clip, _GIF_FPS)]
    height = round(frames[0].height * _GIF_WIDTH / frames[0].width)
    small = [f.resize((_GIF_WIDTH, height), Image.Resampling.LANCZOS).quantize(_GIF_COLOURS) for f in frames]
    path.parent.mkdir(parents=True, exist_ok=True)
    small[0].save(
        path, save_all=True, append_images=small[1:], duration=round(1000.0 / _GIF_FPS), loop=0, optimize=True
    )


def _movie_frames(clip: Clip, fps: float) -> Iterator[Picture]:
    scene = _work_out(clip)
    view = scene.view(_MOVIE)
    background = draw_scene(view)
    plot, first, last = _speed_plot(clip, _MOVIE[0], _MOVIE_PLOT_HEIGHT, "")
    for k in range(max(1, round(clip.duration_s * fps) + 1)):
        time = min(k / fps, clip.duration_s)
        picture = scene.picture(view, background, min(round(time * clip.rate_hz), len(scene.joints) - 1))
        _write(picture, f"{clip.name}   {time:.1f} s")
        strip = plot.copy()
        x = round(first + (last - first) * time / clip.duration_s)
        cv2.line(strip, (x, 0), (x, _MOVIE_PLOT_HEIGHT), _INK, 1, cv2.LINE_AA)
        yield np.concatenate((picture, strip))


def _write(picture: Picture, text: str) -> None:
    cv2.putText(picture, text, (10, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.55, _INK, 1, cv2.LINE_AA)


def _speed_plot(
    clip: Clip, width: int, height: int, title: str, marked: list[float] | None = None
) -> tuple[Picture, float, float]:
    """Draw the speed of the hands over time; also the pixel columns of the first and the last instant."""
    times, speeds = hand_speeds(clip)
    figure = Figure(figsize=(width / 100.0, height / 100.0), dpi=100)
    FigureCanvasAgg(figure)
    ax = figure.add_axes((60.0 / width, 42.0 / height, 1.0 - 150.0 / width, 1.0 - 72.0 / height))
    ax.plot(times, speeds[:, 0], color=_LEFT, lw=1.4, label="left")
    ax.plot(times, speeds[:, 1], color=_RIGHT, lw=1.4, ls="--", label="right")
    ax.axhline(JOINT_SPEED_MAX, color=_BOUND, lw=1.0, ls=":", label="bound")
    for number, key in enumerate(clip.keyframes_s, start=1):
        ax.axvline(key, color=_BOUND, lw=0.9)
        ax.annotate(str(number), (key, 1.0), (3, -10), xycoords=("data", "axes fraction"), textcoords="offset points",
                    fontsize=8, color=_BOUND)  # fmt: skip
    if marked:
        ax.plot(marked, np.zeros(len(marked)), "^", color=_BOUND, ms=5, clip_on=False)
    ax.set_xlim(0.0, clip.duration_s)
    ax.set_ylim(0.0, max(1.1 * JOINT_SPEED_MAX, 1.05 * float(speeds.max())))
    ax.set_xlabel("time [s]", fontsize=9)
    ax.set_ylabel("speed [m/s]", fontsize=9)
    ax.tick_params(labelsize=8)
    ax.set_title(title, fontsize=10, loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.02))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="raw", dpi=100)
    box = ax.get_window_extent()
    picture = np.frombuffer(buffer.getvalue(), dtype=np.uint8).reshape(height, width, 4)[:, :, :3].copy()
    return picture, float(box.x0), float(box.x1)
