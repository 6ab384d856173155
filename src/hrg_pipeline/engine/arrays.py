"""The arrays that the compiled step works on: constants of the scene and one row per environment."""

from __future__ import annotations

from typing import Any, NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.engine.scene import CYCLE_S, Scene
from hrg_pipeline.errors import ModelError
from hrg_pipeline.human.body import BODY_NAMES
from hrg_pipeline.human.curves import FRAME_SIZE
from hrg_pipeline.human.playback import CLOCK_SIZE, LOOP_SIZE, MAX_LOOPS, PERSON_SIZE
from hrg_pipeline.physics.contacts import GEOM_STATIC, MAX_PAIRS
from hrg_pipeline.physics.records import Rows, columns, make_rows
from hrg_pipeline.robots.model import GRIP_SITE

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_GEOMS, MAX_DOFS, MAX_WELDS = 192, 64, 4
"""Room in the records: of the same shape whatever objects are in a scene, so kernels are compiled once a robot."""
FIELDS = ("qpos", "qvel", "ctrl", "qfrc_bias", "qfrc_passive", "M", "mocap_pos", "mocap_quat", "site_xpos")
"""Fields of mjData whose addresses kernels use, in the order of ``EnvArrays.fields``."""
QPOS, QVEL, CTRL, BIAS, PASSIVE, MASS, MOCAP_POS, MOCAP_QUAT, SITE_XPOS = range(len(FIELDS))


class SceneArrays(NamedTuple):
    """What is the same for every environment (n arm joints, g gripper actuators)."""

    model_far: int
    """Address of the mjModel without human contacts."""
    nq: int
    nv: int
    n_m: int
    """Length of mjData.M."""
    nu: int
    arm_qpos: Ints
    arm_dof: Ints
    arm_ctrl: Ints
    mass_index: Ints
    """Where M[row, column] of the arm stands in mjData.M (n, n); -1 where it is zero."""
    torque_min: Array
    torque_max: Array
    gripper_ctrl: Ints
    gripper_open: Array
    """Control of each gripper actuator when open (g,)."""
    gripper_closed: Array
    geom_body: Ints
    """(MAX_GEOMS,), as all that is said of geoms."""
    geom_link: Ints
    """Index of the arm's joint that moves each geom; -1: none."""
    geom_person: Ints
    """Whose geom it is; -1 where it is no human's."""
    geom_human_body: Ints
    """Index in ``BODY_NAMES``; -1 where it is no human's."""
    hand_body: int
    """The last link of the arm."""
    first_weld: int
    """Id of the first of ``n_welds`` equalities that fix objects to people's hands."""
    n_welds: int
    first_grip: int
    """Index among the mocap bodies of the first of as many grips, see ``furnish.add_layout``."""
    weld_body: Ints
    """Index in ``BODY_NAMES`` of the hand of each weld (MAX_WELDS,)."""
    grip_site: int
    kp: float
    kd: float
    cycle_s: float
    debounce_s: float
    safe_vel: float
    gives_way: bool
    """Whether people slow down close to the arm."""
    record: Rows
    """The memory of all of the above (1,): what kernels take."""


