from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from hrg_pipeline.errors import ConfigError, MotionError
from hrg_pipeline.human.audit import bound_violations
from hrg_pipeline.human.body import BODY_INDEX
from hrg_pipeline.human.clip import Clip
from hrg_pipeline.human.families import FAMILIES, make_clip, make_clips
from hrg_pipeline.human.limits import first_violation
from hrg_pipeline.human.motion_set import make_motion_set
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.human.playback import MAX_TERMS, perturbed_loop
from hrg_pipeline.human.reaching import TABLE_TOP_Z_M
from tests.human.families.samples import HANDS, SEED, at, clips_of, every_family, played


def rotvecs(clip: Clip) -> np.ndarray:
    """Postures (n, 75) of a clip, the way the limits are written."""
    w, xyz = clip.rotations[..., :1], clip.rotations[..., 1:]
    w, xyz = np.where(w < 0.0, -w, w), np.where(w < 0.0, -xyz, xyz)
    sine = np.linalg.norm(xyz, axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, w)
    turns = np.where(sine > 1e-12, angle / np.maximum(sine, 1e-300), 2.0) * xyz
    return np.concatenate((clip.root_position, turns.reshape(len(turns), -1)), axis=1)


@every_family
def test_clips_carry_what_their_family_says(family: str) -> None:
    for clip in clips_of(family):
        assert clip.name.startswith(f"{family}/")
        assert clip.family == family
        assert len(clip.keyframes_s) == len(FAMILIES[family].keyframes)
        assert list(clip.keyframes_s) == sorted(clip.keyframes_s)
        assert set(clip.loops) == set(FAMILIES[family].loops)
        assert 4.0 < clip.duration_s < 26.0


@every_family
def test_every_joint_keeps_the_bounds_also_in_perturbed_loops(family: str) -> None:
    for k, clip in enumerate(clips_of(family)[::2]):
        assert bound_violations(clip, np.random.default_rng(k)) == []


def test_the_second_opinion_notices_what_is_too_fast() -> None:
    clip = clips_of("pointing")[0]
    kept = {"keyframes_s": (), "loops": {}}
    quick = Clip(clip.name, clip.family, clip.root_position, clip.rotations, 4.0 * clip.rate_hz, 1.75, **kept)
    assert any("R_Hand" in line or "L_Hand" in line for line in bound_violations(quick, np.random.default_rng(0)))
    loop = clip.loops["point"]
    moving = type(loop)(clip.keyframes_s[0] - 0.45, (1.0, 0.05), (3.0, 1.0))
    looped = Clip(clip.name, clip.family, clip.root_position, clip.rotations, 50.0, 1.75, loops={"point": moving})
    assert any("in the loop 'point'" in line for line in bound_violations(looped, np.random.default_rng(0)))


@pytest.mark.nightly
def test_ten_thousand_clips_keep_the_bounds() -> None:
    broken = []
    for number in range(10_000):
        family = list(FAMILIES)[number % len(FAMILIES)]
        index = number // len(FAMILIES)
        clip = make_clip(family, index, 5, 1.5 + 0.05 * (index % 11))
        broken += bound_violations(clip, np.random.default_rng(number))
    assert broken == []


@every_family
def test_hands_move_but_not_faster_than_people_at_work(family: str) -> None:
    for clip, tracks in played(family):
        speed = np.linalg.norm(np.diff(tracks[:, list(HANDS.values())], axis=0), axis=2) * clip.rate_hz
        assert 0.25 < speed.max() <= 1.6


@every_family
def test_a_hundred_clips_are_distinct(family: str) -> None:
    clips = make_clips(family, 12, 1)
    paths = []
    for clip in clips:
        times = np.linspace(0.0, 1.0, 9) * clip.duration_s
        paths.append(at(clip, *times)[:, list(HANDS.values())])
    for a, b in itertools.combinations(paths, 2):
        assert np.linalg.norm(a - b, axis=2).max() > 0.03


