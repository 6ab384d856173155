"""Small robots and humans to test the shield with; no simulator needed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.shield.factory import make_shield_model, make_shield_state
from hrg_pipeline.shield.model import MotionLimits, RobotGeometry, ShieldModel
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.shield import reset_shield, step_shield
from hrg_pipeline.shield.state import ShieldState

TS = 0.004
ROOTS = (1, 2, 12, 16, 17)
JOINTS = 24
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)


class Bodies(NamedTuple):
    proximal: NDArray[np.int64]
    distal: NDArray[np.int64]
    radius: NDArray[np.float64]
    v_max: NDArray[np.float64]
    a_max: NDArray[np.float64]
    parent: NDArray[np.int64]
    root: NDArray[np.int64]
    neighbour: NDArray[np.int64]


def rotation(axis: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    axis = np.asarray(axis, dtype=float) / np.linalg.norm(axis)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def planar_arm() -> RobotGeometry:
    """Three links of 0.4 m in the plane z = 1."""
    n = 3
    return RobotGeometry(
        base_pos=np.array([0.0, 0.0, 1.0]),
        base_rot=np.eye(3),
        joint_pos=np.array([[0.0, 0, 0], [0.4, 0, 0], [0.4, 0, 0]]),
        joint_rot=np.tile(np.eye(3), (n, 1, 1)),
        joint_axis=np.tile([0.0, 0, 1.0], (n, 1)),
        joint_anchor=np.zeros((n, 3)),
        q_min=np.full(n, -2.8),
        q_max=np.full(n, 2.8),
        capsule_link=np.arange(n),
        capsule_p1=np.zeros((n, 3)),
        capsule_p2=np.tile([0.4, 0.0, 0.0], (n, 1)),
        capsule_radius=np.full(n, 0.06),
        capsule_is_gripper=np.array([0, 0, 1]),
    )


def general_arm(seed: int = 0) -> RobotGeometry:
    """Seven joints with arbitrary axes, anchors off the body origin and a turned base."""
    rng = np.random.default_rng(seed)
    n = 7
    links = np.array([0, 1, 2, 3, 4, 5, 6, 6, 3])
    return RobotGeometry(
        base_pos=np.array([0.1, -0.2, 0.5]),
        base_rot=rotation(rng.normal(size=3), 0.7),
        joint_pos=rng.uniform(-0.25, 0.25, (n, 3)),
        joint_rot=np.stack([rotation(rng.normal(size=3), rng.uniform(-3, 3)) for _ in range(n)]),
        joint_axis=rng.normal(size=(n, 3)),
        joint_anchor=rng.uniform(-0.1, 0.1, (n, 3)),
        q_min=np.full(n, -2.5),
        q_max=np.full(n, 2.5),
        capsule_link=links,
        capsule_p1=rng.uniform(-0.1, 0.1, (len(links), 3)),
        capsule_p2=rng.uniform(-0.2, 0.2, (len(links), 3)),
        capsule_radius=rng.uniform(0.04, 0.09, len(links)),
        capsule_is_gripper=(links == n - 1).astype(np.int64),
    )


def human_bodies(v_max: float = 2.0, a_max: float = 50.0) -> Bodies:
    """24 capsules between the measured joints of a human."""
    return Bodies(
        proximal=np.array([max(p, 0) for p in PARENTS]),
        distal=np.arange(JOINTS),
        radius=np.full(JOINTS, 0.1),
        v_max=np.full(JOINTS, v_max),
        a_max=np.full(JOINTS, a_max),
        parent=np.array(PARENTS),
        root=np.array([next((j for j in _ancestors(b) if j in ROOTS), -1) for b in range(JOINTS)]),
        neighbour=np.eye(JOINTS, dtype=np.int64),
    )


def _ancestors(joint: int) -> list[int]:
    found = []
    while joint >= 0:
        found.append(joint)
        joint = PARENTS[joint]
    return found


def human_at(x: float, y: float = 0.0, z: float = 1.0) -> NDArray[np.float64]:
    """A standing human of the toy kind (24, 3), fixed shape, pelvis at the given place."""
    rng = np.random.default_rng(5)
    offset = rng.uniform(-0.12, 0.12, (JOINTS, 3)) + np.array([0, 0, 0.05])
    pos = np.zeros((JOINTS, 3))
    for j, parent in enumerate(PARENTS):
        pos[j] = (pos[parent] if parent >= 0 else 0.0) + offset[j]
    return pos - pos[0] + np.array([x, y, z])


class Rig:
    """One environment: shield, clock, and a robot that follows its commands exactly."""

    def __init__(
        self,
        geometry: RobotGeometry | None = None,
        params: ShieldParams | None = None,
        q: NDArray[np.float64] | None = None,
        v_max: float = 2.0,
        motion: MotionLimits | None = None,
    ) -> None:
        geometry = geometry if geometry is not None else planar_arm()
        self.geometry = geometry
        self.model: ShieldModel = make_shield_model(geometry, human_bodies(v_max), params, motion, TS)
        self.state: ShieldState = make_shield_state(self.model, 2)
        self.i = 1
        self.time = 0.0
        self.n = len(geometry.q_min)
        reset_shield(self.model, self.state, self.i, np.zeros(self.n) if q is None else q)

    @property
    def q(self) -> NDArray[np.float64]:
        return self.state.command[self.i, 0].copy()

    @property
    def dq(self) -> NDArray[np.float64]:
        return self.state.command[self.i, 1].copy()

    @property
    def speed(self) -> float:
        return float(self.state.path[self.i, 1])

    def step(self, human: NDArray[np.float64], q_meas=None, dq_meas=None, human_time: float | None = None) -> None:
        step_shield(
            self.model,
            self.state,
            self.i,
            self.time,
            human,
            self.time if human_time is None else human_time,
            self.q if q_meas is None else q_meas,
            self.dq if dq_meas is None else dq_meas,
        )
        self.time += TS
