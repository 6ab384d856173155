"""The clips of a run: where they come from, which of them are played, and what they need of the bounds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from hrg_pipeline.errors import ConfigError, MotionError
from hrg_pipeline.human.body import BODY_INDEX, FloatArray, Skeleton, make_shield_bodies, make_skeleton, stature_of
from hrg_pipeline.human.clip import Clip, Loop
from hrg_pipeline.human.derivatives import bound_shares
from hrg_pipeline.human.families import FAMILIES
from hrg_pipeline.human.families import make_clip as make_family_clip
from hrg_pipeline.human.kinematics import rotations_of
from hrg_pipeline.human.motion import SAMPLE_RATE_HZ, MotionLibrary, library_from_rotations
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.human.playback import MAX_LOOPS, MAX_TERMS
from hrg_pipeline.human.procedural import clip_seed
from hrg_pipeline.human.procedural import make_clip as make_script_clip

CHECK_STEP_S = 0.001
PERTURBATION_SIGMAS = 3.0
"""Loops are perturbed by at most this many standard deviations."""
_STATURE_STREAM = 1_000_000
Generator = Callable[[int, float, np.random.SeedSequence, float, MotionParams], Clip]
"""Makes a clip from its number, duration [s], seed, stature [m] and the parameters."""


@dataclass(frozen=True, eq=False)
class ClipFacts:
    """What is known about a clip of a set besides its curve."""

    name: str
    family: str
    duration_s: float
    stature_m: float
    keyframes_s: tuple[float, ...]
    loops: Mapping[str, Loop]
    hand: str
    target: tuple[float, float, float] | None
    source: str
    licence: str
    shares: FloatArray
    """(3,) how much of the bounds the clip uses, see ``bound_shares``."""
    loop_shares: Mapping[str, FloatArray]
    """(3,) the same in the widest window of each loop."""


@dataclass(frozen=True, eq=False)
class MotionSet:
    """Clips that are ready to be played by the person of ``skeleton``."""

    library: MotionLibrary
    skeleton: Skeleton
    clips: tuple[ClipFacts, ...]

    def sha256(self) -> str:
        """Hash of all names and curves."""
        digest = hashlib.sha256("\n".join(facts.name for facts in self.clips).encode())
        for array in self.library:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def in_split(name: str, split: str, test_share: float) -> bool:
    """Tell whether a clip belongs to ``all``, ``train`` or ``test``: by a hash of its name, whatever else there is."""
    if split == "all":
        return True
    draw = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2.0**64
    return (draw < test_share) == (split == "test")


def make_motion_set(
    human: HumanParams,
    duration_s: float,
    seed: np.random.SeedSequence,
    generators: Mapping[str, Generator] | None = None,
) -> MotionSet:
    """Generate or read the clips that the parameters ask for.

    Args:
        human: the person and where their motions come from.
        duration_s: how long procedural work lasts [s].
        seed: where the randomness of procedural motion comes from; not changed.
        generators: procedural families; default ``GENERATORS``.

    Raises:
        ConfigError: an unknown family, a folder that does not exist, or nothing left to play.
        MotionError: a file that is no clip, or two clips of one name.
    """
    motion = human.motion
    if motion.source == "procedural":
        clips = _generated(human, duration_s, seed, generators or GENERATORS)
    else:
        clips = _read(motion)
    return library_from_clips(clips, make_skeleton(human.stature_m), motion)


def library_from_clips(
    clips: Sequence[Clip], skeleton: Skeleton, motion: MotionParams | None = None, v_max: FloatArray | None = None
) -> MotionSet:
    """Put clips of several people and rates into one library.

    A clip of somebody else is scaled about its pivot on the floor, path and body alike: feet stay on the floor and do
    not slide, and all speeds change by the same factor. Every clip keeps its own rate and samples.

    Args:
        clips: at least one, with distinct names.
        skeleton: who plays them.
        motion: bounds of hands and of the perturbation of loops; default ``MotionParams()``.
        v_max: (24,) bounds of the joints' speeds [m/s]; default the shield's, hands by ``motion.hand_speed_max``.

    Raises:
        MotionError: no clips, two of one name, or more loops than there is room for.
    """
    motion = motion or MotionParams()
    names = [clip.name for clip in clips]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise MotionError(f"two clips are called '{twice}'; names must be unique in a library")
    bodies = make_shield_bodies(skeleton)
    if v_max is None:
        v_max = bodies.v_max.copy()
        hands = [BODY_INDEX["L_Hand"], BODY_INDEX["R_Hand"]]
        v_max[hands] = np.minimum(v_max[hands], motion.hand_speed_max)
    stature = stature_of(skeleton)
    pivots = np.array([clip.pivot_xy or clip.root_position[-1, :2] for clip in clips], dtype=np.float64)
    roots = []
    for clip, pivot in zip(clips, pivots, strict=True):
        scale, centre = stature / clip.stature_m, np.array([*pivot, 0.0])
        roots.append(clip.root_position if scale == 1.0 else centre + scale * (clip.root_position - centre))
    library = library_from_rotations(
        roots, [clip.rotations for clip in clips], [clip.rate_hz for clip in clips], pivots
    )
    widest = motion.loop_amplitude_std_factor**PERTURBATION_SIGMAS

    def shares_of(index: int, begin: float, end: float) -> FloatArray:
        window = np.array([begin, end])
        return bound_shares(library, skeleton, index, window, v_max, bodies.a_max, CHECK_STEP_S)

    facts = []
    for index, clip in enumerate(clips):
        _check_loops(clip)
        reach = {stage: widest * sum(loop.amplitudes_s) for stage, loop in clip.loops.items()}
        windows = {s: (loop.anchor_s - reach[s], loop.anchor_s + reach[s]) for s, loop in clip.loops.items()}
        facts.append(
            ClipFacts(
                name=clip.name,
                family=clip.family,
                duration_s=clip.duration_s,
                stature_m=clip.stature_m,
                keyframes_s=clip.keyframes_s,
                loops=clip.loops,
                hand=clip.hand,
                target=clip.target,
                source=clip.source,
                licence=clip.licence,
                shares=shares_of(index, 0.0, clip.duration_s),
                loop_shares={stage: shares_of(index, *window) for stage, window in windows.items()},
            )
        )
    return MotionSet(library, skeleton, tuple(facts))


def clip_from_postures(name: str, family: str, postures: FloatArray, stature_m: float, **facts: object) -> Clip:
    """Make a clip from postures (n, 75) sampled at ``SAMPLE_RATE_HZ``; ``facts`` are further fields of ``Clip``."""
    return Clip(name, family, postures[:, :3], rotations_of(postures), SAMPLE_RATE_HZ, stature_m, **facts)  # type: ignore[arg-type]


def _check_loops(clip: Clip) -> None:
    terms = max((len(loop.speeds) for loop in clip.loops.values()), default=0)
    if len(clip.loops) > MAX_LOOPS or terms > MAX_TERMS:
        raise MotionError(
            f"clip '{clip.name}' has {len(clip.loops)} loops of up to {terms} terms; "
            f"there is room for {MAX_LOOPS} of {MAX_TERMS}"
        )


def _generated(
    human: HumanParams, duration_s: float, seed: np.random.SeedSequence, generators: Mapping[str, Generator]
) -> list[Clip]:
    """Return the first ``n_clips`` clips of the split, taking turns between the families."""
    motion = human.motion
    families = motion.families or (next(iter(generators)),)
    for family in families:
        if family not in generators:
            raise ConfigError(f"motion.families names '{family}'; procedural families are: {', '.join(generators)}")
    chosen = _numbers(families, motion)
    low, high = human.statures_m
    clips = []
    for _, (family, number) in zip(range(motion.n_clips), chosen, strict=False):
        # Its own stream, so that a range of statures does not change the motions otherwise.
        rng = np.random.default_rng(clip_seed(clip_seed(seed, _STATURE_STREAM), number))
        stature = float(rng.uniform(low, high)) if high > low else low
        clips.append(generators[family](number, duration_s, seed, stature, motion))
    return clips


def _numbers(families: Sequence[str], motion: MotionParams) -> Iterator[tuple[str, int]]:
    for number in count():
        for family in families:
            if in_split(f"{family}/{number}", motion.split, motion.test_share):
                yield family, number


def _read(motion: MotionParams) -> list[Clip]:
    folder = Path(motion.source)
    if not folder.is_dir():
        raise ConfigError(f"motion.source is '{motion.source}'; expected 'procedural' or a folder of .npz clips")
    paths = sorted(folder.rglob("*.npz"))
    if not paths:
        raise ConfigError(f"motion.source '{motion.source}' holds no .npz clips")
    clips = [Clip.load(path) for path in paths]
    present = sorted({clip.family for clip in clips})
    for family in motion.families:
        if family not in present:
            raise ConfigError(f"motion.families names '{family}'; '{motion.source}' holds: {', '.join(present)}")
    clips = [clip for clip in clips if not motion.families or clip.family in motion.families]
    kept = [clip for clip in clips if in_split(clip.name, motion.split, motion.test_share)]
    if not kept:
        raise ConfigError(
            f"motion.split is '{motion.split}', but none of the {len(clips)} clips of '{motion.source}' belongs to it; "
            "add clips or change motion.test_share"
        )
    return kept


def _work(number: int, duration_s: float, seed: np.random.SeedSequence, stature_m: float, motion: MotionParams) -> Clip:
    made = make_script_clip(clip_seed(seed, number), duration_s, make_skeleton(stature_m), motion)
    return clip_from_postures(f"reach/{number}", "reach", made.postures, stature_m, pivot_xy=made.plan.pivot_xy)


def _of_family(
    family: str, number: int, duration_s: float, seed: np.random.SeedSequence, stature_m: float, motion: MotionParams
) -> Clip:
    """A task's motion takes as long as it takes."""
    del duration_s
    return make_family_clip(family, number, seed, stature_m, motion.hand_speed_max)


GENERATORS: dict[str, Generator] = {family: partial(_of_family, family) for family in FAMILIES}
GENERATORS["reach"] = _work
"""Procedural families by name; the first is played when none is named."""
