"""One motion of one person: what is stored, exchanged and played."""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Literal, get_args

import numpy as np

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import N_BODIES, FloatArray

CLIP_SCHEMA = 1
"""Version of the stored form; a file of another version is refused."""
MIN_SAMPLES = 4
STATURE_LOW_M, STATURE_HIGH_M = 1.0, 2.5
"""Range of body heights that a clip may be made for (recorded people are not held to our parameters' range)."""
_UNIT_TOLERANCE = 1e-6
_ARRAYS = ("root_position", "rotations")
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error)

Hand = Literal["none", "left", "right", "both"]
HANDS: tuple[str, ...] = get_args(Hand)


@dataclass(frozen=True, eq=False)
class Loop:
    """An idle motion while the person waits: m(t) = anchor + sum_k A_k sin((t - anchor) S_k / A_k)."""

    anchor_s: float
    """Time in the clip about which the motion goes back and forth [s]."""
    amplitudes_s: tuple[float, ...]
    """A_k: how far to either side [s]."""
    speeds: tuple[float, ...]
    """S_k: pace at the anchor, 1 is as recorded; those of a loop that is entered smoothly add up to 1."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "anchor_s", float(self.anchor_s))
        object.__setattr__(self, "amplitudes_s", tuple(float(a) for a in self.amplitudes_s))
        object.__setattr__(self, "speeds", tuple(float(s) for s in self.speeds))
        if not self.amplitudes_s or len(self.amplitudes_s) != len(self.speeds):
            raise MotionError(
                f"a loop has {len(self.amplitudes_s)} amplitudes_s and {len(self.speeds)} speeds; "
                "it needs equally many of both, at least one"
            )
        if not all(math.isfinite(v) for v in (self.anchor_s, *self.amplitudes_s, *self.speeds)):
            raise MotionError(f"a loop has {self.anchor_s}, {self.amplitudes_s}, {self.speeds}; all must be finite")
        if min(self.amplitudes_s) <= 0.0:
            raise MotionError(f"a loop has amplitudes_s {self.amplitudes_s}; each must be positive")


@dataclass(frozen=True, eq=False)
class Clip:
    """A recorded or generated motion; immutable, its arrays are read-only copies.

    World frame: the robot stands at the origin and looks along +x, y is to its left, z up, the floor is z = 0.

    Raises:
        MotionError: if a value cannot be, naming the clip, the value and what was expected.
    """

    name: str
    """Unique within a library, such as "handover/3"."""
    family: str
    """Kind of motion, such as "reach"."""
    root_position: FloatArray
    """(n, 3) the Pelvis in the world [m]."""
    rotations: FloatArray
    """(n, 24, 4) unit quaternions wxyz in the order of ``BODY_NAMES``: the Pelvis in the world, every other body in
    its parent's frame."""
    rate_hz: float
    """Samples a second."""
    stature_m: float
    """Height of the body that the clip was made for [m]."""
    keyframes_s: tuple[float, ...] = ()
    """Decisive instants, in order [s]."""
    loops: Mapping[str, Loop] = field(default_factory=dict)
    """Loops by the stage of the task in which the person waits."""
    hand: Hand = "none"
    """The hand that holds, receives or points."""
    target: tuple[float, float, float] | None = None
    """Point in the world that the task is about [m]."""
    pivot_xy: tuple[float, float] | None = None
    """Point that a yaw offset turns the clip about [m]; the last root position if None."""
    source: str = "procedural"
    """Where the motion comes from."""
    licence: str = "MIT"

    def __post_init__(self) -> None:
        for name in ("name", "family", "source", "licence"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value or not value.isprintable():
                raise MotionError(f"clip {self.name!r}: {name} is {value!r}; expected a printable, non-empty text")
        for name, tail in (("root_position", (3,)), ("rotations", (N_BODIES, 4))):
            object.__setattr__(self, name, self._checked_array(name, tail))
        if len(self.root_position) != len(self.rotations):
            raise MotionError(
                f"clip '{self.name}' has {len(self.root_position)} root positions and {len(self.rotations)} rotations; "
                "expected equally many"
            )
        self._check_unit()
        for name, low, high in (("rate_hz", 1.0, 10_000.0), ("stature_m", STATURE_LOW_M, STATURE_HIGH_M)):
            value = float(getattr(self, name))
            if not low <= value <= high:
                raise MotionError(f"clip '{self.name}': {name} is {value}; it must lie in [{low}, {high}]")
            object.__setattr__(self, name, value)
        if self.hand not in HANDS:
            raise MotionError(f"clip '{self.name}': hand is {self.hand!r}; valid are {', '.join(HANDS)}")
        object.__setattr__(self, "keyframes_s", tuple(float(t) for t in self.keyframes_s))
        times = np.array((0.0, *self.keyframes_s, self.duration_s))
        if not (np.diff(times) >= -1e-9).all():
            raise MotionError(
                f"clip '{self.name}': keyframes_s are {self.keyframes_s}; they must rise within [0, {self.duration_s}]"
            )
        for stage, loop in self.loops.items():
            if not isinstance(loop, Loop):
                raise MotionError(f"clip '{self.name}': loop '{stage}' is a {type(loop).__name__}; expected a Loop")
            if not 0.0 <= loop.anchor_s <= self.duration_s:
                raise MotionError(
                    f"clip '{self.name}': loop '{stage}' has its anchor at {loop.anchor_s} s; "
                    f"it must lie in [0, {self.duration_s}]"
                )
        object.__setattr__(self, "loops", MappingProxyType(dict(self.loops)))
        for name, size in (("target", 3), ("pivot_xy", 2)):
            object.__setattr__(self, name, self._checked_point(name, size))

    @property
    def duration_s(self) -> float:
        """Time of the last sample [s]."""
        return (len(self.root_position) - 1) / self.rate_hz

    def save(self, path: str | Path | BinaryIO) -> None:
        """Write the clip as ``.npz`` (no pickle), to a path or an open file; equal clips give equal bytes."""
        if isinstance(path, (str, Path)):
            with Path(path).open("wb") as file:
                return self.save(file)
        numbers = {name: getattr(self, name) for name in _ARRAYS}
        np.savez_compressed(path, header=np.array(json.dumps(self._header())), **numbers)
        return None

    @classmethod
    def load(cls, path: str | Path | BinaryIO) -> Clip:
        """Read a clip that ``save`` wrote, from a path or an open file.

        Raises:
            MotionError: the file cannot be read as a clip of this version.
        """
        if isinstance(path, (str, Path)):
            try:
                with Path(path).open("rb") as file:
                    return cls.load(file)
            except OSError as error:
                raise MotionError(f"clip file '{path}' cannot be read: {error.strerror}") from error
            except MotionError as error:
                raise MotionError(f"clip file '{path}': {error}") from error
        try:
            with np.load(path, allow_pickle=False) as stored:
                header = json.loads(str(stored["header"]))
                arrays = {name: stored[name] for name in _ARRAYS}
        except _UNREADABLE as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise MotionError(f"not a stored clip: {reason}") from error
        version = header.pop("schema", None) if isinstance(header, dict) else None
        if version != CLIP_SCHEMA:
            raise MotionError(f"schema is {version!r}; this version reads schema {CLIP_SCHEMA}")
        try:
            header["loops"] = {stage: Loop(**loop) for stage, loop in header["loops"].items()}
            return cls(**header, **arrays)
        except MotionError:
            raise
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise MotionError(f"the header does not fit: {error}") from error

    def _header(self) -> dict[str, Any]:
        return {
            "schema": CLIP_SCHEMA,
            "name": self.name,
            "family": self.family,
            "rate_hz": self.rate_hz,
            "stature_m": self.stature_m,
            "keyframes_s": self.keyframes_s,
            "loops": {stage: vars(loop) for stage, loop in self.loops.items()},
            "hand": self.hand,
            "target": self.target,
            "pivot_xy": self.pivot_xy,
            "source": self.source,
            "licence": self.licence,
        }

    def _checked_array(self, name: str, tail: tuple[int, ...]) -> FloatArray:
        array = np.array(getattr(self, name), dtype=np.float64, order="C")
        if array.ndim != 1 + len(tail) or array.shape[1:] != tail or len(array) < MIN_SAMPLES:
            wanted = ", ".join(str(size) for size in tail)
            raise MotionError(
                f"clip '{self.name}': {name} has shape {array.shape}; expected (n, {wanted}) with n >= {MIN_SAMPLES}"
            )
        if not np.isfinite(array).all():
            row = int(np.argwhere(~np.isfinite(array))[0, 0])
            raise MotionError(f"clip '{self.name}': {name} is not finite at sample {row}")
        array.flags.writeable = False
        return array

    def _check_unit(self) -> None:
        norms = np.linalg.norm(self.rotations, axis=2)
        off = np.abs(norms - 1.0)
        if off.max() > _UNIT_TOLERANCE:
            row, body = np.unravel_index(off.argmax(), off.shape)
            raise MotionError(
                f"clip '{self.name}': the quaternion of sample {row}, body {body} has length {norms[row, body]:.6g}; "
                "expected 1"
            )

    def _checked_point(self, name: str, size: int) -> tuple[float, ...] | None:
        value = getattr(self, name)
        if value is None:
            return None
        point = tuple(float(x) for x in value)
        if len(point) != size or not all(math.isfinite(x) for x in point):
            raise MotionError(f"clip '{self.name}': {name} is {point}; expected {size} finite numbers or None")
        return point
