"""Draw the pictures of the task pages: ``python docs/task_pictures.py [task ...]``.

Each task's expert does one episode, filmed by ``kedro run --pipeline demonstrate``; the film becomes a GIF.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import imageio_ffmpeg

from hrg_pipeline.experts.registry import EXPERTS
from hrg_pipeline.tasks.registry import snake_case

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / "docs" / "images" / "tasks"
SECONDS, FPS, WIDTH, COLOURS = 10.0, 8, 400, 64


def film(name: str) -> Path:
    """Let the expert of a task do one episode; return its film."""
    words = f"environment={name},expert={name},run.n_test_episodes=1,run.id=picture-{name}"
    command = [sys.executable, "-m", "kedro", "run", "--pipeline", "demonstrate", "--params", words]
    subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    films = sorted((PROJECT / "data" / "08_reporting" / f"picture-{name}").rglob("*.mp4"))
    if not films:
        raise SystemExit(f"no film of {name}: pictures cannot be drawn here")
    return films[-1]


def ffmpeg(*words: str) -> str:
    """Run ffmpeg and return what it says."""
    done = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-y", *words], capture_output=True, text=True, check=False)
    return done.stderr


def main() -> None:
    """Draw what was asked for, or all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    every = [snake_case(name) for name in EXPERTS]
    for name in sys.argv[1:] or every:
        source = film(name)
        hours, minutes, seconds = re.findall(r"Duration: (\d+):(\d+):([\d.]+)", ffmpeg("-i", str(source)))[0]
        length = 3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds)
        faster = max(1.0, length / SECONDS)
        steps = f"setpts=PTS/{faster},fps={FPS},scale={WIDTH}:-1:flags=lanczos"
        with tempfile.TemporaryDirectory() as folder:
            palette = str(Path(folder) / "palette.png")
            ffmpeg("-i", str(source), "-vf", f"{steps},palettegen=max_colors={COLOURS}", palette)
            graph = f"{steps}[x];[x][1:v]paletteuse=dither=none"
            ffmpeg("-i", str(source), "-i", palette, "-lavfi", graph, str(FOLDER / f"{name}.gif"))
        sys.stdout.write(f"{name}: {length:.1f} s, shown {faster:.1f} times as fast\n")


if __name__ == "__main__":
    main()
