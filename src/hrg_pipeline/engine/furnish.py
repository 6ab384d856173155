"""A task's layout in MuJoCo: bodies, joints, welds, and what only pictures show."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.engine.layout import (
    GRIP_PREFIX,
    MARKER_PREFIX,
    OBJECT_PREFIX,
    WELD_PREFIX,
    HandWeld,
    Layout,
    Nail,
    SceneObject,
    Shape,
)
from hrg_pipeline.human.body import BODY_NAMES

Array = NDArray[np.float64]


def add_layout(spec: mujoco.MjSpec, layout: Layout, human_prefix: str, group: int) -> None:
    """Add objects, nails, props and welds of a layout to a scene.

    A weld fixes its object to a mocap body, the grip, that moves with the hand. Where the hand holds the object is then
    state of an environment and not part of the model, which all environments share. Grips come after the people among
    the mocap bodies, in the order of the welds.

    Args:
        spec: scene with its people; changed.
        layout: what to add.
        human_prefix: of the bodies of the person whose hands hold things.
        group: geom group of what collides.
    """
    for k, thing in enumerate(layout.objects):
        # Far from everything, until the task puts them in their place.
        body = spec.worldbody.add_body(name=OBJECT_PREFIX + thing.name, pos=[-2.0 - 0.5 * k, -2.0, 0.5])
        body.add_freejoint(name=OBJECT_PREFIX + thing.name)
        for part in thing.parts:
            _add_part(body, part, group, collides=True)
        held = any(weld.object == thing.name for weld in layout.welds)
        if held or not thing.touches_people:
            for name in BODY_NAMES:
                spec.add_exclude(bodyname1=body.name, bodyname2=human_prefix + name)
    for nail in layout.nails:
        _add_nail(spec, nail, group)
        for name in BODY_NAMES:
            spec.add_exclude(bodyname1=OBJECT_PREFIX + nail.name, bodyname2=human_prefix + name)
    for prop in layout.props:
        body = spec.worldbody.add_body(name=prop.name, pos=prop.pos, quat=prop.quat)
        for part in prop.parts:
            _add_part(body, part, group, collides=True)
    for weld in layout.welds:
        grip = spec.worldbody.add_body(name=GRIP_PREFIX + weld.name, mocap=True)
        if weld.ball is None:
            _add_rigid(spec, weld, grip.name)
        else:
            _add_ball(spec, weld, grip)


def draw_layout(spec: mujoco.MjSpec, layout: Layout, group: int) -> None:
    """Add what only pictures show: markers, and colours on top of what collides.

    Args:
        spec: scene that was prepared with ``add_layout``; changed.
        layout: what to draw.
        group: geom group of what is seen.
    """
    movable: tuple[SceneObject | Nail, ...] = layout.objects + layout.nails
    for thing in movable:
        for part in thing.parts:
            _add_part(spec.body(OBJECT_PREFIX + thing.name), part, group, collides=False)
    for prop in layout.props:
        for part in prop.parts:
            _add_part(spec.body(prop.name), part, group, collides=False)
    for marker in layout.markers:
        body = spec.worldbody.add_body(name=MARKER_PREFIX + marker.name, mocap=True)
        _add_part(body, marker.part, group, collides=False)


def held_capsule(thing: SceneObject) -> tuple[Array, Array, float]:
    """Return a capsule around all parts: both ends of its axis in the object's frame (3,), and its radius [m].

    The axis lies along the object's longest extent. Of an object with a ``held_part`` only that is enclosed.
    """
    corners = np.concatenate([_corners(part) for part in thing.parts])
    if thing.held_part is not None:
        corners = np.clip(corners, *np.array(thing.held_part))
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    along = int(np.argmax(half))
    across = np.delete(corners - middle, along, axis=1)
    radius = float(np.linalg.norm(across, axis=1).max())
    reach = np.zeros(3)
    reach[along] = half[along]
    return middle - reach, middle + reach, radius


NAIL_AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "depth": (0.0, 0.0, -1.0)}
"""Slide joints of a nail, named ``object_<nail>_<axis>``: where it sticks in its object, and how deep."""
_STUCK_KG, _STUCK_NS_M = 1e5, 1e6
"""Inertia and damping of the two joints that say where a nail sticks: it stays there, and yet the place is state of an
environment and not part of the model, which all environments share."""
_NAIL_KG = 0.1
"""Added inertia of a nail along its axis, against creeping: MuJoCo's friction gives way by 0.04 mm/s at half its
force."""
_STIFF = (0.9999, 0.9999)
"""Impedance of a nail's friction and of its end stop."""
_WELD_SOLREF = (0.008, 1.0)
"""Time constant [s] and damping ratio of a weld: as stiff as two time steps allow."""
_YIELDING = 0.5
"""Impedance of a ball joint that gives: reference acceleration and constraint force are then those of a spring."""
_KINDS = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
}
_OBJECT_BITS = 3
"""Bit 1 meets robot and table, bit 2 people where the robot is too far to be tested against them."""


