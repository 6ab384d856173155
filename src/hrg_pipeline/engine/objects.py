"""The objects of N environments: where they are, what touches them, who holds them."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hrg_pipeline.engine.arrays import EnvArrays
from hrg_pipeline.engine.furnish import held_capsule
from hrg_pipeline.engine.people import People
from hrg_pipeline.engine.scene import Scene
from hrg_pipeline.errors import ModelError
from hrg_pipeline.human.body import BODY_NAMES
from hrg_pipeline.physics.contacts import GEOM_ALLOWED, GEOM_HELD
from hrg_pipeline.robots.gripper_model import finger_sides, joint_sides
from hrg_pipeline.robots.grippers import get_gripper
from hrg_pipeline.robots.ik import Arm, forward
from hrg_pipeline.shield.held import hold_object, release_object
from hrg_pipeline.shield.model import ShieldModel
from hrg_pipeline.shield.state import ShieldState

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

HELD_MARGIN_M = 0.01
"""The shield's capsule around a held object is this much larger, so that it may slip by as much in the gripper."""
_NOTHING = -1
_CLOSING_STEPS = 100
"""Openings that are tried until a finger touches what it is to hold."""


class Objects:
    """Objects of every environment at the end of the last step; arrays have the environment as first axis.

    The gripper holds an object from the step in which both sides of the gripper touch it until none does. While it is
    held, the shield counts it as part of the robot, and so do contacts with people.

    Args:
        scene: the scene, with O objects, W welds, M markers.
        people: its people, for how fast hands move.
        arm: its arm, for where the last link is.
        arrays: state of the environments; ``geom_class`` of what is held is changed.
        models: mjModel of each environment.
        datas: mjData of each environment.
        shield: the shield's model.
        shields: the shield's memory.
    """

    def __init__(
        self,
        scene: Scene,
        people: People,
        arm: Arm,
        arrays: EnvArrays,
        models: list[mujoco.MjModel],
        datas: list[mujoco.MjData],
        shield: ShieldModel,
        shields: ShieldState,
    ) -> None:
        self.layout = scene.layout
        self.count = len(scene.objects)
        self._people, self._arm, self._arrays, self._models, self._datas = people, arm, arrays, models, datas
        self._shield, self._shields = shield, shields
        self._welds = np.array(scene.welds, dtype=np.int64)
        model, n = scene.model, len(datas)
        joints = model.body_jntadr[list(scene.objects)]
        self._qpos = model.jnt_qposadr[joints][:, None] + np.arange(7)
        self._qvel = model.jnt_dofadr[joints][:, None] + np.arange(6)
        self._fingers, self._finger_sides = scene.gripper_joints, joint_sides(get_gripper(scene.robot.gripper))
        self._geoms = [np.flatnonzero(model.geom_bodyid == body) for body in scene.objects]
        # Which object, which finger side, and whether it is the gripper at all, by geom.
        self._object_of = np.full(model.ngeom, _NOTHING)
        for k, geoms in enumerate(self._geoms):
            self._object_of[geoms] = k
        sides = finger_sides(model, scene.robot.gripper)
        self._side_of = np.full(model.ngeom, _NOTHING)
        for side, geoms in enumerate(sides):
            self._side_of[geoms] = side
        self._table = np.array([model.body(body).name == "table" for body in model.geom_bodyid])
        self.pos = np.zeros((n, self.count, 3))
        """Positions in the world (N, O, 3) [m]."""
        self.quat = np.zeros((n, self.count, 4))
        """Orientations wxyz (N, O, 4)."""
        self.vel = np.zeros((n, self.count, 6))
        """Linear velocity in the world [m/s], angular velocity in the object's frame [rad/s] (N, O, 6)."""
        self.touched = np.zeros((n, self.count, len(sides)), dtype=np.bool_)
        """Whether each side of the gripper touches each object (N, O, 2)."""
        self.on_table = np.zeros((n, self.count), dtype=np.bool_)
        """Whether each object touches the table (N, O)."""
        self.on_object = np.zeros((n, self.count, self.count), dtype=np.bool_)
        """Whether two objects touch each other (N, O, O)."""
        self.held = np.full(n, _NOTHING)
        """Index of the object that the gripper holds (N,); -1: none."""
        self.marker_pos = np.zeros((n, len(scene.layout.markers), 3))
        """Where the markers are drawn (N, M, 3) [m]."""
        self.marker_quat = np.tile([1.0, 0.0, 0.0, 0.0], (n, len(scene.layout.markers), 1))
        self._held_ends = np.zeros((n, 2, 3))

    @property
    def gripped(self) -> Bools:
        """Whether all sides of the gripper touch an object (N, O)."""
        return np.asarray(self.touched.all(axis=2))

    @property
    def weld_force(self) -> Array:
        """Largest force of a weld to a hand in the last step (N,) [N]."""
        return self._arrays.weld_force

    def place(self, i: int, thing: int, pos: Array, quat: Array | None = None) -> None:
        """Put an object somewhere, at rest.

        Args:
            i: environment.
            thing: index of the object.
            pos: in the world (3,) [m].
            quat: orientation wxyz (4,); default upright.
        """
        data = self._datas[i]
        data.qpos[self._qpos[thing]] = np.concatenate([pos, (1.0, 0.0, 0.0, 0.0) if quat is None else quat])
        data.qvel[self._qvel[thing]] = 0.0
        data.qacc_warmstart[self._qvel[thing]] = 0.0
        self._look_at_motion(i)

    def take(self, i: int, thing: int, pos: Array, quat: Array | None = None) -> None:
        """Put an object between the fingers of the gripper, and close them on it.

        Args:
            i: environment.
            thing: index of the object.
            pos: in the world (3,) [m].
            quat: orientation wxyz (4,); default upright.

        Raises:
            ModelError: the fingers close without touching it.
        """
        self.place(i, thing, pos, quat)
        model, data, joints = self._models[i], self._datas[i], self._fingers
        data.qpos[joints.qpos] = joints.qpos_opened
        for side in range(self.touched.shape[2]):
            mine = self._finger_sides == side
            for share in np.linspace(1.0, 0.0, _CLOSING_STEPS + 1):
                opening = joints.qpos_closed + share * (joints.qpos_opened - joints.qpos_closed)
                data.qpos[joints.qpos[mine]] = opening[mine]
                mujoco.mj_fwdPosition(model, data)
                self._look_at_contacts(i)
                if self.touched[i, thing, side]:
                    break
            else:
                name = self.layout.objects[thing].name
                raise ModelError(f"the gripper closes beside '{name}' at {np.round(pos, 3).tolist()} m")
        data.qvel[joints.dof] = 0.0
        self._arrays.gripper[i] = 1.0
        self._tell_shield(i)

    def attach(self, i: int, weld: int, pos: Array | None = None, quat: Array | None = None) -> None:
        """Put an object exactly where a hand is to hold it, moving with it, and fix it there.

        Args:
            i: environment.
            weld: index of the weld in the layout.
            pos: of the object in the frame of the hand (3,) [m]; default that of the weld.
            quat: its orientation there, wxyz (4,); default that of the weld.
        """
        record, data = self.layout.welds[weld], self._datas[i]
        held_at = np.array(record.pos) if pos is None else pos
        held = Rotation.from_quat(record.quat if quat is None else quat, scalar_first=True)
        hand, turn = self.hand_pose(i, record.body)
        thing = self.layout.object_index(record.object)
        self.place(i, thing, hand + turn.apply(held_at), (turn * held).as_quat(scalar_first=True))
        data.qvel[self._qvel[thing, :3]] = self._people.motion(i)[1][BODY_NAMES.index(record.body)]
        self._fix(i, weld, held_at, held)
        self._look_at_motion(i)

    def grasp(self, i: int, weld: int) -> None:
        """Fix an object to a hand as it is now: nothing moves, whoever else holds it.

        Args:
            i: environment.
            weld: index of the weld in the layout.
        """
        record = self.layout.welds[weld]
        thing = self.layout.object_index(record.object)
        hand, turn = self.hand_pose(i, record.body)
        held = turn.inv() * Rotation.from_quat(self.quat[i, thing], scalar_first=True)
        self._fix(i, weld, turn.inv().apply(self.pos[i, thing] - hand), held)

    def _fix(self, i: int, weld: int, pos: Array, turn: Rotation) -> None:
        ball = self.layout.welds[weld].ball
        at = pos if ball is None else pos + turn.apply(ball)
        self._arrays.weld_pose[i, weld] = np.concatenate([at, turn.as_quat(scalar_first=True)])
        self._datas[i].eq_active[self._welds[weld]] = 1

    def detach(self, i: int, weld: int) -> None:
        """Let go of the object of a weld."""
        self._datas[i].eq_active[self._welds[weld]] = 0

    def is_attached(self, i: int, weld: int) -> bool:
        """Tell whether a weld is switched on."""
        return bool(self._datas[i].eq_active[self._welds[weld]])

    def hand_pose(self, i: int, body: str) -> tuple[Array, Rotation]:
        """Position (3,) [m] and orientation of a body of person 0 now, world frame."""
        k = BODY_NAMES.index(body)
        quat = self._arrays.human_quat[i, 0, k]
        return self._arrays.human_pos[i, 0, k].copy(), Rotation.from_quat(quat, scalar_first=True)

    def look(self) -> None:
        """Read all objects after a step, and tell the shield what is held."""
        for i in range(len(self._datas)) if self.count else ():
            self._look_at_motion(i)
            self._look_at_contacts(i)
            self._tell_shield(i)

    def begin(self, i: int) -> None:
        """Forget what was held and touched, at the start of an episode."""
        if self.count:
            self.touched[i] = self.on_table[i] = self.on_object[i] = False
            self._forget(i)
            self._look_at_motion(i)

    def get_state(self, i: int) -> dict[str, Any]:
        """Return what mjData does not hold."""
        rows = {name: getattr(self, name)[i].copy() for name in _STATE}
        return rows | {"held_ends": self._held_ends[i].copy()}

    def set_state(self, i: int, state: dict[str, Any]) -> None:
        """Put environment ``i`` back into a state of ``get_state``."""
        for name in _STATE:
            getattr(self, name)[i] = state[name]
        self._held_ends[i] = state["held_ends"]
        if self.count:
            self._look_at_motion(i)

    def _look_at_motion(self, i: int) -> None:
        data = self._datas[i]
        state = data.qpos[self._qpos]
        self.pos[i], self.quat[i] = state[:, :3], state[:, 3:]
        self.vel[i] = data.qvel[self._qvel]

    def _look_at_contacts(self, i: int) -> None:
        self.touched[i] = self.on_table[i] = self.on_object[i] = False
        contacts = self._datas[i].contact
        geoms = contacts.geom[contacts.dist < 0.0]
        for one, other in ((geoms[:, 0], geoms[:, 1]), (geoms[:, 1], geoms[:, 0])):
            mine = self._object_of[one] >= 0
            thing, with_geom = self._object_of[one[mine]], other[mine]
            finger = self._side_of[with_geom] >= 0
            self.touched[i, thing[finger], self._side_of[with_geom[finger]]] = True
            self.on_table[i, thing[self._table[with_geom]]] = True
            both = self._object_of[with_geom] >= 0
            self.on_object[i, thing[both], self._object_of[with_geom[both]]] = True

    def _tell_shield(self, i: int) -> None:
        held = int(self.held[i])
        if held >= 0 and not self.touched[i, held].any():
            self._forget(i)
            release_object(self._shield, self._shields, i)
            held = _NOTHING
        if held < 0:
            gripped = np.flatnonzero(self.touched[i].all(axis=1))
            if len(gripped) == 0:
                return
            held = int(gripped[0])
        start, end, radius = held_capsule(self.layout.objects[held])
        place, turn = self._place_in_hand(i, held)
        ends = place + turn.apply([start, end])
        moved = np.linalg.norm(ends - self._held_ends[i], axis=1).max()
        if self.held[i] == held and moved < 0.5 * HELD_MARGIN_M:
            return
        if self.held[i] != held:
            self.held[i] = held
            self._arrays.geom_class[i, self._geoms[held]] = GEOM_HELD
        self._held_ends[i] = ends
        mass = self.layout.objects[held].mass_kg
        hold_object(self._shield, self._shields, i, ends[0], ends[1], radius + HELD_MARGIN_M, mass)

    def _place_in_hand(self, i: int, thing: int) -> tuple[Array, Rotation]:
        """Where an object is in the frame of the last joint's anchor [m]."""
        frames = forward(self._arm, self._arrays.q[i : i + 1])
        link = Rotation.from_matrix(frames.link_rot[0]).inv()
        place = link.apply(self.pos[i, thing] - frames.link_pos[0])
        return place, link * Rotation.from_quat(self.quat[i, thing], scalar_first=True)

    def _forget(self, i: int) -> None:
        if self.held[i] >= 0:
            self._arrays.geom_class[i, self._geoms[int(self.held[i])]] = GEOM_ALLOWED
        self.held[i] = _NOTHING


_STATE = ("touched", "on_table", "on_object", "held", "marker_pos", "marker_quat")
