"""A seeded library of work at the table that keeps the shield's assumptions at every millisecond."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_INDEX, FloatArray, ShieldBodies, Skeleton, make_shield_bodies
from hrg_pipeline.human.limits import first_violation
from hrg_pipeline.human.motion import SAMPLE_RATE_HZ, MotionLibrary, library_from_postures, motion_peaks
from hrg_pipeline.human.params import ProceduralMotionParams
from hrg_pipeline.human.plan import MotionPlan
from hrg_pipeline.human.posing import postures_from_plan
from hrg_pipeline.human.script import ScriptWriter

CHECK_STEP_S = 0.001
SPEED_SHARE, ACCELERATION_SHARE = 0.98, 0.95
"""Shares of the bounds that a clip may use; the rest is for what lies between two checked instants."""
_MAX_SLOWDOWNS = 8
_MAX_DRAWS = 20
_HANDS = (BODY_INDEX["L_Hand"], BODY_INDEX["R_Hand"])


class Clip(NamedTuple):
    """One motion: its plan and the sampled postures (n, 75)."""

    plan: MotionPlan
    postures: FloatArray


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
) -> Clip:
    """Draw one motion and slow down whatever is too fast in it.

    Raises:
        MotionError: no draw keeps the joint ranges and the bounds of speed and acceleration.
    """
    rng = np.random.default_rng(seed)
    bodies = make_shield_bodies(skeleton)
    speed_max = SPEED_SHARE * bodies.v_max
    speed_max[list(_HANDS)] = SPEED_SHARE * np.minimum(bodies.v_max[list(_HANDS)], params.hand_speed_max)
    trouble = ""
    for _ in range(_MAX_DRAWS):
        plan = ScriptWriter(rng, skeleton, params.hand_speed_max, duration_s).write()
        clip, trouble = _fit(plan, skeleton, bodies, speed_max)
        if clip is not None:
            return clip
    raise MotionError(f"no motion within the bounds in {_MAX_DRAWS} draws of {seed}; the last one: {trouble}")


def _fit(plan: MotionPlan, skeleton: Skeleton, bodies: ShieldBodies, speed_max: FloatArray) -> tuple[Clip | None, str]:
    """Slow down segments until the played curve keeps its bounds; None and the reason when it cannot."""
    trouble = ""
    for _ in range(_MAX_SLOWDOWNS):
        postures = postures_from_plan(plan, skeleton, SAMPLE_RATE_HZ)
        trouble = first_violation(postures) or ""
        if trouble:
            return None, trouble
        if not plan.segments():
            return None, "no action fits into the duration"
        library = library_from_postures([postures])
        speed, acceleration = motion_peaks(library, skeleton, 0, CHECK_STEP_S, plan.edges_s())
        too_fast = (speed / speed_max).max(axis=1)
        too_sudden = (acceleration / (ACCELERATION_SHARE * bodies.a_max)).max(axis=1)
        factors = np.maximum(too_fast, np.sqrt(too_sudden))
        if factors.max() <= 1.0:
            return Clip(plan, postures), ""
        worst = int(np.argmax(factors))
        trouble = f"{plan.segments()[worst].kind} is {factors[worst]:.2f} times too fast"
        plan = plan.slowed(np.where(factors > 1.0, 1.02 * factors, 1.0))
    return None, trouble
