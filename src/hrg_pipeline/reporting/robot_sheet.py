"""A robot on one page: its numbers, and a picture with the capsules that the shield sees."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hrg_pipeline.engine.scene import HUMAN_PREFIX, Scene, build_scene
from hrg_pipeline.physics.render import Camera, CapsuleSet, OffscreenRenderer
from hrg_pipeline.robots.capsules import capsule_volume

CAPSULE_COLOUR = (0.10, 0.45, 0.95, 0.30)

_STATURE_M = 1.75
_COLLISION_GROUP = 0
_CAMERA = Camera((0.17, 0.0, 1.27), 1.45, 125.0, -12.0)
_COLOURS = 128


def robot_text(name: str, gripper: str | None = None) -> str:
    """Return a robot's limits and how tight its capsules are, as text.

    Raises:
        ConfigError: if the robot or the gripper is not known.
    """
    scene = build_scene(name, _STATURE_M, gripper=gripper)
    robot = scene.robot
    lines = [f"{robot.title} ({robot.name}), {robot.dof} joints, {robot.gripper}", ""]
    columns = ("home", "q_min", "q_max", "v_max", "a_max", "j_max", "a_plan", "j_plan", "torque")
    lines.append("joint" + "".join(f"{column:>9}" for column in columns))
    values = zip(
        *(robot.home_qpos, robot.q_min, robot.q_max, robot.v_max, robot.a_max, robot.j_max),
        *(robot.a_max_trajectory, robot.j_max_trajectory, robot.torque_max),
        strict=True,
    )
    lines += [f"{k + 1:5d}" + "".join(f"{value:9.4g}" for value in row) for k, row in enumerate(values)]
    lines += ["", f"{'body':<28}{'capsules':>9}{'radius [m]':>18}{'volume over hull':>18}"]
    for body, ratio in capsule_ratios(scene).items():
        radii = [f"{r:.3f}" for r, b in zip(scene.capsules.radius, scene.capsules.body, strict=True) if b == body]
        lines.append(f"{body:<28}{len(radii):>9}{', '.join(radii):>18}{ratio:>18.2f}")
    return "\n".join(lines) + "\n"


def capsule_ratios(scene: Scene) -> dict[str, float]:
    """Return, for each body, the volume of its capsules over that of the convex hull of what they enclose."""
    capsules, ratios = scene.capsules, dict[str, float]()
    for k, body in enumerate(capsules.body):
        volume = capsule_volume(capsules.start[k], capsules.end[k], float(capsules.radius[k]))
        ratios[body] = ratios.get(body, 0.0) + volume / float(capsules.hull_volume[k])
    return ratios


def draw_robot(path: Path, name: str, gripper: str | None = None, width: int = 440, height: int = 480) -> None:
    """Write a picture of a robot at home, gripper half open, with its capsules.

    Args:
        path: PNG file; its folder is made.
        name: one of ``robots.records.ROBOTS``.
        gripper: one of ``robots.grippers.GRIPPERS``; None means the robot's own.
        width: of the picture [pixel].
        height: of the picture [pixel].

    Raises:
        ConfigError: if the robot or the gripper is not known.
        RenderError: if nothing can be drawn here.
    """
    scene = build_scene(name, _STATURE_M, gripper=gripper)
    model = scene.render_model
    data = mujoco.MjData(model)
    arm = [scene.model.joint(joint).name for joint in scene.arm_joints]
    for joint, angle in zip(arm, scene.robot.home_qpos, strict=True):
        data.joint(joint).qpos[0] = angle
    fingers = scene.gripper_joints
    half = 0.5 * (fingers.qpos_closed + fingers.qpos_opened)
    lean_joint = {int(address): joint for joint, address in enumerate(scene.model.jnt_qposadr)}
    for address, position in zip(fingers.qpos, half, strict=True):
        data.joint(scene.model.joint(lean_joint[int(address)]).name).qpos[0] = position
    for body in range(model.nbody):
        if model.body(body).name.startswith(HUMAN_PREFIX):
            data.mocap_pos[model.body_mocapid[body]] = (50.0, 0.0, 0.0)
    mujoco.mj_forward(model, data)
    capsules = CapsuleSet(_placed_capsules(scene, model, data), CAPSULE_COLOUR)
    with OffscreenRenderer(model, width, height, hidden_groups=(_COLLISION_GROUP,)) as renderer:
        image = Image.fromarray(renderer.frame(data, _CAMERA, (capsules,)))
    path.parent.mkdir(parents=True, exist_ok=True)
    # A palette keeps the file small; the picture has few colours.
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def _placed_capsules(scene: Scene, model: mujoco.MjModel, data: mujoco.MjData) -> NDArray[np.float64]:
    """Both ends and radius of each capsule in the world (m, 7) [m]."""
    rows = []
    capsules = scene.capsules
    for joint, start, end, radius in zip(capsules.joint, capsules.start, capsules.end, capsules.radius, strict=True):
        body = data.body(scene.model.body(scene.model.jnt_bodyid[scene.arm_joints[joint]]).name)
        turn = body.xmat.reshape(3, 3)
        rows.append(np.concatenate([body.xpos + turn @ start, body.xpos + turn @ end, [radius]]))
    return np.array(rows)
