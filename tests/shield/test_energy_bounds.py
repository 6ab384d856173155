"""Bounds of the energy along trajectories hold, and are exact where they can be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrg_pipeline.engine.scene import build_scene
from hrg_pipeline.robots.dynamics import LinkInertias
from hrg_pipeline.shield.energy_bounds import energy_bound
from hrg_pipeline.shield.profile import PROFILE_PHASES, plan_profiles
from hrg_pipeline.shield.trajectory import LTT_PHASES, build_ltt, ltt_at
from tests.shield.arms import HELD, Arm, call_curvature, make_arm, robot_arm, toy_arm
from tests.shield.toys import human_bodies, planar_arm


class Planned(NamedTuple):
    ltt: np.ndarray
    extremes: np.ndarray
    duration: float


def planned(arm: Arm, rng) -> Planned:
    """A trajectory from a random motion to rest somewhere else."""
    n, limits = arm.n, arm.shield.limits
    low, high = np.maximum(limits[:, 0], -3.0), np.minimum(limits[:, 1], 3.0)
    start = np.stack([rng.uniform(low, high), rng.uniform(-0.8, 0.8, n), rng.uniform(-1.5, 1.5, n)])
    if rng.uniform() < 0.3:
        start[1:] = 0.0
    goal = np.where(rng.uniform(size=n) < 0.7, rng.uniform(low, high), start[0])
    phases = np.zeros((n, PROFILE_PHASES, 2))
    assert plan_profiles(start, goal, limits[:, 2:5], phases)
    ltt, extremes = np.zeros((n, LTT_PHASES, 5)), np.zeros((n, 5))
    duration = build_ltt(start, phases, ltt, extremes)
    assert np.isfinite(duration)
    return Planned(ltt, extremes, duration)


def norms(arm: Arm, ltt, path) -> np.ndarray:
    out, values = [], np.zeros((4, arm.n))
    for s in path:
        ltt_at(ltt, s, values)
        out.append(arm.norm(values[0], values[1]))
    return np.array(out)


def bound(arm: Arm, plan: Planned) -> float:
    _, _, q_s, q_ss, q_sss = np.ascontiguousarray(plan.extremes.T)
    return call_curvature(arm.models, arm.rows, q_s, q_ss, q_sss)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-4, 1.0), st.booleans())
def test_energy_between_edges_stays_below_the_bound(seed, ds, held):
    rng = np.random.default_rng(seed)
    arm = toy_arm(HELD if held else ())
    plan = planned(arm, rng)
    curvature = bound(arm, plan)
    for first in rng.uniform(-0.1 * ds, plan.duration, 5):
        f = norms(arm, plan.ltt, np.linspace(first, first + ds, 40))
        truth = 0.5 * (0.3 * f.max()) ** 2
        assert truth <= energy_bound(f[0], f[-1], curvature, ds, 0.3) + 1e-9


@pytest.mark.parametrize(("speed", "acceleration", "jerk"), [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (1e-5, 1.0, 0.0)])
def test_a_stretched_planar_arm_of_point_masses_reaches_the_bounds(speed, acceleration, jerk):
    """Where one term rules, all lengths add up: the bounds are exact, with every mass in them, the held one too."""
    mass, x, held = np.array([3.0, 2.0, 1.0]), np.array([0.2, 0.3, 0.1]), 1.7
    centre = np.stack([x, 0 * x, 0 * x], axis=1)
    inertias = LinkInertias(mass, centre, np.zeros((3, 3, 3)), np.zeros(3))
    arm = make_arm(planar_arm(), human_bodies(), inertias, (held, np.array([0.5, 0.0, 0.0]), 0.0))
    q_s, q_ss, q_sss = (np.array([0.7, 1.0, 0.4]) * scale for scale in (speed, acceleration, jerk))
    w, a, j = np.cumsum(q_s), np.cumsum(q_ss), np.cumsum(q_sss)
    lengths = np.array([[x[0], 0, 0], [0.4, x[1], 0], [0.4, 0.4, x[2]], [0.4, 0.4, 0.5]])
    weight = np.array([*mass, held])
    second = lengths @ (1j * (j - w**3) - 3 * w * a)
    curvature = np.sqrt(weight @ np.abs(second) ** 2)
    assert call_curvature(arm.models, arm.rows, q_s, q_ss, q_sss) == pytest.approx(curvature, rel=1e-4)


@pytest.mark.parametrize("held", [False, True])
def test_two_perpendicular_axes_reach_the_bounds_of_turning(held):
    """A body that turns about an axis which is itself turned, with nothing else that moves."""
    geometry = planar_arm()
    geometry = geometry._replace(
        base_pos=np.zeros(3), joint_pos=np.zeros((3, 3)), joint_axis=np.array([[0.0, 0, 1], [0, 1, 0], [0, 1, 0]])
    )
    inertia = np.stack([np.zeros((3, 3))] * 2 + [(0.0 if held else 0.04) * np.eye(3)])
    inertias = LinkInertias(np.full(3, 1e-12), np.zeros((3, 3)), inertia, np.zeros(3))
    arm = make_arm(geometry, human_bodies(), inertias, (1.0, np.zeros(3), 0.2) if held else ())
    q_s, rest = np.array([0.8, 0.6, 0.7]), np.zeros(3)
    # In the body's frame the first axis turns by the others' speed, a vector of length q_s[0].
    t = q_s[1] + q_s[2]
    rest_of_curvature = q_s[1] * q_s[2] ** 2  # the bound cannot know that the last two axes are parallel
    assert call_curvature(arm.models, arm.rows, q_s, rest, rest) == pytest.approx(
        0.2 * (q_s[0] * t**2 + rest_of_curvature)
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_derivatives_stay_below_their_bounds(seed):
    """The derivatives of the stacked vector itself: that of its norm says little about a bound of its curvature."""
    rng = np.random.default_rng(seed)
    arm = toy_arm(HELD)
    model = arm.models[0]
    plan = planned(arm, rng)
    curvature = bound(arm, plan)
    roots = [np.linalg.cholesky(i + 1e-12 * np.eye(3)).T for i in model["link_inertia"]]

    def stacked(s):
        values = np.zeros((4, arm.n))
        ltt_at(plan.ltt, s, values)
        arm.norm(values[0], values[1])
        frames, twists = arm.rows[0]["frames"], arm.rows[0]["twists"]
        parts = [np.sqrt(model["armature"]) * values[1]]
        for k in range(arm.n):
            turn = frames[k, :3]
            v = twists[k, 1] + np.cross(twists[k, 0], turn @ model["link_centre"][k])
            parts += [np.sqrt(model["link_mass"][k]) * v, roots[k] @ turn.T @ twists[k, 0]]
        v = twists[-1, 1] + np.cross(twists[-1, 0], turn @ HELD[1])
        parts += [np.sqrt(HELD[0]) * v, np.sqrt(HELD[0]) * HELD[2] * turn.T @ twists[-1, 0]]
        return np.concatenate(parts)

    h = 1e-4
    for s in rng.uniform(h, plan.duration, 20):
        y = np.stack([stacked(s - h), stacked(s), stacked(s + h)])
        f = np.linalg.norm(y, axis=1)
        assert f[1] == pytest.approx(arm.norm(*_at(plan.ltt, s)), rel=1e-6, abs=1e-9)
        assert np.linalg.norm(y[2] - 2 * y[1] + y[0]) / h**2 <= curvature * (1.0 + 1e-3) + 1e-3


def _at(ltt, s):
    values = np.zeros((4, len(ltt)))
    ltt_at(ltt, s, values)
    return values[0], values[1]


def test_bounds_are_not_hopeless():
    """20 ms at a third of the planned speed: 6 ms of path."""
    arm = robot_arm(build_scene("panda", 1.75))
    rng = np.random.default_rng(4)
    ratios = []
    for _ in range(60):
        plan = planned(arm, rng)
        curvature = bound(arm, plan)
        first = rng.uniform(0.0, plan.duration)
        f = norms(arm, plan.ltt, np.linspace(first, first + 0.006, 10))
        truth = 0.5 * (0.3 * f.max()) ** 2
        ratios.append(energy_bound(f[0], f[-1], curvature, 0.006, 0.3) / truth)
    assert np.median(ratios) < 1.01


def test_bounds_of_nothing_are_nothing_and_bad_numbers_stay_bad():
    assert energy_bound(0.0, 0.0, 5.0, 0.0, 1.0) == 0.0
    assert energy_bound(2.0, 3.0, 0.0, 0.1, 1.0) == energy_bound(3.0, 2.0, 0.0, 0.1, 1.0) == 4.5
    for k in range(5):
        values = [1.0, 1.0, 1.0, 1.0, 1.0]
        values[k] = np.nan
        assert np.isnan(energy_bound(*values))
    arm = toy_arm()
    assert np.isnan(arm.norm(np.full(arm.n, np.nan), np.ones(arm.n)))
    arm.rows["held_mass"] = np.nan
    assert np.isnan(arm.norm(np.zeros(arm.n), np.ones(arm.n)))
