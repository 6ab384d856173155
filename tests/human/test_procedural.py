from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_INDEX, Skeleton, make_shield_bodies, make_skeleton
from hrg_pipeline.human.limits import first_violation, joint_rotvec
from hrg_pipeline.human.motion import MotionLibrary, library_from_postures, pose_at
from hrg_pipeline.human.params import ProceduralMotionParams
from hrg_pipeline.human.procedural import Clip, clip_seed, make_clip, make_library

PARAMS = ProceduralMotionParams()
HANDS = [BODY_INDEX["L_Hand"], BODY_INDEX["R_Hand"]]
Played = tuple[Skeleton, MotionLibrary, list[Clip]]


@pytest.fixture(scope="module")
def played() -> Played:
    skeleton = make_skeleton()
    clips = [make_clip(clip_seed(7, k), 12.0, skeleton, PARAMS) for k in range(12)]
    pivots = np.array([clip.plan.pivot_xy for clip in clips])
    return skeleton, library_from_postures([clip.postures for clip in clips], 50.0, pivots), clips


def _positions(library: MotionLibrary, skeleton: Skeleton, clip: int, times: np.ndarray, yaw: float) -> np.ndarray:
    pos, quat = np.zeros((24, 3)), np.zeros((24, 4))
    track = np.empty((len(times), 24, 3))
    for k, t in enumerate(times):
        pose_at(library, skeleton, clip, t, np.array([0.03, -0.1, yaw]), pos, quat)
        track[k] = pos
    return track


@pytest.mark.parametrize(("seed", "stature"), [(1, 1.75), (2, 1.5), (3, 2.0)])
def test_every_joint_keeps_its_bounds_at_every_millisecond(seed: int, stature: float) -> None:
    skeleton = make_skeleton(stature)
    bodies = make_shield_bodies(skeleton)
    library = make_library(2, 12.0, seed, skeleton, PARAMS)
    times = np.arange(-0.01, 12.02, 0.001)
    for clip in range(2):
        track = _positions(library, skeleton, clip, times, 0.1)
        speed = np.linalg.norm(np.diff(track, axis=0), axis=2) / 0.001
        acceleration = np.linalg.norm(np.diff(track, n=2, axis=0), axis=2) / 0.001**2
        assert speed[:, HANDS].max() <= 1.6
        assert (speed.max(axis=0) <= bodies.v_max).all()
        assert (acceleration.max(axis=0) <= 1.01 * bodies.a_max).all()
        assert speed[:, HANDS].max() > 0.4


def test_a_lower_hand_speed_is_kept_too() -> None:
    skeleton = make_skeleton()
    library = make_library(2, 10.0, 5, skeleton, ProceduralMotionParams(hand_speed_max=0.6))
    for clip in range(2):
        track = _positions(library, skeleton, clip, np.arange(0.0, 10.0, 0.001), 0.0)
        assert (np.linalg.norm(np.diff(track[:, HANDS], axis=0), axis=2) / 0.001).max() <= 0.6


def test_hands_arrive_at_their_points_which_are_over_the_table_and_off_the_robot(played: Played) -> None:
    skeleton, library, clips = played
    pos, quat = np.zeros((24, 3)), np.zeros((24, 4))
    sides = []
    for index, clip in enumerate(clips):
        for t, reach in clip.plan.arrivals():
            pose_at(library, skeleton, index, t, np.zeros(3), pos, quat)
            hand = pos[BODY_INDEX[f"{reach.side}_Hand"]]
            assert np.linalg.norm(hand - np.array(reach.point)) < 0.02
            assert 0.35 <= reach.point[0] <= 0.70
            assert 0.86 <= reach.point[2] <= 1.10
            assert np.hypot(*reach.point[:2]) >= 0.30
            sides.append(reach.side)
    assert len(sides) >= len(clips)
    assert min(sides.count("L"), sides.count("R")) >= 0.25 * len(sides)


