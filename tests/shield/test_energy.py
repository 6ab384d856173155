"""Energy, point speeds and reflected mass are the simulator's, and bounds along trajectories hold."""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hrg_pipeline.engine.engine import _robot_geometry
from hrg_pipeline.engine.scene import build_scene
from hrg_pipeline.human.body import make_shield_bodies
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import make_rows
from hrg_pipeline.robots.dynamics import LinkInertias, extract_inertias
from hrg_pipeline.robots.records import ROBOTS
from hrg_pipeline.shield.energy import (
    energy_fields,
    energy_norm,
    energy_scratch,
    held_fields,
    point_speeds,
    reflected_mass,
)
from hrg_pipeline.shield.energy_bounds import energy_bound, energy_bound_curved, energy_curvature, energy_slope
from hrg_pipeline.shield.factory import make_shield_model
from hrg_pipeline.shield.profile import PROFILE_PHASES, plan_profiles
from hrg_pipeline.shield.reach import capsule_ends, forward_kinematics
from hrg_pipeline.shield.trajectory import LTT_PHASES, build_ltt, ltt_at
from tests.robots.conftest import random_poses
from tests.shield.toys import general_arm, human_bodies, planar_arm

CAPSULES = 24
"""Padded, so that the kernels are compiled once per number of joints and not once per robot."""
HELD = (1.3, np.array([0.03, -0.05, 0.21]), 0.07)
"""Mass, centre in the last link's frame, radius of gyration."""


@kernel
def _norm(models, rows, q_s):
    return energy_norm(models[0], rows[0], q_s)


@kernel
def _slope(models, rows, q_s, q_ss):
    return energy_slope(models[0], rows[0], q_s, q_ss)


@kernel
def _curvature(models, rows, q_s, q_ss, q_sss):
    return energy_curvature(models[0], rows[0], q_s, q_ss, q_sss)


@kernel
def _mass(models, rows, link, point, direction):
    return reflected_mass(models[0], rows[0], link, point, direction)


@kernel
def _speeds(models, rows, q_s, points, speeds):
    point_speeds(models[0], rows[0], q_s, points, speeds)


class Arm(NamedTuple):
    """A shield model with the records that the kernels take."""

    shield: object
    models: np.ndarray
    rows: np.ndarray

    @property
    def n(self) -> int:
        return len(self.shield.joint_pos)

    def place(self, q) -> None:
        shield = self.shield
        forward_kinematics(
            shield.base_pos, shield.base_rot, shield.joint_pos, shield.joint_rot, q, self.rows[0]["frames"]
        )

    def norm(self, q, q_s) -> float:
        self.place(q)
        return _norm(self.models, self.rows, q_s)


def make_arm(geometry, bodies, inertias: LinkInertias, held=()) -> Arm:
    shield = make_shield_model(geometry, bodies)
    n, count = len(geometry.q_min), len(geometry.capsule_link)
    axis = geometry.joint_axis / np.linalg.norm(geometry.joint_axis, axis=1, keepdims=True)
    link = np.zeros(CAPSULES, dtype=np.int64)
    link[:count] = shield.capsule_link
    models = make_rows(1, {**energy_fields(inertias, axis, shield.joint_pos), "capsule_link": link})
    row = {"frames": np.zeros((n, 4, 3)), "n_capsules": np.array(count)}
    rows = make_rows(1, {**row, **held_fields(shield.joint_pos, *held), **energy_scratch(n)})
    return Arm(shield, models, rows)


def toy_arm(held=()) -> Arm:
    rng = np.random.default_rng(3)
    root = rng.normal(0.0, 0.1, (7, 3, 3))
    inertias = LinkInertias(
        mass=rng.uniform(0.5, 5.0, 7),
        centre=rng.uniform(-0.15, 0.15, (7, 3)),
        inertia=root @ root.transpose(0, 2, 1),
        armature=rng.uniform(0.0, 0.3, 7),
    )
    return make_arm(general_arm(), human_bodies(), inertias, held)


@pytest.fixture(scope="module", params=sorted(ROBOTS))
def scene(request):
    """Each robot in turn."""
    return build_scene(request.param, 1.75)


def robot_arm(scene, opening=0.5, held=()) -> Arm:
    inertias = extract_inertias(scene.model, list(scene.arm_joints), scene.gripper_joints, opening)
    return make_arm(_robot_geometry(scene), make_shield_bodies(scene.skeleton), inertias, held)


def held_point(scene, data) -> tuple[np.ndarray, int]:
    """The held object's centre in the world, and the body that carries it."""
    joint = scene.arm_joints[-1]
    body = int(scene.model.jnt_bodyid[joint])
    return data.xanchor[joint] + data.xmat[body].reshape(3, 3) @ HELD[1], body


def slow_mass_matrix(scene, data, held: bool) -> np.ndarray:
    model, dof = scene.model, scene.model.jnt_dofadr[list(scene.arm_joints)]
    full = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, full, data.qM)
    matrix = full[np.ix_(dof, dof)]
    if held:
        linear, turning = np.zeros((3, model.nv)), np.zeros((3, model.nv))
        point, body = held_point(scene, data)
        mujoco.mj_jac(model, data, linear, turning, point, body)
        linear, turning = linear[:, dof], turning[:, dof]
        matrix = matrix + HELD[0] * (linear.T @ linear + HELD[2] ** 2 * turning.T @ turning)
    return matrix


