from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrg_pipeline.shield.reach import (
    capsule_ends,
    curvature_bound,
    forward_kinematics,
    human_growth,
    interval_capsule,
)
from tests.shield import reference
from tests.shield.toys import JOINTS, PARENTS, Rig, general_arm, human_at, planar_arm


def ends_at(model, q):
    frames = np.zeros((len(q), 4, 3))
    points = np.zeros((len(model.capsule_link) - 1, 2, 3))
    forward_kinematics(model.base_pos, model.base_rot, model.joint_pos, model.joint_rot, q, frames)
    capsule_ends(frames, model.capsule_link, model.capsule_ends, len(points), points)
    return points


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_capsules_are_where_plain_transforms_put_them(seed):
    rng = np.random.default_rng(seed)
    geometry = general_arm(seed % 5)
    q = rng.uniform(-3, 3, 7)
    assert np.allclose(ends_at(Rig(geometry).model, q), reference.capsules(geometry, q), atol=1e-12)


@pytest.mark.parametrize("geometry", [planar_arm(), general_arm(1), general_arm(2)])
def test_reach_is_an_upper_bound_in_every_configuration(geometry):
    model = Rig(geometry).model
    rng = np.random.default_rng(0)
    n = len(geometry.q_min)
    tightest = np.inf
    for _ in range(300):
        q = rng.uniform(-np.pi, np.pi, n)
        frames = np.zeros((n, 4, 3))
        forward_kinematics(model.base_pos, model.base_rot, model.joint_pos, model.joint_rot, q, frames)
        points = ends_at(model, q)
        for k, link in enumerate(geometry.capsule_link):
            for j in range(link + 1):
                far = np.linalg.norm(points[k] - frames[j, 3], axis=1).max()
                assert far <= model.rho[k, j] + 1e-12
                tightest = min(tightest, model.rho[k, j] - far)
    assert tightest < 1e-9


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_interval_capsules_enclose_the_whole_motion(seed):
    """Random smooth motion within |q_s|, |q_ss| bounds; every pose lies in the enclosure of its interval."""
    rng = np.random.default_rng(seed)
    geometry = general_arm(seed % 3)
    model = Rig(geometry).model
    n = 7
    amplitude, omega, phase = rng.uniform(0, 0.5, n), rng.uniform(0.2, 2.0, n), rng.uniform(0, 6, n)
    speeds = (amplitude * omega, amplitude * omega**2)
    alpha = np.array([curvature_bound(rho, *speeds, 0) for rho in model.rho[:-1]])

    def ends(s):
        return reference.capsules(geometry, amplitude * np.sin(omega * s + phase))

    a, length = rng.uniform(0, 3), rng.choice([0.02, 0.1, 0.4])
    first, last = ends(a), ends(a + length)
    axis = np.zeros((2, 3))
    radii, axes = [], []
    for k in range(len(alpha)):
        radii.append(interval_capsule(first[k], last[k], alpha[k] * length**2 / 8, axis))
        axes.append(axis.copy())
    for s in np.linspace(a, a + length, 25):
        points = ends(s)
        for k in range(len(alpha)):
            assert np.linalg.norm(points[k] - axes[k], axis=1).max() <= radii[k] + 1e-12
    dt = 1e-4
    for s in np.linspace(a, a + length, 5):
        bend = np.linalg.norm((ends(s + dt) - 2 * ends(s) + ends(s - dt)) / dt**2, axis=2)
        assert (bend.max(1) <= alpha + 1e-4).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_human_sets_hold_every_motion_within_the_speed_bound(seed):
    rng = np.random.default_rng(seed)
    v_max = rng.uniform(0.5, 2.5, JOINTS)
    error, elapsed = rng.uniform(0, 0.05), rng.uniform(0, 0.5)
    true = human_at(1.0)
    measured = true + error * unit(rng)
    later = true + v_max[:, None] * elapsed * unit(rng)
    for joint, parent in enumerate(PARENTS):
        start = max(parent, 0)
        growth = human_growth(max(v_max[start], v_max[joint]), elapsed, error)
        for x in np.linspace(0, 1, 9):
            point = later[start] + x * (later[joint] - later[start])
            nearest = measured[start] + x * (measured[joint] - measured[start])
            assert np.linalg.norm(point - nearest) <= growth + 1e-12


def unit(rng):
    """Random vectors in the unit ball, often on its surface."""
    direction = rng.normal(size=(JOINTS, 3))
    return direction / np.linalg.norm(direction, axis=1, keepdims=True) * rng.choice([0.5, 1.0], (JOINTS, 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 2, 4]))
def test_links_move_less_as_seen_from_another_link(seed, link):
    """The same enclosure, with the bound of the joints between, holds in the frame of an inner link."""
    rng = np.random.default_rng(seed)
    geometry = general_arm(seed % 3)
    model = Rig(geometry).model
    n = 7
    amplitude, omega, phase = rng.uniform(0, 0.5, n), rng.uniform(0.2, 2.0, n), rng.uniform(0, 6, n)
    outer = np.flatnonzero(geometry.capsule_link > link)
    speeds = amplitude * omega, amplitude * omega**2
    alpha = {k: curvature_bound(model.rho[k], *speeds, link + 1) for k in outer}
    assert all(alpha[k] < curvature_bound(model.rho[k], *speeds, 0) for k in outer)

    def ends(s):
        q, frames = amplitude * np.sin(omega * s + phase), np.zeros((n, 4, 3))
        forward_kinematics(model.base_pos, model.base_rot, model.joint_pos, model.joint_rot, q, frames)
        return (ends_at(model, q) - frames[link, 3]) @ frames[link, :3]

    a, length = rng.uniform(0, 3), rng.choice([0.02, 0.1, 0.4])
    first, last, axis = ends(a), ends(a + length), np.zeros((2, 3))
    for k in outer:
        radius = interval_capsule(first[k], last[k], alpha[k] * length**2 / 8, axis)
        for s in np.linspace(a, a + length, 25):
            assert np.linalg.norm(ends(s)[k] - axis, axis=1).max() <= radius + 1e-12
