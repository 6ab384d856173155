"""Offscreen pictures of a MuJoCo scene, with translucent capsules drawn over it."""

from __future__ import annotations

import functools
import importlib
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import mujoco
import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import HrgError

_PROBE_TIMEOUT_S = 60.0
_SYSTEM_BACKENDS = {"Linux": ("egl", "osmesa"), "Darwin": ("cgl",), "Windows": ("glfw",)}
_ALIASES = {"glx": "glfw", "wgl": "glfw"}
_ANY_BACKEND = ("", "enable", "enabled", "on", "true", "1")
_SWITCHED_OFF = ("disable", "disabled", "off", "false", "0")


class RenderError(HrgError):
    """A picture or video that cannot be made on this machine."""


class Camera(NamedTuple):
    """A free camera: the point looked at [m], its distance [m], and the viewing direction [deg]."""

    lookat: tuple[float, float, float] = (0.5, 0.0, 1.05)
    distance: float = 3.1
    azimuth: float = 118.0
    elevation: float = -16.0


class CapsuleSet(NamedTuple):
    """Capsules of one colour."""

    capsules: NDArray[np.float64]
    """Both ends and the radius in the world frame [m] (m, 7)."""
    rgba: tuple[float, float, float, float]
    """Colour and opacity, each in [0, 1]."""


class _Probe(NamedTuple):
    backend: str | None
    reason: str


def offscreen_available() -> tuple[bool, str]:
    """Tell whether pictures can be drawn here, and how or why not.

    ``MUJOCO_GL`` is tried first where it is set, and ``MUJOCO_GL=disable`` switches drawing off; then EGL and
    OSMesa. Each is tried in a process of its own, once, because a broken driver may end or hang the process.

    Returns:
        Whether drawing works, and the name of the backend or the reason.
    """
    probe = _find_backend(os.environ.get("MUJOCO_GL", "").lower().strip())
    return probe.backend is not None, probe.reason


@functools.cache
def _find_backend(wish: str) -> _Probe:
    if wish in _SWITCHED_OFF:
        return _Probe(None, f"MUJOCO_GL={wish}")
    candidates = list(_SYSTEM_BACKENDS.get(platform.system(), ()))
    if wish not in _ANY_BACKEND:
        first = _ALIASES.get(wish, wish)
        candidates = [first, *(name for name in candidates if name != first)]
    reasons = []
    for name in candidates:
        reason = _try_backend(name)
        if not reason:
            return _Probe(name, name)
        reasons.append(f"{name}: {reason}")
    return _Probe(None, "; ".join(reasons) or f"no OpenGL backend known for {platform.system()}")


