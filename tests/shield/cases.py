"""Random arms with masses in random motion next to random people, to prove things about."""

from __future__ import annotations

import numpy as np

from hrg_pipeline.human.body import BODY_NAMES, make_shield_bodies, make_skeleton
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.robots.dynamics import LinkInertias
from hrg_pipeline.shield.factory import make_shield_model, make_shield_state
from hrg_pipeline.shield.goals import plan_goal
from hrg_pipeline.shield.held import hold_object
from hrg_pipeline.shield.measurement import check_human
from hrg_pipeline.shield.model import SAFE, RobotGeometry
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.path import propose_plan
from hrg_pipeline.shield.shield import command_at, reset_shield
from hrg_pipeline.shield.static_data import Obstacle, StaticPairs
from hrg_pipeline.shield.verify import verify_plan
from tests.shield.exact import Held, capsule_axes, trajectory_at
from tests.shield.toys import TS, general_arm, planar_arm, rotation
from tests.shield.verification import Proposal, World

SKELETON = make_skeleton(1.75)
BODIES = make_shield_bodies(SKELETON)
ARMS = {"planar": planar_arm, "general": general_arm}


@kernel
def _propose(models, rows, i, slot, s, v, a):
    model, row = models[0], rows[i]
    limits = row.ltt_limits[slot]
    start, phases = row.proposal_start, row.proposal_phases
    command_at(row.ltt[slot], (s, v, a, 0.0), row.joints[0], row.joints[1])
    return propose_plan(s, v, a, limits[0], limits[1], model.sample_time, start, phases)


@kernel
def _look(models, rows, i, time, pos, stamps):
    return check_human(models[0], rows[i], time, pos, stamps)


@kernel
def _prove(models, rows, i, slot, total, time):
    return verify_plan(models[0], rows[i], slot, total, time)


def plausible_inertias(geometry: RobotGeometry, seed: int = 0) -> LinkInertias:
    """Masses from 4 kg at the base to 0.8 kg at the wrist, near the middle of each link."""
    rng, n = np.random.default_rng(seed), len(geometry.q_min)
    mass = np.linspace(4.0, 0.8, n) * rng.uniform(0.8, 1.2, n)
    root = rng.normal(0.0, 0.04, (n, 3, 3))
    inertia = mass[:, None, None] * (root @ root.transpose(0, 2, 1))
    return LinkInertias(mass, rng.uniform(-0.1, 0.1, (n, 3)), inertia, rng.uniform(0.0, 0.05, n))


def a_box(seed: int) -> Obstacle:
    """Something like a table or a wall within reach."""
    rng = np.random.default_rng(seed)
    turn = rotation(rng.normal(size=3), rng.choice([0.0, 0.4]))
    return Obstacle("box", rng.uniform([-0.8, -0.8, 0.3], [0.8, 0.8, 1.2]), turn, rng.uniform(0.05, 0.5, 3))


def make_world(arm: str, params: ShieldParams, people: int = 1, box: int | None = None) -> World:
    """One arm and its shield; nothing keeps clear of the box, but things may be clamped against it."""
    geometry = ARMS[arm]()
    boxes = () if box is None else (a_box(box),)
    applies = np.zeros((len(boxes), len(geometry.capsule_link) + 1), dtype=bool)
    statics = StaticPairs(boxes, applies, np.zeros((0, 2), np.int64), np.zeros(0))
    inertias = plausible_inertias(geometry)
    model = make_shield_model(
        geometry, BODIES, params, None, TS, people=people, statics=statics, inertias=inertias, joint_names=BODY_NAMES
    )
    return World(geometry, BODIES, params, inertias, boxes, model)


def person_at(rng, pelvis, bend: float = 0.6) -> np.ndarray:
    """Joints (24, 3) of somebody with bent limbs, turned about the vertical."""
    pos, turns = np.zeros((24, 3)), []
    for joint, parent in enumerate(SKELETON.parent):
        if parent < 0:
            turns.append(rotation(np.array([0.0, 0, 1]), rng.uniform(-np.pi, np.pi)))
            continue
        pos[joint] = pos[parent] + turns[parent] @ SKELETON.offset[joint]
        turns.append(turns[parent] @ rotation(rng.normal(size=3), bend * rng.normal()))
    return pos + np.asarray(pelvis)


