"""What is believed of measured people: their velocity, how far it may be wrong, and when it cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrg_pipeline.shield.factory import make_shield_state
from hrg_pipeline.shield.model import HUMAN_ACCELERATION
from hrg_pipeline.shield.params import ShieldParams
from tests.shield.cases import look_at, make_world
from tests.shield.motions import steered, unit
from tests.shield.toys import human_at

seeds = st.integers(0, 10**6)
DT = 0.002
SENSORS = {
    "exact": dict(),
    "error": dict(measurement_error_m=0.01),
    "jitter": dict(measurement_delay_s=0.03, measurement_jitter_s=0.008),
    "all": dict(
        measurement_error_m=0.02,
        measurement_error_by_joint_m={"L_Hand": 0.0},
        measurement_delay_s=0.05,
        measurement_jitter_s=0.02,
        measurement_period_s=0.05,
    ),
}
BELIEVED = ("human_pos", "human_vel", "human_vel_error", "human_time", "human_step", "human_seen", "human_smooth")


@pytest.fixture(scope="module")
def worlds():
    return {name: make_world("planar", ShieldParams(**params)) for name, params in SENSORS.items()}


def wander(rng, v_max, a_max, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities (steps + 1, 24, 3) of joints that dash about within their bounds."""
    pos, vel = human_at(0.0), unit(rng.normal(size=(24, 3))) * v_max[:, None] * rng.uniform()
    out = [(pos, vel)]
    wish = rng.normal(size=(24, 3))
    for _ in range(steps):
        if rng.uniform() < 0.1:
            wish = unit(rng.normal(size=(24, 3))) * 10.0
        now = steered(vel, wish, v_max, a_max, DT)
        pos, vel = pos + DT * (vel + now) / 2, now
        out.append((pos, vel))
    return tuple(np.array(values) for values in zip(*out, strict=True))


@pytest.mark.parametrize("sensor", SENSORS)
@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_the_true_velocity_is_within_its_error(worlds, sensor, seed):
    world, rng = worlds[sensor], np.random.default_rng(seed)
    model, params, state = world.model, world.params, make_shield_state(world.model, 1)
    pos, vel = wander(rng, np.array(model.human_v_max), np.array(model.human_a_max), 400)
    delay = round(params.measurement_delay_s / DT)
    jitter = round(params.measurement_jitter_s / DT)
    base = rng.integers(delay - jitter + 1)
    held = max(1, round(params.measurement_period_s / DT))
    k, used = delay, 0
    while k < 400:
        k += int(rng.integers(1, held + 4))
        true = k - base - int(rng.integers(jitter + 1))
        if k > 400:
            break
        wrong = unit(rng.normal(size=(24, 3))) * np.array(model.measurement_error)[:, None]
        for again in range(3):  # a slow sensor says it once more, later
            now = k * DT + again * min(0.004, params.measurement_period_s)
            assert look_at(world, state, 0, now, (pos[true] + wrong)[None], k * DT)
        if state.human_seen[0, 0] == 2:
            off = np.linalg.norm(state.human_vel[0, 0] - vel[true], axis=1)
            assert (off <= state.human_vel_error[0, 0] + 1e-9).all()
            used += 1
        assert state.human_smooth[0, 0] == 1
    assert used > 5 and state.violations.sum() == 0


def test_the_error_of_a_velocity_is_not_much_larger_than_it_has_to_be():
    """Speeding up as fast as is allowed, an exact mean velocity is late by half of the time between measurements."""
    world = make_world("planar", ShieldParams())
    state, a_max = make_shield_state(world.model, 1), np.array(world.model.human_a_max)[:, None]
    way = unit(np.random.default_rng(0).normal(size=(24, 3)))
    for t in (0.0, 0.02):
        assert look_at(world, state, 0, t, (human_at(0.0) + a_max * t**2 / 2 * way)[None], t)
    off = np.linalg.norm(state.human_vel[0, 0] - a_max * 0.02 * way, axis=1)
    assert (off <= state.human_vel_error[0, 0]).all() and (off >= 0.99 * state.human_vel_error[0, 0]).all()


@pytest.mark.parametrize("counted", [True, False])
def test_who_turns_about_at_once_is_left_to_the_speed_bound_until_they_are_steady(counted):
    world = make_world("planar", ShieldParams(use_acceleration_bounds=counted))
    state, pos, smooth = make_shield_state(world.model, 1), human_at(0.0), []
    for k in range(12):
        pos = pos + 0.02 * np.array([1.9, 0.0, 0.0]) * (1.0 if k < 6 else -1.0) * (np.arange(24) == 20)[:, None]
        assert look_at(world, state, 0, 0.02 * k, pos[None], 0.02 * k)
        smooth.append(int(state.human_smooth[0, 0]))
    assert smooth == [1] * 6 + [0] + [1] * 5
    assert state.violations[0, HUMAN_ACCELERATION] == counted and state.violations.sum() == counted


def test_a_repeated_measurement_changes_nothing():
    world = make_world("planar", ShieldParams(measurement_period_s=0.1))
    state = make_shield_state(world.model, 1)
    for k in range(3):
        assert look_at(world, state, 0, 0.02 * k, human_at(0.01 * k)[None], 0.02 * k)
    before = [getattr(state, name).copy() for name in BELIEVED]
    for k in range(5):
        assert look_at(world, state, 0, 0.04 + 0.02 * k, human_at(0.02)[None], 0.04)
    for name, value in zip(BELIEVED, before, strict=True):
        assert np.array_equal(getattr(state, name), value), name


def test_what_is_not_believed_leaves_no_trace():
    world = make_world("planar", ShieldParams())
    state = make_shield_state(world.model, 1)
    for k in range(3):
        assert look_at(world, state, 0, 0.02 * k, human_at(0.01 * k)[None], 0.02 * k)
    before = [getattr(state, name).copy() for name in BELIEVED]
    for time, human, stamp in ((0.06, human_at(1.0), 0.06), (0.06, human_at(np.nan), 0.06), (0.5, human_at(0.0), 0.07)):
        assert not look_at(world, state, 0, time, human[None], stamp)
    for name, value in zip(BELIEVED, before, strict=True):
        assert np.array_equal(getattr(state, name), value), name