def _add_rigid(spec: mujoco.MjSpec, weld: HandWeld, grip: str) -> None:
    equality = spec.add_equality(
        name=WELD_PREFIX + weld.name,
        type=mujoco.mjtEq.mjEQ_WELD,
        objtype=mujoco.mjtObj.mjOBJ_BODY,
        name1=grip,
        name2=OBJECT_PREFIX + weld.object,
        active=False,
    )
    equality.data[:11] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    equality.solref[:] = _WELD_SOLREF


def _add_ball(spec: mujoco.MjSpec, weld: HandWeld, grip: mujoco.MjsBody) -> None:
    """Let a place on an object stay where the grip is: forces, no torques."""
    body = spec.body(OBJECT_PREFIX + weld.object)
    ends = grip.add_site(name=grip.name), body.add_site(name=f"{body.name}_{weld.name}", pos=weld.ball)
    equality = spec.add_equality(
        name=WELD_PREFIX + weld.name,
        type=mujoco.mjtEq.mjEQ_CONNECT,
        objtype=mujoco.mjtObj.mjOBJ_SITE,
        name1=ends[0].name,
        name2=ends[1].name,
        active=False,
    )
    if weld.spring is None:
        equality.solref[:] = _WELD_SOLREF
        return
    # MuJoCo's stiffness is an acceleration per metre; the object's mass makes a force of it.
    mass = float(sum(geom.mass for geom in body.geoms))
    equality.solref[:] = -np.array(weld.spring) / mass
    equality.solimp[:2] = _YIELDING, _YIELDING


def _add_nail(spec: mujoco.MjSpec, nail: Nail, group: int) -> None:
    """Let a body slide in an object: across it hardly ever, along its z against friction, down to the end stop."""
    thing = spec.body(OBJECT_PREFIX + nail.object)
    body = thing.add_body(name=OBJECT_PREFIX + nail.name, pos=[0.0, 0.0, nail.height_m])
    slide = mujoco.mjtJoint.mjJNT_SLIDE
    for name, axis in NAIL_AXES.items():
        joint = body.add_joint(name=f"{body.name}_{name}", type=slide, axis=axis)
        joint.armature, joint.damping[0] = _STUCK_KG, _STUCK_NS_M
    # The last one is along the nail.
    joint.armature, joint.damping[0], joint.frictionloss = _NAIL_KG, 0.0, nail.friction_n
    joint.limited, joint.range[:] = True, (0.0, nail.depth_m)
    joint.solref_friction[:] = joint.solref_limit[:] = _WELD_SOLREF
    joint.solimp_friction[:2] = joint.solimp_limit[:2] = _STIFF
    for part in nail.parts:
        _add_part(body, part, group, collides=True)


def _add_part(body: mujoco.MjsBody, part: Shape, group: int, *, collides: bool) -> None:
    size = [*part.size, 0.0, 0.0][:3]
    bits = _OBJECT_BITS if collides else 0
    body.add_geom(
        type=_KINDS[part.kind],
        size=size,
        pos=part.pos,
        quat=part.quat,
        mass=part.mass_kg if collides else 0.0,
        friction=[part.friction, 0.005, 0.0001],
        rgba=part.colour,
        contype=bits,
        conaffinity=bits,
        condim=4 if collides else 3,
        group=group,
    )


def _corners(part: Shape) -> Array:
    """Corners of a part's enclosing box in the object's frame (8, 3) [m]."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).T
    turn = np.zeros(9)
    mujoco.mju_quat2Mat(turn, np.array(part.quat))
    return np.asarray((signs * part.half_lengths) @ turn.reshape(3, 3).T + np.array(part.pos))
