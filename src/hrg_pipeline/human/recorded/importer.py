"""From files and folders of recordings to clips, with a report of what was done to each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import Skeleton, make_skeleton
from hrg_pipeline.human.clip import Clip, Loop
from hrg_pipeline.human.motion import SAMPLE_RATE_HZ
from hrg_pipeline.human.recorded.animations import read_animation
from hrg_pipeline.human.recorded.bvh import read_bvh
from hrg_pipeline.human.recorded.mapping import map_to_body
from hrg_pipeline.human.recorded.params import MotionImportParams
from hrg_pipeline.human.recorded.recording import Recording, hand_joints, place_joints, step_speeds
from hrg_pipeline.human.recorded.repair import Repair, repair
from hrg_pipeline.human.recorded.retime import Fitted, Timing, keep_bounds

READERS: dict[str, Callable[[Path, float | None], Recording]] = {".pkl": read_animation, ".bvh": read_bvh}
"""Reader by the ending of the file's name; of two files of one recording the one that comes first here is read."""
_TREMBLE_FRAMES = 2.0
"""A loop's oscillation of smaller amplitude is left out: played in whole frames, as its authors did, it shows as
an occasional frame of jitter, and in exact time as a vibration of some ten hertz."""


@dataclass(frozen=True)
class ReportRow:
    """What became of one file."""

    file: str
    clip: str
    """Name of the clip, empty if there is none."""
    status: str
    """``as recorded``, ``changed``, ``skipped`` (not needed) or ``failed``."""
    frames: int = 0
    duration_before_s: float = float("nan")
    duration_after_s: float = float("nan")
    speed_before: float = float("nan")
    """Highest speed of a joint in the file, on its own skeleton, from frame to frame [m/s]."""
    speed_after: float = float("nan")
    """Highest speed of a joint of our body at 1 kHz, as the library plays it [m/s]."""
    acceleration_before: float = float("nan")
    """[m/s^2]"""
    acceleration_after: float = float("nan")
    """[m/s^2]"""
    slowest: float = float("nan")
    """Largest factor by which a part was slowed down."""
    slowed_s: float = float("nan")
    """Recorded time that is shown slower than recorded [s]."""
    smoothed_s: float = float("nan")
    """Recorded time in which noise was filtered out [s]."""
    hand_shift_m: float = float("nan")
    """Mean distance of the hands from where they were recorded, at the decisive frames [m]."""
    repairs: str = ""
    warnings: str = ""
    reason: str = ""
    """Why there is no clip."""


REPORT_COLUMNS = tuple(field.name for field in fields(ReportRow))


@dataclass(frozen=True, eq=False)
class Imported:
    """One file's clip and report; no clip where the file was skipped or failed."""

    clip: Clip | None
    row: ReportRow


def find_recordings(source: Path) -> list[Path]:
    """Return the files that a source names: itself, or everything readable below a folder, sorted.

    Raises:
        MotionError: if the source does not exist or holds no file that can be read.
    """
    if source.is_file():
        if source.suffix.lower() not in READERS:
            raise MotionError(f"'{source}' ends in '{source.suffix}'; recordings end in {', '.join(READERS)}")
        return [source]
    if not source.is_dir():
        raise MotionError(f"motion source '{source}' does not exist; give a file or a folder of recordings")
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() in READERS and path.is_file())
    if not files:
        raise MotionError(f"no recordings in '{source}'; they end in {', '.join(READERS)}")
    return files


def import_recordings(source: Path, params: MotionImportParams) -> Iterator[Imported]:
    """Import every recording of a file or folder, one after the other.

    A file that cannot be imported does not stop the others; its row says why.

    Raises:
        MotionError: if there is nothing to read at all.
    """
    skeleton = make_skeleton(params.stature_m)
    files = find_recordings(source)
    base = source if source.is_dir() else source.parent
    endings = list(READERS)
    taken: dict[str, str] = {}
    for path in files:
        name = path.relative_to(base).as_posix()
        earlier = [e for e in endings[: endings.index(path.suffix.lower())] if path.with_suffix(e) in files]
        if earlier:
            other = path.with_suffix(earlier[0]).name
            yield Imported(None, ReportRow(name, "", "skipped", reason=f"the same recording as {other}"))
            continue
        try:
            imported = import_recording(path, name, skeleton, params)
            clip_name = imported.clip.name if imported.clip else ""
            if clip_name in taken:
                raise MotionError(f"'{path}' gives clip '{clip_name}', as '{taken[clip_name]}' does; rename one")
            taken[clip_name] = name
            yield imported
        except MotionError as error:
            yield Imported(None, ReportRow(name, "", "failed", reason=str(error).removeprefix(f"'{path}' ")))


