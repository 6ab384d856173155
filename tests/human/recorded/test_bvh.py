"""BVH files: any unit, axes and order of angles give the same motion; damage gives one clear line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_INDEX, make_skeleton
from hrg_pipeline.human.recorded.bvh import read_bvh
from hrg_pipeline.human.recorded.bvh_file import parse_bvh
from hrg_pipeline.human.recorded.mapping import map_to_body
from hrg_pipeline.human.recorded.recording import place_joints
from hrg_pipeline.human.recorded.repair import repair
from tests.human.recorded.files import SKELETON, bvh_text, waves

N = 60
NAMES = ("Hips", "LowerBack", "Spine", "Neck", "Head", "LeftArm", "LeftForeArm", "RightArm", "LeftUpLeg", "RightLeg")


def motion(seed: int = 0, size: float = 0.5) -> tuple[np.ndarray, dict[str, Rotation]]:
    root = np.array([0.0, 0.93, 0.0]) + np.column_stack([waves(N, 120, seed + k, 0.1) for k in range(3)])
    turns = {
        name: Rotation.from_rotvec(np.column_stack([waves(N, 120, seed + 7 * i + k, size) for k in range(3)]))
        for i, name in enumerate(NAMES)
    }
    return root, turns


def written(tmp_path: Path, text: str, name: str = "walk.bvh") -> Path:
    path = tmp_path / "CMU" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def expected_joints(root: np.ndarray, turns: dict[str, Rotation]) -> dict[str, np.ndarray]:
    """Joint positions, x left, y up, z forward, worked out joint by joint."""
    place: dict[str, np.ndarray] = {}
    frame: dict[str, Rotation] = {}
    for name, parent, offset in SKELETON:
        turn = turns.get(name, Rotation.identity(len(root)))
        frame[name] = frame[parent] * turn if parent else turn
        place[name] = place[parent] + frame[parent].apply(offset) if parent else root
    return place


PLAYED = {
    "Hips": "Pelvis", "Head": "Head", "LeftArm": "L_Shoulder", "LeftForeArm": "L_Elbow", "LeftHand": "L_Wrist",
    "RightHand": "R_Wrist", "RightFoot": "R_Ankle", "LeftLeg": "L_Knee", "LeftToeBase": "L_Toe",
}  # fmt: skip


def test_joints_are_where_the_file_puts_them(tmp_path: Path) -> None:
    root, turns = motion()
    read = read_bvh(written(tmp_path, bvh_text(root, turns)))
    joints, place = read.joints(), expected_joints(root, turns)
    for name, body in PLAYED.items():
        ours = joints[:, BODY_INDEX[body]]
        np.testing.assert_allclose(ours, place[name][:, [2, 0, 1]], atol=2e-6, err_msg=name)
    assert (read.has_legs, round(read.rate_hz)) == (True, 120)
    assert read.name == "cmu/walk"


Z_UP = Rotation.from_matrix([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
Y_FORWARD_LEFT_NEGATIVE = Rotation.from_euler("y", 180, degrees=True)


@pytest.mark.parametrize("unit", [1.0, 0.01, 0.001, 0.0254])
@pytest.mark.parametrize("order", ["ZXY", "XYZ", "ZYX", "YZX"])
@pytest.mark.parametrize("axes", [Rotation.identity(), Z_UP, Y_FORWARD_LEFT_NEGATIVE], ids=["y up", "z up", "turned"])
def test_units_axes_and_orders_do_not_matter(tmp_path: Path, unit: float, order: str, axes: Rotation) -> None:
    root, turns = motion(3)
    plain = read_bvh(written(tmp_path, bvh_text(root, turns)))
    other = read_bvh(written(tmp_path, bvh_text(root, turns, unit=unit, order=order, axes=axes), "other.bvh"))
    np.testing.assert_allclose(other.joints(), plain.joints(), atol=5e-6)


def test_angles_that_wrap_are_no_jump(tmp_path: Path) -> None:
    root = np.tile((0.0, 0.93, 0.0), (200, 1))
    spin = Rotation.from_euler("Y", np.linspace(0.0, 3.0 * np.pi, 200)[:, None])  # one and a half turns
    read = read_bvh(written(tmp_path, bvh_text(root, {"Hips": spin})))
    text = (tmp_path / "CMU" / "walk.bvh").read_text()
    angles = np.array([line.split() for line in text.splitlines()[-200:]], dtype=float)[:, 3:6]
    assert np.abs(np.diff(angles, axis=0)).max() > 300.0, "the file must hold a wrap"
    assert np.abs(np.diff(read.rotations[:, 0], axis=0)).max() < 0.05
    repaired, repairs = repair(read)
    assert repairs == []
    assert repaired is read


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), size=st.floats(0.0, 2.5))
def test_our_limbs_point_where_the_files_do(tmp_path: Path, seed: int, size: float) -> None:
    root, turns = motion(seed, size)
    read = read_bvh(written(tmp_path, bvh_text(root, turns)))
    skeleton = make_skeleton(1.8)
    place = expected_joints(root, turns)
    position, rotations = map_to_body(read, skeleton)
    joints = place_joints(skeleton.offset, position, rotations)[0]
    turned = joints[:, BODY_INDEX["L_Elbow"]] - joints[:, BODY_INDEX["L_Shoulder"]]
    theirs = (place["LeftForeArm"] - place["LeftArm"])[:, [2, 0, 1]]
    # Without an _info.json the person is turned to face the robot: compare heights, which a turn leaves alone.
    np.testing.assert_allclose(
        turned[:, 2] / np.linalg.norm(turned, axis=1), theirs[:, 2] / np.linalg.norm(theirs, axis=1), atol=1e-5
    )


GOOD = bvh_text(*motion())


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda text: "", "ends too early"),
        (lambda text: "nothing", "line 1: expected HIERARCHY, got 'nothing'"),
        (lambda text: text[: text.index("MOTION")], "ends too early"),
        (lambda text: text[: len(text) // 4], "truncated"),
        (lambda text: text[: -len(text) // 4], "truncated"),
        (lambda text: text.replace("Frames: 60", "Frames: 61"), "60 frames, but says Frames: 61"),
        (lambda text: text.replace("Frames: 60", "Frames: many"), "expected 'Frames: <number>'"),
        (lambda text: text.replace("Frame Time: 0.0083333", "Frame Time: 0"), "frame time is 0.0"),
        (lambda text: text.replace("Frame Time: 0.0083333", "Frame Time: nan"), "not finite"),
        (lambda text: text.replace("CHANNELS 3 Z", "CHANNELS 4 Z", 1), "are no channels"),
        (lambda text: text.replace("CHANNELS 3 Zrotation", "CHANNELS 3 Qrotation", 1), "are no channels"),
        (lambda text: text.replace("OFFSET", "OFFSET x", 1), "4 numbers, expected 3"),
        (lambda text: text.replace("JOINT LHipJoint", "JINT LHipJoint"), "line .*not understood"),
        (lambda text: text.replace("LeftForeArm", "Antenna"), "no joint for L_Elbow"),
        (lambda text: "HIERARCHY\nROOT a\n{\n" + "JOINT a\n{\n" * 5000, "nested more than 100 deep"),
        (lambda text: text.replace("End Site", "End Site\nx", 1), "expected {, got 'x'"),
    ],
)
def test_damaged_files_are_one_clear_line(tmp_path: Path, damage, part: str) -> None:
    path = written(tmp_path, damage(GOOD))
    with pytest.raises(MotionError, match=part) as caught:
        read_bvh(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, len(GOOD)), noise=st.text(max_size=8))
def test_no_damage_leads_to_another_error(tmp_path: Path, cut: int, noise: str) -> None:
    path = tmp_path / "cut.bvh"
    path.write_bytes((GOOD[:cut] + noise + GOOD[cut + 3 :]).encode())
    for reader in (parse_bvh, read_bvh):
        try:
            reader(path)
        except MotionError as error:
            assert "\n" not in str(error)


def test_vicon_segments_are_read_as_their_authors_convert_them(tmp_path: Path) -> None:
    """Root: turns ZYX by the Z, X and negative Y channels; joints: about fixed axes (reference, section 10.3)."""
    names = ("hip", "torso", "neck", "left_collar", "left_upper_arm", "left_forearm", "right_upper_arm")
    body = "".join(
        f"JOINT {name}\n{{\nOFFSET 0 100 0\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
        "End Site\n{\nOFFSET 0 0 0\n}\n}\n"
        for name in names[1:]
    )
    row = [0.0] * (6 + 3 * 6)
    row[:3] = [-400.0, 250.0, 1400.0]
    row[3:6] = [20.0, 30.0, -40.0]  # Z, Y, X
    arm = 6 + 3 * names[1:].index("left_upper_arm")
    row[arm : arm + 3] = [70.0, 25.0, -35.0]  # Z, X, Y
    text = (
        "HIERARCHY\nROOT hip\n{\nOFFSET 0 0 0\n"
        "CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation\n"
        f"{body}}}\nMOTION\nFrames: 4\nFrame Time: 0.01\n" + (" ".join(map(str, row)) + "\n") * 4
    )
    path = written(tmp_path, text)
    path.with_name("walk_info.json").write_text('{"position_offset": [0, 0.9, 0], "orientation_quat": [0, 1, 0, 0]}')
    read = read_bvh(path)
    np.testing.assert_allclose(read.root_position[0], (1.4, -0.4, 1.15), atol=1e-12)
    ours = Rotation.from_quat((0.5, 0.5, 0.5, 0.5))
    pelvis = Rotation.from_euler("ZYX", (20.0, -40.0, -30.0), degrees=True)
    half = Rotation.from_quat((0.0, 1.0, 0.0, 0.0))
    np.testing.assert_allclose(
        Rotation.from_quat(read.rotations[0, 0], scalar_first=True).as_matrix(),
        (ours * half * pelvis * ours.inv()).as_matrix(),
        atol=1e-12,
    )
    # x and z of the file point the other way; fixed axes: first about z, then x, then y.
    turn = Rotation.from_euler("y", -35.0, degrees=True) * Rotation.from_euler("x", -25.0, degrees=True)
    turn = turn * Rotation.from_euler("z", -70.0, degrees=True)
    np.testing.assert_allclose(
        Rotation.from_quat(read.rotations[0, BODY_INDEX["L_Shoulder"]], scalar_first=True).as_matrix(),
        (ours * turn * ours.inv()).as_matrix(),
        atol=1e-12,
    )
    assert (read.has_legs, read.placed) == (False, True)