@pytest.mark.nightly
@every_family
def test_a_hundred_more_are(family: str) -> None:
    clips = make_clips(family, 110, 1)
    starts = {clip.root_position[len(clip.root_position) // 3].tobytes() for clip in clips}
    assert len({clip.duration_s for clip in clips}) > 60
    assert len(starts) == len(clips)


@every_family
def test_a_clip_depends_on_seed_and_number_only(family: str) -> None:
    sequence = np.random.SeedSequence(SEED)
    again = make_clip(family, 1, sequence)
    clip = clips_of(family)[1]
    assert sequence.n_children_spawned == 0
    assert again.root_position.tobytes() == clip.root_position.tobytes()
    assert again.rotations.tobytes() == clip.rotations.tobytes()
    assert (again.keyframes_s, again.hand, again.target) == (clip.keyframes_s, clip.hand, clip.target)
    other = make_clip(family, 1, SEED + 1)
    assert other.root_position.tobytes() != clip.root_position.tobytes()


@every_family
def test_joints_keep_their_ranges(family: str) -> None:
    for clip in clips_of(family):
        assert first_violation(rotvecs(clip)) is None


@every_family
def test_feet_stay_on_the_floor_and_do_not_slide(family: str) -> None:
    toes = [BODY_INDEX["L_Toe"], BODY_INDEX["R_Toe"]]
    for clip, tracks in played(family):
        height = tracks[:, toes, 2] - 0.017 * clip.stature_m
        assert height.min() > -0.02
        assert height.min(axis=1).max() < 0.02  # one foot stands at every instant
        slide = np.linalg.norm(np.diff(tracks[:, toes, :2], axis=0), axis=2) * clip.rate_hz
        assert slide.min(axis=1).max() < 0.35
        ankles = tracks[:, [BODY_INDEX["L_Ankle"], BODY_INDEX["R_Ankle"]]]
        moving = np.linalg.norm(np.diff(ankles, axis=0), axis=2) * clip.rate_hz
        assert (moving.min(axis=1) < 0.35).all()


@every_family
def test_nobody_walks_into_the_table_or_reaches_through_it_or_into_the_robot(family: str) -> None:
    for _, tracks in played(family):
        pelvis = tracks[:, 0]
        assert (pelvis[np.abs(pelvis[:, 1]) < 1.0, 0] > 0.95).all()
        hands = tracks[:, list(HANDS.values())]
        over_table = (np.abs(hands[..., 0]) < 0.75) & (np.abs(hands[..., 1]) < 1.0)
        assert (hands[over_table][:, 2] > TABLE_TOP_Z_M + 0.035).all()
        assert np.hypot(hands[..., 0], hands[..., 1]).min() > 0.27


@every_family
def test_the_end_is_at_rest(family: str) -> None:
    for clip in clips_of(family):
        end = at(clip, clip.duration_s - 0.02, clip.duration_s, clip.duration_s + 1.0)
        np.testing.assert_allclose(end, np.broadcast_to(end[-1], end.shape), atol=1e-5)


@every_family
def test_keyframes_and_loops_leave_room_for_perturbation(family: str) -> None:
    for clip in clips_of(family):
        for loop in clip.loops.values():
            reach = 1.1**3 * sum(loop.amplitudes_s)
            # The hands hardly move in what a loop can reach.
            track = at(clip, *np.linspace(loop.anchor_s - reach, loop.anchor_s + reach, 60))[:, list(HANDS.values())]
            assert np.ptp(track, axis=0).max() < 0.06
            assert reach > 0.15
        if clip.loops:
            longest = max(clip.loops.values(), key=lambda loop: sum(loop.amplitudes_s))
            assert sum(longest.amplitudes_s) > 0.3


@every_family
def test_a_motion_set_plays_every_family_without_slowing_its_loops_down(family: str) -> None:
    human = HumanParams(motion=MotionParams(families=(family,), n_clips=2))
    played_set = make_motion_set(human, 10.0, np.random.SeedSequence(3))
    assert [facts.family for facts in played_set.clips] == [family, family]
    for facts in played_set.clips:
        assert facts.shares[:2].max() <= 1.0
        for stage, loop in facts.loops.items():
            size = len(loop.speeds)
            fastest = perturbed_loop(
                loop, np.full(size, 1.1**-3), np.full(size, 1.1**3), facts.loop_shares[stage], 1.0, 1.0
            )
            np.testing.assert_allclose(fastest[4 + MAX_TERMS :][:size], 1.1**3 * np.array(loop.speeds), rtol=1e-12)


@pytest.mark.parametrize("family", ["walk", "pick_place"])
def test_slow_hands_can_be_asked_for(family: str) -> None:
    clip = make_clip(family, 0, 3, hand_speed_max=0.6)
    track = at(clip, *np.arange(0.0, clip.duration_s, 0.01))[:, list(HANDS.values())]
    assert (np.linalg.norm(np.diff(track, axis=0), axis=2) / 0.01).max() <= 0.6


@every_family
def test_the_documentation_shows_the_family(family: str) -> None:
    docs = Path(__file__).resolve().parents[3] / "docs"
    page = (docs / "motion_families.md").read_text(encoding="utf-8")
    facts = FAMILIES[family]
    loops = ", ".join(f"`{stage}`" for stage in facts.loops) or "–"
    assert f"| `{family}` | {facts.task} | {', '.join(facts.keyframes) or '–'} | {loops} |" in page
    assert facts.description in page
    assert (docs / "images" / "motion" / f"{family}.png").stat().st_size < 100_000


def test_what_cannot_be_made_is_refused_in_one_line() -> None:
    with pytest.raises(MotionError, match="unknown motion family 'juggling'; choose one of reach, walk") as caught:
        make_clip("juggling", 0, 1)
    assert "\n" not in str(caught.value)
    with pytest.raises(MotionError, match="index is -1"):
        make_clip("walk", -1, 1)
    with pytest.raises(MotionError, match="seed is -4"):
        make_clip("walk", 0, -4)
    with pytest.raises(MotionError, match="n is 0"):
        make_clips("walk", 0, 1)
    with pytest.raises(ConfigError, match="stature_m is 3"):
        make_clip("walk", 0, 1, stature_m=3.0)
