"""Show what happens while it happens: in a window, or as pictures in a folder."""

from __future__ import annotations

import os
import sys
from itertools import count
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from PIL import Image

from hrg_pipeline.envs.picture import COLLISION_GROUP, ScenePicture, SceneView
from hrg_pipeline.physics.render import Camera, RenderError


class Visualization(VectorWrapper[Any, Any, Any]):
    """Show the first environment after every reset and step.

    Where there is a display, in MuJoCo's window; closing that ends the showing, not the run. Else every picture becomes
    a file ``episode-0001/0000.png`` below ``folder``, each episode in the next free folder.

    Args:
        env: vector of environments.
        folder: where pictures go, if there is no display.

    Raises:
        RenderError: if there is neither a display nor a way to draw without one.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], folder: str | Path) -> None:
        super().__init__(env)
        self._screen: _Window | _Folder | None = None
        self._folder = Path(folder)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start new episodes, and show how the first environment begins."""
        result = self.env.reset(seed=seed, options=options)
        if bool(np.asarray((options or {}).get("reset_mask", [True]))[0]):
            self._open().begin()
        return result

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step, and show the first environment."""
        result = self.env.step(actions)
        self._open().show()
        return result

    def close_extras(self, **kwargs: Any) -> None:
        """Close the window."""
        if self._screen is not None:
            self._screen.close()

    def _open(self) -> _Window | _Folder:
        if self._screen is None:
            inner: Any = self.env.unwrapped
            self._screen = _Window(inner.view) if has_display() else _Folder(inner, self._folder)
        return self._screen


def has_display() -> bool:
    """Tell whether a window can be opened."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


class _Window:
    """MuJoCo's own window, which a thread of its own draws."""

    def __init__(self, view: SceneView) -> None:
        from mujoco import viewer

        self._view, self._data = view, mujoco.MjData(view.render_model)
        self._update()
        try:
            self._handle = viewer.launch_passive(view.render_model, self._data, show_left_ui=False, show_right_ui=False)
        except Exception as error:
            raise RenderError(f"no window can be opened: {error}; unset DISPLAY to get pictures in a folder") from error
        with self._handle.lock():
            start, camera, option = Camera(), self._handle.cam, self._handle.opt
            camera.lookat[:] = start.lookat
            camera.distance, camera.azimuth, camera.elevation = start.distance, start.azimuth, start.elevation
            option.sitegroup[:] = 0
            option.geomgroup[COLLISION_GROUP] = 0

    def begin(self) -> None:
        """Show the start of an episode."""
        self.show()

    def show(self) -> None:
        """Show where everything is now."""
        if self._handle.is_running():
            with self._handle.lock():
                self._update()
            self._handle.sync()

    def close(self) -> None:
        """Close the window."""
        self._handle.close()

    def _update(self) -> None:
        self._view.copy_render_state(0, self._data)
        mujoco.mj_kinematics(self._view.render_model, self._data)
        mujoco.mj_camlight(self._view.render_model, self._data)


class _Folder:
    """Picture files, a folder for each episode."""

    def __init__(self, env: Any, folder: Path) -> None:
        self._picture, self._root = ScenePicture(env), folder
        self._episode = folder
        self._frame = 0

    def begin(self) -> None:
        """Take the next free folder, and show the start of an episode."""
        self._root.mkdir(parents=True, exist_ok=True)
        for k in count(1):
            self._episode = self._root / f"episode-{k:04d}"
            try:
                self._episode.mkdir()
            except FileExistsError:
                continue
            break
        self._frame = 0
        self.show()

    def show(self) -> None:
        """Write a picture of where everything is now."""
        Image.fromarray(self._picture.frame(0)).save(self._episode / f"{self._frame:04d}.png")
        self._frame += 1

    def close(self) -> None:
        """Free the renderer."""
        self._picture.close()
