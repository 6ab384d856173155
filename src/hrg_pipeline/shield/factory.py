"""Making the shield's data from a robot, a human and parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import ModelError
from hrg_pipeline.physics.records import columns, make_rows
from hrg_pipeline.shield.model import (
    ASSUMPTIONS,
    INTERVALS,
    MODES,
    OFF,
    Float,
    HumanBodies,
    MotionLimits,
    RobotGeometry,
    ShieldModel,
    ShieldState,
)
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.path import MAX_PATH_ACCELERATION, MAX_PATH_JERK, PLAN_PHASES
from hrg_pipeline.shield.profile import PROFILE_PHASES
from hrg_pipeline.shield.reach import reach_bounds
from hrg_pipeline.shield.trajectory import LIM_Q_MAX, LTT_PHASES

_NUMERICAL_MARGIN_M = 1e-3  # far above rounding; standstill is reached before real contact
_AGE_TOLERANCE_SAMPLES = 2.0
_JUMP_TOLERANCE_M = 1e-6
_REST_SPEED_RAD_S = 0.02
_REANCHOR_CYCLES = 25


def _check(name: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    if np.shape(array) != shape:
        raise ModelError(f"{name} has shape {np.shape(array)}, expected {shape}")
    if np.isnan(array).any() or (not name.startswith("RobotGeometry.q_") and np.isinf(array).any()):
        raise ModelError(f"{name} holds values that are not finite")


def _check_geometry(geometry: RobotGeometry) -> None:
    n, count = len(geometry.q_min), len(geometry.capsule_link)
    shapes: tuple[tuple[int, ...], ...] = (
        *((3,), (3, 3), (n, 3), (n, 3, 3), (n, 3), (n, 3), (n,), (n,)),
        *((count,), (count, 3), (count, 3), (count,)),
    )
    for name, array, shape in zip(RobotGeometry._fields, geometry, shapes, strict=True):
        _check(f"RobotGeometry.{name}", array, shape)
    if not (geometry.q_min < geometry.q_max).all():
        raise ModelError("RobotGeometry.q_min must be below q_max for every joint")
    if count == 0 or geometry.capsule_link.min() < 0 or geometry.capsule_link.max() >= n:
        raise ModelError(f"RobotGeometry.capsule_link must hold joint indices from 0 to {n - 1}, at least one")
    for name, rot in (("base_rot", geometry.base_rot[None]), ("joint_rot", geometry.joint_rot)):
        if np.abs(rot @ rot.transpose(0, 2, 1) - np.eye(3)).max() > 1e-6:
            raise ModelError(f"RobotGeometry.{name} holds a matrix that is not a rotation")
    if np.linalg.norm(geometry.joint_axis, axis=1).min() < 1e-6:
        raise ModelError("RobotGeometry.joint_axis holds an axis of length zero")
    if geometry.capsule_radius.min() < 0.0:
        raise ModelError("RobotGeometry.capsule_radius holds a negative radius")


def _check_bodies(bodies: HumanBodies) -> None:
    count, joints = len(bodies.proximal), len(bodies.v_max)
    _check("bodies.distal", bodies.distal, (count,))
    _check("bodies.radius", bodies.radius, (count,))
    _check("bodies.v_max", bodies.v_max, (joints,))
    for name, index in (("proximal", bodies.proximal), ("distal", bodies.distal)):
        if count == 0 or index.min() < 0 or index.max() >= joints:
            raise ModelError(f"bodies.{name} must hold joint indices from 0 to {joints - 1}, at least one")
    if bodies.radius.min() < 0.0 or bodies.v_max.min() < 0.0:
        raise ModelError("bodies.radius and bodies.v_max must not be negative")


def _limits(geometry: RobotGeometry, motion: MotionLimits) -> Float:
    n = len(geometry.q_min)
    columns = [geometry.q_min, geometry.q_max, *(np.broadcast_to(value, n) for value in motion)]
    limits = np.array(np.stack(columns, axis=1), dtype=np.float64, order="C")
    values = limits[:, LIM_Q_MAX + 1 :]
    if not (np.isfinite(values).all() and (values > 0.0).all()):
        raise ModelError("MotionLimits must be positive and finite")
    _, a_ltt, j_ltt, a, j = values.T
    if not ((a_ltt < a) & (j_ltt < j)).all():
        raise ModelError(f"a planned acceleration or jerk leaves no room for stops: {motion}")
    return limits


def make_shield_model(
    geometry: RobotGeometry,
    bodies: HumanBodies,
    params: ShieldParams | None = None,
    motion: MotionLimits | None = None,
    sample_time: float = 0.004,
) -> ShieldModel:
    """Collect what the shield knows.

    Args:
        geometry: The robot.
        bodies: The human's capsules between measured joints.
        params: Mode and assumptions; defaults of ``ShieldParams``.
        motion: Limits of the commands; defaults of ``MotionLimits``.
        sample_time: Length of a cycle [s].

    Returns:
        The model.

    Raises:
        ModelError: An array has the wrong shape, an index or number that cannot be.
    """
    params = params or ShieldParams()
    _check_geometry(geometry)
    _check_bodies(bodies)
    if not sample_time > 0.0:
        raise ModelError(f"sample_time is {sample_time}, expected a positive number of seconds")
    limits = _limits(geometry, motion or MotionLimits())
    anchor = geometry.joint_anchor
    joint_pos = geometry.joint_pos + np.einsum("nij,nj->ni", geometry.joint_rot, anchor)
    joint_pos[1:] -= anchor[:-1]
    axis = geometry.joint_axis / np.linalg.norm(geometry.joint_axis, axis=1, keepdims=True)
    cross = np.cross(axis[:, None, :], -np.eye(3)[None])  # rows: cross[i] @ v = axis × v
    joint_rot = np.stack([geometry.joint_rot, geometry.joint_rot @ cross, geometry.joint_rot @ cross @ cross], axis=1)
    link = np.ascontiguousarray(geometry.capsule_link, dtype=np.int64)
    ends = np.stack([geometry.capsule_p1, geometry.capsule_p2], axis=1) - anchor[link][:, None]
    rho = reach_bounds(joint_pos, link, ends)
    hidden = params.measurement_error_m + float(bodies.v_max.max()) * params.measurement_delay_s
    holds_gripper = MODES[params.type] != OFF and params.gripper_distance_m > 0.0
    values: dict[str, Any] = dict(
        mode=MODES[params.type],
        sample_time=float(sample_time),
        delay=float(params.measurement_delay_s),
        age_tolerance=_AGE_TOLERANCE_SAMPLES * float(sample_time),
        measurement_error=float(params.measurement_error_m),
        jump_tolerance=_JUMP_TOLERANCE_M,
        tracking_error=float(params.tracking_error_m),
        allowance=float(params.tracking_error_m) + _NUMERICAL_MARGIN_M,
        hidden=hidden,
        gripper_distance=params.gripper_distance_m + hidden if holds_gripper else -np.inf,
        rest_speed=_REST_SPEED_RAD_S,
        reanchor_cycles=_REANCHOR_CYCLES,
        base_pos=np.array(geometry.base_pos, dtype=np.float64),
        base_rot=np.array(geometry.base_rot, dtype=np.float64, order="C"),
        joint_pos=joint_pos,
        joint_rot=np.ascontiguousarray(joint_rot),
        limits=limits,
        capsule_link=link,
        capsule_ends=np.ascontiguousarray(ends),
        capsule_radius=np.array(geometry.capsule_radius, dtype=np.float64),
        rho=rho,
        proximal=np.ascontiguousarray(bodies.proximal, dtype=np.int64),
        distal=np.ascontiguousarray(bodies.distal, dtype=np.int64),
        body_radius=np.array(bodies.radius, dtype=np.float64),
        human_v_max=np.array(bodies.v_max, dtype=np.float64),
        human_v_top=float(bodies.v_max.max()),
        body_v_max=np.maximum(bodies.v_max[bodies.proximal], bodies.v_max[bodies.distal]),
        reach=rho.max(axis=0),
    )
    record = make_rows(1, {name: np.asarray(value) for name, value in values.items()})
    views = {name: view[0] if view.ndim > 1 else view[0].item() for name, view in columns(record).items()}
    return ShieldModel(**views, record=record)


def make_shield_state(model: ShieldModel, n: int) -> ShieldState:
    """Memory of the shield for ``n`` environments, resting at q = 0 (clipped to the limits) until reset.

    Args:
        model: The shield's model.
        n: Number of environments.

    Returns:
        The state; call ``reset_shield`` for each environment before its first cycle.
    """
    joints, capsules = len(model.limits), len(model.capsule_link)
    human, bodies = len(model.human_v_max), len(model.proximal)
    floats: dict[str, tuple[int, ...]] = {
        "ltt": (2, joints, LTT_PHASES, 5),
        "ltt_duration": (2,),
        "ltt_limits": (2, 2),
        "ltt_alpha": (2, capsules),
        "plan_start": (3,),
        "plan_phases": (PLAN_PHASES, 2),
        "plan_total": (),
        "plan_elapsed": (),
        "path": (4,),
        "command": (4, joints),
        "goal": (joints,),
        "candidate_start": (2,),
        "human_pos": (human, 3),
        "human_time": (),
        "min_distance": (),
        "distance_bound": (),
        "q_seen": (joints,),
        "human_moved": (),
        "begin": (3, joints),
        "begin_speed": (2,),
        "profile": (joints, PROFILE_PHASES, 2),
        "extremes": (joints, 5),
        "proposal_start": (3,),
        "proposal_phases": (PLAN_PHASES, 2),
        "joints": (3, 4, joints),
        "frames": (joints, 4, 3),
        "points": (INTERVALS + 1, capsules, 2, 3),
        "bodies": (bodies + 1, 4),
        "axis": (2, 3),
    }
    ints: dict[str, tuple[int, ...]] = {
        "violations": (len(ASSUMPTIONS),),
        "nearest": (2,),
        "pairs": (capsules * bodies,),
    }
    names = [name for name in ShieldState._fields if name != "rows"]
    rows = make_rows(
        n,
        {
            name: np.zeros(floats[name]) if name in floats else np.zeros(ints.get(name, ()), dtype=np.int64)
            for name in names
        },
    )
    state = ShieldState(**columns(rows), rows=rows)
    q = np.clip(0.0, model.limits[:, 0], model.limits[:, 1])
    state.ltt[..., 1] = q[:, None]
    state.ltt_limits[:] = (MAX_PATH_ACCELERATION, MAX_PATH_JERK)
    state.command[:, 0] = state.goal[:] = q
    state.human_time[:] = np.nan
    state.min_distance[:] = np.inf
    state.distance_bound[:] = -np.inf
    return state
