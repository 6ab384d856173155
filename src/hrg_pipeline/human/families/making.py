"""From a family, a number and a seed to a clip."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import FloatArray, Skeleton, make_skeleton
from hrg_pipeline.human.clip import Clip
from hrg_pipeline.human.families.catalogue import FAMILIES, Family
from hrg_pipeline.human.families.writer import Draft, Dropped, loop_window
from hrg_pipeline.human.fitting import Bounds, Fitted, Window, clip_bounds, fit
from hrg_pipeline.human.motion import SAMPLE_RATE_HZ
from hrg_pipeline.human.params import ProceduralMotionParams

HAND_SPEED_MAX = ProceduralMotionParams().hand_speed_max
_MAX_DRAWS = 60


def make_clips(family: str, n: int, seed: int | np.random.SeedSequence, stature_m: float = 1.75) -> list[Clip]:
    """Make the first n clips of a family; a longer list begins with the clips of a shorter one.

    Raises:
        MotionError: an unknown family, n below 1, a negative seed, or no motion that keeps the bounds.
        ConfigError: a stature out of range.
    """
    if n < 1:
        raise MotionError(f"n is {n}; the number of clips must be at least 1")
    return [make_clip(family, index, seed, stature_m) for index in range(n)]


def make_clip(
    family: str,
    index: int,
    seed: int | np.random.SeedSequence,
    stature_m: float = 1.75,
    hand_speed_max: float = HAND_SPEED_MAX,
) -> Clip:
    """Make one clip; it depends on the arguments only.

    Every joint keeps the shield's bounds of speed and acceleration at every millisecond: as recorded, and in its
    loops when their amplitudes and speeds are perturbed by up to 1.1**3 and they begin and end at any instant.

    Args:
        family: one of ``FAMILIES``.
        index: number of the clip, from 0.
        seed: where the randomness comes from; a seed sequence is not changed.
        stature_m: body height of the person, 1.5 to 2.0 [m].
        hand_speed_max: no hand moves faster than this [m/s].

    Raises:
        MotionError: an unknown family, a negative index or seed, or no motion that keeps the bounds.
        ConfigError: a stature out of range.
    """
    if family not in FAMILIES:
        raise MotionError(f"unknown motion family {family!r}; choose one of {', '.join(FAMILIES)}")
    chosen = FAMILIES[family]
    source = _clip_seed(chosen, index, seed)
    skeleton = make_skeleton(stature_m)
    bounds = clip_bounds(skeleton, hand_speed_max)
    rng = np.random.default_rng(source)
    trouble = ""
    for _ in range(_MAX_DRAWS):
        try:
            draft = chosen.writer(rng, skeleton, hand_speed_max).write()
            fitted, trouble = _fit(draft, skeleton, bounds)
        except Dropped as reason:
            trouble = str(reason)
            continue
        if fitted is not None:
            return _clip(f"{family}/{index}", chosen, draft, fitted, stature_m)
    raise MotionError(
        f"no '{family}' clip {index} of {seed} in {_MAX_DRAWS} draws for {stature_m} m; the last: {trouble}"
    )


def _clip_seed(family: Family, index: int, seed: int | np.random.SeedSequence) -> np.random.SeedSequence:
    """Seed of one clip: another one for every family and index."""
    if index < 0 or (isinstance(seed, int) and seed < 0):
        raise MotionError(f"index is {index}, seed is {seed}; both must be at least 0")
    root = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    key = (*root.spawn_key, zlib.crc32(family.name.encode()), index)
    return np.random.SeedSequence(entropy=root.entropy, spawn_key=key)


def _fit(draft: Draft, skeleton: Skeleton, bounds: Bounds) -> tuple[Fitted | None, str]:
    def windows(edges_s: FloatArray) -> list[Window]:
        return [loop_window(loop.at(edges_s)) for loop in draft.loops.values()]

    return fit(draft.plan, skeleton, bounds, windows)


def _clip(name: str, family: Family, draft: Draft, fitted: Fitted, stature_m: float) -> Clip:
    edges_s = fitted.plan.edges_s()
    task: dict[str, Any] = {
        "keyframes_s": tuple(float(edges_s[edge]) for edge in draft.keyframes),
        "loops": {stage: loop.at(edges_s) for stage, loop in draft.loops.items()},
        "hand": draft.hand,
        "target": draft.target,
        "pivot_xy": fitted.plan.pivot_xy,
    }
    return Clip(
        name=name,
        family=family.name,
        root_position=fitted.postures[:, :3],
        rotations=fitted.rotations,
        rate_hz=SAMPLE_RATE_HZ,
        stature_m=stature_m,
        **task,
    )
