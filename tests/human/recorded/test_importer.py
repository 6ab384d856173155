"""Files and folders become clips and a report; a bad file stops nobody else."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_INDEX, make_skeleton
from hrg_pipeline.human.clip import Clip
from hrg_pipeline.human.recorded.animations import read_animation
from hrg_pipeline.human.recorded.importer import Imported, find_recordings, import_recordings
from hrg_pipeline.human.recorded.mapping import retarget
from hrg_pipeline.human.recorded.params import MotionImportParams, set_name
from hrg_pipeline.human.recorded.recording import place_joints
from tests.human.recorded.files import FACING_THE_ROBOT, animation, bvh_text, write_pickle
from tests.human.recorded.test_bvh import motion

PARAMS = MotionImportParams()
INFO = {
    **FACING_THE_ROBOT,
    "object_holding_hand": "right",
    "keyframes": [80, 220],
    "loop_amplitudes": [60, 0.7],
    "loop_speeds": [1, 3.1],
}


def imported(source: Path, params: MotionImportParams = PARAMS) -> dict[str, Imported]:
    return {item.row.file: item for item in import_recordings(source, params)}


def test_a_recording_becomes_a_clip(tmp_path: Path) -> None:
    path = write_pickle(tmp_path / "RobotHumanHandover" / "7.pkl", animation(seed=3, size=0.3), INFO)
    (item,) = imported(path).values()
    clip, row = item.clip, item.row
    assert clip is not None
    assert (clip.name, clip.family, clip.hand) == ("robot_human_handover/7", "robot_human_handover", "right")
    assert (clip.stature_m, clip.licence) == (1.75, "MIT")
    assert clip.source == "human-robot-animations RobotHumanHandover/7"
    assert (row.file, row.clip, row.frames) == ("7.pkl", clip.name, 300)
    assert row.duration_after_s == clip.duration_s > row.duration_before_s
    assert "oscillation of 0.7 frames left out" in row.warnings
    loop = clip.loops["reach_out"]
    assert loop.speeds == (1.0,), "a loop that goes on at the pace at which it is entered"
    first, second = clip.keyframes_s
    assert first < loop.anchor_s < second
    stored = tmp_path / "clip.npz"
    clip.save(stored)
    np.testing.assert_array_equal(Clip.load(stored).rotations, clip.rotations)


def test_the_pose_at_a_keyframe_is_the_recorded_one(tmp_path: Path) -> None:
    """Also where the clip was slowed down before it."""
    path = write_pickle(tmp_path / "A" / "0.pkl", animation(seed=3, size=0.8), INFO)
    item = imported(path)["0.pkl"]
    assert item.clip is not None
    assert item.row.status == "changed"
    assert item.row.slowest > 1.0
    skeleton = make_skeleton(1.75)
    recording = read_animation(path)
    wanted = retarget(recording, skeleton)
    for key, at in zip(recording.keyframes, item.clip.keyframes_s, strict=True):
        assert abs(at * 50.0 - 50.0 * key / 100.0) > 1.0, "the clip starts slower than the recording"
        sample = at * item.clip.rate_hz
        low = int(sample)
        joints = []
        for rotations in (wanted[key : key + 1], item.clip.rotations[low : low + 2]):
            joints.append(place_joints(skeleton.offset, np.zeros((len(rotations), 3)), rotations)[0])
        played = joints[1][0] + (sample - low) * (joints[1][1] - joints[1][0])
        hands = [BODY_INDEX["L_Hand"], BODY_INDEX["R_Hand"]]
        assert np.abs(played - joints[0][0])[hands].max() < 2e-3


def test_a_folder_is_read_with_its_subfolders_and_bad_files_do_not_stop_it(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    write_pickle(tmp_path / "in" / "A" / "0.pkl", animation(seed=1, size=0.3))
    write_pickle(tmp_path / "in" / "A" / "deep" / "1.pkl", animation(seed=2, size=0.3))
    (tmp_path / "in" / "A" / "0.bvh").write_text("the same recording in another form")
    (tmp_path / "in" / "B").mkdir()
    (tmp_path / "in" / "B" / "walk.bvh").write_text(bvh_text(*motion(size=0.2)))
    (tmp_path / "in" / "B" / "cut.bvh").write_text(bvh_text(*motion())[:3000])
    (tmp_path / "in" / "B" / "cut.pkl").write_bytes(pickle.dumps(animation())[:5000])
    (tmp_path / "in" / "notes.txt").write_text("not a recording")

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {mark}",)

    (tmp_path / "in" / "evil.pkl").write_bytes(pickle.dumps({"Pelvis_quat": Hostile()}))
    found = imported(tmp_path / "in")
    assert {file: item.row.status for file, item in found.items()} == {
        "A/0.bvh": "skipped", "A/0.pkl": found["A/0.pkl"].row.status, "A/deep/1.pkl": found["A/deep/1.pkl"].row.status,
        "B/cut.bvh": "skipped", "B/cut.pkl": "failed", "B/walk.bvh": found["B/walk.bvh"].row.status,
        "evil.pkl": "failed",
    }  # fmt: skip
    clips = {item.clip.name for item in found.values() if item.clip}
    assert clips == {"a/0", "deep/1", "b/walk"}
    assert "posix.system" in found["evil.pkl"].row.reason
    assert "not a complete pickle" in found["B/cut.pkl"].row.reason
    assert not mark.exists()


def test_two_files_that_would_be_one_clip_are_not_mixed_up(tmp_path: Path) -> None:
    for place in ("x/A", "y/A"):
        write_pickle(tmp_path / place / "0.pkl", animation(size=0.1))
    found = imported(tmp_path)
    assert [found[f"{place}/0.pkl"].clip is not None for place in ("x/A", "y/A")] == [True, False]
    assert "as 'x/A/0.pkl' does; rename one" in found["y/A/0.pkl"].row.reason


@pytest.mark.parametrize(
    ("name", "part"), [("nothing", "does not exist"), ("file.csv", "ends in '.csv'"), ("empty", "no recordings in")]
)
def test_a_source_that_is_none_is_one_clear_line(tmp_path: Path, name: str, part: str) -> None:
    (tmp_path / "file.csv").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MotionError, match=part):
        find_recordings(tmp_path / name)


def test_a_person_who_does_not_move_is_told(tmp_path: Path) -> None:
    arrays = {name: np.repeat(array[:1], 20, axis=0) for name, array in animation().items()}
    row = imported(write_pickle(tmp_path / "A" / "0.pkl", arrays))["0.pkl"].row
    assert row.status == "as recorded"
    assert row.speed_after < 1e-9
    assert "does not move" in row.warnings


def test_the_stature_is_chosen(tmp_path: Path) -> None:
    path = write_pickle(tmp_path / "A" / "0.pkl", animation(size=0.2))
    heights = {}
    for stature in (1.5, 2.0):
        clip = imported(path, MotionImportParams(stature_m=stature))["0.pkl"].clip
        assert clip is not None
        assert clip.stature_m == stature
        heights[stature] = clip.root_position[:, 2].max()
    assert heights[2.0] / heights[1.5] == pytest.approx(2.0 / 1.5, rel=0.02)


@pytest.mark.parametrize(
    ("given", "name"),
    [({"source": "/data/My clips"}, "My_clips"), ({"source": "a/b/7.pkl"}, "7"), ({"source": ".."}, "imported"),
     ({"source": "x", "name": "mine"}, "mine"), ({}, "imported")],
)  # fmt: skip
def test_a_set_is_named_after_its_source(given: dict[str, str], name: str) -> None:
    assert set_name(MotionImportParams(**given)) == name
