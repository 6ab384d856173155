"""What an environment shows of itself: the full scene and the shield's sets."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.engine.engine import Engine
from hrg_pipeline.engine.layout import MARKER_PREFIX
from hrg_pipeline.engine.scene import human_prefix
from hrg_pipeline.engine.sizes import HumanSize, sizes_vary
from hrg_pipeline.human.body import BODY_NAMES
from hrg_pipeline.physics.render import OffscreenRenderer
from hrg_pipeline.robots.model import ARM_PREFIX
from hrg_pipeline.shield.model import HUMAN, MODES, OFF, VERDICTS
from hrg_pipeline.shield.path import path_state
from hrg_pipeline.shield.reach import capsule_ends, forward_kinematics
from hrg_pipeline.shield.trajectory import ltt_at

Array = NDArray[np.float64]

COLLISION_GROUP = 0
"""Geoms of this group collide and are not drawn."""
_COORDINATES = {
    int(mujoco.mjtJoint.mjJNT_FREE): 7,
    int(mujoco.mjtJoint.mjJNT_BALL): 4,
    int(mujoco.mjtJoint.mjJNT_SLIDE): 1,
    int(mujoco.mjtJoint.mjJNT_HINGE): 1,
}
_MODES = {number: name for name, number in MODES.items()}


class SceneView:
    """Draws nothing itself; says where everything is, for whoever draws.

    Args:
        engine: the engine whose environments are shown.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._varies = sizes_vary(engine.human_params)
        full = engine.scene.render_model
        # The scene's own is shared by all environments that look alike.
        self._render_model = copy.copy(full) if self._varies else full
        people = range(engine.human_params.count)
        self._sizes = [HumanSize(self._render_model, person) for person in people]
        lean = engine.scene.model
        joints = [lean.joint(k) for k in range(lean.njnt)]
        self._qpos = [
            (int(full.joint(joint.name).qposadr[0]) + k, int(joint.qposadr[0]) + k)
            for joint in joints
            for k in range(_COORDINATES[int(joint.type[0])])
        ]
        markers = engine.scene.layout.markers
        self._markers = [int(full.body(MARKER_PREFIX + marker.name).mocapid[0]) for marker in markers]
        self._mocap = [[int(full.body(human_prefix(k) + name).mocapid[0]) for name in BODY_NAMES] for k in people]

    @property
    def render_model(self) -> mujoco.MjModel:
        """The scene with visual geoms, lights and materials; collision geoms are in geom group 0."""
        return self._render_model

    def copy_render_state(self, i: int, data: mujoco.MjData) -> None:
        """Write joint and mocap positions of environment ``i`` into the data of ``render_model``.

        Where people differ in size, the model gets the sizes of this environment's people too.
        """
        if self._varies:
            self.engine.people.dress(i, self._render_model, self._sizes)
        source = self.engine.data(i)
        for target, origin in self._qpos:
            data.qpos[target] = source.qpos[origin]
        for person, mocap in enumerate(self._mocap):
            data.mocap_pos[mocap], data.mocap_quat[mocap] = self.engine.human_pose(i, person)
        if self._markers:
            objects = self.engine.objects
            data.mocap_pos[self._markers], data.mocap_quat[self._markers] = (
                objects.marker_pos[i],
                objects.marker_quat[i],
            )

    def robot_capsules(self, i: int) -> Array:
        """Capsules of the robot now and where its verified plan would stop it, grown by the allowance (2 L, 7)."""
        model, state = self.engine.shield, self.engine.shields
        slot = state.active[i]
        total = state.plan_total[i]
        rows = []
        for t in (state.plan_elapsed[i], total):
            s = path_state(state.plan_start[i], state.plan_phases[i], total, min(t, total))[0]
            n, count = state.command.shape[2], int(state.n_capsules[i])
            joints, frames = np.zeros((4, n)), np.zeros((n, 4, 3))
            points = np.zeros((count, 2, 3))
            ltt_at(state.ltt[i, slot], s, joints)
            forward_kinematics(model.base_pos, model.base_rot, model.joint_pos, model.joint_rot, joints[0], frames)
            capsule_ends(frames, model.capsule_link, state.capsule_ends[i], count, points)
            radius = (state.capsule_radius[i, :count] + model.allowance)[:, None]
            rows.append(np.concatenate([points[:, 0], points[:, 1], radius], axis=1))
        return np.concatenate(rows)

    def human_capsules(self, i: int) -> Array:
        """Capsules in which every body of everybody is until the verified plan has stopped the robot (P B, 7)."""
        model, state = self.engine.shield, self.engine.shields
        until = model.delay + max(state.plan_total[i] - state.plan_elapsed[i], 0.0)
        radius = (model.body_radius + model.body_error + model.body_v_max * until)[:, None]
        poses = [self.engine.human_pose(i, person)[0] for person in range(len(self._mocap))]
        return np.concatenate([np.hstack([pos[model.proximal], pos[model.distal], radius]) for pos in poses])

    def overlay(self, i: int) -> Mapping[str, str]:
        """Return what the shield does, in words."""
        state = self.engine.shields
        distance = state.min_distance[i]
        return {
            "shield": f"{_MODES[int(state.mode[i])]}, {self._verdict(i)}",
            "path speed": f"{state.path[i, 1]:.2f}",
            "human": f"{distance:.2f} m" if distance < 1.0 else "> 1 m" if np.isfinite(distance) else "not seen yet",
        }

    def _verdict(self, i: int) -> str:
        """Say whether the last proposal was released, and if not, why."""
        state = self.engine.shields
        if state.mode[i] == OFF and state.safe[i]:
            return "unchecked"
        if state.safe[i]:
            return "safe"
        if state.verdict[i] != HUMAN or state.culprit[i, 0] < 0:
            return f"stopping: {VERDICTS[state.verdict[i]].replace('_', ' ')}"
        bodies, capsules = len(BODY_NAMES), state.capsule_radius.shape[1]
        pair = int(state.culprit[i, 0])
        person, capsule = pair // (bodies * capsules), pair // bodies % capsules
        names = self.engine.scene.capsules.body
        link = names[capsule].removeprefix(ARM_PREFIX) if capsule < len(names) else "held object"
        whose = f" of person {person}" if len(self._mocap) > 1 else ""
        return f"stopping: {link} near {BODY_NAMES[pair % bodies]}{whose}"


class ScenePicture:
    """Pictures of a vector environment's members.

    Args:
        env: the unwrapped ``HumanVectorEnv``.
        width: of the picture [pixel].
        height: of the picture [pixel].
    """

    def __init__(self, env: Any, width: int = 640, height: int = 480) -> None:
        self._view: SceneView = env.view
        self._data = mujoco.MjData(self._view.render_model)
        self._renderer = OffscreenRenderer(self._view.render_model, width, height, hidden_groups=(COLLISION_GROUP,))

    def frame(self, i: int) -> NDArray[np.uint8]:
        """Return a picture of environment ``i`` (height, width, 3)."""
        self._view.copy_render_state(i, self._data)
        mujoco.mj_kinematics(self._view.render_model, self._data)
        mujoco.mj_camlight(self._view.render_model, self._data)
        return self._renderer.frame(self._data)

    def close(self) -> None:
        """Free the renderer."""
        self._renderer.close()
