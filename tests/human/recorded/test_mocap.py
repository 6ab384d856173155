"""Real recordings, where they are at hand: all playable ones import within the bounds, and mean what they should."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_INDEX, make_shield_bodies, make_skeleton
from hrg_pipeline.human.clip import Clip
from hrg_pipeline.human.motion import library_from_rotations, motion_peaks, pose_at
from hrg_pipeline.human.motion_set import library_from_clips
from hrg_pipeline.human.playback import MAX_TERMS, perturbed_loop, tempo_of
from hrg_pipeline.human.procedural import ACCELERATION_SHARE
from hrg_pipeline.human.recorded.animations import REST, read_animation
from hrg_pipeline.human.recorded.bvh import read_bvh
from hrg_pipeline.human.recorded.importer import Imported, import_recordings
from hrg_pipeline.human.recorded.mapping import lowest_point, rest_alignment
from hrg_pipeline.human.recorded.params import MotionImportParams
from hrg_pipeline.human.recorded.recording import place_joints
from tests.human.recorded.files import MOCAP

pytestmark = [
    pytest.mark.skipif(not MOCAP.is_dir(), reason="recordings are not part of the project"),
    pytest.mark.slow,
]

# human-robot-gym's specification, table 10.6: where a hand or the head is at decisive frames, world frame [m],
# rounded to a centimetre there, from its own body's forward kinematics. Frame: number of the keyframe, or half way.
# In the stacking task the third cube is placed by the other hand.
TABLE: dict[str, tuple[str, *tuple[dict[float, tuple[float, float, float]], ...]]] = {
    "RobotHumanHandover/0": ("R_Hand", {0: (0.67, 0.17, 1.02), 0.5: (0.57, 0.15, 1.05), 1: (0.58, 0.14, 1.05)}),
    "RobotHumanHandover/1": ("R_Hand", {0: (0.78, 0.20, 1.03), 0.5: (0.74, 0.17, 1.06), 1: (0.80, 0.17, 1.02)}),
    "RobotHumanHandover/5": ("L_Hand", {0: (0.89, -0.10, 1.22), 0.5: (0.77, -0.04, 1.27), 1: (0.79, -0.01, 1.27)}),
    "RobotHumanHandover/advanced_0": (
        "R_Hand", {0: (0.40, 0.0, 1.26), 0.5: (0.37, 0.12, 1.06), 1: (0.35, 0.17, 1.18)},
    ),
    "HumanRobotHandover/0": ("R_Hand", {0: (0.67, 0.17, 1.02), 0.5: (0.57, 0.15, 1.05), 1: (0.58, 0.14, 1.05)}),
    "HumanRobotHandover/5": ("L_Hand", {0: (0.70, -0.12, 1.21), 0.5: (0.57, -0.06, 1.27), 1: (0.59, -0.03, 1.28)}),
    "HumanRobotHandover/advanced_2": (
        "L_Hand", {0: (0.43, -0.21, 1.23), 0.5: (0.43, -0.22, 1.25), 1: (0.43, -0.23, 1.26)},
    ),
    "CollaborativeStacking/0": ("L_Hand", {1: (0.29, 0.35, 1.03)}, {3: (0.39, 0.64, 1.05)}),
    "CollaborativeStacking/1": ("R_Hand", {1: (0.41, 0.51, 0.96)}, {3: (0.36, 0.27, 1.30)}),
    "ObjectInspection/0": ("Head", {0: (0.87, -0.01, 1.54), 0.5: (0.75, -0.07, 1.49)}),
    "ObjectInspection/4": ("Head", {0: (0.76, -0.57, 1.18), 0.5: (1.00, -0.20, 1.50)}),
}  # fmt: skip
TOLERANCE_M = 0.005
"""What is asked for; the rounding of the table takes all of it (4.91 mm were found at most, as read and as played)."""


@cache
def everything() -> dict[str, Imported]:
    return {item.row.file: item for item in import_recordings(MOCAP, MotionImportParams())}


def clips() -> list[Clip]:
    return [item.clip for item in everything().values() if item.clip]


def places(name: str) -> list[tuple[str, float, tuple[float, float, float]]]:
    """Body, number of the keyframe and place of each entry of a clip."""
    body, *rows = TABLE[name]
    other = {"L": "R", "R": "L"}.get(body[0], "") + body[1:]
    return [(side, k, place) for side, row in zip((body, other), rows, strict=False) for k, place in row.items()]


def frame_of(number: float, keyframes: tuple[float, ...]) -> float:
    return 0.5 * (keyframes[0] + keyframes[1]) if number == 0.5 else keyframes[int(number)]


@pytest.mark.parametrize("name", TABLE)
def test_recorded_bodies_are_where_the_table_says(name: str) -> None:
    """By the reference's own joint offsets, straight from the file."""
    recording = read_animation(MOCAP / f"{name}.pkl")
    joints = recording.joints()
    for body, number, place in places(name):
        frame = int(frame_of(number, recording.keyframes))
        found = joints[frame, BODY_INDEX[body]]
        np.testing.assert_allclose(found, place, atol=TOLERANCE_M, err_msg=f"{name} at {number}")


