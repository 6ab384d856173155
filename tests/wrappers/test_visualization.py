"""What is shown step by step, where there is no display: picture files."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hrg_pipeline.envs import EnvSpec
from hrg_pipeline.envs.spec import prove
from hrg_pipeline.physics.render import offscreen_available
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams
from hrg_pipeline.wrappers.attach import attach_wrappers
from hrg_pipeline.wrappers.params import WrapperParams

SPEC = EnvSpec.create(RobotParams(), ReachHumanParams.model_validate({"human": {"motion": {"n_clips": 2}}}))


@pytest.mark.skipif(not offscreen_available()[0], reason="pictures cannot be drawn here")
def test_every_step_becomes_a_picture_and_every_episode_a_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    section = {"visualization": {"enabled": True, "folder": str(tmp_path / "frames")}}
    spec = attach_wrappers(SPEC, WrapperParams.model_validate(section), ["goal_difference"])
    assert [w.name for w in spec.wrappers] == ["time_limit", "select_observations", "visualization"]
    prove(spec)
    assert not (tmp_path / "frames").exists()

    env = spec.make_vector(2)
    env.reset(seed=0)
    for _ in range(2):
        env.step(np.ones((2, 8), np.float32))
    env.reset(options={"reset_mask": np.array([False, True])})
    env.reset(options={"reset_mask": np.array([True, False])})
    env.close()
    folders = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert folders == ["episode-0001", "episode-0002"]
    frames = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "frames" / "episode-0001").iterdir())]
    assert [frame.shape for frame in frames] == [(480, 640, 3)] * 3
    assert all(frame.std() > 10.0 for frame in frames)
    assert (frames[0] != frames[2]).any()