def test_nobody_walks_into_the_table_and_hands_stay_off_the_robot(played: Played) -> None:
    skeleton, library, clips = played
    for index in range(len(clips)):
        track = _positions(library, skeleton, index, np.arange(0.0, 12.0, 0.02), 0.0) - [0.03, -0.1, 0.0]
        pelvis = track[:, 0]
        assert (pelvis[np.abs(pelvis[:, 1]) < 1.1][:, 0] >= 0.95).all()
        assert np.hypot(track[:, HANDS, 0], track[:, HANDS, 1]).min() >= 0.30
        above_table = (np.abs(track[:, HANDS, 0]) < 0.74) & (np.abs(track[:, HANDS, 1]) < 0.99)
        assert track[:, HANDS, 2][above_table].min() > 0.84


def test_the_person_comes_and_goes(played: Played) -> None:
    _, _, clips = played
    kinds = {segment.kind for clip in clips for segment in clip.plan.segments()}
    assert kinds >= {"walk", "raise hands", "reach", "hold", "draw back", "look", "pause"}
    x, y = (np.concatenate([clip.postures[:, axis] for clip in clips]) for axis in (0, 1))
    away = np.mean((x > 1.35) | (np.abs(y) > 0.9))
    assert 0.15 < away < 0.75


def test_joints_keep_their_ranges(played: Played) -> None:
    for clip in played[2]:
        assert first_violation(clip.postures) is None
        for name in ("L_Knee", "R_Knee"):
            assert joint_rotvec(clip.postures, name)[:, 1].min() >= 0.0


def test_a_knee_bent_backwards_is_noticed(played: Played) -> None:
    postures = played[2][0].postures.copy()
    postures[3, 3 + 3 * BODY_INDEX["L_Knee"] + 1] = -0.1
    assert "L_Knee about y" in (first_violation(postures) or "")


def test_feet_stay_near_the_floor_and_one_always_stands(played: Played) -> None:
    skeleton, library, clips = played
    ankles, toes = [BODY_INDEX["L_Ankle"], BODY_INDEX["R_Ankle"]], [BODY_INDEX["L_Toe"], BODY_INDEX["R_Toe"]]
    for index in range(len(clips)):
        times = np.arange(0.0, 12.0, 0.02)
        track = _positions(library, skeleton, index, times, 0.0)
        toe_height = track[:, toes, 2] - 0.017 * 1.75
        assert toe_height.min() > -0.02
        assert toe_height.max() < 0.08
        assert toe_height.min(axis=1).max() < 0.02
        assert track[:, ankles, 2].max() < 0.20
        slide = np.linalg.norm(np.diff(track[:, toes, :2], axis=0), axis=2) / 0.02
        assert slide.min(axis=1).max() < 0.35


def test_ends_at_rest_and_stays_there(played: Played) -> None:
    skeleton, library, clips = played
    for index in range(len(clips)):
        track = _positions(library, skeleton, index, np.array([11.99, 12.0, 12.001, 13.0, 500.0]), 0.0)
        np.testing.assert_allclose(track, np.broadcast_to(track[-1], track.shape), atol=1e-6)


def test_same_seed_same_bytes_and_a_longer_library_begins_alike() -> None:
    skeleton = make_skeleton()
    seed = np.random.SeedSequence(11)
    first, second = (make_library(2, 6.0, s, skeleton, PARAMS) for s in (seed, 11))
    assert first.points.tobytes() == second.points.tobytes()
    assert seed.n_children_spawned == 0
    longer = make_library(3, 6.0, 11, skeleton, PARAMS)
    assert longer.points[: len(first.points)].tobytes() == first.points.tobytes()
    other = make_library(2, 6.0, 12, skeleton, PARAMS)
    assert other.points.tobytes() != first.points.tobytes()
    assert not np.array_equal(*np.split(first.points, 2))


@pytest.mark.parametrize(("n_clips", "duration_s"), [(0, 12.0), (2, 1.0), (2, float("nan"))])
def test_impossible_libraries_are_refused(n_clips: int, duration_s: float) -> None:
    with pytest.raises(MotionError, match="n_clips is"):
        make_library(n_clips, duration_s, 0, make_skeleton(), PARAMS)
