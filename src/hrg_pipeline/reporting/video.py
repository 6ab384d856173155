"""Videos of episodes with the shield's sets drawn in."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import imageio_ffmpeg
import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hrg_pipeline.physics.render import (
    Camera,
    CapsuleSet,
    OffscreenRenderer,
    RenderError,
    offscreen_available,
)

ROBOT_COLOUR = (0.10, 0.45, 0.95, 0.10)
HUMAN_COLOUR = (0.90, 0.30, 0.12, 0.035)
"""Reachable sets of robot and human; blue and orange-red stay apart for colour-blind eyes."""

_COLLISION_GROUP = 0
_HOLD_S = 0.6
_BAR_HEIGHT, _FONT_SIZE, _BAR_OPACITY = 30, 15, 0.62

Frame = NDArray[np.uint8]


class RenderSource(Protocol):
    """What an environment shows of itself; ``i`` is its index among the environments stepped together."""

    @property
    def render_model(self) -> mujoco.MjModel:
        """The scene with visual geoms, lights and materials; collision geoms are in geom group 0."""

    def copy_render_state(self, i: int, data: mujoco.MjData) -> None:
        """Write joint and mocap positions into the data of `render_model`."""

    def robot_capsules(self, i: int) -> NDArray[np.float64]:
        """Capsules that the shield says the robot stays in: ends and radius in the world frame [m] (m, 7)."""

    def human_capsules(self, i: int) -> NDArray[np.float64]:
        """Capsules that the shield says the human stays in: ends and radius in the world frame [m] (b, 7)."""

    def overlay(self, i: int) -> Mapping[str, str]:
        """Short texts to write over the picture, by name."""


class VideoRecord(NamedTuple):
    """What became of a recording."""

    path: Path | None
    """The file, or none where nothing could be drawn."""
    note: str
    """Why there is no file; empty where there is one."""
    n_frames: int
    success: bool
    episode_return: float


def write_mp4(frames: Iterable[Frame], path: Path, fps: float) -> int:
    """Write frames as H.264 that browsers play; the file appears only when it is complete.

    Args:
        frames: pictures (height, width, 3) of one size, both even.
        path: of the file; its folder is made.
        fps: frames a second.

    Returns:
        The number of frames written.

    Raises:
        RenderError: if there is no frame, if a frame has another or an odd size, or if the encoder fails.
    """
    stream = iter(frames)
    first = next(stream, None)
    if first is None:
        raise RenderError(f"no frames for {path}")
    height, width = first.shape[:2]
    if height % 2 or width % 2:
        raise RenderError(f"expected an even picture size for H.264, got {width} x {height}")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        n = _encode(itertools.chain([first], stream), part, first.shape, fps)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return n


def _encode(frames: Iterator[Frame], path: Path, shape: tuple[int, ...], fps: float) -> int:
    """Send frames through ffmpeg and return how many there were."""
    writer = imageio_ffmpeg.write_frames(
        str(path),
        (shape[1], shape[0]),
        fps=fps,
        codec="libx264",
        pix_fmt_out="yuv420p",
        quality=None,
        macro_block_size=2,
        output_params=["-crf", "21", "-preset", "fast", "-movflags", "+faststart"],
        ffmpeg_log_level="error",
    )
    n = 0
    try:
        writer.send(None)
        for frame in frames:
            if frame.shape != shape or frame.dtype != np.uint8:
                raise RenderError(f"frame {n} is {frame.dtype} {frame.shape}, the first was uint8 {shape}")
            writer.send(np.ascontiguousarray(frame))
            n += 1
    except OSError as error:
        raise RenderError(f"ffmpeg could not write {path.name}: {error}") from error
    finally:
        writer.close()
    return n


def draw_overlay(image: Frame, texts: Mapping[str, str]) -> Frame:
    """Write texts into a dark bar on top of a picture.

    Args:
        image: picture (height, width, 3).
        texts: value by name, written from left to right.

    Returns:
        A new picture of the same size.
    """
    bar = Image.fromarray(image)
    shade = np.array(image[:_BAR_HEIGHT] * (1.0 - _BAR_OPACITY), dtype=np.uint8)
    bar.paste(Image.fromarray(shade), (0, 0))
    draw = ImageDraw.Draw(bar)
    font = ImageFont.load_default(_FONT_SIZE)
    x = 12.0
    for name, value in texts.items():
        for text, colour in ((f"{name} ", (190, 190, 190)), (value, (255, 255, 255))):
            draw.text((x, _BAR_HEIGHT / 2), text, fill=colour, font=font, anchor="lm")
            x += draw.textlength(text, font=font)
        x += 22.0
    return np.asarray(bar)


def video_available() -> tuple[bool, str]:
    """Tell whether videos can be made here, and why not: offscreen drawing and an ffmpeg are needed."""
    drawable, reason = offscreen_available()
    if not drawable:
        return False, f"offscreen rendering is not available here ({reason})"
    try:
        imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        return False, f"no ffmpeg: {str(error).splitlines()[0]}"
    return True, ""


def record_episode(
    env: Any,
    predict: Callable[[Any], Any],
    path: Path,
    *,
    seed: int,
    fps: float = 10.0,
    width: int = 768,
    height: int = 480,
    max_steps: int = 1000,
    camera: Camera | str = Camera(),  # noqa: B008 - a constant record
) -> VideoRecord:
    """Play one episode and write it as an MP4; ten frames a second show steps of 0.1 s as they happen.

    Args:
        env: gymnasium vector env; its first environment is drawn, and ``env.unwrapped.view`` is a `RenderSource`.
        predict: observations (N, k) to actions (N, n).
        path: of the file.
        seed: of the episode; the evaluation's episode with this seed is the same one.
        fps: frames a second.
        width: of the picture [pixel], even.
        height: of the picture [pixel], even.
        max_steps: end the video here if the episode has not ended.
        camera: a free camera, or the name of one in the model.

    Returns:
        What was written. Where no picture can be drawn: a note, and no file.
    """
    available, note = video_available()
    if not available:
        return VideoRecord(None, f"no video: {note}", 0, False, 0.0)
    source: RenderSource = env.unwrapped.view
    episode = _Episode()
    try:
        with OffscreenRenderer(source.render_model, width, height, hidden_groups=(_COLLISION_GROUP,)) as renderer:
            draw = _painter(renderer, source, camera)
            steps = episode.play(env, predict, seed, max_steps)
            frames = _hold_last((draw(texts) for texts in steps), round(_HOLD_S * fps))
            n_frames = write_mp4(frames, path, fps)
    except RenderError as error:
        return VideoRecord(None, f"no video: {error}", 0, False, 0.0)
    return VideoRecord(path, "", n_frames, episode.success, episode.total)


class _Episode:
    """One episode of the first environment, step by step."""

    def __init__(self) -> None:
        self.success = False
        self.total = 0.0

    def play(self, env: Any, predict: Callable[[Any], Any], seed: int, max_steps: int) -> Iterator[dict[str, str]]:
        """Yield the texts of each moment, the start included, while the environment stands at it."""
        # A seed of its own, as the evaluation gives each episode; one number for all would be branched.
        observations, _ = env.reset(seed=[seed] + [None] * (env.num_envs - 1))
        yield {"t": "0.0 s"}
        for step in range(1, max_steps + 1):
            observations, rewards, terminated, truncated, infos = env.step(predict(observations))
            self.total += float(rewards[0])
            if "is_success" in infos:
                self.success = bool(infos["is_success"][0])
            yield {"t": f"{step / 10:.1f} s"}
            if terminated[0] or truncated[0]:
                return


def _painter(
    renderer: OffscreenRenderer, source: RenderSource, camera: Camera | str
) -> Callable[[Mapping[str, str]], Frame]:
    """Return a function that draws the environment as it stands, with texts."""
    model = renderer.model
    data = mujoco.MjData(model)

    def draw(texts: Mapping[str, str]) -> Frame:
        source.copy_render_state(0, data)
        mujoco.mj_kinematics(model, data)
        mujoco.mj_camlight(model, data)
        sets = (
            CapsuleSet(source.human_capsules(0), HUMAN_COLOUR),
            CapsuleSet(source.robot_capsules(0), ROBOT_COLOUR),
        )
        return draw_overlay(renderer.frame(data, camera, sets), {**texts, **source.overlay(0)})

    return draw


def _hold_last(frames: Iterator[Frame], n: int) -> Iterator[Frame]:
    """Repeat the last frame, so that the end of an episode can be seen."""
    last = None
    for last in frames:
        yield last
    if last is not None:
        yield from itertools.repeat(last, n)
