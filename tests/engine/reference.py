"""A slow, obvious version of the engine's RL step: MuJoCo's Python bindings and numpy, one cycle at a time."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np

from hrg_pipeline.engine.engine import Engine
from hrg_pipeline.engine.scene import CYCLE_S, HUMAN_PREFIX
from hrg_pipeline.human.body import BODY_NAMES
from hrg_pipeline.human.curves import place_pose
from hrg_pipeline.physics.contacts import GEOM_GRIPPER, GEOM_HUMAN, GEOM_ROBOT
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Rows
from hrg_pipeline.shield.shield import step_shield

Pose = tuple[np.ndarray, np.ndarray]


@kernel
def _place(records: Rows, clip: int, t: float, frame: np.ndarray, pos: np.ndarray, quat: np.ndarray) -> None:
    place_pose(records[clip], t, frame, pos, quat)


class SlowStepper:
    """Steps environment 0 of an engine by hand; ``human`` gives body poses for a cycle time."""

    def __init__(self, engine: Engine, human: Callable[[float], Pose] | None = None) -> None:
        self.engine = engine
        self.model, self.data = engine.scene.model, engine.data(0)
        self.human = human or self._clip_pose
        self.clock = 0
        model = self.model
        self.mocap = [int(model.body(HUMAN_PREFIX + name).mocapid[0]) for name in BODY_NAMES]
        self.qpos = [int(model.joint(j).qposadr[0]) for j in engine.scene.arm_joints]
        self.dofs = [int(model.joint(j).dofadr[0]) for j in engine.scene.arm_joints]
        self.motors = [model.actuator(f"robot0_torq_j{k + 1}").id for k in range(len(self.dofs))]
        self.fingers = [model.actuator(f"gripper0_right_gripper_finger_joint{k}").id for k in (1, 2)]
        self.human_contacts: list[float] = []
        """Contact-point speed of the robot at the first cycle of every human contact [m/s]."""
        self._touching = False

    def _clip_pose(self, t: float) -> Pose:
        arrays = self.engine._arrays
        pos, quat = np.zeros((24, 3)), np.zeros((24, 4))
        _place(
            self.engine.people.records,
            int(arrays.clip[0, 0]),
            t,
            arrays.human_frame[0, 0],
            pos,
            quat,
        )
        return pos, quat

    def cycle(self) -> None:
        """Do one control cycle."""
        engine, model, data = self.engine, self.model, self.data
        t = self.clock * CYCLE_S
        pos, quat = self.human(t)
        data.mocap_pos[self.mocap], data.mocap_quat[self.mocap] = pos, quat
        q, dofs = data.qpos[self.qpos], self.dofs
        dq = data.qvel[dofs]
        before = engine.shields.command[0].copy()
        step_shield(engine.shield, engine.shields, 0, t, pos, t, q, dq)
        after = engine.shields.command[0]
        mujoco.mj_step1(model, data)
        self._note_human_contact()
        full = np.zeros((model.nv, model.nv))
        mujoco.mj_fullM(model, full, data.qM)
        wanted = 100.0 * (before[0] - q) + 20.0 * (before[1] - dq) + (after[1] - before[1]) / CYCLE_S
        torque = full[np.ix_(dofs, dofs)] @ wanted + data.qfrc_bias[dofs] - data.qfrc_passive[dofs]
        data.ctrl[self.motors] = np.clip(torque, *model.actuator_ctrlrange[self.motors].T)
        data.ctrl[self.fingers] = model.actuator_ctrlrange[self.fingers].mean(axis=1)
        mujoco.mj_step2(model, data)
        self.clock += 1

    def _note_human_contact(self) -> None:
        classes = self.engine.scene.geom_class
        touching = False
        geoms = self.data.contact.geom
        candidates = (classes[geoms] == GEOM_HUMAN).any(axis=1) & (self.data.contact.dist < 0.0)
        for k in np.flatnonzero(candidates):
            contact = self.data.contact[k]
            kinds = classes[contact.geom]
            if not np.isin(kinds, (GEOM_ROBOT, GEOM_GRIPPER)).any():
                continue
            if not self._touching:
                robot = contact.geom[0] if kinds[1] == GEOM_HUMAN else contact.geom[1]
                jacobian = np.zeros((3, self.model.nv))
                body = int(self.model.geom_bodyid[robot])
                mujoco.mj_jac(self.model, self.data, jacobian, None, contact.pos, body)
                self.human_contacts.append(float(np.linalg.norm(jacobian @ self.data.qvel)))
            touching = True
        self._touching = touching
