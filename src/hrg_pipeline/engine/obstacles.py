"""The static obstacles of a scene, and which of them each part of the robot has to keep clear of."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hrg_pipeline.engine.scene import Scene
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.physics.lean import touching_body_pairs
from hrg_pipeline.robots.capsules import Capsules
from hrg_pipeline.robots.geometry import body_pieces
from hrg_pipeline.robots.model import ARM_PREFIX, GRIPPER_PREFIX, MOUNT_PREFIX
from hrg_pipeline.shield.distance import segment_distance_sq
from hrg_pipeline.shield.static_data import Obstacle, StaticPairs

Array = NDArray[np.float64]

OBSTACLES: Final = ("table", "base", "walls", "floor", "self")
"""What there is to keep clear of: table top, the robot's own pedestal and foot, the room's walls, its floor; itself."""

_SAMPLES = 10_000
_SEED = 20_231_017
_ALWAYS = 0.98
"""Bodies that touch in this share of all configurations are next to each other in the arm."""
_THICK_M = 0.5
"""Half the thickness of a floor or wall, towards the side where nobody is."""
_NEAR_M = 0.01
"""Links that come closer than this count as touching when the slack of their capsules is found."""
_SLACK_SAMPLES = 4_000
_SLACK_LESS_M = 0.002
"""Taken off the slack for what lies between the samples."""
_BODY_PARTS_M = 0.9
"""Two body parts of a person that lie on each other are not thicker."""
_WIDE_M = 10.0
"""Half the width of the floor, which has no edge."""
_WALL, _FLOOR, _TABLE = "wall_", "floor", "table"


def find_obstacles(scene: Scene, names: tuple[str, ...] = OBSTACLES) -> list[tuple[Obstacle, int | None]]:
    """Make boxes of what stands still in a scene.

    Args:
        scene: The scene.
        names: Which of ``OBSTACLES``.

    Returns:
        Each box and the body in ``scene.model`` that it encloses a collision geom of; None for a wall, which only the
        eye can see.

    Raises:
        ConfigError: A name is none of ``OBSTACLES``.
    """
    _check_names(names)
    model = scene.model
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    found: list[tuple[Obstacle, int | None]] = []
    for body in range(model.nbody):
        body_name = model.body(body).name
        foot = body_name.startswith((ARM_PREFIX, MOUNT_PREFIX)) and model.body_weldid[body] == 0
        if (foot and "base" in names) or (body_name == _TABLE and "table" in names):
            label = "base" if foot else "table"
            turn, origin = data.xmat[body].reshape(3, 3), data.xpos[body]
            first = int(model.body_geomadr[body])
            solid = [g for g in range(first, first + int(model.body_geomnum[body])) if _collides(model, g)]
            for k, (geom, corners) in enumerate(zip(solid, body_pieces(model, body), strict=True)):
                rotation = Rotation.from_quat(model.geom_quat[geom], scalar_first=True).as_matrix()
                found.append(
                    (_enclosing_box(f"{label}/{body_name}/{k}", corners @ turn.T + origin, turn, rotation), body)
                )
    if "floor" in names:
        geom = model.geom(_FLOOR)
        half = np.array([_WIDE_M, _WIDE_M, _THICK_M])
        found.append((Obstacle("floor", geom.pos - np.array([0.0, 0.0, _THICK_M]), np.eye(3), half), 0))
    if "walls" in names:
        found += [(wall, None) for wall in _walls(scene.drawn)]
    return found


def static_pairs(
    scene: Scene, names: tuple[str, ...] = OBSTACLES, *, gripper: bool = True, held: bool = False
) -> StaticPairs:
    """Find which obstacles each capsule of the robot has to keep clear of, and which capsules of each other.

    A pair matters if the collision geometry of its bodies touches in some of many random configurations, but not in
    practically all. Neighbours in the chain are left to the joint limits. A wall matters to what is long enough.

    Args:
        scene: The scene.
        names: Which of ``OBSTACLES``.
        gripper: Whether the gripper, and what it holds, keep clear of obstacles; if not, they may touch all but the
            robot's own base.
        held: Whether a last capsule is added, for an object in the gripper, with the pairs that the gripper has.

    Raises:
        ConfigError: A name is none of ``OBSTACLES``.
    """
    _check_names(names)
    boxes = find_obstacles(scene)
    capsules = scene.capsules
    groups = _groups(scene)
    changing = _changing_pairs(scene)
    parts = [*capsules.body, "gripper"] if held else list(capsules.body)
    joints = [*capsules.joint.tolist(), len(scene.arm_joints) - 1] if held else capsules.joint.tolist()
    reach = _reach(scene)

    def meet(first: list[int], second: list[int]) -> bool:
        return any((min(a, b), max(a, b)) in changing for a in first for b in second)

    applies = np.zeros((len(boxes), len(parts)), dtype=bool)
    for o, (box, body) in enumerate(boxes):
        for k, part in enumerate(parts):
            kind = box.name.split("/")[0]
            if kind not in names or (part == "gripper" and not gripper and kind != "base"):
                continue
            applies[o, k] = meet([body], groups[part]) if body is not None else _distance(box, scene) < reach
    pairs, slacks = [], []
    close = _slack(scene)
    for a in range(len(parts) if "self" in names else 0):
        for b in range(a + 1, len(parts)):
            first, second = min(joints[a], joints[b]), max(joints[a], joints[b])
            if second - first <= 1 or not meet(groups[parts[a]], groups[parts[b]]):
                continue
            arm = second - first == 2 and "gripper" not in (parts[a], parts[b])
            slack = close[first] if arm else 0.0
            if np.isfinite(slack):
                pairs.append((a, b))
                slacks.append(slack)
    # What the robot never touches may still be what it clamps a person against.
    used = applies.any(axis=1) | np.array([_distance(box, scene) < reach + _BODY_PARTS_M for box, _ in boxes])
    return StaticPairs(
        obstacles=tuple(boxes[o][0] for o in np.flatnonzero(used)),
        applies=applies[used],
        self_pairs=np.array(pairs, dtype=np.int64).reshape(-1, 2),
        self_slack=np.array(slacks),
    )


def _check_names(names: tuple[str, ...]) -> None:
    for name in names:
        if name not in OBSTACLES:
            raise ConfigError(f"unknown obstacle '{name}'; choose from {', '.join(OBSTACLES)}")


def _collides(model: mujoco.MjModel, geom: int) -> bool:
    return bool(model.geom_contype[geom] or model.geom_conaffinity[geom])


def _enclosing_box(name: str, points: Array, body: Array, geom: Array) -> Obstacle:
    """Return the smaller box around points (k, 3) of the world: along the axes of the body, or those of its geom."""
    boxes = []
    for rot in (body, body @ geom):
        low, high = (points @ rot).min(axis=0), (points @ rot).max(axis=0)
        boxes.append(Obstacle(name, rot @ (0.5 * (low + high)), rot.copy(), 0.5 * (high - low)))
    return min(boxes, key=lambda box: float(box.half.prod()))


def _walls(drawn: mujoco.MjSpec) -> list[Obstacle]:
    """Thick boxes behind the drawn walls, which are thin along the z axis of their geoms."""
    walls = []
    for geom in drawn.worldbody.geoms:
        if geom.name.startswith(_WALL):
            rot = Rotation.from_quat(geom.quat, scalar_first=True).as_matrix()
            outward = np.sign(rot[:, 2] @ geom.pos) * rot[:, 2]
            half = np.array([geom.size[0], geom.size[1], _THICK_M])
            walls.append(Obstacle(f"walls/{geom.name}", geom.pos + (_THICK_M - geom.size[2]) * outward, rot, half))
    return walls


def _groups(scene: Scene) -> dict[str, list[int]]:
    """Bodies that each name in ``Capsules.body`` stands for."""
    model = scene.model
    links = {int(model.jnt_bodyid[joint]) for joint in scene.arm_joints}
    groups: dict[str, list[int]] = {"gripper": []}
    for body in range(model.nbody):
        carrier = body
        while carrier > 0 and carrier not in links:
            carrier = int(model.body_parentid[carrier])
        if carrier > 0:
            name = "gripper" if model.body(body).name.startswith(GRIPPER_PREFIX) else model.body(carrier).name
            groups.setdefault(name, []).append(body)
    return groups


@lru_cache(maxsize=8)
def _changing_pairs(scene: Scene) -> set[tuple[int, int]]:
    """Pairs of bodies that touch in some configurations, and not in practically all."""
    model = scene.model
    moving = [j for j in range(model.njnt) if model.joint(j).name.startswith((ARM_PREFIX, GRIPPER_PREFIX))]
    counts = touching_body_pairs(model, np.arange(model.nbody), np.array(moving), _SAMPLES, _SEED)
    return {pair for pair, count in counts.items() if count < _ALWAYS * _SAMPLES}


@lru_cache(maxsize=8)
def _slack(scene: Scene) -> Array:
    """By how much the capsules of links j and j + 2 overlap, at least, wherever the links touch (n - 2,) [m].

    Such links are close to each other in every configuration, and their capsules, which are looser than they are,
    often overlap. Where they touch depends on the two joints between them alone, so samples are dense. inf: they
    never touch within the joint limits.
    """
    model, robot, capsules = scene.model, scene.robot, scene.capsules
    data = mujoco.MjData(model)
    bodies = [int(model.jnt_bodyid[joint]) for joint in scene.arm_joints]
    link = np.full(model.nbody, -99)
    for body in range(model.nbody):
        if model.body_weldid[body] in bodies and not model.body(body).name.startswith(GRIPPER_PREFIX):
            link[body] = bodies.index(int(model.body_weldid[body]))
    address = model.jnt_qposadr[list(scene.arm_joints)]
    slack = np.full(max(robot.dof - 2, 0), np.inf)
    samples = np.random.default_rng(_SEED).uniform(robot.q_min, robot.q_max, (_SLACK_SAMPLES, robot.dof))
    margins = model.geom_margin.copy()
    model.geom_margin[:] = _NEAR_M
    try:
        for q in samples:
            data.qpos[address] = q
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            mujoco.mj_collision(model, data)
            near = data.contact.geom[data.contact.dist < _NEAR_M]
            links = np.sort(link[model.geom_bodyid[near]].reshape(-1, 2), axis=1)
            for first in {int(a) for a, b in links if a >= 0 and b == a + 2}:
                slack[first] = min(slack[first], _overlap(data, bodies, capsules, first))
    finally:
        model.geom_margin[:] = margins
    return np.maximum(slack - _SLACK_LESS_M, 0.0)


def _overlap(data: mujoco.MjData, bodies: list[int], capsules: Capsules, first: int) -> float:
    """How deep the capsules of links ``first`` and ``first + 2`` are in each other, the deepest pair [m]."""
    ends = []
    for link in (first, first + 2):
        turn, origin = data.xmat[bodies[link]].reshape(3, 3), data.xpos[bodies[link]]
        mine = [k for k in np.flatnonzero(capsules.joint == link) if capsules.body[k] != "gripper"]
        placed = [(capsules.start[k] @ turn.T + origin, capsules.end[k] @ turn.T + origin) for k in mine]
        ends.append([(*pair, float(capsules.radius[k])) for k, pair in zip(mine, placed, strict=True)])
    return max(
        r + other_r - float(np.sqrt(segment_distance_sq(p, q, other_p, other_q)))
        for p, q, r in ends[0]
        for other_p, other_q, other_r in ends[1]
    )


def _reach(scene: Scene) -> float:
    """How far any part of the robot can be from where the arm begins, at most [m]."""
    chain, capsules = scene.chain, scene.capsules
    arm = np.linalg.norm(chain.translation, axis=1).sum() + 2.0 * np.linalg.norm(chain.anchor, axis=1).sum()
    ends = np.linalg.norm(np.stack([capsules.start, capsules.end]), axis=2).max(axis=0) + capsules.radius
    return float(arm + ends.max())


def _distance(box: Obstacle, scene: Scene) -> float:
    """Distance of a box from where the arm begins [m]."""
    place = (scene.chain.base_position - box.pos) @ box.rot
    return float(np.linalg.norm(place - np.clip(place, -box.half, box.half)))
