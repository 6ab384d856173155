"""The scene: robot, table and human, once lean for physics and once full for pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import mujoco
import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.engine.furnish import add_layout, draw_layout
from hrg_pipeline.engine.layout import OBJECT_PREFIX, WELD_PREFIX, Layout
from hrg_pipeline.human.body import BODY_NAMES, Skeleton, make_skeleton, stature_of
from hrg_pipeline.human.figure import Colour, shapes_of
from hrg_pipeline.physics.contacts import GEOM_ALLOWED, GEOM_GRIPPER, GEOM_HUMAN, GEOM_ROBOT, GEOM_STATIC
from hrg_pipeline.physics.lean import exclude_constant_pairs, strip_visuals, without_contacts
from hrg_pipeline.robots.capsules import Capsules, fit_robot_capsules
from hrg_pipeline.robots.dynamics import LinkInertias, extract_inertias
from hrg_pipeline.robots.geometry import Chain, extract_chain
from hrg_pipeline.robots.gripper_model import GripperJoints, apply_gripper, find_joints, sweep
from hrg_pipeline.robots.grippers import get_gripper
from hrg_pipeline.robots.model import ARM_PREFIX, GRIPPER_PREFIX, build_robot_model, prepare_arm, quiet_robosuite
from hrg_pipeline.robots.records import get_robot
from hrg_pipeline.robots.robot import Robot
from hrg_pipeline.shield.contact_limits import BODY_ROWS, REGIONS

CYCLE_S = 0.004
"""One control and physics cycle [s]."""
CYCLES_PER_STEP = 25
"""Cycles of one RL step of 0.1 s."""
BARE = Layout()
"""Robot, people and the usual table."""
TABLE_SIZE, TABLE_OFFSET = BARE.table_size, BARE.table_offset
HUMAN_PREFIX = "human_"
"""Of the bodies of the first person, see ``human_prefix``."""

_ROOM_M = 1.0
_EXCLUDE_SAMPLES = 10_000
_COLLISION_GROUP, _VISUAL_GROUP = 0, 1
_PEOPLE_BIT = 2
"""What people still touch objects with where the robot is too far away to be tested against them."""
_EXCLUDE_SEED = 20_231_016


@dataclass(frozen=True, eq=False)
class Scene:
    """Both models of one scene and what is where in them."""

    robot: Robot
    skeleton: Skeleton
    model: mujoco.MjModel
    """Lean model that is simulated."""
    model_far: mujoco.MjModel
    """The same without human contacts, for cycles in which nobody can touch the robot."""
    arm_joints: tuple[int, ...]
    """Joint ids of the arm in ``model``."""
    gripper_joints: GripperJoints
    chain: Chain
    capsules: Capsules
    inertias: LinkInertias
    """Of the links, the gripper rigid and half open."""
    people: int
    """How many people there are."""
    geom_class: NDArray[np.int64]
    """What each geom of ``model`` belongs to (ngeom,)."""
    geom_person: NDArray[np.int64]
    """Whose geom it is (ngeom,); -1 where it is no human's."""
    geom_human_body: NDArray[np.int64]
    """Index in ``BODY_NAMES`` (ngeom,); -1 where it is no human's."""
    excluded_pairs: int
    """Body pairs of the robot that never touch, or always do, and are not tested."""
    layout: Layout
    """What the task has put into it."""
    objects: tuple[int, ...]
    """Body ids of the objects in ``model``, in the order of the layout."""
    welds: tuple[int, ...]
    """Equality ids of the welds to hands, in the order of the layout, one after the other."""
    _full: mujoco.MjSpec = field(repr=False)

    @property
    def drawn(self) -> mujoco.MjSpec:
        """What ``render_model`` is compiled from."""
        return self._full

    @property
    def render_model(self) -> mujoco.MjModel:
        """The same scene with visual meshes, lights and cameras (compiled when first asked for)."""
        return _compile_render_model(self)


def human_prefix(person: int) -> str:
    """Return what the names of a person's bodies and geoms begin with."""
    return HUMAN_PREFIX if person == 0 else f"human{person}_"


