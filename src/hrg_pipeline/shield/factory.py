"""Making the shield's data from a robot, a human and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import ConfigError, ModelError
from hrg_pipeline.human.body import BODY_NAMES
from hrg_pipeline.physics.records import columns, make_rows
from hrg_pipeline.robots.dynamics import LinkInertias
from hrg_pipeline.shield.contact_limits import CONTACT_TYPES, energy_limits, speed_limits
from hrg_pipeline.shield.energy import energy_fields, energy_scratch
from hrg_pipeline.shield.model import (
    ASSUMPTIONS,
    DEPTHS,
    INTERVALS,
    MODES,
    PFL,
    PFL_MODELS,
    VERDICTS,
    Float,
    HumanBodies,
    MotionLimits,
    RobotGeometry,
    ShieldModel,
)
from hrg_pipeline.shield.neighbours import link_neighbours
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.path import MAX_PATH_ACCELERATION, MAX_PATH_JERK, PLAN_PHASES
from hrg_pipeline.shield.profile import PROFILE_PHASES
from hrg_pipeline.shield.reach import reach_bounds
from hrg_pipeline.shield.shield import reset_shield
from hrg_pipeline.shield.state import ShieldState
from hrg_pipeline.shield.static_data import StaticPairs, static_fields, static_scratch
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
        *((count,), (count, 3), (count, 3), (count,), (count,)),
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
    _check("bodies.a_max", bodies.a_max, (joints,))
    _check("bodies.parent", bodies.parent, (joints,))
    _check("bodies.root", bodies.root, (count,))
    _check("bodies.neighbour", bodies.neighbour, (count, count))
    if not bodies.a_max.min() > 0.0:
        raise ModelError("bodies.a_max must be positive")
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


def _errors(params: ShieldParams, joints: int, names: Sequence[str] | None) -> Float:
    """Largest error of each joint's measured position (J,) [m]."""
    errors = np.full(joints, float(params.measurement_error_m))
    known = tuple(names or ())
    for name, error in params.measurement_error_by_joint_m.items():
        if name not in known:
            raise ConfigError(
                f"shield.measurement_error_by_joint_m names '{name}', which is no joint of the person; there are: "
                f"{', '.join(known)}"
            )
        errors[known.index(name)] = error
    return errors


def _speeds(params: ShieldParams, bodies: HumanBodies) -> Float:
    """Largest speed of each joint (J,) [m/s]: slower ones for roots and what they hang on."""
    speeds = np.array(bodies.v_max, dtype=np.float64)
    slow = {int(root) for root in bodies.root if root >= 0}
    while slow:
        speeds[list(slow)] = np.minimum(speeds[list(slow)], params.trunk_speed_max_m_s)
        slow = {int(bodies.parent[joint]) for joint in slow} - {-1}
    return speeds


def _unit(axes: Float) -> Float:
    """Vectors (k, 3) of unit length."""
    return np.asarray(axes / np.linalg.norm(axes, axis=1, keepdims=True))


def _robot_fields(geometry: RobotGeometry) -> dict[str, Any]:
    """Chain and capsules in frames that sit on the joints' anchors; one more capsule for what is held."""
    anchor = geometry.joint_anchor
    joint_pos = geometry.joint_pos + np.einsum("nij,nj->ni", geometry.joint_rot, anchor)
    joint_pos[1:] -= anchor[:-1]
    axis = _unit(geometry.joint_axis)
    cross = np.cross(axis[:, None, :], -np.eye(3)[None])  # rows: cross[i] @ v = axis × v
    joint_rot = np.stack([geometry.joint_rot, geometry.joint_rot @ cross, geometry.joint_rot @ cross @ cross], axis=1)
    ends = np.stack([geometry.capsule_p1, geometry.capsule_p2], axis=1) - anchor[geometry.capsule_link][:, None]
    last = len(geometry.q_min) - 1
    rho = reach_bounds(joint_pos, geometry.capsule_link, ends)
    return dict(
        base_pos=np.array(geometry.base_pos, dtype=np.float64),
        base_rot=np.array(geometry.base_rot, dtype=np.float64, order="C"),
        joint_pos=joint_pos,
        joint_rot=np.ascontiguousarray(joint_rot),
        capsule_link=np.append(geometry.capsule_link, last).astype(np.int64),
        capsule_ends=np.concatenate([ends, np.zeros((1, 2, 3))]),
        capsule_radius=np.append(geometry.capsule_radius, 0.0),
        rho=np.concatenate([rho, np.zeros((1, last + 1))]),
    )