@functools.cache
def _try_backend(name: str) -> str:
    """Draw with a backend in a child process; return why it failed, or nothing."""
    code = f"from hrg_pipeline.physics import render; render.draw_trial({name!r})"
    try:
        child = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "MUJOCO_GL": "disable"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_PROBE_TIMEOUT_S:.0f} s"
    except OSError as error:
        return str(error)
    if child.returncode == 0:
        return ""
    lines = [line for line in child.stderr.splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"ended with code {child.returncode}"


def draw_trial(backend: str) -> None:
    """Draw a ball and check that it is seen.

    Raises:
        RenderError: if the picture cannot be made or is blank.
    """
    model = mujoco.MjModel.from_xml_string(
        "<mujoco><worldbody><light pos='0 0 3'/><geom size='.3'/></worldbody></mujoco>"
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with OffscreenRenderer(model, 64, 64, backend=backend) as renderer:
        image = renderer.frame(data, Camera((0.0, 0.0, 0.0), 1.5))
    if int(image.max()) == int(image.min()):
        raise RenderError("the picture is blank")


class OffscreenRenderer:
    """Draws pictures of one model; the OpenGL context is made by the first picture and belongs to its thread.

    MuJoCo's own ``Renderer`` takes the OpenGL backend that ``MUJOCO_GL`` named when mujoco was imported,
    which is long ago by the time a picture is wanted; this one takes the backend that was found to work.

    Args:
        model: with the geoms, lights and materials to be seen.
        width: of the picture [pixel].
        height: of the picture [pixel].
        shadows: draw shadows; they double the time of a frame where the processor draws.
        hidden_groups: geom groups that are left out.
        max_overlay: most capsules that can be drawn over one picture.
        backend: name of the OpenGL backend; default the one that `offscreen_available` found.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        width: int = 768,
        height: int = 480,
        *,
        shadows: bool = True,
        hidden_groups: Sequence[int] = (),
        max_overlay: int = 500,
        backend: str | None = None,
    ) -> None:
        if width < 1 or height < 1:
            raise RenderError(f"expected a picture of at least 1 x 1 pixel, got {width} x {height}")
        self.model = model
        self.width = width
        self.height = height
        self._backend = backend
        self._scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 100 + max_overlay)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = shadows
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        self._option = mujoco.MjvOption()
        self._option.sitegroup[:] = 0
        for group in hidden_groups:
            self._option.geomgroup[group] = 0
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._gl: Any = None
        self._context: mujoco.MjrContext | None = None

    def frame(
        self,
        data: mujoco.MjData,
        camera: Camera | str = Camera(),  # noqa: B008 - a constant record
        capsules: Sequence[CapsuleSet] = (),
    ) -> NDArray[np.uint8]:
        """Draw one picture.

        Args:
            data: of the model, with its kinematics computed.
            camera: a free camera, or the name of one in the model.
            capsules: drawn over the scene; without length they are balls, without radius left out.

        Returns:
            Colours (height, width, 3), top row first.

        Raises:
            RenderError: if there is no way to draw here, or no such camera.
        """
        if self._context is None:
            self._open()
        self._gl.make_current()
        everything = mujoco.mjtCatBit.mjCAT_ALL.value
        view = self._view(camera)
        mujoco.mjv_updateScene(self.model, data, self._option, None, view, everything, self._scene)
        for one in capsules:
            _add_capsules(self._scene, np.atleast_2d(np.asarray(one.capsules, dtype=np.float64)), one.rgba)
        mujoco.mjr_render(self._rect, self._scene, self._context)
        image = np.empty((self.height, self.width, 3), dtype=np.uint8)
        mujoco.mjr_readPixels(image, None, self._rect, self._context)
        return np.ascontiguousarray(image[::-1])

    def close(self) -> None:
        """Free the OpenGL context; the next picture makes a new one."""
        if self._context is not None:
            self._gl.make_current()
            self._context.free()
        if self._gl is not None:
            self._gl.free()
        self._gl = self._context = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> None:
        """Make the OpenGL context and load the model's meshes into it."""
        name = self._backend
        if name is None:
            probe = _find_backend(os.environ.get("MUJOCO_GL", "").lower().strip())
            if probe.backend is None:
                raise RenderError(f"offscreen rendering is not available: {probe.reason}")
            name = probe.backend
        try:
            self._gl = importlib.import_module(f"mujoco.{name}").GLContext(self.width, self.height)
            self._gl.make_current()
            self._context = self._make_context()
        # PyOpenGL answers a missing or broken driver with whatever it stumbles over.
        except Exception as error:
            raise RenderError(f"OpenGL backend {name} does not work here: {error}") from error

    def _make_context(self) -> mujoco.MjrContext:
        """Make MuJoCo's context with a framebuffer of our size, which it reads from the model."""
        size = self.model.vis.global_
        before = size.offwidth, size.offheight
        size.offwidth, size.offheight = self.width, self.height
        try:
            context = mujoco.MjrContext(self.model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        finally:
            size.offwidth, size.offheight = before
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, context)
        return context

    def _view(self, camera: Camera | str) -> mujoco.MjvCamera:
        view = mujoco.MjvCamera()
        if isinstance(camera, str):
            view.fixedcamid = mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_CAMERA.value, camera)
            if view.fixedcamid < 0:
                names = [self.model.camera(k).name for k in range(self.model.ncam)]
                raise RenderError(f"unknown camera '{camera}'; choose one of {names}")
            view.type = mujoco.mjtCamera.mjCAMERA_FIXED
            return view
        view.type = mujoco.mjtCamera.mjCAMERA_FREE
        view.lookat[:] = camera.lookat
        view.distance, view.azimuth, view.elevation = camera.distance, camera.azimuth, camera.elevation
        return view


def _add_capsules(
    scene: mujoco.MjvScene, capsules: NDArray[np.float64], rgba: tuple[float, float, float, float]
) -> None:
    """Append capsules (m, 7) to the geoms of a scene.

    Raises:
        RenderError: if they are not (m, 7) or more than there is room for.
    """
    if capsules.size == 0:
        return
    if capsules.ndim != 2 or capsules.shape[1] != 7:
        raise RenderError(f"expected capsules of shape (m, 7), got {capsules.shape}")
    if scene.ngeom + len(capsules) > scene.maxgeom:
        raise RenderError(f"{len(capsules)} capsules asked, room for {scene.maxgeom - scene.ngeom}")
    ball, stick = mujoco.mjtGeom.mjGEOM_SPHERE.value, mujoco.mjtGeom.mjGEOM_CAPSULE.value
    upright = np.eye(3).ravel()
    colour = np.asarray(rgba, dtype=np.float32)
    for row in capsules:
        start, end, radius = row[:3], row[3:6], row[6]
        if not (np.isfinite(row).all() and radius > 0.0):
            continue
        has_length = np.linalg.norm(end - start) > 1e-9
        geom = scene.geoms[scene.ngeom]
        mujoco.mjv_initGeom(geom, stick if has_length else ball, np.full(3, radius), start, upright, colour)
        if has_length:
            mujoco.mjv_connector(geom, stick, radius, start, end)
        geom.category = mujoco.mjtCatBit.mjCAT_DECOR.value
        geom.transparent = rgba[3] < 1.0
        scene.ngeom += 1