@lru_cache(maxsize=16)
def build_scene(
    robot_name: str,
    stature_m: float,
    girth: float = 1.0,
    gripper: str | None = None,
    people: int = 1,
    layout: Layout = BARE,
) -> Scene:
    """Build, prune and compile the scene.

    Args:
        robot_name: one of ``robots.records.ROBOTS``.
        stature_m: of the people [m].
        girth: factor of their radii.
        gripper: one of ``robots.grippers.GRIPPERS``; None means the robot's own.
        people: how many there are.
        layout: what the task puts into the scene.

    Raises:
        ConfigError: if the robot or the gripper is not known.
    """
    robot = get_robot(robot_name, gripper)
    skeleton = make_skeleton(stature_m, girth)
    xml, robot_bodies = _robot_and_table(robot, layout)
    full = mujoco.MjSpec.from_string(xml)
    _prepare(full, robot, skeleton, people, layout)
    for person in range(people):
        _draw_human(full, skeleton, person)
    draw_layout(full, layout, _VISUAL_GROUP)
    if people > 1:
        _move_back_wall(full)
    for mesh in full.meshes:
        # Some visual meshes are flat; masses are given with the bodies, so no mesh needs a volume.
        mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL
    lean = mujoco.MjSpec.from_string(xml)
    _prepare(lean, robot, skeleton, people, layout)
    strip_visuals(lean)
    exclude_constant_pairs(lean, robot_bodies, _EXCLUDE_SAMPLES, _EXCLUDE_SEED)
    model = lean.compile()
    geom_person, geom_human_body = _human_geoms(model, people)
    _give_weight(model, geom_human_body)
    geom_class = _classify_geoms(model, robot_bodies, geom_person)
    joints = _arm_joints(model)
    gripper_joints = find_joints(model, get_gripper(robot.gripper))
    capsules = _fit_capsules(full.compile() if robot.visual_capsules else model, robot)
    return Scene(
        robot=robot,
        skeleton=skeleton,
        model=model,
        model_far=without_contacts(
            model, np.flatnonzero(geom_class == GEOM_HUMAN), _PEOPLE_BIT if layout.objects else 0
        ),
        arm_joints=tuple(joints),
        gripper_joints=gripper_joints,
        chain=extract_chain(model, joints),
        capsules=capsules,
        inertias=extract_inertias(model, joints, gripper_joints),
        people=people,
        geom_class=geom_class,
        geom_person=geom_person,
        geom_human_body=geom_human_body,
        excluded_pairs=int(model.nexclude),
        layout=layout,
        objects=tuple(model.body(OBJECT_PREFIX + thing.name).id for thing in layout.objects),
        welds=tuple(model.equality(WELD_PREFIX + weld.name).id for weld in layout.welds),
        _full=full,
    )


def _arm_joints(model: mujoco.MjModel) -> list[int]:
    return [j for j in range(model.njnt) if model.joint(j).name.startswith(ARM_PREFIX)]


def _fit_capsules(model: mujoco.MjModel, robot: Robot) -> Capsules:
    """Fit the shield's capsules to the lean model, or to the full one with its visual meshes."""
    gripper = get_gripper(robot.gripper)
    names = [model.body(b).name for b in range(model.nbody) if model.body_geomnum[b] > 0]
    bodies = [name for name in names if name.startswith((ARM_PREFIX, GRIPPER_PREFIX))]
    qpos = find_joints(model, gripper).qpos
    return fit_robot_capsules(model, _arm_joints(model), bodies, qpos, sweep(gripper), robot.visual_capsules)


def _robot_and_table(robot: Robot, layout: Layout) -> tuple[str, list[str]]:
    """Return the MJCF of robot and table, and the names of the robot's bodies (without the pedestal)."""
    with quiet_robosuite():
        from robosuite.models.arenas import TableArena
        from robosuite.models.tasks import ManipulationTask

        arena = TableArena(table_full_size=layout.table_size, table_offset=layout.table_offset)
        arena.set_origin([0, 0, 0])
        task = ManipulationTask(mujoco_arena=arena, mujoco_robots=[build_robot_model(robot)])
        xml = task.get_xml()
    spec = mujoco.MjSpec.from_string(xml)
    bodies = [b.name for b in spec.bodies if b.name.startswith((ARM_PREFIX, GRIPPER_PREFIX))]
    with_geoms = [name for name in bodies if len(spec.body(name).geoms) > 0]
    return xml, with_geoms


def _prepare(spec: mujoco.MjSpec, robot: Robot, skeleton: Skeleton, people: int, layout: Layout) -> None:
    """Do what both models need: our time step, no controller targets, joints, gripper, the people, the objects."""
    for name in ("left_eef_target", "right_eef_target"):
        body = spec.body(name)
        if body is not None:
            spec.delete(body)
    spec.option.timestep = CYCLE_S
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_EULERDAMP  # controllers compensate damping exactly
    spec.njmax = spec.nconmax = -1
    prepare_arm(spec, robot)
    apply_gripper(spec, get_gripper(robot.gripper))
    for person in range(people):
        _add_human(spec, skeleton, person)
    add_layout(spec, layout, HUMAN_PREFIX, _COLLISION_GROUP)


