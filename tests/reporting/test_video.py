from __future__ import annotations

import cv2
import mujoco
import numpy as np
import pytest

from hrg_pipeline.physics.render import Camera, RenderError, offscreen_available
from hrg_pipeline.reporting.video import draw_overlay, record_episode, write_mp4

AVAILABLE, REASON = offscreen_available()
needs_drawing = pytest.mark.skipif(not AVAILABLE, reason=f"no offscreen rendering here: {REASON}")


def _read(path):
    """Decode a file with OpenCV: its properties and its frames."""
    video = cv2.VideoCapture(str(path))
    code = int(video.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode()
    pixels = int(video.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)).to_bytes(4, "little").decode()
    meta = {"codec": code, "pixels": pixels, "fps": video.get(cv2.CAP_PROP_FPS)}
    frames = []
    while True:
        ok, frame = video.read()
        if not ok:
            break
        frames.append(frame[..., ::-1])
    video.release()
    return meta, frames


class SlidingBall:
    """A vector env of one ball that moves with its action and succeeds at x = 0.3."""

    def __init__(self):
        self.render_model = mujoco.MjModel.from_xml_string(
            """<mujoco><worldbody><light pos='0 0 3'/><geom type='plane' size='2 2 .1' group='1'/>
            <body pos='0 0 .3'><joint type='slide' axis='1 0 0'/>
            <geom size='.2' rgba='1 0 0 1' group='1'/></body></worldbody></mujoco>"""
        )
        self.unwrapped = self
        self.view = self
        self.num_envs = 1
        self.seeds = []
        self.x = 0.0

    def reset(self, *, seed):
        self.seeds.append(seed)
        self.x = 0.0
        return np.array([[self.x]], dtype=np.float32), {}

    def step(self, actions):
        self.x += 0.1 * float(actions[0, 0])
        done = np.array([self.x > 0.29])
        infos = {"is_success": done}
        return np.array([[self.x]], dtype=np.float32), np.array([-1.0]), done, np.array([False]), infos

    def copy_render_state(self, i, data):
        data.qpos[0] = self.x

    def robot_capsules(self, i):
        return np.array([[self.x, 0.0, 0.3, self.x, 0.0, 0.6, 0.3]])

    def human_capsules(self, i):
        return np.array([[0.8, 0.0, 0.0, 0.8, 0.0, 1.0, 0.2]])

    def overlay(self, i):
        return {"shield": "safe", "s'": "1.00"}


def _go(observations):
    return np.ones((len(observations), 1), dtype=np.float32)


def test_video_has_the_frames_it_was_given(tmp_path):
    path = tmp_path / "new" / "a.mp4"
    levels = [20, 80, 140, 200]
    frames = (np.full((48, 64, 3), level, dtype=np.uint8) for level in levels)
    assert write_mp4(frames, path, fps=10) == 4
    meta, read = _read(path)
    assert meta == {"codec": "h264", "pixels": "I420", "fps": 10.0}
    assert [round(frame.mean()) for frame in read] == pytest.approx(levels, abs=6)
    assert read[0].shape == (48, 64, 3)
    assert [file.name for file in path.parent.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("shapes", "message"),
    [([], "no frames"), ([(47, 64, 3)], "even"), ([(48, 64, 3), (48, 62, 3)], "frame 1")],
)
def test_a_video_that_cannot_be_leaves_no_file(shapes, message, tmp_path):
    frames = [np.zeros(shape, dtype=np.uint8) for shape in shapes]
    with pytest.raises(RenderError, match=message):
        write_mp4(frames, tmp_path / "a.mp4", fps=10)
    assert list(tmp_path.iterdir()) == []


def test_a_frame_that_fails_leaves_the_earlier_video(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"earlier")

    def frames():
        yield np.zeros((48, 64, 3), dtype=np.uint8)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_mp4(frames(), path, fps=10)
    assert path.read_bytes() == b"earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_texts_are_written_into_the_bar_and_nowhere_else():
    image = np.full((120, 300, 3), 200, dtype=np.uint8)
    empty, written = draw_overlay(image, {}), draw_overlay(image, {"shield": "stopping"})
    assert (written != empty).any()
    np.testing.assert_array_equal(written[40:], image[40:])
    assert empty[:20].max() < 100
    assert (image == 200).all()


@needs_drawing
def test_an_episode_becomes_a_video_of_all_its_steps(tmp_path):
    env = SlidingBall()
    camera = Camera((0.3, 0.0, 0.3), 2.5, 90.0, -15.0)
    record = record_episode(env, _go, tmp_path / "a.mp4", seed=5, width=160, height=120, camera=camera, fps=10)
    assert (record.note, record.success, record.episode_return) == ("", True, -3.0)
    assert env.seeds == [[5]]
    _, frames = _read(record.path)
    assert len(frames) == record.n_frames == 1 + 3 + 6
    assert frames[0].shape == (120, 160, 3)
    first, moved, held, last = (frames[k].astype(int) for k in (0, 3, 4, -1))
    assert np.abs(moved - first).max() > 60
    assert np.abs(held - last).max() < 60
    # The human's set is drawn in red over the grey floor, right of the ball.
    floor = first[60:78, 98:110].mean(axis=(0, 1))
    assert floor[0] > floor[2] + 5


@needs_drawing
def test_an_endless_episode_is_cut(tmp_path):
    def stay(observations):
        return np.zeros((len(observations), 1), dtype=np.float32)

    record = record_episode(SlidingBall(), stay, tmp_path / "a.mp4", seed=0, width=64, height=48, max_steps=2, fps=10)
    assert record.n_frames == 1 + 2 + 6
    assert not record.success


def test_where_nothing_can_be_drawn_there_is_a_note_and_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "disable")
    env = SlidingBall()
    record = record_episode(env, _go, tmp_path / "a.mp4", seed=0)
    assert record.path is None
    assert "MUJOCO_GL=disable" in record.note
    assert list(tmp_path.iterdir()) == []
    assert env.seeds == []
