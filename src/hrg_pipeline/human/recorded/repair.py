"""Finding and repairing what no person can have done: first frames in T-pose, Euler wraps, jumps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_NAMES, N_BODIES, FloatArray
from hrg_pipeline.human.recorded.recording import MIN_FRAMES, LoopFrames, Recording, aligned, normalised, step_speeds

JUMP_SPEED = 5.0
"""No joint of a person moves faster than this in the recorded tasks; what does is repaired [m/s]."""
TURN_SPEED_MAX = 25.0
"""No joint turns faster; the fastest of a person, the elbow, reaches about 20 (human.urdf) [rad/s]."""
_CULPRIT_TURN_SPEED = 5.0
"""A joint that turns faster while something jumps is taken to cause the jump [rad/s]."""
_TAIL_TURN_SPEED = np.where([name in ("Pelvis", "Torso", "Spine", "Chest", "Neck") for name in BODY_NAMES], 6.0, 15.0)
"""A repair goes on while its joint turns faster (trunk: 5.2 rad/s is the limit of human.urdf) [rad/s]."""
_START_S, _GROUP_S, _MARGIN_S, _SLOPE_S = 0.1, 0.15, 0.03, 0.06
_MAX_PASSES = 6


@dataclass(frozen=True)
class Repair:
    """One thing that was put right."""

    kind: str
    """``T-pose start``, ``jump at the start``, ``jump at the end``, ``Euler wrap`` or ``jump``."""
    where: str
    """Body, or ``all``."""
    first: int
    """First and last frame concerned, in the numbering of the file."""
    last: int

    def __str__(self) -> str:
        return f"{self.kind} ({self.where}, frames {self.first}-{self.last})"


def repair(recording: Recording) -> tuple[Recording, list[Repair]]:
    """Cut off unreal frames at both ends and interpolate across wraps and jumps.

    A recording in which there is nothing to repair comes back as it is.

    Raises:
        MotionError: if too little of the recording is left.
    """
    recording, repairs, cut = _trim(recording)
    for attempt in range(_MAX_PASSES):
        bad = _bad_steps(recording)
        if not bad.any():
            break
        recording, found = _bridge(recording, bad, widen=attempt, first_frame=cut)
        repairs += found
    return recording, _merged(repairs)


def _trim(recording: Recording) -> tuple[Recording, list[Repair], int]:
    """Drop the frames before the last jump within the first tenth of a second, likewise at the end."""
    n = len(recording.root_position)
    near = round(_START_S * recording.rate_hz)
    jumps = step_speeds(recording.joints(), recording.rate_hz).max(axis=1) > JUMP_SPEED
    early, late = np.flatnonzero(jumps[:near]), np.flatnonzero(jumps[max(0, len(jumps) - near) :])
    begin = int(early[-1]) + 1 if len(early) else 0
    end = len(jumps) - min(near, len(jumps)) + int(late[0]) + 1 if len(late) else n
    if begin == 0 and end == n:
        return recording, [], 0
    if end - begin < max(MIN_FRAMES, near):
        raise MotionError(f"{recording.name}: only {max(0, end - begin)} frames are left between jumps at both ends")
    repairs = []
    if begin:
        kind = "T-pose start" if _is_t_pose(recording) else "jump at the start"
        repairs.append(Repair(kind, "all", 0, begin - 1))
    if end < n:
        repairs.append(Repair("jump at the end", "all", end, n - 1))
    return _sliced(recording, begin, end), repairs, begin


def _is_t_pose(recording: Recording) -> bool:
    """Whether no joint is turned by more than 0.2 rad in the first frame."""
    return bool(np.abs(recording.rotations[0, 1:, 0]).min() > np.cos(0.1))


def _sliced(recording: Recording, begin: int, end: int) -> Recording:
    n = end - begin
    return replace(
        recording,
        root_position=recording.root_position[begin:end],
        rotations=recording.rotations[begin:end],
        keyframes=tuple(int(np.clip(key - begin, 0, n - 1)) for key in recording.keyframes),
        loops={
            stage: LoopFrames(float(np.clip(loop.anchor - begin, 0, n - 1)), loop.amplitudes, loop.speeds)
            for stage, loop in recording.loops.items()
        },
    )


def _turn_speeds(recording: Recording) -> FloatArray:
    """(n - 1, 24) speed at which each body turns in its parent [rad/s]."""
    q = recording.rotations
    dots = np.abs(np.sum(q[1:] * q[:-1], axis=2))
    return np.asarray(2.0 * np.arccos(np.clip(dots, 0.0, 1.0)) * recording.rate_hz)


def _bad_steps(recording: Recording) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """(n - 1, 25) steps in which a body turns, or (last column) the root moves, as no person does."""
    turn = _turn_speeds(recording)
    jumps = step_speeds(recording.joints(), recording.rate_hz).max(axis=1) > JUMP_SPEED
    bad = (turn > TURN_SPEED_MAX) | (jumps[:, None] & (turn > _CULPRIT_TURN_SPEED))
    # Joints that jump although none turns much: the fastest one is to blame, or else the root moved.
    orphans = np.flatnonzero(jumps & ~bad.any(axis=1))
    root = np.linalg.norm(np.diff(recording.root_position, axis=0), axis=1) * recording.rate_hz > JUMP_SPEED
    for step in orphans:
        if not root[step]:
            bad[step, int(turn[step].argmax())] = True
    return np.column_stack((bad, root))


def _bridge(
    recording: Recording, bad: np.ndarray[tuple[int, int], np.dtype[np.bool_]], widen: int, first_frame: int
) -> tuple[Recording, list[Repair]]:
    """Interpolate each body across its bad steps."""
    rate = recording.rate_hz
    margin = max(1, round(_MARGIN_S * rate * (1 + widen)))
    turn = _turn_speeds(recording)
    root, rotations = recording.root_position.copy(), recording.rotations.copy()
    repairs = []
    for column in np.flatnonzero(bad.any(axis=0)):
        steps = np.flatnonzero(bad[:, column])
        for group in np.split(steps, np.flatnonzero(np.diff(steps) > _GROUP_S * rate) + 1):
            first, last = int(group[0]), int(group[-1]) + 1
            if column < N_BODIES:
                first, last = _with_tail(turn[:, column] > _TAIL_TURN_SPEED[column], first, last, round(0.5 * rate))
            first, last = max(0, first - margin), min(len(root) - 1, last + margin)
            if column < N_BODIES:
                fast = float(turn[group, column].max())
                kind = "Euler wrap" if fast > TURN_SPEED_MAX else "jump"
                track = rotations[:, column]
                track[:] = normalised(_interpolated(aligned(track), first, last, rate))
                repairs.append(Repair(kind, BODY_NAMES[column], first + first_frame, last + first_frame))
            else:
                root = _interpolated(root, first, last, rate)
                repairs.append(Repair("jump", "root position", first + first_frame, last + first_frame))
    return replace(recording, root_position=root, rotations=aligned(rotations)), repairs


def _with_tail(
    fast: np.ndarray[tuple[int], np.dtype[np.bool_]], first: int, last: int, longest: int
) -> tuple[int, int]:
    """Extend a range of frames over the neighbouring steps that are fast as well."""
    for _ in range(longest):
        if first > 0 and fast[first - 1]:
            first -= 1
    for _ in range(longest):
        if last < len(fast) and fast[last]:
            last += 1
    return first, last


def _interpolated(track: FloatArray, first: int, last: int, rate_hz: float) -> FloatArray:
    """Replace the samples between two frames by a cubic with their values and slopes; hold at an open end."""
    n = len(track)
    out = track.copy()
    reach = max(1, round(_SLOPE_S * rate_hz))
    if first == 0 or last == n - 1:
        keep = last if first == 0 else first
        out[first : last + 1] = track[keep]
        return out
    start, end = track[first], track[last]
    if track.shape[1] == 4 and float(start @ end) < 0.0:
        out[last:] *= -1.0
        end = out[last]
    span = last - first
    slopes = []
    for index, other in ((first, max(0, first - reach)), (last, min(n - 1, last + reach))):
        slope = (out[index] - out[other]) / (index - other) if index != other else np.zeros_like(start)
        # Hermite overshoots when the slopes are steep for the distance: at most three times the mean slope, plus a
        # slow drift.
        limit = 3.0 * np.linalg.norm(end - start) / span + 0.5 / rate_hz
        slopes.append(slope * min(1.0, limit / max(float(np.linalg.norm(slope)), 1e-12)))
    u = (np.arange(span + 1) / span)[:, None]
    out[first : last + 1] = (
        (2 * u**3 - 3 * u**2 + 1) * start
        + (u**3 - 2 * u**2 + u) * span * slopes[0]
        + (3 * u**2 - 2 * u**3) * end
        + (u**3 - u**2) * span * slopes[1]
    )
    return out


def _merged(repairs: list[Repair]) -> list[Repair]:
    """Join repairs of one body that overlap; the graver kind stays."""
    order = {name: index for index, name in enumerate(BODY_NAMES)}
    merged: list[Repair] = []
    for item in sorted(repairs, key=lambda r: (order.get(r.where, -1), r.first)):
        before = merged[-1] if merged else None
        if before and before.where == item.where and item.first <= before.last + 1 and before.where != "all":
            kind = "Euler wrap" if "Euler wrap" in (before.kind, item.kind) else before.kind
            merged[-1] = Repair(kind, item.where, before.first, max(before.last, item.last))
        else:
            merged.append(item)
    return merged
