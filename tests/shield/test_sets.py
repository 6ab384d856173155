"""The sets hold every motion that obeys the bounds, and not much more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.shield.factory import make_shield_state
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.reach import combined_ball
from hrg_pipeline.shield.sets import enclose, is_apart, start_interval
from hrg_pipeline.shield.verify import fill_edge
from tests.shield import reference
from tests.shield.cases import BODIES, look_at, make_world, plan_somewhere, propose
from tests.shield.exact import capsule_axes, trajectory_at
from tests.shield.motions import clipped, steered, unit
from tests.shield.people import Seen
from tests.shield.toys import human_at, rotation

seeds = st.integers(0, 10**6)
WISHES = ("straight", "switching", "curved", "random", "braking")


def ball_of(pos, vel, bounds, begin, end) -> tuple[np.ndarray, float]:
    ball = np.zeros(4)
    combined_ball(pos, vel, bounds, begin, end, ball)
    return ball[:3], ball[3]


def bang_bang(rng, kind: str, vel, v_max: float, a_max: float, dt: float, steps: int) -> np.ndarray:
    """A motion that uses all of its bounds, from the origin: positions (steps + 1, 3)."""
    way, pos, out = unit(rng.normal(size=3)), np.zeros(3), [np.zeros(3)]
    turn = rotation(rng.normal(size=3), rng.uniform(0.0, 0.2))
    for _ in range(steps):
        if kind == "switching" and rng.uniform() < 0.1:
            way = -way
        elif kind == "curved":
            way = turn @ way
        elif kind == "random":
            way = unit(rng.normal(size=3))
        elif kind == "braking":
            way = -0.01 * vel
        now = steered(vel, 10.0 * v_max * way, v_max, a_max, dt)
        pos, vel = pos + dt * (vel + now) / 2, now
        out.append(pos)
    return np.array(out)


@settings(max_examples=300, deadline=None)
@given(seeds, st.sampled_from(WISHES), st.floats(0.1, 2.5), st.floats(0.5, 60.0), st.floats(0, 1), st.floats(0, 1))
def test_no_motion_within_the_bounds_leaves_the_ball(seed, kind, v_max, a_max, e_p, e_v):
    rng, dt, steps = np.random.default_rng(seed), rng_dt(seed), 60
    vel = clipped(rng.normal(size=3) * 3.0, rng.uniform() * v_max)
    moved = bang_bang(rng, kind, vel, v_max, a_max, dt, steps)
    measured, estimate = e_p * unit(rng.normal(size=3)), vel + e_v * unit(rng.normal(size=3))
    first, last = sorted(rng.integers(0, steps + 1, 2))
    centre, radius = ball_of(measured, estimate, (v_max, a_max, e_p, e_v), first * dt, last * dt)
    assert np.linalg.norm(moved[first : last + 1] - centre, axis=1).max() <= radius + 1e-9


def rng_dt(seed: int) -> float:
    return (0.001, 0.004, 0.02)[seed % 3]


@settings(max_examples=100, deadline=None)
@given(seeds, st.booleans())
def test_the_ball_is_no_larger_than_some_motion_reaches(seed, saturated):
    """Full speed up across the present velocity, and on if there is time."""
    rng, v_max, a_max = np.random.default_rng(seed), 2.0, 20.0
    way = unit(rng.normal(size=3))
    vel = np.zeros(3) if saturated else 0.5 * unit(np.cross(way, rng.normal(size=3)))
    age = rng.uniform(0.12, 0.5) if saturated else rng.uniform(0.01, 0.09)
    steps = 400
    out, pos = [], np.zeros(3)
    centre, radius = ball_of(pos, vel, (v_max, a_max, 0.0, 0.0), age, age)
    for _ in range(steps):
        now = clipped(vel + a_max * age / steps * way, v_max)
        pos, vel = pos + age / steps * (vel + now) / 2, now
        out.append(pos)
    assert 0.99 * radius <= np.linalg.norm(out[-1] - centre) <= radius + 1e-9


@settings(max_examples=200, deadline=None)
@given(seeds, st.floats(0.1, 2.5), st.floats(0.5, 60.0), st.floats(0.0, 0.5))
def test_it_lies_within_the_reach_of_the_largest_speed_where_that_is_not_near(seed, v_max, a_max, age):
    rng = np.random.default_rng(seed)
    rising = min(age, v_max / a_max)
    vel = unit(rng.normal(size=3)) * rng.uniform() * max(v_max - a_max * rising / 2, 0.0)
    centre, radius = ball_of(np.zeros(3), vel, (v_max, a_max, 0.0, 0.0), age, age)
    assert np.linalg.norm(centre) + radius <= v_max * age + 1e-12


@kernel
def _apart(models, rows, person, capsule, body, around, begin, end):
    return is_apart(models[0], rows[0], person, capsule, body, around, begin, end)


SENSORS = {
    "exact": dict(),
    "speed": dict(use_acceleration_bounds=False),
    "late": dict(measurement_error_m=0.02, measurement_delay_s=0.03, measurement_jitter_s=0.01),
    "slow_sensor": dict(measurement_delay_s=0.02, measurement_period_s=0.05),
    "stiff": dict(measurement_error_m=0.01, measurement_delay_s=0.03, trunk_speed_max_m_s=0.5),
}


def ages(world, state, time: float, begin: float, end: float) -> tuple[float, float]:
    """What the verification makes of the times from now to both ends of an interval."""
    late = time - state.human_time[0, 0]
    return late + begin, late + world.model.delay + end


@pytest.mark.parametrize("sensor", SENSORS)
@settings(max_examples=25, deadline=None)
@given(seeds)
def test_nobody_leaves_their_sets_whatever_the_sensor_does(worlds, sensor, seed):
    """No robot without extent that meets the axis of a true body part is taken for apart from it."""
    world, state = worlds(sensor)
    rng = np.random.default_rng(seed)
    state.human_seen[0] = 0
    state.human_time[0] = np.nan
    state.violations[0] = 0
    goal = np.array([[rng.uniform(-1, 1, 3), rng.uniform(-1, 1, 3)]])
    seen = Seen(world, state, rng, goal, 0.6)
    times = np.sort(rng.uniform(0.0, 0.4, 12))
    people = seen.motion(goal[None], times)
    for first in (0, 5):
        begin, end = ages(world, state, seen.time, times[first], times[first + 6])
        for body in range(24):
            pair = people[first : first + 7, [BODIES.proximal[body], BODIES.distal[body]]]
            share = rng.uniform(size=(7, 1))
            for point in pair[:, 0] + share * (pair[:, 1] - pair[:, 0]):
                state.axes[0, 0] = point
                # Without the radius of the body part: its axis alone is in the set.
                around = -BODIES.radius[body] + 1e-9
                assert not _apart(world.model.record, state.rows, 0, 0, body, around, begin, end), (body, first)
            state.axes[0, 0] = pair[0, 0] + 2.0
            assert _apart(world.model.record, state.rows, 0, 0, body, 0.0, begin, end)


@pytest.fixture(scope="module")
def worlds():
    made = {name: make_world("planar", ShieldParams(**params)) for name, params in SENSORS.items()}
    states = {name: make_shield_state(world.model, 1) for name, world in made.items()}
    return lambda name: (made[name], states[name])


def test_limbs_of_a_slow_person_reach_no_farther_than_their_bones(worlds):
    """After half a second a hand could be 1 m away by its speed, but not farther from the shoulder than the arm."""
    world, state = worlds("stiff")
    state.human_seen[0] = 0
    pos = human_at(0.0)
    arm = (16, 18, 20, 22)
    assert look_at(world, state, 0, 1.0, pos[None], 1.0)
    bones = sum(np.linalg.norm(pos[a] - pos[b]) for a, b in zip(arm[1:], arm[:-1], strict=True))
    reach = bones + 6 * 0.01 + 0.01 + 0.5 * 0.5
    assert reach < 0.9
    way = unit(pos[22] - pos[16])
    for share, apart in ((0.999, False), (1.001, True)):
        state.axes[0, 0] = pos[16] + share * reach * way
        around = -BODIES.radius[22]
        assert _apart(world.model.record, state.rows, 0, 0, 22, around, 0.5, 0.5) == apart


def test_only_after_two_measurements_a_velocity_is_believed():
    world = make_world("planar", ShieldParams())
    state, pos = make_shield_state(world.model, 1), human_at(0.0)
    state.axes[0, 0] = pos[22] + np.array([0.06, 0.0, 0.0])
    found = []
    for k in range(3):
        assert look_at(world, state, 0, 0.004 * k, pos[None], 0.004 * k)
        found.append(_apart(world.model.record, state.rows, 0, 0, 22, -BODIES.radius[22], 0.04, 0.04))
    assert found == [False, True, True]


@kernel
def _enclose(models, rows, slot, total, first, last):
    model, row = models[0], rows[0]
    row.edge_known[:] = 0
    fill_edge(model, row, slot, first, total, row.ltt_duration[slot])
    fill_edge(model, row, slot, last, total, row.ltt_duration[slot])
    start_interval(row, first, last)
    for k in range(row.n_capsules):
        enclose(model, row, slot, k)


@pytest.mark.parametrize("arm", ["planar", "general"])
def test_the_robot_stays_in_its_set_in_every_dyadic_interval(arm):
    world = make_world(arm, ShieldParams(tracking_error_m=0.001))
    rng, nearest = np.random.default_rng(0), np.inf
    for _ in range(12):
        state = make_shield_state(world.model, 1)
        slot = plan_somewhere(world, state, 0, rng)
        case = propose(world, state, 0, slot, rng)
        radius = world.geometry.capsule_radius
        for width in (16, 8, 4, 2, 1):
            first = int(rng.integers(16 // width)) * width
            _enclose(world.model.record, state.rows, slot, case.total, first, first + width)
            axes, around = state.axes[0, : len(radius)].copy(), state.around[0, : len(radius)].copy()
            for t in case.total * np.linspace(first, first + width, 9) / 16:
                s, _ = reference.path_position(case.start, case.phases, t)
                q, _ = trajectory_at(state.ltt[0, slot], min(s, state.ltt_duration[0, slot]))
                off = np.linalg.norm(capsule_axes(world.geometry, q) - axes, axis=2).max(1)
                room = around - radius - world.model.allowance - off
                assert (room >= -1e-9).all()
                nearest = min(nearest, room.min())
    assert nearest < 1e-3
