"""Power and force limiting: people who obey their bounds are touched, but never harder than they bear."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.shield.contact_limits import CONTACT_TYPES, energy_limits, speed_limits
from hrg_pipeline.shield.factory import make_shield_state
from hrg_pipeline.shield.goals import plan_goal
from hrg_pipeline.shield.model import OFF, PFL, SSM
from hrg_pipeline.shield.params import PflParams, ShieldParams
from hrg_pipeline.shield.shield import reset_shield, step_shield
from tests.shield.cases import make_world, person_at
from tests.shield.exact import (
    box_distances,
    capsule_axes,
    capsule_speeds,
    kinetic_energy,
    segment_distances,
)
from tests.shield.motions import steered, unit
from tests.shield.toys import TS

EPISODE = 250
BOX = 4


def closest(axes, joints) -> np.ndarray:
    """The point of the robot's axes nearest to each joint (J, 3)."""
    along = axes[:, 1] - axes[:, 0]
    share = np.einsum("jlk,lk->jl", joints[:, None] - axes[:, 0], along) / (along * along).sum(1)
    points = axes[:, 0] + np.clip(share, 0.0, 1.0)[..., None] * along
    return points[np.arange(len(joints)), ((points - joints[:, None]) ** 2).sum(2).argmin(1)]


class Hunt:
    """One robot, and a person who runs at it within their bounds, sometimes with one joint alone."""

    def __init__(self, arm: str, seed: int, params: ShieldParams) -> None:
        self.world, self.rng = make_world(arm, params, box=BOX), np.random.default_rng(seed)
        self.state = make_shield_state(self.world.model, 1)
        model = self.world.model
        self.v_max, self.a_max = np.array(model.human_v_max), self.world.bodies.a_max
        if not params.use_acceleration_bounds:
            self.a_max = np.full_like(self.a_max, np.inf)
        self.touches = self.clamps = self.moves = 0
        self.hardest = 0.0
        pfl = params.pfl
        mass = float(self.world.inertias.mass.sum())
        self.near = np.array(model.link_neighbour)[:-1, :-1]
        self.iso = pfl.model == "iso_ts_15066"
        self.limits = speed_limits(mass, pfl.payload_kg) if self.iso else energy_limits(pfl.table)
        gripper = self.world.geometry.capsule_is_gripper
        self.contact = [CONTACT_TYPES.index(pfl.gripper_contact if g else "link") for g in gripper]

    def restart(self, time: float) -> None:
        rng, world = self.rng, self.world
        reset_shield(world.model, self.state, 0, rng.uniform(-1.5, 1.5, len(world.geometry.q_min)))
        angle, far = rng.uniform(-np.pi, np.pi), rng.uniform(0.6, 1.8)
        self.human = person_at(rng, [far * np.cos(angle), far * np.sin(angle), rng.uniform(0.6, 1.1)])
        self.vel = np.zeros((24, 3))
        self.lazy = rng.uniform(size=24) < rng.choice([0.0, 0.9])

    def check(self, axes) -> None:
        """Whatever is touched by a moving robot bears it."""
        world, (q, dq) = self.world, self.state.command[0, :2]
        if not (dq != 0.0).any():
            return
        self.moves += 1
        bodies, radius = world.bodies, world.geometry.capsule_radius
        segments = np.stack([self.human[bodies.proximal], self.human[bodies.distal]], axis=1)
        gap = segment_distances(axes[:, None], segments) - radius[:, None] - bodies.radius
        if not (gap < 0.0).any():
            return
        later = capsule_axes(world.geometry, q + 1e-6 * dq)
        speeds = capsule_speeds(world.geometry, q, dq) if self.iso else None
        energy = 0.0 if self.iso else kinetic_energy(world.geometry, world.inertias, q, dq)
        room = segment_distances(axes[:, None], axes) - radius[:, None] - radius
        box = world.boxes[0]
        free = box_distances(box.pos, box.rot, box.half, axes) - radius
        pressed = box_distances(box.pos, box.rot, box.half, segments) < bodies.radius
        for link, body in np.argwhere(gap < 0.0):
            thick = 2.0 * bodies.radius[body]
            opposite = (gap[:, body] < 0.0) & (self.near[link] == 0)
            here, there = (axes[link] - box.pos) @ box.rot, (later[link] - box.pos) @ box.rot
            leaves = [((s * here >= box.half).all(0) & (s * there >= s * here).all(0)).any() for s in (1.0, -1.0)]
            clamped = (opposite & (room[link] <= thick)).any()
            clamped = clamped or (pressed[body] and free[link] <= thick and not any(leaves))
            harm = speeds[link] if self.iso else energy
            limit = self.limits[(int(clamped), body) if self.iso else (int(clamped), self.contact[link], body)]
            assert harm <= limit, (link, body, bool(clamped), harm, limit)
            self.touches, self.clamps = self.touches + 1, self.clamps + int(clamped)
            self.hardest = max(self.hardest, harm / limit)

    def run(self, cycles: int) -> None:
        world, state, rng = self.world, self.state, self.rng
        for k in range(cycles):
            time = k * TS
            if k % EPISODE == 0:
                self.restart(time)
            if k % 25 == 0:
                plan_goal(
                    world.model,
                    state,
                    0,
                    np.clip(state.command[0, 0] + rng.uniform(-1, 1, len(state.goal[0])), -2.4, 2.4),
                )
            q, dq = state.command[0, :2].copy()
            axes = capsule_axes(world.geometry, q)
            self.check(axes)
            step_shield(world.model, state, 0, time, self.human, time, q, dq)
            if state.replan_wanted[0]:
                plan_goal(world.model, state, 0)
            way = closest(axes, self.human) - self.human
            wish = unit(way) * np.minimum(self.v_max, 20.0 * np.linalg.norm(way, axis=1))[:, None]
            wish[self.lazy] = 0.0
            now = steered(self.vel, wish, self.v_max, self.a_max, TS)
            self.human = self.human + TS * (self.vel + now) / 2
            self.vel = now