@pytest.mark.parametrize("name", [name for name in TABLE if "Hand" in TABLE[name][0]])
def test_played_arms_are_where_the_table_says(name: str) -> None:
    """The clip as the library plays it, its arms turned back to the reference's rest pose and limb lengths.

    From the chest on: the pelvis stands elsewhere, because our body has other legs and its feet on the floor.
    """
    recording = read_animation(MOCAP / f"{name}.pkl")
    clip = everything()[f"{name}.pkl"].clip
    assert clip is not None
    library = library_from_rotations([clip.root_position], [clip.rotations], [clip.rate_hz])
    skeleton = make_skeleton(clip.stature_m)
    alignment = rest_alignment(recording, skeleton)
    pos, quat = np.empty((24, 3)), np.empty((24, 4))
    recorded = recording.joints()
    for body, number, place in places(name):
        if number == 0.5:
            continue  # what is half way between two keyframes in the file need not be so in a slowed clip
        frame = recording.keyframes[int(number)]
        pose_at(library, skeleton, 0, clip.keyframes_s[int(number)], np.zeros(3), pos, quat)
        chain = [f"{body[0]}_{part}" for part in ("Thorax", "Shoulder", "Elbow", "Wrist", "Hand")]
        arm = np.zeros(3)
        for joint, child in itertools.pairwise(chain):
            index = BODY_INDEX[joint]
            turn = Rotation.from_quat(quat[index], scalar_first=True) * alignment[index].inv()
            arm += turn.apply(REST[BODY_INDEX[child]] - REST[index])
        thorax = recorded[frame, BODY_INDEX[chain[0]]]
        np.testing.assert_allclose(thorax + arm, place, atol=TOLERANCE_M, err_msg=f"{name} at {number}")


def test_everything_playable_is_imported_and_the_rest_says_why() -> None:
    rows = {file: item.row for file, item in everything().items()}
    assert {file for file, row in rows.items() if row.status == "failed"} == {"SinglePoint/left_right.pkl"}
    assert "66 of 73 arrays are missing" in rows["SinglePoint/left_right.pkl"].reason
    assert {file for file, row in rows.items() if row.status == "skipped"} == {
        "CollaborativeLifting/3.bvh", "RobotHumanHandover/0.bvh",
    }  # fmt: skip
    assert len(clips()) == len(rows) - 3 == 24