@pytest.mark.parametrize("held", [(), HELD])
def test_energy_is_the_simulators(scene, held):
    rng = np.random.default_rng(0)
    for q, opening, data in random_poses(scene, 20, seed=0):
        arm = robot_arm(scene, opening, held)
        q_s = rng.normal(0.0, 1.0, arm.n)
        energy = q_s @ slow_mass_matrix(scene, data, bool(held)) @ q_s
        assert arm.norm(q, q_s) ** 2 == pytest.approx(energy, rel=1e-9)


def test_energy_is_that_of_the_bodies_as_they_move(scene):
    """Nothing but positions of all bodies a moment earlier and later, and their masses and inertias."""
    model, arm, h = scene.model, robot_arm(scene, held=HELD), 1e-5
    rng = np.random.default_rng(1)
    adr = model.jnt_qposadr[list(scene.arm_joints)]
    joints = scene.gripper_joints
    for _ in range(5):
        q, q_s = rng.uniform(scene.robot.q_min, scene.robot.q_max), rng.normal(0.0, 1.0, arm.n)
        poses = []
        for sign in (-1.0, 1.0):
            data = mujoco.MjData(model)
            data.qpos[joints.qpos] = 0.5 * (joints.qpos_closed + joints.qpos_opened)
            data.qpos[adr] = q + sign * h * q_s
            mujoco.mj_kinematics(model, data)
            poses.append((data.xipos.copy(), data.ximat.reshape(-1, 3, 3).copy(), held_point(scene, data)[0]))
        velocity = (poses[1][0] - poses[0][0]) / (2.0 * h)
        # In the middle's axes up to O(h^2): the turn from the earlier to the later pose.
        turn = Rotation.from_matrix(poses[0][1].transpose(0, 2, 1) @ poses[1][1]).as_rotvec() / (2.0 * h)
        twice = (model.body_mass * (velocity**2).sum(1)).sum() + (model.body_inertia * turn**2).sum()
        twice += (model.dof_armature[model.jnt_dofadr[list(scene.arm_joints)]] * q_s**2).sum()
        wrist = int(model.jnt_bodyid[scene.arm_joints[-1]])
        carried = (poses[1][2] - poses[0][2]) / (2.0 * h)
        twice += HELD[0] * (carried @ carried + HELD[2] ** 2 * turn[wrist] @ turn[wrist])
        assert arm.norm(q, q_s) ** 2 == pytest.approx(twice, rel=1e-6)


def test_speeds_of_capsules_are_those_of_their_points(scene):
    arm, h, rng = robot_arm(scene), 1e-6, np.random.default_rng(2)
    shield, count = arm.shield, len(arm.shield.capsule_link)

    def points(q):
        arm.place(q)
        out = np.zeros((count, 2, 3))
        capsule_ends(arm.rows[0]["frames"], shield.capsule_link, shield.capsule_ends, out)
        return out

    for _ in range(10):
        q, q_s = rng.uniform(scene.robot.q_min, scene.robot.q_max), rng.normal(0.0, 1.0, arm.n)
        ends = (points(q + h * q_s) - points(q - h * q_s)) / (2.0 * h)
        share = np.linspace(0.0, 1.0, 21)[:, None, None]
        along = np.linalg.norm((1.0 - share) * ends[:, 0] + share * ends[:, 1], axis=-1)
        padded = np.zeros((CAPSULES, 2, 3))
        padded[:count] = points(q)
        speeds = np.full(CAPSULES, -1.0)
        _speeds(arm.models, arm.rows, q_s, padded, speeds)
        np.testing.assert_allclose(speeds[:count], along.max(0), rtol=1e-6, atol=1e-8)
        assert (speeds[count:] == -1.0).all()


@pytest.mark.parametrize("held", [(), HELD])
def test_no_contact_takes_more_than_the_total_energy(scene, held):
    model, dof = scene.model, scene.model.jnt_dofadr[list(scene.arm_joints)]
    rng = np.random.default_rng(3)
    for q, opening, data in random_poses(scene, 10, seed=3):
        arm = robot_arm(scene, opening, held)
        arm.place(q)
        matrix = slow_mass_matrix(scene, data, bool(held))
        for link, joint in enumerate(scene.arm_joints):
            body = int(model.jnt_bodyid[joint])
            point = data.xanchor[joint] + rng.normal(0.0, 0.2, 3)
            u = rng.normal(size=3)
            u /= np.linalg.norm(u)
            jacobian = np.zeros((3, model.nv))
            mujoco.mj_jac(model, data, jacobian, None, point, body)
            row = u @ jacobian[:, dof]
            mass = _mass(arm.models, arm.rows, link, point, u)
            assert mass == pytest.approx(1.0 / (row @ np.linalg.solve(matrix, row)), rel=1e-8)
            q_s = rng.normal(0.0, 1.0, arm.n)
            total = 0.5 * _norm(arm.models, arm.rows, q_s) ** 2
            assert 0.5 * mass * (row @ q_s) ** 2 <= total * (1.0 + 1e-9)
            # The joint speeds that put all their energy into this direction reach the bound.
            q_s = np.linalg.solve(matrix, row)
            total = 0.5 * _norm(arm.models, arm.rows, q_s) ** 2
            assert 0.5 * mass * (row @ q_s) ** 2 == pytest.approx(total, rel=1e-8)