def import_recording(path: Path, name: str, skeleton: Skeleton, params: MotionImportParams) -> Imported:
    """Read one recording, repair it, map it to our body and bring it within the bounds.

    Args:
        path: the file.
        name: what the report calls it.
        skeleton: the person of ``params.stature_m``.
        params: choices of the import.

    Raises:
        MotionError: one line with the file and the reason when it cannot become a clip.
    """
    recorded = READERS[path.suffix.lower()](path, params.frame_rate_hz)
    repaired, repairs = repair(recorded)
    root, rotations = map_to_body(repaired, skeleton)
    try:
        fitted = keep_bounds(root, rotations, repaired.rate_hz, skeleton, params.hand_speed_max)
        clip = _clip(repaired, fitted, params.stature_m)
    except MotionError as error:
        raise MotionError(f"'{path}' {error}") from error
    return Imported(clip, _row(name, recorded, repaired, repairs, fitted, clip, skeleton))


def _clip(recording: Recording, fitted: Fitted, stature_m: float) -> Clip:
    rate, timing = recording.rate_hz, fitted.timing
    return Clip(
        name=recording.name,
        family=recording.family,
        root_position=fitted.root_position,
        rotations=fitted.rotations,
        rate_hz=SAMPLE_RATE_HZ,
        stature_m=stature_m,
        keyframes_s=tuple(timing.to_clip(key / rate) for key in recording.keyframes),
        loops=_loops(recording, timing),
        hand=recording.hand,
        target=recording.target,
        pivot_xy=_pivot(recording, fitted),
        source=recording.source,
        licence=recording.licence,
    )


def _loops(recording: Recording, timing: Timing) -> dict[str, Loop]:
    """Loops in seconds of the clip; each swings between the poses that it swings between in the recording."""
    rate = recording.rate_hz
    loops = {}
    for stage, loop in recording.loops.items():
        kept = [(a, s) for a, s in zip(loop.amplitudes, loop.speeds, strict=True) if a >= _TREMBLE_FRAMES]
        if not kept:
            continue
        anchor = loop.anchor / rate
        spans = [
            0.5 * (timing.to_clip(anchor + a / rate) - timing.to_clip(max(anchor - a / rate, 0.0))) for a, _ in kept
        ]
        loops[stage] = Loop(
            anchor_s=timing.to_clip(anchor),
            amplitudes_s=tuple(max(span, 1e-3) for span in spans),
            speeds=tuple(s for _, s in kept),
        )
    return loops


def _pivot(recording: Recording, fitted: Fitted) -> tuple[float, float]:
    """Where the person is at the decisive instants, or on average."""
    keys = [fitted.timing.to_clip(key / recording.rate_hz) for key in recording.keyframes]
    samples = [round(key * SAMPLE_RATE_HZ) for key in keys] or list(range(len(fitted.root_position)))
    x, y = fitted.root_position[np.clip(samples, 0, len(fitted.root_position) - 1), :2].mean(axis=0)
    return float(x), float(y)


def _row(
    name: str,
    recorded: Recording,
    repaired: Recording,
    repairs: list[Repair],
    fitted: Fitted,
    clip: Clip,
    skeleton: Skeleton,
) -> ReportRow:
    joints = recorded.joints()
    acceleration = np.linalg.norm(np.diff(joints, 2, axis=0), axis=2) * recorded.rate_hz**2
    changed = bool(repairs) or fitted.smoothed_s > 0.0 or fitted.slowest > 1.001
    warnings = list(recorded.notes)
    if float(fitted.speed) < 0.01:
        warnings.append("does not move")
    for stage, loop in recorded.loops.items():
        dropped = [a for a in loop.amplitudes if a < _TREMBLE_FRAMES]
        if dropped:
            warnings.append(f"loop '{stage}': oscillation of {', '.join(map(str, dropped))} frames left out")
    return ReportRow(
        file=name,
        clip=clip.name,
        status="changed" if changed else "as recorded",
        frames=len(joints),
        duration_before_s=(len(joints) - 1) / recorded.rate_hz,
        duration_after_s=clip.duration_s,
        speed_before=float(step_speeds(joints, recorded.rate_hz).max()),
        speed_after=fitted.speed,
        acceleration_before=float(acceleration.max()),
        acceleration_after=fitted.acceleration,
        slowest=fitted.slowest,
        slowed_s=fitted.slowed_s,
        smoothed_s=fitted.smoothed_s,
        hand_shift_m=_hand_distance(repaired, fitted, skeleton) if recorded.placed else float("nan"),
        repairs="; ".join(str(item) for item in repairs),
        warnings="; ".join(warnings),
    )


def _hand_distance(recording: Recording, fitted: Fitted, skeleton: Skeleton) -> float:
    """Mean distance of our hands from the recorded ones at the decisive frames [m]."""
    frames = np.array(recording.keyframes or range(len(recording.root_position)), dtype=np.int64)
    times = np.array([fitted.timing.to_clip(float(frame) / recording.rate_hz) for frame in frames])
    samples = np.clip(np.round(times * SAMPLE_RATE_HZ).astype(np.int64), 0, len(fitted.root_position) - 1)
    hands = hand_joints(recording.hand)
    ours = place_joints(skeleton.offset, fitted.root_position[samples], fitted.rotations[samples])[0][:, hands]
    return float(np.linalg.norm(ours - recording.joints()[frames][:, hands], axis=2).mean())