def place_around(rng, people: int, axes, far: float) -> np.ndarray:
    """People (P, 24, 3), each with some joint within ``far`` of some point of the robot's axes (L, 2, 3)."""
    out = []
    for _ in range(people):
        pos = person_at(rng, np.zeros(3), rng.choice([0.0, 0.6]))
        start, end = axes[rng.integers(len(axes))]
        away = rng.normal(size=3)
        target = start + rng.uniform() * (end - start) + rng.uniform(0.0, far) * away / np.linalg.norm(away)
        out.append(pos + target - pos[rng.integers(24)])
    return np.array(out)


def plan_somewhere(world: World, state, i: int, rng) -> int:
    """A trajectory from a random configuration to another; returns its slot."""
    n = len(world.geometry.q_min)
    reset_shield(world.model, state, i, rng.uniform(-1.5, 1.5, n))
    assert plan_goal(world.model, state, i, rng.uniform(-2.0, 2.0, n))
    return 1 - int(state.active[i])


def propose(world: World, state, i: int, slot: int, rng, held: Held | None = None) -> Proposal:
    """A proposal from anywhere on the trajectory, at any speed and acceleration that it allows."""
    a_max, j_max = state.ltt_limits[i, slot]
    v = rng.uniform() if rng.uniform() < 0.6 else 10.0 ** rng.uniform(-3, 0)
    a = rng.uniform(-1, 1) * a_max
    if not 0.0 <= v + a * abs(a) / (2 * j_max) <= 1.0:
        a = 0.0
    s = rng.uniform(0.0, 1.05) * state.ltt_duration[i, slot]
    total = _propose(world.model.record, state.rows, i, slot, s, v, a)
    assert total > 0.0
    start, phases = state.proposal_start[i].copy(), state.proposal_phases[i].copy()
    return Proposal(world, state, i, slot, start, phases, total, 0.0, held)


def look_at(world: World, state, i: int, time: float, pos, stamp: float) -> bool:
    people = world.model.people
    return _look(world.model.record, state.rows, i, time, np.ascontiguousarray(pos), np.full(people, stamp))


def kernel_verdict(p: Proposal) -> int:
    """What the shield says, without any memory of earlier proofs."""
    p.state.culprit[p.i] = -1
    return int(_prove(p.world.model.record, p.state.rows, p.i, p.slot, p.total, p.time))


def random_case(world: World, seed: int) -> Proposal:
    """Everything random: motion, people and how they move, age of the measurement, what is held."""
    rng = np.random.default_rng(seed)
    state, i = make_shield_state(world.model, 1), 0
    slot = plan_somewhere(world, state, i, rng)
    held = None
    if rng.uniform() < 0.25:
        held = Held(rng.uniform(-0.2, 0.2, (2, 3)), rng.uniform(0.02, 0.06), rng.uniform(0.0, 2.0))
        hold_object(world.model, state, i, held.ends[0], held.ends[1], held.radius, held.mass)
    case = propose(world, state, i, slot, rng, held)
    q = trajectory_at(state.ltt[i, slot], case.start[0])[0]
    far = 1.4 if world.params.type == "SSM" else 0.6
    pos = place_around(rng, world.model.people, capsule_axes(world.geometry, q, held), far)
    vel = rng.normal(size=pos.shape)
    vel *= rng.uniform(0, 1) * np.array(world.model.human_v_max)[:, None] / np.linalg.norm(vel, axis=2, keepdims=True)
    dt = rng.choice([0.004, 0.02, 0.05])
    looks = rng.integers(1, 4)
    for k in range(looks):
        if k == 2 and rng.uniform() < 0.5:  # then the velocity turns about: only sets without acceleration hold
            vel = -vel
        pos = pos + dt * vel
        assert look_at(world, state, i, dt * (k + 1), pos, dt * (k + 1))
    late = rng.uniform(0.0, 0.01) + world.params.measurement_period_s * rng.uniform()
    return case._replace(time=dt * looks + late)


def move_people(case: Proposal, measured, shift) -> None:
    """Put all measured people (P, 24, 3) elsewhere, as if they had always been there."""
    case.state.human_pos[case.i] = measured + shift
    case.state.bodies_known[case.i] = 0


def border(case: Proposal, away, steps: int = 16, farthest: float = 3.0) -> list[np.ndarray]:
    """Two shifts of the people, close together: refused and safe; only one if they are safe as they are."""
    measured = case.state.human_pos[case.i].copy()

    def safe(shift: float) -> bool:
        move_people(case, measured, shift * away)
        return kernel_verdict(case) == SAFE

    if safe(0.0):
        return [0.0 * away]
    low, high = 0.0, farthest
    for _ in range(steps):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if safe(middle) else (middle, high)
    move_people(case, measured, 0.0)
    return [low * away, high * away]