def _add_human(spec: mujoco.MjSpec, skeleton: Skeleton, person: int) -> None:
    """Add the bodies of a person; kernels reckon with mocap bodies in this order, person by person."""
    prefix = human_prefix(person)
    for k, name in enumerate(BODY_NAMES):
        body = spec.worldbody.add_body(name=prefix + name, mocap=True, pos=[3.0 + 0.5 * k, 3.0 * person, 1.0])
        start, end = skeleton.geom_a[k], skeleton.geom_b[k]
        # Both flags: fingers and whole arms of robosuite have only one of them. Bodies without joints never touch
        # each other, so table and floor stay out of it.
        touch = {"contype": 1, "conaffinity": 1, "condim": 1, "group": _COLLISION_GROUP}
        size = [skeleton.geom_radius[k], 0.0, 0.0]
        if np.allclose(start, end):
            kind = mujoco.mjtGeom.mjGEOM_SPHERE
            body.add_geom(name=prefix + name, type=kind, size=size, pos=start, **touch)
        else:
            kind = mujoco.mjtGeom.mjGEOM_CAPSULE
            body.add_geom(name=prefix + name, type=kind, size=size, fromto=[*start, *end], **touch)


def _draw_human(spec: mujoco.MjSpec, skeleton: Skeleton, person: int) -> None:
    """Give a human's bodies the looks of a person; nothing of it touches anything."""
    prefix = human_prefix(person)
    materials: dict[Colour, str] = {}
    for name in BODY_NAMES:
        for shape in shapes_of(name, stature_of(skeleton), person):
            if shape.colour not in materials:
                materials[shape.colour] = f"{prefix}look_{len(materials)}"
                spec.add_material(name=materials[shape.colour], rgba=shape.colour, specular=0.1, shininess=0.1)
            look = {
                "contype": 0,
                "conaffinity": 0,
                "group": _VISUAL_GROUP,
                "material": materials[shape.colour],
                "mass": 0.0,
            }
            if shape.kind == "capsule":
                size, ends = [shape.radius, 0.0, 0.0], [*shape.start, *shape.end]
                kind = mujoco.mjtGeom.mjGEOM_CAPSULE
                spec.body(prefix + name).add_geom(type=kind, size=size, fromto=ends, **look)
            else:
                kind = mujoco.mjtGeom.mjGEOM_ELLIPSOID
                spec.body(prefix + name).add_geom(type=kind, size=shape.end, pos=shape.start, **look)


def _move_back_wall(spec: mujoco.MjSpec) -> None:
    """Make room behind the table in pictures: robosuite's wall stands where people step back to."""
    for name, shift, longer in (
        ("wall_rear", _ROOM_M, 0.0),
        ("wall_leftcorner", _ROOM_M, 0.0),
        ("wall_rightcorner", _ROOM_M, 0.0),
        ("wall_left", 0.5 * _ROOM_M, 0.5 * _ROOM_M),
        ("wall_right", 0.5 * _ROOM_M, 0.5 * _ROOM_M),
    ):
        wall = spec.geom(f"{name}_visual")
        wall.pos[0] -= shift
        wall.size[0] += longer


def _human_geoms(model: mujoco.MjModel, people: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whose geom each one is, and which body it belongs to (ngeom,); -1 where it is no human's."""
    owners = {
        model.body(human_prefix(person) + name).id: (person, k)
        for person in range(people)
        for k, name in enumerate(BODY_NAMES)
    }
    found = np.array([owners.get(int(body), (-1, -1)) for body in model.geom_bodyid], dtype=np.int64)
    return found[:, 0].copy(), found[:, 1].copy()


def _give_weight(model: mujoco.MjModel, geom_human_body: NDArray[np.int64]) -> None:
    """Let contacts with people be as soft as bodies of their weight make them.

    MuJoCo softens a contact by the inverse weight of both bodies. Mocap bodies have none, and neither, nearly, has a
    link that turns about an axis through itself: between the two a contact was rigid, and who leaned against the
    first link sent it flying at thousands of radians a second.
    """
    for geom in np.flatnonzero(geom_human_body >= 0):
        mass = min(REGIONS[region].mass for region in BODY_ROWS[geom_human_body[geom]].regions)
        model.body_invweight0[model.geom_bodyid[geom], 0] = 1.0 / mass


def _classify_geoms(
    model: mujoco.MjModel, robot_bodies: list[str], geom_person: NDArray[np.int64]
) -> NDArray[np.int64]:
    robot = {model.body(name).id for name in robot_bodies}
    classes = np.where(geom_person >= 0, GEOM_HUMAN, GEOM_STATIC).astype(np.int64)
    for geom in range(model.ngeom):
        body = int(model.geom_bodyid[geom])
        if body in robot:
            gripper = model.body(body).name.startswith(GRIPPER_PREFIX)
            classes[geom] = GEOM_GRIPPER if gripper else GEOM_ROBOT
        elif model.body(body).name.startswith(OBJECT_PREFIX):
            classes[geom] = GEOM_ALLOWED
    return classes


@lru_cache(maxsize=2)
def _compile_render_model(scene: Scene) -> mujoco.MjModel:
    return scene._full.compile()