def params(mode: str, model: str = "energy", acceleration: bool = True) -> ShieldParams:
    pfl = PflParams(model=model, gripper_contact="wedge")
    return ShieldParams(type=mode, pfl=pfl, use_acceleration_bounds=acceleration, tracking_error_m=0.005)


@pytest.mark.parametrize("model", ["energy", "iso_ts_15066"])
@pytest.mark.parametrize(("arm", "acceleration"), [("planar", True), ("general", True), ("planar", False)])
def test_a_person_is_never_touched_harder_than_they_bear(arm, acceleration, model):
    hunt = Hunt(arm, 1, params("PFL", model, acceleration))
    hunt.run(1200)
    assert hunt.state.violations.sum() == 0
    assert hunt.touches > 20 and hunt.hardest > 0.1


@pytest.mark.parametrize("model", ["energy", "iso_ts_15066"])
def test_this_hunt_hurts_people_without_a_shield(model):
    with pytest.raises(AssertionError):
        Hunt("planar", 1, params("OFF", model)).run(1200)


def test_the_robot_moves_more_than_one_that_must_not_touch():
    moves = {}
    for mode in ("SSM", "PFL"):
        hunt = Hunt("planar", 2, params(mode))
        hunt.run(1000)
        moves[mode] = hunt.moves
    assert moves["PFL"] > 1.2 * moves["SSM"] > 0, moves


def test_each_environment_keeps_its_own_mode():
    """OFF, SSM and PFL side by side in one state move as they do alone, and not alike."""
    world = make_world("planar", params("SSM"), box=BOX)
    human = person_at(np.random.default_rng(3), [0.9, 0.5, 0.9])
    modes = (OFF, SSM, PFL)

    def paths(order) -> np.ndarray:
        state, out = make_shield_state(world.model, len(order)), []
        for i, mode in enumerate(order):
            state.mode[i] = mode
            reset_shield(world.model, state, i, np.zeros(3))
            assert state.mode[i] == mode
            plan_goal(world.model, state, i, np.array([1.4, 0.8, -0.6]))
        for k in range(400):
            for i in range(len(order)):
                q, dq = state.command[i, :2].copy()
                step_shield(world.model, state, i, k * TS, human, k * TS, q, dq)
                if state.replan_wanted[i]:
                    plan_goal(world.model, state, i)
            out.append(state.command[:, 0].copy())
        return np.array(out)

    together = paths(modes)
    for i, mode in enumerate(modes):
        assert np.array_equal(together[:, i], paths((mode,))[:, 0]), mode
    off, ssm, pfl = (np.abs(np.diff(together[:, i], axis=0)).sum() for i in range(3))
    assert off > 1.1 * pfl and pfl > 1.1 * ssm, (off, ssm, pfl)
