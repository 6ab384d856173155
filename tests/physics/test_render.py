from __future__ import annotations

import mujoco
import numpy as np
import pytest

from hrg_pipeline.physics import render
from hrg_pipeline.physics.render import Camera, CapsuleSet, OffscreenRenderer, RenderError

AVAILABLE, REASON = render.offscreen_available()
needs_drawing = pytest.mark.skipif(not AVAILABLE, reason=f"no offscreen rendering here: {REASON}")
CAMERA = Camera((0.0, 0.0, 0.3), 2.5, 90.0, -20.0)
GREEN = (0.0, 1.0, 0.0, 0.3)


@pytest.fixture
def scene():
    model = mujoco.MjModel.from_xml_string(
        """<mujoco><worldbody><light pos='0 0 3'/><geom type='plane' size='2 2 .1'/>
        <geom name='ball' pos='0 0 .3' size='.2' rgba='1 0 0 1' group='0'/>
        <geom name='other' pos='.6 0 .3' size='.2' rgba='0 0 1 1' group='3'/>
        <camera name='top' pos='0 0 3'/></worldbody></mujoco>"""
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


@needs_drawing
def test_capsules_are_drawn_over_the_scene_and_let_it_show_through(scene):
    model, data = scene
    ball = CapsuleSet(np.array([[0.0, 0.0, 0.3, 0.0, 0.0, 0.3, 0.5]]), GREEN)
    stick = CapsuleSet(np.array([[-0.5, 0.0, 0.8, 0.5, 0.0, 0.8, 0.1]]), GREEN)
    with OffscreenRenderer(model, 160, 120) as renderer:
        plain = renderer.frame(data, CAMERA).astype(int)
        covered = renderer.frame(data, CAMERA, [ball]).astype(int)
        crossed = renderer.frame(data, CAMERA, [stick]).astype(int)
        again = renderer.frame(data, CAMERA).astype(int)
    assert plain.shape == (120, 160, 3)
    middle = (60, 80)
    assert plain[middle][0] > 100 > plain[middle][1]
    assert covered[middle][1] > plain[middle][1] + 10
    assert covered[middle][0] > 50
    changed = np.argwhere(np.abs(crossed - plain).max(axis=2) > 10)
    assert np.ptp(changed[:, 1]) > 2 * np.ptp(changed[:, 0])
    assert changed[:, 0].max() < 60
    np.testing.assert_array_equal(again, plain)


@needs_drawing
def test_capsules_without_radius_or_place_are_left_out(scene):
    model, data = scene
    rows = np.array([[0.0, 0.0, 0.3, 0.0, 0.0, 0.6, 0.0], [np.nan, 0.0, 0.3, 0.0, 0.0, 0.6, 0.2]])
    with OffscreenRenderer(model, 64, 48) as renderer:
        plain = renderer.frame(data, CAMERA)
        for capsules in (rows, np.empty((0, 7))):
            same = renderer.frame(data, CAMERA, [CapsuleSet(capsules, GREEN)])
            np.testing.assert_array_equal(same, plain)


@needs_drawing
def test_hidden_groups_are_not_drawn(scene):
    model, data = scene
    with (
        OffscreenRenderer(model, 64, 48) as renderer,
        OffscreenRenderer(model, 64, 48, hidden_groups=(0,)) as hiding,
    ):
        assert (renderer.frame(data, CAMERA) != hiding.frame(data, CAMERA)).any()


@needs_drawing
def test_a_picture_may_be_larger_than_the_framebuffer_that_the_model_asks_for(scene):
    model, data = scene
    with OffscreenRenderer(model, 1000, 700) as renderer:
        assert renderer.frame(data, "top").shape == (700, 1000, 3)
    assert (model.vis.global_.offwidth, model.vis.global_.offheight) == (640, 480)


@needs_drawing
def test_a_closed_renderer_starts_again(scene):
    model, data = scene
    renderer = OffscreenRenderer(model, 64, 48)
    first = renderer.frame(data, CAMERA)
    renderer.close()
    renderer.close()
    np.testing.assert_array_equal(renderer.frame(data, CAMERA), first)
    renderer.close()


@needs_drawing
def test_an_unknown_camera_is_named_with_those_there_are(scene):
    model, data = scene
    with OffscreenRenderer(model, 64, 48) as renderer, pytest.raises(RenderError, match=r"'side'.*\['top'\]"):
        renderer.frame(data, "side")


@needs_drawing
def test_capsules_of_another_shape_or_too_many_are_refused(scene):
    model, data = scene
    with OffscreenRenderer(model, 64, 48, max_overlay=4) as renderer:
        with pytest.raises(RenderError, match=r"\(m, 7\)"):
            renderer.frame(data, CAMERA, [CapsuleSet(np.zeros((2, 6)), GREEN)])
        with pytest.raises(RenderError, match="room for"):
            renderer.frame(data, CAMERA, [CapsuleSet(np.ones((500, 7)), GREEN)])


@pytest.mark.parametrize("word", ["disable", "off", "0"])
def test_drawing_can_be_switched_off(scene, word, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", word)
    assert render.offscreen_available() == (False, f"MUJOCO_GL={word}")
    with pytest.raises(RenderError, match="not available"):
        OffscreenRenderer(scene[0], 64, 48).frame(scene[1])


def test_a_backend_that_does_not_work_is_reported_and_ends_nothing(scene, monkeypatch):
    monkeypatch.setattr(render, "_SYSTEM_BACKENDS", {})
    monkeypatch.setenv("MUJOCO_GL", "no_such_backend")
    available, reason = render.offscreen_available()
    assert not available
    assert "no_such_backend" in reason
    with pytest.raises(RenderError, match="no_such_backend"):
        OffscreenRenderer(scene[0], 64, 48, backend="no_such_backend").frame(scene[1])


def test_a_backend_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(render, "_PROBE_TIMEOUT_S", 0.01)
    assert "no answer" in render._try_backend("hanging")
