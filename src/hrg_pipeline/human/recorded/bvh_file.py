"""BVH files as they are written: a tree of joints and a table of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import FloatArray
from hrg_pipeline.human.recorded.recording import MIN_FRAMES

MAX_FILE_BYTES = 512 * 2**20
_MAX_DEPTH = 100
_CHANNELS = frozenset(f"{axis}{kind}" for axis in "XYZ" for kind in ("position", "rotation"))
_Rows = Iterator[tuple[int, list[str]]]


@dataclass(eq=False)
class Joint:
    """A joint of the file."""

    name: str
    parent: int
    """Index of the joint that it hangs on; -1 for the root."""
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    channels: tuple[str, ...] = ()
    first: int = 0
    """Column of its first channel."""
    end: tuple[float, float, float] | None = None
    """Offset of its end site."""


@dataclass(eq=False)
class Bvh:
    """A BVH file."""

    joints: list[Joint] = field(default_factory=list)
    """Parents before children."""
    n_channels: int = 0
    frames: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    """(n, channels) degrees and units of the file."""
    frame_time_s: float = 0.0


def parse_bvh(path: Path) -> Bvh:
    """Read hierarchy and motion of a BVH file.

    Raises:
        MotionError: one line with the file, the line number and what is wrong there.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise MotionError(f"'{path}' is larger than {MAX_FILE_BYTES} bytes")
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise MotionError(f"'{path}' cannot be read: {error.strerror or error}") from error
    words = ((number, line.split()) for number, line in enumerate(lines, start=1))
    rows = iter([(number, row) for number, row in words if row])
    bvh = Bvh()
    try:
        _expect(rows, "HIERARCHY")
        _joint(_expect(rows, "ROOT"), rows, bvh, [])
        _expect(rows, "MOTION")
        _motion(rows, bvh)
    except MotionError as error:
        raise MotionError(f"'{path}' {error}") from None
    except StopIteration:
        raise MotionError(f"'{path}' ends too early, at line {len(lines)}; it is truncated") from None
    return bvh


def _expect(rows: _Rows, word: str) -> list[str]:
    number, row = next(rows)
    if row[0].upper() != word:
        raise MotionError(f"line {number}: expected {word}, got '{' '.join(row)[:40]}'")
    return row


def _joint(title: list[str], rows: _Rows, bvh: Bvh, above: list[int]) -> None:
    """Read one joint and what hangs on it."""
    if len(above) >= _MAX_DEPTH:
        raise MotionError(f"has joints that are nested more than {_MAX_DEPTH} deep")
    joint = Joint(" ".join(title[1:]), above[-1] if above else -1)
    bvh.joints.append(joint)
    chain = [*above, len(bvh.joints) - 1]
    _expect(rows, "{")
    for number, row in rows:
        word = row[0].upper()
        if word == "OFFSET":
            joint.offset = _offset(number, row)
        elif word == "CHANNELS":
            joint.channels, joint.first = _channels(number, row), bvh.n_channels
            bvh.n_channels += len(joint.channels)
        elif word == "JOINT":
            _joint(row, rows, bvh, chain)
        elif word == "END":
            _expect(rows, "{")
            joint.end = _offset(*next(rows))
            _expect(rows, "}")
        elif word == "}":
            return
        else:
            raise MotionError(f"line {number}: '{' '.join(row)[:40]}' is not understood inside a joint")
    raise StopIteration


def _offset(number: int, row: list[str]) -> tuple[float, float, float]:
    if row[0].upper() != "OFFSET":
        raise MotionError(f"line {number}: expected OFFSET, got '{' '.join(row)[:40]}'")
    x, y, z = _numbers(number, row[1:], 3)
    return x, y, z


def _channels(number: int, row: list[str]) -> tuple[str, ...]:
    names = tuple(name[0].upper() + name[1:].lower() for name in row[2:])
    counted = len(row) > 1 and row[1].isdecimal() and int(row[1]) == len(names)
    if not counted or not _CHANNELS.issuperset(names) or len(set(names)) < len(names):
        raise MotionError(
            f"line {number}: '{' '.join(row)[:60]}' are no channels; valid: {', '.join(sorted(_CHANNELS))}"
        )
    return names


def _motion(rows: _Rows, bvh: Bvh) -> None:
    number, row = next(rows)
    if row[0].lower() != "frames:" or len(row) != 2 or not row[1].isdecimal():
        raise MotionError(f"line {number}: expected 'Frames: <number>', got '{' '.join(row)[:40]}'")
    count = int(row[1])
    number, row = next(rows)
    if [word.lower() for word in row[:2]] != ["frame", "time:"] or len(row) != 3:
        raise MotionError(f"line {number}: expected 'Frame Time: <seconds>', got '{' '.join(row)[:40]}'")
    (bvh.frame_time_s,) = _numbers(number, row[2:], 1)
    if not 1e-3 <= bvh.frame_time_s <= 1.0:
        raise MotionError(f"line {number}: the frame time is {bvh.frame_time_s} s; it must lie in [0.001, 1]")
    frames = [_numbers(number, row, bvh.n_channels) for number, row in rows]
    if len(frames) != count:
        raise MotionError(f"has {len(frames)} frames, but says Frames: {count}; it is truncated or damaged")
    if count < MIN_FRAMES:
        raise MotionError(f"has {count} frames; at least {MIN_FRAMES} are needed")
    bvh.frames = np.array(frames)


def _numbers(line: int, words: list[str], count: int) -> list[float]:
    if len(words) != count:
        raise MotionError(f"line {line} has {len(words)} numbers, expected {count}; it is truncated or damaged")
    try:
        values = [float(word) for word in words]
    except ValueError:
        raise MotionError(f"line {line} holds a word that is no number") from None
    if not all(math.isfinite(value) for value in values):
        raise MotionError(f"line {line} holds a number that is not finite")
    return values
