from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hrg_pipeline.errors import ConfigError, MotionError
from hrg_pipeline.human.audit import bound_violations, joint_tracks
from hrg_pipeline.human.body import BODY_INDEX, make_skeleton
from hrg_pipeline.human.clip import Clip
from hrg_pipeline.human.families import FAMILIES, make_clip, make_clips
from hrg_pipeline.human.families.postures import EYES_FORWARD, EYES_UP
from hrg_pipeline.human.limits import first_violation
from hrg_pipeline.human.motion_set import make_motion_set
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.human.playback import MAX_TERMS, perturbed_loop
from hrg_pipeline.human.reaching import TABLE_TOP_Z_M

SEED = 2024
STATURES = (1.75, 1.5, 2.0)
HANDS = {"left": BODY_INDEX["L_Hand"], "right": BODY_INDEX["R_Hand"]}
OTHER = {"left": "right", "right": "left"}
every_family = pytest.mark.parametrize("family", FAMILIES)


@cache
def clips_of(family: str) -> tuple[Clip, ...]:
    """Two clips of each of three people."""
    return tuple(make_clip(family, k, SEED, stature) for stature in STATURES for k in range(2))


@cache
def tracks_of(family: str, index: int) -> np.ndarray:
    clip = clips_of(family)[index]
    return joint_tracks(clip, np.arange(len(clip.root_position)) / clip.rate_hz)


def played(family: str) -> list[tuple[Clip, np.ndarray]]:
    return [(clip, tracks_of(family, k)) for k, clip in enumerate(clips_of(family))]


def rotvecs(clip: Clip) -> np.ndarray:
    """Postures (n, 75) of a clip, the way the limits are written."""
    w, xyz = clip.rotations[..., :1], clip.rotations[..., 1:]
    w, xyz = np.where(w < 0.0, -w, w), np.where(w < 0.0, -xyz, xyz)
    sine = np.linalg.norm(xyz, axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, w)
    turns = np.where(sine > 1e-12, angle / np.maximum(sine, 1e-300), 2.0) * xyz
    return np.concatenate((clip.root_position, turns.reshape(len(turns), -1)), axis=1)


def at(clip: Clip, *times: float) -> np.ndarray:
    return joint_tracks(clip, np.array(times))


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


def test_anchors_are_where_the_tasks_expect_them() -> None:
    halfway = {
        "robot_human_handover": "reach_out",
        "human_robot_handover": "present",
        "collaborative_hammering": "present",
    }
    for family, stage in halfway.items():
        for clip in clips_of(family):
            assert clip.loops[stage].anchor_s == pytest.approx(np.mean(clip.keyframes_s[:2]))
    for clip in clips_of("human_robot_handover"):
        assert clip.loops["wait"].anchor_s == pytest.approx(clip.keyframes_s[1])
    for clip in clips_of("object_inspection"):
        assert clip.loops["ready"].anchor_s == pytest.approx(clip.keyframes_s[0])
    for clip in clips_of("collaborative_stacking"):
        assert clip.loops["wait_for_second"].anchor_s == pytest.approx(clip.keyframes_s[2])
        assert clip.loops["wait_for_fourth"].anchor_s == pytest.approx(clip.keyframes_s[4])


def test_the_inspected_object_is_in_front_of_the_face() -> None:
    for clip in clips_of("object_inspection"):
        ready, _ = clip.keyframes_s
        target = np.array(clip.target)
        sample = round(ready * clip.rate_hz)
        eyes, ahead = _eyes(clip, sample)
        gap = target - eyes
        assert 0.20 < np.linalg.norm(gap) < 0.45
        assert np.degrees(np.arccos(ahead @ gap / np.linalg.norm(gap))) < 12.0
        assert 0.3 < target[0] < 0.62
        assert 1.0 < target[2] < 1.55
        for k in range(sample, round(clip.keyframes_s[1] * clip.rate_hz), 25):
            eyes, ahead = _eyes(clip, k)
            assert 0.15 < np.linalg.norm(target - eyes) < 0.6
            assert np.degrees(np.arccos(ahead @ (target - eyes) / np.linalg.norm(target - eyes))) < 40.0


