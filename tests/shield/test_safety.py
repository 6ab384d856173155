"""The claim itself: whoever moves at most at v_max is only ever touched by a robot that stands still."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.shield.goals import plan_goal
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.reach import capsule_ends, forward_kinematics
from hrg_pipeline.shield.separation import bound_bodies, robot_human_distance
from hrg_pipeline.shield.shield import reset_shield
from tests.shield.toys import JOINTS, TS, Rig, general_arm, human_at, planar_arm

V_MAX = 2.0
STRATEGIES = ("charge", "single_joint", "lie_in_wait", "random_dashes")


@kernel
def _distance(models, rows, i, points, human, bodies, nearest):
    model = models[0]
    bound_bodies(human, model.proximal, model.distal, model.body_radius, bodies)
    return robot_human_distance(model, rows[i], points, human, bodies, nearest)


class Truth:
    """Where robot and human really are, without any allowance."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.points = np.zeros((len(rig.model.capsule_link) - 1, 2, 3))
        self.frames = np.zeros((rig.n, 4, 3))
        self.bodies = np.zeros((4, len(rig.model.proximal) + 1))

    def place(self, q) -> None:
        m = self.rig.model
        forward_kinematics(m.base_pos, m.base_rot, m.joint_pos, m.joint_rot, q, self.frames)
        capsule_ends(self.frames, m.capsule_link, m.capsule_ends, len(self.points), self.points)

    def distance(self, human) -> float:
        rig, nearest = self.rig, np.zeros(2, dtype=np.int64)
        return _distance(rig.model.record, rig.state.rows, rig.i, self.points, human, self.bodies, nearest)

    def nearest(self, joints) -> np.ndarray:
        """The point of the robot's axes nearest to each joint (J, 3)."""
        a, d = self.points[:, 0], self.points[:, 1] - self.points[:, 0]
        x = np.einsum("jlk,lk->jl", joints[:, None] - a, d) / np.maximum((d * d).sum(1), 1e-12)
        p = a + np.clip(x, 0, 1)[..., None] * d
        best = ((p - joints[:, None]) ** 2).sum(2).argmin(1)
        return p[np.arange(len(joints)), best]


def attack(strategy: str, rng, human, target, distance: float, k: int) -> np.ndarray:
    """Velocities of the joints (J, 3), never above V_MAX."""
    way = target - human
    way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    if strategy == "single_joint":
        way[np.arange(JOINTS) != k // 400 % JOINTS] *= 0.0
    elif strategy == "lie_in_wait" and distance > 0.35:
        way *= 0.3
    elif strategy == "random_dashes" and rng.random() < 0.5:
        way = rng.normal(size=way.shape)
        way /= np.linalg.norm(way, axis=1, keepdims=True)
    return V_MAX * way


def hunt(
    cycles: int, seed: int, params: ShieldParams | None = None, noise: bool = False, smooth: bool = False
) -> dict[str, float]:
    """Let people who keep their bounds go for the robot; ``smooth``: those of their accelerations too."""
    rng = np.random.default_rng(seed)
    rig = Rig(planar_arm() if seed % 2 else general_arm(seed), params, v_max=V_MAX)
    truth = Truth(rig)
    touched = moved = 0
    error = rig.model.human_error_top
    delay = round(rig.model.delay / TS)
    history: list[np.ndarray] = []
    human, velocity = human_at(1.5), np.zeros((JOINTS, 3))
    strategy = STRATEGIES[0]
    for k in range(cycles):
        if k % 500 == 0:
            strategy = STRATEGIES[k // 500 % len(STRATEGIES)]
            human = human_at(*rng.uniform([-2, -2, 0.2], [2, 2, 1.5]))
            reset_shield(rig.model, rig.state, rig.i, rng.uniform(-1.5, 1.5, rig.n))
            history, velocity = [human] * (delay + 1), np.zeros((JOINTS, 3))
        if k % 25 == 0:
            goal = np.clip(rig.q + rng.uniform(-1.0, 1.0, rig.n), -2.4, 2.4)
            plan_goal(rig.model, rig.state, rig.i, goal)
        q, dq = rig.q, rig.dq
        real = q + rng.normal(size=rig.n) * 0.002 if noise else q
        truth.place(real)
        distance = truth.distance(human)
        if distance < 0.0:
            touched += 1
            assert (dq == 0.0).all(), (strategy, k, distance, dq)
        moved += bool(np.abs(dq).max() > 0)
        wobble = rng.normal(size=(JOINTS, 3))
        wobble *= error / np.linalg.norm(wobble, axis=1, keepdims=True)
        rig.step(history[-1 - delay] + wobble, q_meas=real, human_time=rig.time - delay * TS)
        if rig.state.replan_wanted[rig.i]:
            plan_goal(rig.model, rig.state, rig.i)
        change = attack(strategy, rng, human, truth.nearest(human), distance, k) - velocity
        if smooth:
            most = rig.model.human_a_max[:, None] * TS
            change *= np.minimum(1.0, most / np.maximum(np.linalg.norm(change, axis=1, keepdims=True), 1e-12))
        human = human + TS * (velocity + 0.5 * change if smooth else velocity + change)
        velocity = velocity + change
        history = [*history[-delay - 1 :], human]
    return {
        "touched": touched / cycles,
        "moved": moved / cycles,
        "violations": int(rig.state.violations[rig.i].sum()),
    }


SPEED_ONLY = ShieldParams(use_acceleration_bounds=False)
SENSOR = ShieldParams(measurement_error_m=0.02, measurement_delay_s=0.02, use_acceleration_bounds=False)
"""These people change their speed at once, which the tighter sets do not allow them."""


@pytest.mark.parametrize(
    ("seed", "params", "noise"), [(0, SPEED_ONLY, False), (1, SPEED_ONLY, True), (2, SENSOR, True), (3, SENSOR, False)]
)
def test_a_human_is_only_touched_by_a_robot_at_rest(seed, params, noise):
    result = hunt(5000, seed, params, noise)
    assert result["touched"] > 0.05 and result["moved"] > 0.02
    assert result["violations"] == 0


@pytest.mark.parametrize(("seed", "params"), [(4, None), (5, ShieldParams(measurement_delay_s=0.02))])
def test_tighter_sets_hold_for_people_who_keep_the_bounds_of_their_accelerations(seed, params):
    result = hunt(5000, seed, params, smooth=True)
    assert result["touched"] > 0.05 and result["moved"] > 0.02
    assert result["violations"] == 0


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(4, 12))
def test_a_human_is_only_touched_by_a_robot_at_rest_all_night(seed):
    result = hunt(25_000, seed, SENSOR if seed % 4 < 2 else SPEED_ONLY, noise=bool(seed % 3))
    assert result["touched"] > 0.05 and result["violations"] == 0
    assert hunt(25_000, seed, None, smooth=True)["violations"] == 0


def test_the_test_can_fail():
    """With the shield off the same hunt finds a robot that moves into the human."""
    with pytest.raises(AssertionError):
        hunt(5000, 1, ShieldParams(type="OFF"))
