"""What the gripper holds is part of the robot: of its reach, its mass, and of what may touch people."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.errors import MotionError
from hrg_pipeline.shield.factory import make_shield_state
from hrg_pipeline.shield.goals import plan_goal
from hrg_pipeline.shield.held import hold_object, release_object
from hrg_pipeline.shield.model import SAFE
from hrg_pipeline.shield.params import PflParams, ShieldParams
from hrg_pipeline.shield.shield import reset_shield, step_shield
from tests.shield.cases import kernel_verdict, look_at, make_world, plan_somewhere, propose
from tests.shield.exact import Held, kinetic_energy
from tests.shield.toys import TS, Rig, human_at, planar_arm

ROD = (np.array([0.4, 0.0, 0.0]), np.array([1.4, 0.0, 0.0]), 0.03)
"""From the tip of the planar arm, 1 m farther out."""
AHEAD = human_at(2.3, 0.0, 1.0)
"""Out of reach of the arm, 1.2 m long, and touching the rod when the arm is stretched out."""
GOAL = np.array([0.6, 0.3, -0.2])


def go(rig: Rig, human, cycles: int) -> None:
    for _ in range(cycles):
        rig.step(human)
        if rig.state.replan_wanted[rig.i]:
            plan_goal(rig.model, rig.state, rig.i)


def test_only_who_holds_something_long_stops_for_a_person_far_ahead():
    moved = []
    for held in (False, True, None):
        rig = Rig(planar_arm())
        if held is not False:
            hold_object(rig.model, rig.state, rig.i, *ROD, 0.5)
        if held is None:
            release_object(rig.model, rig.state, rig.i)
        rig.step(AHEAD)
        assert plan_goal(rig.model, rig.state, rig.i, GOAL)
        go(rig, AHEAD, 500)
        moved.append(np.abs(rig.q).max())
        assert (rig.state.min_distance[rig.i] < 0.1) == bool(held)
    assert moved[0] == moved[2] == pytest.approx(0.6)
    assert moved[1] == 0.0


def test_what_is_taken_on_the_way_stops_the_robot():
    """It sweeps towards somebody whom only the rod can reach."""
    stops = []
    for takes in (False, True):
        rig = Rig(planar_arm(), q=np.array([-1.2, 0.0, 0.0]))
        rig.step(AHEAD)
        plan_goal(rig.model, rig.state, rig.i, np.zeros(3))
        go(rig, AHEAD, 100)
        assert np.abs(rig.dq).max() > 0.0
        if takes:
            hold_object(rig.model, rig.state, rig.i, *ROD, 0.5)
        go(rig, AHEAD, 600)
        stops.append(rig.q[0])
    assert stops[0] == pytest.approx(0.0, abs=1e-6) and stops[1] < -0.1


def test_a_reset_drops_it():
    rig = Rig(planar_arm())
    before = {name: getattr(rig.state, name)[rig.i].copy() for name in ("capsule_ends", "rho", "reach", "held_mass")}
    hold_object(rig.model, rig.state, rig.i, *ROD, 0.5)
    assert rig.state.n_capsules[rig.i] == 4 and rig.state.reach[rig.i, 0] > before["reach"][0] + 0.9
    reset_shield(rig.model, rig.state, rig.i, np.zeros(3))
    assert rig.state.n_capsules[rig.i] == 3
    for name, value in before.items():
        assert np.array_equal(getattr(rig.state, name)[rig.i], value), name
    rig.step(AHEAD)
    plan_goal(rig.model, rig.state, rig.i, GOAL)
    go(rig, AHEAD, 500)
    assert np.allclose(rig.q, GOAL, atol=1e-6)


def test_one_environments_object_is_nobody_elses():
    rig = Rig(planar_arm())
    other = rig.state.rows[0].tobytes()
    hold_object(rig.model, rig.state, rig.i, *ROD, 0.5)
    assert rig.state.rows[0].tobytes() == other


@pytest.mark.parametrize("mass", [0.0, 0.5, 3.0])
def test_its_mass_counts_in_the_energy(mass):
    """The robot's energy on the edges of a plan is that of its links and of the object, moving as they do."""
    rng = np.random.default_rng(0)
    world = make_world("general", ShieldParams(type="PFL"))
    state = make_shield_state(world.model, 1)
    slot = plan_somewhere(world, state, 0, rng)
    held = Held(rng.uniform(-0.2, 0.2, (2, 3)), 0.05, mass)
    hold_object(world.model, state, 0, *held.ends, held.radius, held.mass)
    assert look_at(world, state, 0, 0.0, human_at(9.0)[None], 0.0)
    case = propose(world, state, 0, slot, rng, held)
    assert kernel_verdict(case) == SAFE
    q, q_s = state.joints[0, 1, 0], state.joints[0, 1, 1] / case.start[1]
    energy = kinetic_energy(world.geometry, world.inertias, q, q_s, held)
    assert 0.5 * state.edge_norm[0, 0] ** 2 == pytest.approx(energy, rel=1e-9)


def test_a_heavy_object_makes_a_contact_too_hard():
    """Somebody's hand is where the tip will be; an empty gripper may touch it at this speed."""
    world = make_world("planar", ShieldParams(type="PFL", pfl=PflParams(gripper_contact="blunt")))
    turned = []
    for mass in (0.0, 40.0):
        state = make_shield_state(world.model, 1)
        reset_shield(world.model, state, 0, np.zeros(3))
        plan_goal(world.model, state, 0, np.array([1.0, 0.0, 0.0]))
        hold_object(world.model, state, 0, np.array([0.4, 0, 0]), np.array([0.4, 0, 0]), 0.01, mass)
        far = human_at(9.0)
        far[22] = far[23] = far[20] = far[21] = np.array([1.2, 0.2, 1.0])
        for k in range(200):
            q, dq = state.command[0, :2].copy()
            step_shield(world.model, state, 0, k * TS, far, k * TS, q, dq)
            if state.replan_wanted[0]:
                plan_goal(world.model, state, 0)
        turned.append(state.command[0, 0, 0])
    assert turned[0] > 2 * turned[1]


BAD = {
    "not finite": (np.array([np.nan, 0, 0]), np.zeros(3), 0.1, 1.0),
    "infinite": (np.zeros(3), np.array([np.inf, 0, 0]), 0.1, 1.0),
    "negative radius": (np.zeros(3), np.zeros(3), -0.1, 1.0),
    "negative mass": (np.zeros(3), np.zeros(3), 0.1, -1.0),
    "no radius": (np.zeros(3), np.zeros(3), np.nan, 1.0),
    "two coordinates": (np.zeros(2), np.zeros(2), 0.1, 1.0),
    "ends of different shapes": (np.zeros(2), np.zeros(3), 0.1, 1.0),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_objects_that_cannot_be_are_one_clear_error(bad):
    rig = Rig(planar_arm())
    before = rig.state.rows.tobytes()
    with pytest.raises(MotionError, match="a held object needs two finite ends"):
        hold_object(rig.model, rig.state, rig.i, *bad)
    assert rig.state.rows.tobytes() == before
