"""Plans that were judged safe, against people who try to be hit: nothing here knows how the judgement was made."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from hrg_pipeline.shield.contact_limits import CONTACT_TYPES, energy_limits, speed_limits
from hrg_pipeline.shield.factory import make_shield_state
from hrg_pipeline.shield.params import PflParams, ShieldParams
from tests.shield import reference
from tests.shield.cases import border, make_world, plan_somewhere, propose
from tests.shield.exact import (
    box_distances,
    capsule_axes,
    capsule_speeds,
    kinetic_energy,
    segment_distances,
    trajectory_at,
)
from tests.shield.motions import unit
from tests.shield.people import Seen

EXACT = dict(tracking_error_m=0.001)
SPEED = dict(tracking_error_m=0.001, use_acceleration_bounds=False)
LATE = dict(
    tracking_error_m=0.001,
    measurement_error_m=0.01,
    measurement_delay_s=0.03,
    measurement_jitter_s=0.01,
    measurement_period_s=0.03,
)
STIFF = {**LATE, "trunk_speed_max_m_s": 0.7}
SENSORS = {"exact": EXACT, "speed": SPEED, "late": LATE, "stiff": STIFF}


def attacked(world, seed: int, far: float, trials: int, judged: bool = True):
    """A plan that is only just safe, its sampled motion, and people (T, 24, 3) who go for it; nothing if none is."""
    rng = np.random.default_rng(seed)
    state = make_shield_state(world.model, 1)
    slot = plan_somewhere(world, state, 0, rng)
    case = propose(world, state, 0, slot, rng)
    start, ltt = capsule_axes(world.geometry, trajectory_at(state.ltt[0, slot], case.start[0])[0]), state.ltt[0, slot]
    seen = Seen(world, state, rng, start, far)
    case = case._replace(time=seen.time)
    away = unit(rng.normal(size=3))
    shift = border(case, away)[-1] if judged else 0.0 * away
    seen.pos = seen.pos + shift
    times = np.linspace(0.0, case.total, 33)[:-1]
    path = [reference.path_position(case.start, case.phases, t) for t in times]
    moving = np.array([s < state.ltt_duration[0, slot] and v > 0.0 for s, v in path])
    joints = [trajectory_at(ltt, min(s, state.ltt_duration[0, slot])) for s, _ in path]
    joints = [(q, q_s * v) for (q, q_s), (_, v) in zip(joints, path, strict=True)]
    axes = np.array([capsule_axes(world.geometry, q) for q, _ in joints])
    for _ in range(trials):
        yield moving, joints, axes, seen.motion(axes, times)


def gaps(world, axes, people) -> np.ndarray:
    """(T, L, B) between real capsules of the commanded robot and of the person."""
    bodies = world.bodies
    segments = np.stack([people[:, bodies.proximal], people[:, bodies.distal]], axis=2)
    between = segment_distances(axes[:, :, None], segments[:, None])
    return between - world.geometry.capsule_radius[:, None] - bodies.radius


@pytest.mark.parametrize("arm", ["planar", "general"])
@pytest.mark.parametrize("sensor", SENSORS)
def test_nobody_gets_at_a_robot_whose_plan_is_safe(arm, sensor):
    world = make_world(arm, ShieldParams(type="SSM", **SENSORS[sensor]))
    nearest, looked = np.inf, 0
    for seed in range(25):
        for moving, _, axes, people in attacked(world, seed, 0.6, trials=6):
            gap = gaps(world, axes, people).min((1, 2))[moving]
            assert (gap > world.params.tracking_error_m).all(), (seed, gap.min())
            nearest, looked = min([nearest, *gap]), looked + len(gap)
    assert looked > 3000
    assert nearest < (0.2 if sensor == "stiff" else 0.06), "nobody came near: this test could not fail"


@cache
def limits_of(pfl: PflParams, mass: float) -> np.ndarray:
    return speed_limits(mass, pfl.payload_kg) if pfl.model == "iso_ts_15066" else energy_limits(pfl.table)


def borne(world, link: int, body: int, clamped: bool) -> float:
    pfl = world.params.pfl
    limits = limits_of(pfl, float(world.inertias.mass.sum()))
    if pfl.model == "iso_ts_15066":
        return limits[int(clamped), body]
    touch = CONTACT_TYPES.index(pfl.gripper_contact if world.geometry.capsule_is_gripper[link] else "link")
    return limits[int(clamped), touch, body]


def is_clamped(world, joints, axes, segment, link: int, body: int, touched) -> bool:
    """Whether a body part touches a link, and at the same moment another one or a box close behind it."""
    radius, thick = world.geometry.capsule_radius, 2 * world.bodies.radius[body]
    for other in np.flatnonzero(touched[:, body]):
        room = segment_distances(axes[link], axes[other]) - radius[link] - radius[other]
        if not world.model.link_neighbour[link, other] and room <= thick:
            return True
    q, dq = joints
    later = capsule_axes(world.geometry, q + 1e-6 * dq)[link]
    for box in world.boxes:
        between = box_distances(box.pos, box.rot, box.half, axes[link]) - radius[link] <= thick
        pressed = box_distances(box.pos, box.rot, box.half, segment) <= world.bodies.radius[body]
        here, there = (axes[link] - box.pos) @ box.rot, (later - box.pos) @ box.rot
        out = [((s * here >= box.half).all(0) & (s * there >= s * here).all(0)).any() for s in (1.0, -1.0)]
        if between and pressed and not any(out):
            return True
    return False


def contacts(world, seeds: int, judged: bool):
    """Harm of contacts with moving robots as a share of what is borne, and whether something is clamped."""
    iso, rng = world.params.pfl.model == "iso_ts_15066", np.random.default_rng(0)
    for seed in range(seeds):
        for moving, joints, axes, people in attacked(world, seed, 0.2, trials=2, judged=judged):
            touching = gaps(world, axes, people) <= world.params.tracking_error_m
            for t, link, body in rng.permutation(np.argwhere(touching & moving[:, None, None]))[:20]:
                segment = people[t][[world.bodies.proximal[body], world.bodies.distal[body]]]
                clamped = is_clamped(world, joints[t], axes[t], segment, link, body, touching[t])
                if iso:
                    harm = capsule_speeds(world.geometry, *joints[t])[link]
                else:
                    harm = kinetic_energy(world.geometry, world.inertias, *joints[t])
                yield harm / borne(world, link, body, clamped), clamped


def pfl_world(arm: str, sensor: str, pfl: str):
    limits = PflParams(model=pfl, gripper_contact="wedge")
    return make_world(arm, ShieldParams(type="PFL", pfl=limits, **SENSORS[sensor]), box=4)


@pytest.mark.parametrize("arm", ["planar", "general"])
@pytest.mark.parametrize("sensor", ["exact", "speed", "late"])
@pytest.mark.parametrize("pfl", ["energy", "iso_ts_15066"])
def test_no_contact_of_a_safe_plan_is_harder_than_the_person_bears(arm, sensor, pfl):
    shares, clamped = zip(*contacts(pfl_world(arm, sensor, pfl), 15, judged=True), strict=True)
    assert max(shares) <= 1.0
    assert len(shares) > 100 and sum(clamped) > 0


@pytest.mark.parametrize("pfl", ["energy", "iso_ts_15066"])
def test_contacts_of_plans_that_nobody_judged_are_too_hard(pfl):
    shares, clamped = np.array(list(contacts(pfl_world("general", "exact", pfl), 15, judged=False))).T
    assert max(shares[clamped == 0.0]) > 1.0 and max(shares[clamped == 1.0]) > 1.0
