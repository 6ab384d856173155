"""Pickles of the human-robot-animations collection mean what their authors meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_INDEX
from hrg_pipeline.human.recorded.animations import family_of, read_animation, read_info
from tests.human.recorded.files import FACING_THE_ROBOT, animation, write_pickle


def still(n: int = 8) -> dict[str, np.ndarray]:
    arrays = {name: np.zeros_like(array[:n]) for name, array in animation(n).items()}
    arrays["Pelvis_quat"][:, 3] = 1.0
    return arrays


def test_axes_and_place(tmp_path: Path) -> None:
    arrays = still()
    arrays["Pelvis_pos_x"] += 0.1  # to the left of a person who looks along the clip's z
    arrays["Pelvis_pos_y"] += 0.2
    arrays["Pelvis_pos_z"] -= 1.0
    read = read_animation(write_pickle(tmp_path / "Group" / "0.pkl", arrays))
    # Reference, section 1.3: half a turn about the vertical, then (x, y, z) -> (-z, -x, y) of position plus offset.
    np.testing.assert_allclose(read.root_position[0], (1.0 + 0.5, -0.1, 0.2 + 0.9), atol=1e-12)
    joints = read.joints()[0]
    left, right = joints[BODY_INDEX["L_Hand"]], joints[BODY_INDEX["R_Hand"]]
    assert left[1] < -0.7 < 0.7 < right[1] + 0.2, "a person who faces the robot has the left hand at negative y"
    assert joints[BODY_INDEX["Head"], 2] > read.root_position[0, 2] > joints[BODY_INDEX["L_Toe"], 2]
    toe, ankle = joints[BODY_INDEX["L_Toe"]], joints[BODY_INDEX["L_Ankle"]]
    assert toe[0] < ankle[0], "the toes point to the robot"


def test_three_angles_turn_about_fixed_axes_x_y_z(tmp_path: Path) -> None:
    arrays = still()
    angles = np.array([0.3, -0.7, 1.1])
    for axis, angle in zip("xyz", angles, strict=True):
        arrays[f"L_Shoulder_{axis}"] += angle
    read = read_animation(write_pickle(tmp_path / "Group" / "0.pkl", arrays, {**FACING_THE_ROBOT}))
    rz, ry, rx = (Rotation.from_euler(a, v).as_matrix() for a, v in zip("zyx", angles[::-1], strict=True))
    arm = read.rest[BODY_INDEX["L_Elbow"]] - read.rest[BODY_INDEX["L_Shoulder"]]  # x forward, y left, z up
    turned = rz @ ry @ rx @ arm[[1, 2, 0]]  # x left, y up, z forward
    joints = read.joints()[0]
    np.testing.assert_allclose(
        joints[BODY_INDEX["L_Elbow"]] - joints[BODY_INDEX["L_Shoulder"]],
        (-turned[2], -turned[0], turned[1]),  # seen by the robot
        atol=1e-12,
    )


def test_what_the_json_says_comes_over(tmp_path: Path) -> None:
    info = {
        **FACING_THE_ROBOT,
        "keyframes": [50, 200],
        "object_holding_hand": "left",
        "target_pos": [0.4, -0.1, 1.2],
        "loop_amplitudes": {"present": [40, 0.7], "wait": [10.0]},
        "loop_speeds": {"present": [1, 3.1], "wait": [0.2]},
    }
    read = read_animation(write_pickle(tmp_path / "HumanRobotHandover" / "advanced_2.pkl", animation(), info))
    assert (read.name, read.family) == ("human_robot_handover/advanced_2", "human_robot_handover")
    assert read.keyframes == (50, 200)
    assert read.hand == "left"
    assert read.target == (0.4, -0.1, 1.2)
    assert read.loops["present"].anchor == 125.0, "presents around the middle between the keyframes"
    assert read.loops["present"].amplitudes == (40.0, 0.7)
    assert read.loops["wait"].anchor == 200


@pytest.mark.parametrize(
    ("group", "stage", "anchor"),
    [("RobotHumanHandover", "reach_out", 150.0), ("CollaborativeHammering", "present", 150.0),
     ("ObjectInspection", "ready", 100.0)],
)  # fmt: skip
def test_a_loop_without_a_stage_has_the_place_of_its_task(
    tmp_path: Path, group: str, stage: str, anchor: float
) -> None:
    info = {**FACING_THE_ROBOT, "keyframes": [100, 200], "loop_amplitudes": [20], "loop_speeds": [1]}
    read = read_animation(write_pickle(tmp_path / group / "0.pkl", animation(), info))
    assert {name: loop.anchor for name, loop in read.loops.items()} == {stage: anchor}


def test_the_rate_follows_the_kind_of_recording_unless_it_is_given(tmp_path: Path) -> None:
    vicon = write_pickle(tmp_path / "A" / "0.pkl", animation(), FACING_THE_ROBOT)
    cmu = write_pickle(tmp_path / "B" / "0.pkl", animation(legs=True), FACING_THE_ROBOT)
    said = write_pickle(tmp_path / "C" / "0.pkl", animation(), {**FACING_THE_ROBOT, "fps": 60})
    assert [read_animation(path).rate_hz for path in (vicon, cmu, said)] == [100.0, 120.0, 60.0]
    assert [read_animation(path).has_legs for path in (vicon, cmu, said)] == [False, True, False]
    assert read_animation(said, 50.0).rate_hz == 50.0


def test_missing_arrays_are_named_with_what_there_is(tmp_path: Path) -> None:
    few = {name: array for name, array in animation().items() if name.startswith(("Pelvis", "Head"))}
    path = write_pickle(tmp_path / "SinglePoint" / "left_right.pkl", few)
    with pytest.raises(MotionError, match=r"66 of 73 arrays are missing, the first is 'L_Hip_x'.*only Head, Pelvis"):
        read_animation(path)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"L_Knee_x": np.zeros(299)}, r"L_Knee_x has shape \(299,\); expected \(300,\)"),
        ({"L_Knee_x": np.full(300, np.nan)}, "L_Knee_x is not finite at frame 0"),
        ({"Pelvis_quat": np.zeros((300, 4))}, "length 0 at frame 0; expected 1"),
        ({"Pelvis_pos_x": np.float64(3.0)}, "missing|frames"),
        ({"Pelvis_pos_x": np.zeros(2)}, "2 frames; at least 4"),
    ],
)
def test_arrays_that_cannot_be_are_named(tmp_path: Path, change: dict[str, np.ndarray], part: str) -> None:
    with pytest.raises(MotionError, match=part):
        read_animation(write_pickle(tmp_path / "A" / "0.pkl", {**animation(), **change}))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{", "is no JSON"),
        ("[1]", "holds a list"),
        ('{"position_offset": [1, 2]}', "position_offset is .*3 numbers"),
        ('{"position_offset": [1, 2, "x"]}', "position_offset"),
        ('{"position_offset": [1, 2, NaN]}', "position_offset"),
        ('{"orientation_quat": [0, 0, 0, 2]}', "expected length 1"),
        ('{"keyframes": 3}', "keyframes is 3"),
        ('{"loop_amplitudes": [1, 2], "loop_speeds": [1]}', "as many positive amplitudes as speeds"),
        ('{"loop_amplitudes": [0], "loop_speeds": [1]}', "positive"),
        ('{"object_holding_hand": "third"}', "valid are left, right, both"),
        ('{"fps": 0}', r"fps is 0.0; it must lie in \[1, 1000\]"),
    ],
)
def test_a_json_that_cannot_be_is_one_line(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "0_info.json"
    path.write_text(text)
    with pytest.raises(MotionError, match=part) as caught:
        read_info(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keyframes", [[10, 300], [20, 10], [-1]])
def test_keyframes_must_rise_within_the_recording(tmp_path: Path, keyframes: list[int]) -> None:
    path = write_pickle(tmp_path / "A" / "0.pkl", animation(), {**FACING_THE_ROBOT, "keyframes": keyframes})
    with pytest.raises(MotionError, match=r"must rise within 0\.\.299"):
        read_animation(path)


def test_a_recording_without_json_says_so(tmp_path: Path) -> None:
    read = read_animation(write_pickle(tmp_path / "A" / "0.pkl", animation(), None))
    assert not read.placed
    assert any("no _info.json" in note for note in read.notes)


@pytest.mark.parametrize(
    ("group", "family"),
    [("RobotHumanHandover", "robot_human_handover"), ("CMU", "cmu"), ("my clips", "my_clips"), ("", "recorded")],
)
def test_families_are_named_after_folders(group: str, family: str) -> None:
    assert family_of(group) == family
