"""The explanation of a decision agrees with the shield, over many states, and says why."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import numpy as np
import pytest

from hrg_pipeline.engine.engine import Engine
from hrg_pipeline.human.params import HumanParams
from hrg_pipeline.reporting.decision import Measured
from hrg_pipeline.reporting.decision_explain import explain
from hrg_pipeline.shield.factory import make_shield_state
from hrg_pipeline.shield.goals import plan_goal
from hrg_pipeline.shield.model import ASSUMPTIONS, HUMAN, MODES, OBSTACLE, PFL, PLAN_CONSISTENT, SAFE, SSM
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.shield import reset_shield, step_shield

TS = 0.004
PARAMS = {
    "default": ShieldParams(),
    "sensor": ShieldParams(measurement_error_m=0.02, measurement_delay_s=0.02),
    "iso": ShieldParams(pfl={"model": "iso_ts_15066"}),
}
FAULTS = ("none", "none", "none", "none", "nan", "stale", "jump", "robot_nan", "off_track")


@lru_cache(maxsize=4)
def engine(params):
    human = HumanParams(motion={"n_clips": 1})
    kwargs = {"num_envs": 1, "n_threads": 1, "seed": 0, "horizon_s": 1.0, "safe_vel": 0.01, "debounce_s": 0.1}
    return Engine("panda", human, PARAMS[params], **kwargs)


class Walk:
    """A robot that follows its commands exactly, and a person who walks about it."""

    def __init__(self, params="default", mode="SSM", seed=0):
        made = engine(params)
        self.model, self.home = made.shield, np.array(made.robot.home_qpos)
        self.state, self.i = make_shield_state(self.model, 2), 1
        self.state.mode[:] = MODES[mode]
        self.rng, self.time = np.random.default_rng(seed), 0.0
        self.body = made.human_pose(0)[0] - made.human_pose(0)[0][20]
        self.start(1.5)

    @property
    def command(self):
        return self.state.command[self.i]

    @property
    def hand(self):
        """Where the gripper is."""
        q, still = self.command[0].copy(), np.zeros(len(self.home))
        seen = explain(self.model, self.state, self.i, Measured(self.time, self.human[None], np.zeros(1), q, still))
        return seen.now[-1, 1]

    def start(self, distance):
        """Begin anew at rest, with the person somewhere at a distance from the hand."""
        reset_shield(self.model, self.state, self.i, self.home + self.rng.uniform(-0.3, 0.3, len(self.home)))
        self.human = self.body + np.array([9.0, 0.0, 1.0])
        away = self.rng.normal(size=3) * (1.0, 1.0, 0.2)
        self.human = self.body + self.hand + distance * away / np.linalg.norm(away)

    def told(self, fault="none"):
        """What the shield is told in this cycle, with a fault in it."""
        q, dq, when, human = *self.command[:2].copy(), self.time, self.human
        if fault == "nan":
            human = human.copy()
            human[3, 1] = np.nan
        elif fault == "stale":
            when -= 0.1
        elif fault == "jump":
            human = human + np.array([0.05, 0.0, 0.0])
        elif fault == "robot_nan":
            q = q * np.nan
        elif fault == "off_track":
            q = q + self.rng.normal(size=len(q)) * 0.1
        return Measured(self.time, human[None], np.array([when]), q, dq)

    def explain(self, measured=None):
        return explain(self.model, self.state, self.i, measured or self.told())

    def step(self, measured):
        told = measured.time, measured.human_pos, measured.human_time, measured.q, measured.dq
        step_shield(self.model, self.state, self.i, *told)
        self.time += TS


def agrees(walk, decision, violations):
    """Check the explanation of a decision against what the shield then decided."""
    state, i, sets = walk.state, walk.i, decision.sets
    expected = state.violations[i] - violations
    assert decision.verdict == state.verdict[i] and decision.safe == bool(state.safe[i])
    assert set(decision.broken) == {ASSUMPTIONS[n] for n in np.flatnonzero(expected)}
    if sets is not None and decision.mode == SSM and decision.verdict == SAFE:
        assert not sets.open.any() and sets.margin.min() > 0.0
    if decision.verdict == OBSTACLE:
        assert decision.collision.missing > 0.0
    if decision.verdict == HUMAN:
        touch = decision.touch
        assert sets.open[touch.interval, touch.person, touch.capsule, touch.body]
        assert not sets.margin[touch.person, touch.capsule, touch.body] > 0.0
    if decision.verdict == HUMAN and decision.mode == PFL:
        contact = decision.contact
        assert contact.bound > contact.free or (contact.may_clamp and contact.bound > contact.clamped)
    elif decision.mode == PFL and decision.verdict == SAFE and decision.contact is not None:
        assert decision.contact.bound <= decision.contact.free
    return expected


WORDS = {
    "assumption": "assumption violated",
    "touch": "may touch",
    "apart": "proven apart",
    "standstill": "standstill is safe",
    "off": "is off",
    "contact": "bears",
}


def play(walk, cycles):
    """Compare the explanation with the shield again and again; returns what happened."""
    seen = Counter()
    rng, velocity = walk.rng, np.zeros(3)
    for k in range(cycles):
        if k % 200 == 0:
            walk.start(rng.uniform(0.4, 1.0))
        if k % 200 > 10 and k % 25 == 0:
            velocity = 1.5 * (walk.hand - walk.human[20]) + rng.uniform(-0.3, 0.3, 3)
            velocity *= min(1.0, 1.5 / np.linalg.norm(velocity))
            goal = walk.command[0] + rng.uniform(-0.8, 0.8, len(walk.home))
            plan_goal(walk.model, walk.state, walk.i, np.clip(goal, *walk.model.limits[:, :2].T))
        elif walk.state.replan_wanted[walk.i]:
            plan_goal(walk.model, walk.state, walk.i)
        measured = walk.told(rng.choice(FAULTS) if k % 10 == 9 else "none")
        if k % 5 == 4 or not walk.state.safe[walk.i]:
            before, violations = walk.state.rows.copy(), walk.state.violations[walk.i].copy()
            decision = walk.explain(measured)
            assert walk.state.rows.tobytes() == before.tobytes()
            walk.step(measured)
            expected = agrees(walk, decision, violations)
            for name, words in WORDS.items():
                seen[name] += words in decision.reason
            seen["explained"] += 1
            seen["inconsistent"] += bool(expected[PLAN_CONSISTENT])
        else:
            walk.step(measured)
        walk.human = walk.human + TS * velocity
    return seen


@pytest.mark.parametrize(("params", "seed"), [("default", 0), ("sensor", 1)])
def test_the_explanation_is_the_shields_verdict(params, seed):
    seen = play(Walk(params, "SSM", seed), 400)
    assert min(seen[name] for name in ("assumption", "touch", "apart", "standstill")) > 0, seen


def test_an_obstacle_is_named_with_what_is_missing():
    walk = Walk()
    walk.human = walk.body + np.array([5.0, 0.0, 1.0])
    goal = walk.command[0].copy()
    goal[1] = 1.7
    plan_goal(walk.model, walk.state, walk.i, goal)
    while walk.state.verdict[walk.i] != OBSTACLE and walk.time < 4.0:
        before, measured = walk.state.rows.copy(), walk.told()
        walk.step(measured)
    walk.state.rows[:] = before
    decision = walk.explain(measured)
    assert decision.verdict == OBSTACLE and decision.sets.times[-1] > 0.0
    hit = decision.collision
    assert 0.0 < hit.missing < 0.01 and not hit.inside
    assert f"capsule {hit.capsule} may come closer than 5 mm to the box {hit.box} in interval" in decision.reason


@pytest.mark.parametrize("params", ["default", "iso"])
def test_contacts_are_explained_by_what_the_body_part_bears(params):
    seen = play(Walk(params, "PFL", 3), 400)
    assert seen["contact"] > 0, seen


def test_a_shield_that_is_off_is_explained_as_such():
    seen = play(Walk("default", "OFF", 1), 200)
    assert seen["off"] == seen["explained"] - seen["inconsistent"] > 0


def test_the_words_name_pair_interval_sets_and_overlap():
    walk = Walk()
    walk.human = walk.body + walk.hand + np.array([0.16, 0.0, 0.0])
    for _ in range(3):
        walk.step(walk.told())
    plan_goal(walk.model, walk.state, walk.i, walk.command[0] + 0.5)
    decision = walk.explain()
    touch = decision.touch
    k, count = touch.interval, len(decision.sets.radii)
    assert decision.verdict == HUMAN and not decision.safe
    assert decision.reason.startswith(
        f"capsule {touch.capsule} may touch body {touch.body} in interval {k + 1} of {count}"
    )
    assert "sets overlap by" in decision.reason and "VEL" in decision.reason and "COMBINED" in decision.reason


def test_sets_hold_what_they_are_about():
    walk = Walk()
    plan_goal(walk.model, walk.state, walk.i, walk.command[0] + 0.4)
    for _ in range(120):
        walk.step(walk.told())
    decision = walk.explain()
    plan, sets = decision.proposal, decision.sets
    assert sets.times[-1] == plan.total
    radii = walk.model.body_radius + 2.0 * sets.times[1:, None]
    assert np.allclose(sets.vel_radii[:, 0], radii)
    middle = sets.axes.mean(axis=2)
    assert (np.linalg.norm(np.diff(middle, axis=0), axis=-1) < 0.05).all()
    assert (sets.radii > decision.radius).all()
    balls = sets.combined[..., 3].max(axis=-1) + walk.model.body_radius
    assert (balls[:, 0] < sets.vel_radii[:, 0] + 1e-9).all()
