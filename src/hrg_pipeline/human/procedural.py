"""A seeded library of work at the table that keeps the shield's assumptions at every millisecond."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import Skeleton
from hrg_pipeline.human.fitting import ACCELERATION_SHARE, Fitted, clip_bounds, fit
from hrg_pipeline.human.motion import SAMPLE_RATE_HZ, MotionLibrary, library_from_postures
from hrg_pipeline.human.params import ProceduralMotionParams
from hrg_pipeline.human.script import ScriptWriter

__all__ = ["ACCELERATION_SHARE", "clip_seed", "make_clip", "make_library"]

_MAX_DRAWS = 20


def make_library(
    n_clips: int,
    duration_s: float,
    seed: np.random.SeedSequence | int,
    skeleton: Skeleton,
    params: ProceduralMotionParams,
) -> MotionLibrary:
    """Make the motions of a person who works at the table.

    Clip k depends on the seed and k only, so a longer library begins with the clips of a shorter one.

    Args:
        n_clips: number of clips.
        duration_s: duration of each [s].
        seed: where the randomness comes from; a seed sequence is not changed.
        skeleton: the person.
        params: bounds of the motion.

    Raises:
        MotionError: no clips, a duration under 2 s, or no motion found that keeps the bounds.
    """
    if n_clips < 1 or not 2.0 <= duration_s <= 600.0:
        raise MotionError(
            f"n_clips is {n_clips}, duration_s is {duration_s}; need n_clips >= 1, 2 <= duration_s <= 600"
        )
    clips = [make_clip(clip_seed(seed, k), duration_s, skeleton, params) for k in range(n_clips)]
    return library_from_postures(
        [clip.postures for clip in clips],
        SAMPLE_RATE_HZ,
        np.array([clip.plan.pivot_xy for clip in clips]),
    )


def clip_seed(seed: np.random.SeedSequence | int, index: int) -> np.random.SeedSequence:
    """Seed of one clip of a library."""
    root = np.random.SeedSequence(seed) if isinstance(seed, int) else seed
    return np.random.SeedSequence(entropy=root.entropy, spawn_key=(*root.spawn_key, index))


def make_clip(
    seed: np.random.SeedSequence, duration_s: float, skeleton: Skeleton, params: ProceduralMotionParams
) -> Fitted:
    """Draw one motion and slow down whatever is too fast in it.

    Raises:
        MotionError: no draw keeps the joint ranges and the bounds of speed and acceleration.
    """
    rng = np.random.default_rng(seed)
    bounds = clip_bounds(skeleton, params.hand_speed_max)
    trouble = ""
    for _ in range(_MAX_DRAWS):
        plan = ScriptWriter(rng, skeleton, params.hand_speed_max, duration_s).write()
        clip, trouble = fit(plan, skeleton, bounds)
        if clip is not None:
            return clip
    raise MotionError(f"no motion within the bounds in {_MAX_DRAWS} draws of {seed}; the last one: {trouble}")
