"""Looking at clips: pictures that show the person, and a command that finds the clip that is meant."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from hrg_pipeline import cli
from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_INDEX, make_skeleton
from hrg_pipeline.human.clip import Clip
from hrg_pipeline.human.recorded.importer import ReportRow
from hrg_pipeline.human.recorded.recording import place_joints
from hrg_pipeline.reporting.motion_report import report_frame, report_table
from hrg_pipeline.reporting.motion_show import contact_sheet, find_clip, hand_speeds, movie, sheet_times
from hrg_pipeline.reporting.person_picture import SHIRT, View, draw_person, draw_scene


@pytest.fixture
def waving() -> Clip:
    """Two seconds in which the left arm goes up and down at a known speed."""
    n = 101
    rotations = np.tile((1.0, 0.0, 0.0, 0.0), (n, 24, 1))
    angle = 0.4 * np.sin(2.0 * np.pi * np.arange(n) / 100.0)
    arm = BODY_INDEX["L_Shoulder"]
    rotations[:, arm, 0], rotations[:, arm, 1] = np.cos(0.5 * angle), np.sin(0.5 * angle)
    rotations[:, 0] = (0.0, 0.0, 0.0, 1.0)  # facing the robot
    return Clip(
        name="test/waving",
        family="test",
        root_position=np.tile((1.2, 0.0, 0.96), (n, 1)),
        rotations=rotations,
        rate_hz=50.0,
        stature_m=1.75,
        keyframes_s=(0.5, 1.48),
        target=(0.4, 0.1, 1.2),
    )


def test_hand_speeds_are_those_of_the_hands(waving: Clip) -> None:
    times, speeds = hand_speeds(waving)
    offset = make_skeleton(1.75).offset
    reach = sum(abs(offset[BODY_INDEX[f"L_{part}"], 1]) for part in ("Elbow", "Wrist", "Hand"))
    expected = np.abs(0.4 * np.pi * np.cos(np.pi * times)) * reach
    np.testing.assert_allclose(speeds[5:-5, 0], expected[5:-5], atol=0.01)
    assert speeds[:, 1].max() < 1e-12


def test_a_sheet_shows_the_keyframes(waving: Clip) -> None:
    times = sheet_times(waving)
    assert len(times) == 10
    assert {0.0, 0.5, 1.48, 2.0} <= set(times)
    assert times == sorted(times)
    many = dataclasses.replace(waving, keyframes_s=tuple(np.linspace(0.01, 1.99, 30)))
    assert len(sheet_times(many)) == 10


def test_the_person_is_in_the_picture_where_the_camera_says(waving: Clip) -> None:
    view = View(np.array([0.8, 0.0, 0.9]), (320, 360), 2.4)
    skeleton = make_skeleton(1.75)
    joints, frames = place_joints(skeleton.offset, waving.root_position[:1], waving.rotations[:1])
    empty = draw_scene(view)
    picture = empty.copy()
    draw_person(picture, view, skeleton, joints[0], [frame[0] for frame in frames])
    changed = np.argwhere((picture != empty).any(axis=2))
    spots, _ = view.project(joints[0])
    low, high = changed.min(axis=0)[::-1], changed.max(axis=0)[::-1]
    assert (spots.min(axis=0) > low - 1).all()
    assert (spots.max(axis=0) < high + 1).all()
    chest = spots[BODY_INDEX["Chest"]].round().astype(int)
    colour = picture[chest[1] - 6 : chest[1] + 6, chest[0] - 6 : chest[0] + 6].mean(axis=(0, 1))
    assert np.abs(colour - SHIRT).max() < 40.0, "a shirt where the chest is"


def test_what_is_nearer_hides_what_is_farther() -> None:
    """The arm on the camera's side is drawn over the trunk."""
    view = View(np.array([0.0, 0.0, 0.9]), (320, 360), 2.4, azimuth=-0.5 * np.pi, elevation=0.0)
    left, right = view.project(np.array([[0.0, 0.3, 0.9], [0.0, -0.3, 0.9]]))[1]
    assert right > left, "a camera at negative y is nearer to the right hand of a person who looks along x"
    above, below = view.project(np.array([[0.0, 0.0, 1.5], [0.0, 0.0, 0.2]]))[0]
    assert above[1] < 180 < below[1]


def test_sheet_and_movies_are_written(waving: Clip, tmp_path: Path) -> None:
    contact_sheet(waving, tmp_path / "deep" / "sheet.png")
    with Image.open(tmp_path / "deep" / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    assert pixels.shape == (980, 1600, 3)
    cells = [pixels[:360, k * 320 : (k + 1) * 320] for k in range(5)]
    assert all((cells[k] != cells[k + 1]).any() for k in range(4)), "each cell shows another pose"
    movie(waving, tmp_path / "clip.mp4")
    video = cv2.VideoCapture(str(tmp_path / "clip.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 51
    video.release()
    movie(waving, tmp_path / "clip.gif")
    with Image.open(tmp_path / "clip.gif") as gif:
        assert gif.n_frames > 20


def test_the_command_writes_both_and_says_where(waving: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    waving.save(tmp_path / "a.npz")
    result = CliRunner().invoke(cli.cli, ["motion", "show", "a.npz", "--out", "pictures"])
    assert result.exit_code == 0, result.output
    assert result.output.split() == ["pictures/test_waving.png", "pictures/test_waving.mp4"]
    assert all((tmp_path / file).stat().st_size > 5_000 for file in result.output.split())
    result = CliRunner().invoke(cli.cli, ["motion", "show", ".:0", "--gif"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "data/08_reporting/motion/test_waving.gif").is_file()


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("missing.npz", "No such file"),
        ("broken.npz", "not a stored clip"),
        ("folder:1", "holds 1 clips; '1' is none of 0..0"),
        ("folder:x", "expected the number of a clip"),
        ("nobody:1", "nobody"),
    ],
)
def test_a_clip_that_is_none_is_one_clear_line(
    waving: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, part: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    waving.save(tmp_path / "folder" / "a.npz")
    (tmp_path / "broken.npz").write_bytes(b"PK")
    with pytest.raises(MotionError, match=part):
        find_clip(name, 0, 1.75)
    result = CliRunner().invoke(cli.cli, ["motion", "show", name])
    assert (result.exit_code, result.output.count("\n")) == (1, 1)


def test_the_report_tells_repairs_of_one_moment_as_one() -> None:
    repairs = "T-pose start (all, frames 0-4); Euler wrap (R_Hip, frames 90-110); jump (L_Ankle, frames 95-112)"
    rows = [
        ReportRow(
            "a.pkl", "a/0", "changed", 500, 5.0, 6.5, 80.0, 1.7, 4000.0, 30.0, 1.5, 2.0, 0.8, 0.1, repairs, "loud"
        ),
        ReportRow("b.pkl", "", "failed", reason="is broken"),
    ]
    table = report_table(rows)
    assert "2 files: 1 changed, 1 failed." in table
    assert "T-pose start 0-4; Euler wrap and jump 90-112 (R_Hip, L_Ankle)" in table
    assert "5.0 → 6.5" in table and "80.00 → 1.70" in table and "2.0 s, ≤ 1.50×" in table
    assert "is broken" in table and "- a.pkl: loud" in table
    frame = report_frame(rows)
    assert frame.loc[0, "repairs"] == repairs
    assert np.isnan(frame.loc[1, "speed_after"])