def _eyes(clip: Clip, sample: int) -> tuple[np.ndarray, np.ndarray]:
    """Between the eyes, and the way the head looks, from the rotations alone."""
    skeleton = make_skeleton(clip.stature_m)
    chain = ["Pelvis", "Torso", "Spine", "Chest", "Neck", "Head"]
    position, frame = clip.root_position[sample], np.eye(3)
    for name in chain:
        body = BODY_INDEX[name]
        if name != "Pelvis":
            position = position + frame @ skeleton.offset[body]
        w, x, y, z = clip.rotations[sample, body]
        frame = frame @ np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
    return position + clip.stature_m * frame @ np.array([EYES_FORWARD, 0.0, EYES_UP]), frame[:, 0]


@pytest.mark.parametrize("family", ["robot_human_handover", "human_robot_handover"])
def test_the_hand_is_held_out_within_the_robots_reach(family: str) -> None:
    for clip in clips_of(family):
        stage = FAMILIES[family].loops[0]
        tracks = at(clip, clip.keyframes_s[0], clip.loops[stage].anchor_s)
        hand = tracks[:, HANDS[clip.hand]]
        assert np.linalg.norm(hand - np.array(clip.target), axis=1).max() < 0.05
        assert (np.hypot(hand[:, 0], hand[:, 1]) < 0.85).all()
        assert ((hand[:, 2] > 0.9) & (hand[:, 2] < 1.35)).all()
        # Nearer to the robot than the rest of the body, and than the other hand.
        assert (hand[:, 0] + 0.15 < tracks[:, 0, 0]).all()
        assert (hand[:, 0] < tracks[:, HANDS[OTHER[clip.hand]], 0]).all()


def test_an_open_hand_is_turned_up_and_a_tool_is_held_upright() -> None:
    def palm_up(clip: Clip) -> float:
        sample = round(clip.keyframes_s[0] * clip.rate_hz)
        side = clip.hand[0].upper()
        up = np.array([0.0, 0.0, -1.0])  # the palm looks down at rest
        names = ("Wrist", "Elbow", "Shoulder", "Thorax")
        for name in [f"{side}_{part}" for part in names] + ["Chest", "Spine", "Torso", "Pelvis"]:
            w, *v = clip.rotations[sample, BODY_INDEX[name]]
            twice = 2.0 * np.cross(v, up)
            up = up + w * twice + np.cross(v, twice)
        return float(up[2])

    assert min(palm_up(clip) for clip in clips_of("robot_human_handover")) > 0.5
    assert max(palm_up(clip) for clip in clips_of("human_robot_handover")) < 0.55


def test_the_line_from_elbow_to_hand_meets_the_place_that_is_pointed_at() -> None:
    for clip in clips_of("pointing"):
        side = clip.hand[0].upper()
        begin, end = clip.keyframes_s
        target = np.array(clip.target)
        assert target[2] == TABLE_TOP_Z_M
        for track in at(clip, *np.linspace(begin, end, 20)):
            elbow, wrist, hand = (track[BODY_INDEX[f"{side}_{part}"]] for part in ("Elbow", "Wrist", "Hand"))
            for start in (elbow, wrist):
                along = (hand - start) / np.linalg.norm(hand - start)
                assert np.linalg.norm(np.cross(target - start, along)) < 0.05
            # Where the task reads it: the line meets the table top.
            d = hand - elbow
            assert np.linalg.norm(hand - (hand[2] - target[2]) / d[2] * d - target) < 0.08
            assert np.linalg.norm(target - hand) > 0.08