def _human_fields(
    bodies: HumanBodies, params: ShieldParams, people: int, names: Sequence[str] | None
) -> dict[str, Any]:
    """Bodies, bounds and errors."""
    errors, speeds = _errors(params, len(bodies.v_max), names), _speeds(params, bodies)
    first, second = np.asarray(bodies.proximal, dtype=np.int64), np.asarray(bodies.distal, dtype=np.int64)
    body_v_max = np.maximum(speeds[first], speeds[second])
    root = np.array(bodies.root, dtype=np.int64)
    root[(root >= 0) & (speeds[root] >= body_v_max)] = -1  # then the set of the joints themselves lies inside
    return dict(
        measurement_error=errors,
        people=people,
        proximal=first,
        distal=second,
        body_radius=np.array(bodies.radius, dtype=np.float64),
        body_radius_top=float(bodies.radius.max()),
        human_v_max=speeds,
        human_a_max=np.array(bodies.a_max, dtype=np.float64),
        human_v_top=float(speeds.max()),
        human_error_top=float(errors.max()),
        body_v_max=body_v_max,
        body_error=np.maximum(errors[first], errors[second]),
        parent=np.array(bodies.parent, dtype=np.int64),
        root=root,
        body_neighbour=np.array(bodies.neighbour, dtype=np.int64),
    )


def _static_fields(statics: StaticPairs | None, capsules: int, margin: float) -> dict[str, Any]:
    """What is static, or nothing."""
    if statics is None:
        statics = StaticPairs((), np.zeros((0, capsules), dtype=np.bool_), np.zeros((0, 2), np.int64), np.zeros(0))
    return static_fields(statics.obstacles, statics.applies, statics.self_pairs, margin, statics.self_slack)


def _contact_fields(
    geometry: RobotGeometry,
    bodies: HumanBodies,
    params: ShieldParams,
    inertias: LinkInertias | None,
    joint_pos: Float,
) -> dict[str, Any]:
    """What PFL knows: masses, limits of contacts, what each capsule touches with."""
    n, count = len(geometry.q_min), len(bodies.proximal)
    pfl = params.pfl
    if inertias is None:
        if MODES[params.type] == PFL:
            raise ModelError("a shield of type PFL needs the robot's inertias")
        inertias = LinkInertias(np.zeros(n), np.zeros((n, 3)), np.zeros((n, 3, 3)), np.zeros(n))
    known = count == len(BODY_NAMES)
    gripper, link = CONTACT_TYPES.index(pfl.gripper_contact), CONTACT_TYPES.index("link")
    mass = float(inertias.mass.sum())
    return dict(
        has_energy=bool(mass > 0.0 and known),
        payload=float(pfl.payload_kg),
        pfl_model=PFL_MODELS[pfl.model],
        contact_type=np.append(np.where(np.asarray(geometry.capsule_is_gripper) != 0, gripper, link), gripper),
        energy_limit=energy_limits(pfl.table) if known else np.zeros((2, len(CONTACT_TYPES), count)),
        speed_limit=speed_limits(mass, pfl.payload_kg) if known and mass > 0.0 else np.zeros((2, count)),
        link_neighbour=link_neighbours(geometry),
        **energy_fields(inertias, _unit(geometry.joint_axis), joint_pos),
    )


