"""Hands, eyes and feet are where the task of a family needs them."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.human.body import BODY_INDEX, make_skeleton
from hrg_pipeline.human.clip import Clip
from hrg_pipeline.human.families import FAMILIES
from hrg_pipeline.human.families.postures import EYES_FORWARD, EYES_UP
from hrg_pipeline.human.reaching import TABLE_TOP_Z_M
from tests.human.families.samples import HANDS, OTHER, at, clips_of, played


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