@pytest.mark.parametrize(
    ("family", "distance"), [("collaborative_lifting", 0.5), ("collaborative_hammering", 0.4 * 2**0.5)]
)
def test_hands_on_a_board_keep_their_distance(family: str, distance: float) -> None:
    for clip in clips_of(family):
        assert clip.hand == "both"
        tracks = at(clip, *np.arange(0.0, clip.duration_s, 0.007))
        apart = np.linalg.norm(tracks[:, HANDS["left"]] - tracks[:, HANDS["right"]], axis=1)
        np.testing.assert_allclose(apart, distance, atol=1e-3)


def test_lifting_begins_where_the_board_lies_and_goes_up_and_down() -> None:
    for clip, tracks in played("collaborative_lifting"):
        np.testing.assert_allclose(tracks[0, HANDS["left"]], [1.45, -0.25, 0.87], atol=2e-3)
        np.testing.assert_allclose(tracks[0, HANDS["right"]], [1.45, 0.25, 0.87], atol=2e-3)
        height = tracks[:, list(HANDS.values()), 2].mean(axis=1)
        assert height.max() > 1.0
        assert height[-1] < 1.1
        slope = np.abs(tracks[:, HANDS["left"], 2] - tracks[:, HANDS["right"], 2]).max() / 0.5
        assert np.degrees(np.arcsin(slope)) < 10.0
        assert clip.root_position[:, 0].min() > 1.4


def test_the_board_lies_on_the_table_while_it_is_hammered_on() -> None:
    for clip in clips_of("collaborative_hammering"):
        begin, end = clip.keyframes_s
        hands = at(clip, *np.linspace(begin, end, 40))[:, list(HANDS.values())]
        np.testing.assert_allclose(hands[..., 2], TABLE_TOP_Z_M + 0.05, atol=1e-3)
        assert np.ptp(hands, axis=0).max() < 2e-3
        left, right = hands[0]
        np.testing.assert_allclose(right - left, [0.4, 0.4, 0.0], atol=2e-3)
        assert at(clip, 0.0)[0, HANDS["right"], 2] > TABLE_TOP_Z_M + 0.1


def test_cubes_are_put_on_the_stack_one_hand_after_the_other() -> None:
    for clip in clips_of("collaborative_stacking"):
        _, first, wait, third, _ = clip.keyframes_s
        stack = np.array(clip.target)
        tracks = at(clip, first, wait, third)
        placing, other = HANDS[clip.hand], HANDS[OTHER[clip.hand]]
        np.testing.assert_allclose(tracks[0, placing], stack + np.array([0.0, 0.0, 0.5 * 0.045 + 0.05]), atol=5e-3)
        np.testing.assert_allclose(tracks[2, other], stack + np.array([0.0, 0.0, 2.5 * 0.045 + 0.05]), atol=5e-3)
        # The robot has room while it is waited for.
        assert np.linalg.norm(tracks[1, [placing, other], :2] - stack[:2], axis=1).min() > 0.15
        assert np.linalg.norm(tracks[0, other, :2] - stack[:2]) > 0.10


def test_objects_are_taken_from_the_table_and_put_elsewhere() -> None:
    for clip in clips_of("pick_place"):
        picked, placed = at(clip, *clip.keyframes_s)[:, HANDS[clip.hand]]
        assert TABLE_TOP_Z_M + 0.04 < min(picked[2], placed[2])
        assert max(picked[2], placed[2]) < TABLE_TOP_Z_M + 0.11
        assert np.linalg.norm(placed - picked) > 0.14
        np.testing.assert_allclose(placed, clip.target, atol=5e-3)


def test_walking_comes_from_afar_and_goes_away() -> None:
    for clip, tracks in played("walk"):
        arrived, leaves = (round(t * clip.rate_hz) for t in clip.keyframes_s)
        pelvis = tracks[:, 0, :2]
        assert np.linalg.norm(pelvis[arrived] - pelvis[0]) > 0.3
        assert np.linalg.norm(pelvis[leaves] - pelvis[arrived]) < 0.06
        assert np.linalg.norm(pelvis[-1] - pelvis[leaves]) > 0.3


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