def make_shield_model(
    geometry: RobotGeometry,
    bodies: HumanBodies,
    params: ShieldParams | None = None,
    motion: MotionLimits | None = None,
    sample_time: float = 0.004,
    *,
    people: int = 1,
    statics: StaticPairs | None = None,
    inertias: LinkInertias | None = None,
    joint_names: Sequence[str] | None = None,
) -> ShieldModel:
    """Collect what the shield knows.

    Args:
        geometry: The robot.
        bodies: The human's capsules between measured joints.
        params: Mode and assumptions; defaults of ``ShieldParams``.
        motion: Limits of the commands; defaults of ``MotionLimits``.
        sample_time: Length of a cycle [s].
        people: How many people are measured.
        statics: Obstacles, and which of the robot's capsules and of a held one keep clear of what; None: nothing.
        inertias: Of the robot's links; without them there is no PFL.
        joint_names: Names of the human's joints (J,), for errors that are given by joint.

    Returns:
        The model.

    Raises:
        ModelError: An array has the wrong shape, an index or number that cannot be, or PFL lacks inertias.
        ConfigError: A joint of the human is not known.
    """
    params = params or ShieldParams()
    _check_geometry(geometry)
    _check_bodies(bodies)
    if not sample_time > 0.0:
        raise ModelError(f"sample_time is {sample_time}, expected a positive number of seconds")
    if people < 1:
        raise ModelError(f"people is {people}, expected at least 1")
    robot = _robot_fields(geometry)
    human = _human_fields(bodies, params, people, joint_names)
    hidden = human["human_error_top"] + human["human_v_top"] * params.measurement_delay_s
    holds_gripper = params.gripper_distance_m > 0.0
    values: dict[str, Any] = dict(
        mode=MODES[params.type],
        sample_time=float(sample_time),
        delay=float(params.measurement_delay_s),
        jitter=float(params.measurement_jitter_s),
        age_tolerance=_AGE_TOLERANCE_SAMPLES * float(sample_time) + params.measurement_period_s,
        jump_tolerance=_JUMP_TOLERANCE_M,
        use_acceleration=params.use_acceleration_bounds,
        tracking_error=float(params.tracking_error_m),
        allowance=float(params.tracking_error_m) + _NUMERICAL_MARGIN_M,
        hidden=hidden,
        gripper_distance=params.gripper_distance_m + hidden if holds_gripper else -np.inf,
        rest_speed=_REST_SPEED_RAD_S,
        reanchor_cycles=_REANCHOR_CYCLES,
        limits=_limits(geometry, motion or MotionLimits()),
        **robot,
        **human,
        **_static_fields(statics, len(robot["capsule_link"]), params.obstacle_margin_m),
        **_contact_fields(geometry, bodies, params, inertias, robot["joint_pos"]),
    )
    record = make_rows(1, {name: np.asarray(values[name]) for name in ShieldModel._fields if name != "record"})
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
    people, human, bodies = model.people, len(model.human_v_max), len(model.proximal)
    floats: dict[str, tuple[int, ...]] = {
        "capsule_ends": (capsules, 2, 3),
        "capsule_radius": (capsules,),
        "rho": (capsules, joints),
        "reach": (joints,),
        "held_mass": (),
        "held_centre": (3,),
        "held_radius_gyration": (),
        "held_rho": (joints,),
        "ltt": (2, joints, LTT_PHASES, 5),
        "ltt_duration": (2,),
        "ltt_limits": (2, 2),
        "ltt_extremes": (2, 3, joints),
        "ltt_alpha": (2, capsules),
        "ltt_pair_alpha": (2, len(model.self_pairs)),
        "ltt_energy_curvature": (2,),
        "plan_start": (3,),
        "plan_phases": (PLAN_PHASES, 2),
        "plan_total": (),
        "plan_elapsed": (),
        "path": (4,),
        "command": (4, joints),
        "goal": (joints,),
        "candidate_start": (2,),
        "human_pos": (people, human, 3),
        "human_vel": (people, human, 3),
        "human_vel_error": (people, human),
        "human_time": (people,),
        "human_step": (people,),
        "human_moved": (people,),
        "speed_sum": (),
        "tracking_top": (capsules,),
        "age_top": (),
        "min_distance": (),
        "person_distance": (people,),
        "distance_bound": (people,),
        "q_seen": (joints,),
        "begin": (3, joints),
        "begin_speed": (2,),
        "profile": (joints, PROFILE_PHASES, 2),
        "extremes": (joints, 5),
        "proposal_start": (3,),
        "proposal_phases": (PLAN_PHASES, 2),
        "joints": (3, 4, joints),
        "frames": (joints, 4, 3),
        "points": (INTERVALS + 1, capsules, 2, 3),
        "edge_frames": (INTERVALS + 1, joints, 4, 3),
        "path_edges": (INTERVALS + 1,),
        "bodies": (people, 4, bodies + 1),
        "grown": (people, bodies),
        "spheres": (bodies,),
        "axis": (2, 3),
        "axes": (capsules, 2, 3),
        "around": (capsules,),
        "balls": (2, 4),
        "edge_norm": (INTERVALS + 1,),
        "edge_speed": (INTERVALS + 1, capsules),
    }
    ints: dict[str, tuple[int, ...]] = {
        "human_seen": (people,),
        "human_smooth": (people,),
        "verdict_cycles": (len(VERDICTS),),
        "violations": (len(ASSUMPTIONS),),
        "distance_age": (people,),
        "nearest": (people, 2),
        "bodies_known": (people,),
        "culprit": (3,),
        "interval": (2,),
        "edge_known": (INTERVALS + 1,),
        "open_pairs": (DEPTHS, people * capsules * bodies),
        "open_count": (DEPTHS,),
        "meets": (people * capsules * bodies,),
    }
    made = {**static_scratch(model._asdict()), **energy_scratch(joints)}
    fields: dict[str, NDArray[Any]] = {
        name: made[name]
        if name in made
        else np.zeros(floats[name])
        if name in floats
        else np.zeros(ints.get(name, ()), dtype=np.int64)
        for name in ShieldState._fields
        if name != "rows"
    }
    rows = make_rows(n, fields)
    state = ShieldState(**columns(rows), rows=rows)
    state.mode[:] = model.mode
    state.ltt_limits[:] = (MAX_PATH_ACCELERATION, MAX_PATH_JERK)
    for i in range(n):
        reset_shield(model, state, i, np.zeros(joints))
    return state