class EnvArrays(NamedTuple):
    """State and outputs of N environments with P people; every array has the environment as its first axis.

    Person 0 is the one who takes part in the task.
    All others are views of ``rows``; kernels take those, under the same names.
    """

    model: Ints
    """Addresses of mjModel: one for all, or each its own where sizes vary (N,)."""
    data: Ints
    """Addresses of mjData (N,)."""
    fields: Ints
    """Addresses of its ``FIELDS`` (N, len(FIELDS))."""
    clock: Ints
    """Cycles since the episode began (N,)."""
    cycle: Ints
    """Cycles done in the current RL step (N,)."""
    clip: Ints
    """Motion that each person plays (N, P)."""
    human_frame: Array
    """How the motion stands in the world (N, P, 5), see ``motion_frame``."""
    human_clock: Array
    """Each person's time (N, P, CLOCK_SIZE), columns ``playback.TIME``..."""
    human_stage: Ints
    """Loop that is wanted (-1: none), and whether it is played (N, P, 2)."""
    human_loops: Array
    """This episode's loops (N, P, MAX_LOOPS, LOOP_SIZE)."""
    human_person: Array
    """Tempo, fastest change of rate, relative stature, girth (N, P, PERSON_SIZE), columns ``playback.TEMPO``..."""
    human_pos: Array
    """Body (= joint) positions in the world (N, P, 24, 3) [m]."""
    human_quat: Array
    """Body orientations wxyz (N, P, 24, 4)."""
    human_time: Array
    """When each person was where ``human_pos`` says (N, P) [s]."""
    human_touched: Ints
    """Bodies of each person that the robot touched in this RL step: bit k for body k (N, P)."""
    geom_class: Ints
    """What each geom belongs to (N, MAX_GEOMS); an object is another class while it is held."""
    weld_pose: Array
    """Where each weld holds its object in the frame of the hand: position [m] and wxyz (N, MAX_WELDS, 7)."""
    weld_force: Array
    """Largest force of a weld between a hand and an object in this RL step (N,) [N]."""
    gripper: Array
    """Gripper command, -1 open to 1 closed (N,)."""
    q: Array
    """Measured arm joint angles at the end of the step (N, n) [rad]."""
    dq: Array
    """Measured arm joint speeds (N, n) [rad/s]."""
    command: Array
    """Command at the start of the cycle: q, q' (N, 2, n)."""
    eef_pos: Array
    """Grip site in the world (N, 3) [m]."""
    contact_flags: Ints
    """OR of the contact flags of this RL step (N,)."""
    contact_counters: Ints
    """Contacts in this episode: static, robot, human, critical (N, 4)."""
    contact_pairs: Ints
    human_event: Array
    """Seconds since the last human contact, 1 if critical, its contact-point speed [m/s] (N, 3)."""
    own_limits: Array
    """How fast a joint can be by the robot's own doing, see ``limit_own_motion`` (N, n + 1) [rad/s]."""
    own_dq: Array
    """Measured joint speeds, each no faster than that (N, n) [rad/s]."""
    own_qvel: Array
    """The same for all degrees of freedom, fingers included (N, MAX_DOFS)."""
    contact_speed: Array
    """Largest speed of the robot's point in a contact with people in this episode (N,) [m/s]."""
    contact_energy: Array
    """Largest kinetic energy of the arm in one (N,) [J]."""
    contact_normal_energy: Array
    """Largest energy of the arm's reflected mass along the normal of one (N,) [J]."""
    min_distance: Array
    """Smallest distance between the robot and anybody in this episode (N,) [m]."""
    torque_share: Array
    """Largest share of a joint's torque limit that was asked for in this RL step (N,)."""
    failure: Ints
    """Why the episode cannot go on; index into ``FAILURES`` (N,)."""
    jacobian: Array
    command_qvel: Array
    """Commanded joint speeds, zero where nothing is commanded (N, MAX_DOFS)."""
    acceleration: Array
    """Wanted joint accelerations (N, n) [rad/s²]."""
    rows: Rows
    """The memory of all of the above (N,)."""


FAILURES = ("none", "physics unstable (NaN, overflow or huge acceleration)")


def make_scene_arrays(scene: Scene, safe_vel: float, debounce_s: float, gives_way: bool) -> SceneArrays:
    """Collect the constants of a scene for the kernels.

    Raises:
        ModelError: if the arm's actuators are not one motor per joint, or the scene has too many geoms, degrees of
            freedom or welds.
    """
    sizes = scene.model.ngeom, scene.model.nv, len(scene.welds)
    if any(size > most for size, most in zip(sizes, (MAX_GEOMS, MAX_DOFS, MAX_WELDS), strict=True)):
        raise ModelError(
            f"the scene has {sizes[0]} geoms, {sizes[1]} degrees of freedom and {sizes[2]} welds, "
            f"there is room for {MAX_GEOMS}, {MAX_DOFS} and {MAX_WELDS}"
        )
    model, robot = scene.model, scene.robot
    joints = np.array(scene.arm_joints)
    dofs = model.jnt_dofadr[joints]
    motors = [_motor_of(model, int(joint)) for joint in joints]
    gripper = scene.gripper_joints
    ranges = model.actuator_ctrlrange
    values: dict[str, Any] = dict(
        model_far=scene.model_far._address,
        nq=model.nq,
        nv=model.nv,
        n_m=model.nC,
        nu=model.nu,
        arm_qpos=model.jnt_qposadr[joints].astype(np.int64),
        arm_dof=dofs.astype(np.int64),
        arm_ctrl=np.array(motors, dtype=np.int64),
        mass_index=_mass_index(model, dofs),
        torque_min=ranges[motors, 0].copy(),
        torque_max=ranges[motors, 1].copy(),
        gripper_ctrl=gripper.actuators,
        gripper_open=gripper.opened,
        gripper_closed=gripper.closed,
        geom_body=_of_geoms(model.geom_bodyid, 0),
        geom_link=_of_geoms(_links_of_geoms(model, joints), -1),
        geom_person=_of_geoms(scene.geom_person, -1),
        geom_human_body=_of_geoms(scene.geom_human_body, -1),
        hand_body=int(model.jnt_bodyid[joints[-1]]),
        first_weld=scene.welds[0] if scene.welds else 0,
        n_welds=len(scene.welds),
        first_grip=scene.people * len(BODY_NAMES),
        weld_body=_weld_bodies(scene),
        grip_site=model.site(GRIP_SITE).id,
        kp=robot.kp,
        kd=robot.kd,
        cycle_s=CYCLE_S,
        debounce_s=debounce_s,
        safe_vel=safe_vel,
        gives_way=gives_way,
    )
    record = make_rows(1, {name: np.asarray(value) for name, value in values.items()})
    views = {name: view[0] if view.ndim > 1 else view[0].item() for name, view in columns(record).items()}
    return SceneArrays(**views, record=record)