def test_a_point_that_no_joint_moves_is_a_wall():
    arm = toy_arm()
    q = np.zeros(arm.n)
    arm.place(q)
    on_axis = arm.rows[0]["frames"][0, 3]
    assert _mass(arm.models, arm.rows, 0, on_axis, np.array([1.0, 0.0, 0.0])) > 1e12


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


def bounds(arm: Arm, plan: Planned) -> tuple[float, float]:
    _, _, q_s, q_ss, q_sss = np.ascontiguousarray(plan.extremes.T)
    return _slope(arm.models, arm.rows, q_s, q_ss), _curvature(arm.models, arm.rows, q_s, q_ss, q_sss)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-4, 1.0), st.booleans())
def test_energy_between_edges_stays_below_both_bounds(seed, ds, held):
    rng = np.random.default_rng(seed)
    arm = toy_arm(HELD if held else ())
    plan = planned(arm, rng)
    slope, curvature = bounds(arm, plan)
    for first in rng.uniform(-0.1 * ds, plan.duration, 5):
        f = norms(arm, plan.ltt, np.linspace(first, first + ds, 40))
        truth = 0.5 * (0.3 * f.max()) ** 2
        assert truth <= energy_bound(f[0], f[-1], slope, ds, 0.3) + 1e-9
        assert truth <= energy_bound_curved(f[0], f[-1], curvature, ds, 0.3) + 1e-9


@pytest.mark.parametrize(
    ("speed", "acceleration", "jerk"), [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1e-5, 1.0, 0.0)]
)
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
    first = lengths @ (1j * a - w**2)
    second = lengths @ (1j * (j - w**3) - 3 * w * a)
    slope, curvature = (np.sqrt(weight @ np.abs(d) ** 2) for d in (first, second))
    assert _slope(arm.models, arm.rows, q_s, q_ss) == pytest.approx(slope, rel=1e-6)
    if (speed, jerk) != (0.0, 0.0):
        assert _curvature(arm.models, arm.rows, q_s, q_ss, q_sss) == pytest.approx(curvature, rel=1e-4)


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
    rest_of_slope = q_s[1] * q_s[2]  # the bound cannot know that the last two axes are parallel
    assert _slope(arm.models, arm.rows, q_s, rest) == pytest.approx(0.2 * (q_s[0] * t + rest_of_slope))
    rest_of_curvature = q_s[1] * q_s[2] ** 2
    assert _curvature(arm.models, arm.rows, q_s, rest, rest) == pytest.approx(0.2 * (q_s[0] * t**2 + rest_of_curvature))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_derivatives_stay_below_their_bounds(seed):
    """The derivatives of the stacked vector itself: that of its norm says little about a bound of its curvature."""
    rng = np.random.default_rng(seed)
    arm = toy_arm(HELD)
    model = arm.models[0]
    plan = planned(arm, rng)
    slope, curvature = bounds(arm, plan)
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
        assert np.linalg.norm(y[2] - y[0]) / (2 * h) <= slope * (1.0 + 1e-3)
        assert abs(f[2] - f[0]) / (2 * h) <= slope * (1.0 + 1e-3)
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
        slope, curvature = bounds(arm, plan)
        first = rng.uniform(0.0, plan.duration)
        f = norms(arm, plan.ltt, np.linspace(first, first + 0.006, 10))
        truth = 0.5 * (0.3 * f.max()) ** 2
        ratios.append(
            [
                energy_bound(f[0], f[-1], slope, 0.006, 0.3) / truth,
                energy_bound_curved(f[0], f[-1], curvature, 0.006, 0.3) / truth,
            ]
        )
    by_slope, by_curvature = np.median(ratios, axis=0)
    assert by_slope < 1.25
    assert by_curvature < 1.01


def test_bounds_of_nothing_are_nothing_and_bad_numbers_stay_bad():
    assert energy_bound(0.0, 0.0, 5.0, 0.0, 1.0) == 0.0
    assert energy_bound(2.0, 3.0, 0.0, 0.1, 1.0) == energy_bound_curved(3.0, 2.0, 0.0, 0.1, 1.0) == 4.5
    for k in range(5):
        values = [1.0, 1.0, 1.0, 1.0, 1.0]
        values[k] = np.nan
        assert np.isnan(energy_bound(*values)) and np.isnan(energy_bound_curved(*values))
    arm = toy_arm()
    assert np.isnan(arm.norm(np.full(arm.n, np.nan), np.ones(arm.n)))
    arm.rows["held_mass"] = np.nan
    assert np.isnan(arm.norm(np.zeros(arm.n), np.ones(arm.n)))