def test_no_clip_exceeds_the_bounds() -> None:
    for clip in clips():
        library = library_from_rotations([clip.root_position], [clip.rotations], [clip.rate_hz])
        skeleton = make_skeleton(clip.stature_m)
        bodies = make_shield_bodies(skeleton)
        speed, acceleration = motion_peaks(library, skeleton, 0, 0.0005, np.array([0.0, clip.duration_s]))
        assert (speed <= bodies.v_max).all(), clip.name
        assert (acceleration <= bodies.a_max).all(), clip.name
        assert speed[:, [BODY_INDEX["L_Hand"], BODY_INDEX["R_Hand"]]].max() <= 1.6, clip.name


def test_the_clips_are_played_at_the_pace_that_they_have() -> None:
    """Together, in one library, by the person that they were made for, with the default bounds."""
    motion_set = library_from_clips(clips(), make_skeleton(1.75))
    for facts in motion_set.clips:
        tempo, change = tempo_of(facts.shares, 1.0, 1.001 * ACCELERATION_SHARE)
        assert tempo == 1.0, facts.name
        assert change > 0.5, facts.name
        for stage, loop in facts.loops.items():
            ones = np.ones(len(loop.speeds))
            played = perturbed_loop(loop, ones, ones, facts.loop_shares[stage], 1.0, tempo)
            slower = played[4 + MAX_TERMS] / loop.speeds[0]
            assert slower > 0.8, f"{facts.name}: the loop '{stage}' is played at {slower:.2f} of its pace"


def test_known_faults_are_repaired() -> None:
    """Reference, section 10.4."""
    rows = {file: item.row for file, item in everything().items()}
    for file, row in rows.items():
        assert ("T-pose start" in row.repairs) == file.startswith("CMU/"), file
    assert "Euler wrap (R_Shoulder, frames 1" in rows["CMU/62_03.pkl"].repairs
    assert "Euler wrap (Pelvis, frames 9" in rows["PickPlaceCloseHuman/0.pkl"].repairs
    assert "(L_Elbow, frames 75" in rows["PickPlacePointingHuman/0.pkl"].repairs
    assert "(L_Elbow, frames 184" in rows["PickPlacePointingHuman/0.pkl"].repairs
    assert rows["CollaborativeLifting/3.pkl"].status == "as recorded"


def test_feet_stay_on_the_floor() -> None:
    for clip in clips():
        skeleton = make_skeleton(clip.stature_m)
        joints, frames = place_joints(skeleton.offset, clip.root_position, clip.rotations)
        lowest = lowest_point(joints, frames, skeleton)
        assert -0.03 < lowest.min() <= lowest.max() < 0.05, clip.name


@pytest.mark.parametrize("name", ["CollaborativeLifting/3", "RobotHumanHandover/0"])
def test_bvh_and_pickle_of_one_recording_agree(name: str) -> None:
    """The pickle has one frame less in one case, and its wrists were turned by hand in the other."""
    from_pickle, from_bvh = read_animation(MOCAP / f"{name}.pkl"), read_bvh(MOCAP / f"{name}.bvh")
    n = len(from_pickle.root_position)
    bodies = [b for name, b in BODY_INDEX.items() if not name.endswith("Hand")]
    difference = np.abs(from_bvh.joints()[:n, bodies] - from_pickle.joints()[:, bodies])
    assert difference.max() < 1e-9


def test_hands_come_close_to_where_they_were_recorded() -> None:
    """Our arms are longer and our feet on the floor, so not exactly; clips whose person floats apart."""
    off = {item.row.file: item.row.hand_shift_m for item in everything().values() if item.clip}
    handovers = [value for file, value in off.items() if "Handover/" in file]
    assert max(handovers) < 0.08
    assert max(value for file, value in off.items() if not file.startswith("Static/")) < 0.20


def test_a_truncated_copy_is_an_error(tmp_path) -> None:
    data = (MOCAP / "Static" / "tpose.pkl").read_bytes()
    for share in (0.1, 0.5, 0.99):
        path = tmp_path / "cut.pkl"
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(MotionError, match="not a complete pickle"):
            read_animation(path)