def make_env_arrays(scene: Scene, models: list[mujoco.MjModel], datas: list[mujoco.MjData]) -> EnvArrays:
    """Allocate one row per mjData, each of the model with the same index."""
    count, dof = len(datas), scene.robot.dof
    people, bodies = scene.people, len(BODY_NAMES)
    floats: dict[str, tuple[int, ...]] = {
        "human_frame": (people, FRAME_SIZE),
        "human_clock": (people, CLOCK_SIZE),
        "human_loops": (people, MAX_LOOPS, LOOP_SIZE),
        "human_person": (people, PERSON_SIZE),
        "human_pos": (people, bodies, 3),
        "human_quat": (people, bodies, 4),
        "human_time": (people,),
        "gripper": (),
        "q": (dof,),
        "dq": (dof,),
        "command": (2, dof),
        "eef_pos": (3,),
        "human_event": (3,),
        "own_limits": (dof + 1,),
        "own_dq": (dof,),
        "own_qvel": (MAX_DOFS,),
        "contact_speed": (),
        "contact_energy": (),
        "contact_normal_energy": (),
        "min_distance": (),
        "torque_share": (),
        "jacobian": (3 * MAX_DOFS,),
        "command_qvel": (MAX_DOFS,),
        "weld_force": (),
        "weld_pose": (MAX_WELDS, 7),
        "acceleration": (dof,),
    }
    ints: dict[str, tuple[int, ...]] = {
        "fields": (len(FIELDS),),
        "clip": (people,),
        "human_stage": (people, 2),
        "human_touched": (people,),
        "geom_class": (MAX_GEOMS,),
        "contact_counters": (4,),
        "contact_pairs": (MAX_PAIRS + 1,),
    }
    fields: dict[str, NDArray[Any]] = {
        name: np.zeros(floats[name]) if name in floats else np.zeros(ints.get(name, ()), dtype=np.int64)
        for name in EnvArrays._fields
        if name != "rows"
    }
    rows = make_rows(count, fields)
    arrays = EnvArrays(**columns(rows), rows=rows)
    arrays.model[:] = [model._address for model in models]
    arrays.data[:] = [data._address for data in datas]
    arrays.fields[:] = [[getattr(data, name).ctypes.data for name in FIELDS] for data in datas]
    arrays.min_distance[:] = np.inf
    arrays.weld_pose[:, :, 3] = 1.0
    arrays.geom_class[:] = _of_geoms(scene.geom_class, GEOM_STATIC)
    return arrays


def _weld_bodies(scene: Scene) -> Ints:
    """Whose hand each weld fixes something to (MAX_WELDS,)."""
    bodies = np.zeros(MAX_WELDS, dtype=np.int64)
    bodies[: len(scene.welds)] = [BODY_NAMES.index(weld.body) for weld in scene.layout.welds]
    return bodies


def _of_geoms(values: NDArray[Any], default: int) -> Ints:
    """Values of all geoms, filled up to ``MAX_GEOMS``."""
    found = np.full(MAX_GEOMS, default, dtype=np.int64)
    found[: len(values)] = values
    return found


def _links_of_geoms(model: mujoco.MjModel, joints: Ints) -> Ints:
    """Index of the last joint of the arm above each geom (ngeom,); -1 where there is none."""
    carrier = {int(model.jnt_bodyid[joint]): k for k, joint in enumerate(joints)}
    links = np.full(model.ngeom, -1, dtype=np.int64)
    for geom in range(model.ngeom):
        body = int(model.geom_bodyid[geom])
        while body > 0 and body not in carrier:
            body = int(model.body_parentid[body])
        links[geom] = carrier.get(body, -1)
    return links


def _motor_of(model: mujoco.MjModel, joint: int) -> int:
    motors = [
        a
        for a in range(model.nu)
        if model.actuator_trntype[a] == mujoco.mjtTrn.mjTRN_JOINT and model.actuator_trnid[a, 0] == joint
    ]
    if len(motors) != 1 or model.actuator_gear[motors[0], 0] != 1.0:
        raise ModelError(f"joint '{model.joint(joint).name}' needs exactly one motor with gear 1, has {len(motors)}")
    return motors[0]


def _mass_index(model: mujoco.MjModel, dofs: Ints) -> Ints:
    """Find the arm's block of the mass matrix in MuJoCo's sparse lower triangle."""
    size = len(dofs)
    index = np.full((size, size), -1, dtype=np.int64)
    for row, dof in enumerate(dofs):
        first, count = int(model.M_rowadr[dof]), int(model.M_rownnz[dof])
        columns = model.M_colind[first : first + count].tolist()
        for column, other in enumerate(dofs):
            if int(other) in columns:
                index[row, column] = index[column, row] = first + columns.index(int(other))
    return index
