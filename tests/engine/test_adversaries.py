"""The attacks of `make soak`, in small: no robot is ever touched while it moves, and no command exceeds a limit."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hrg_pipeline.robots.records import ROBOTS
from hrg_pipeline.shield.reach import place_capsules

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
CYCLES = 16_000
"""Of each robot by default, more than 100,000 in all."""


@pytest.fixture(scope="module")
def attacks():
    sys.path.insert(0, str(FOLDER))
    try:
        import attack

        yield attack
    finally:
        sys.path.remove(str(FOLDER))


@pytest.fixture
def one(attacks):
    made = []

    def make(*words, **settings):
        made.append(attacks.Attack(*words, **{"num_envs": 8, "n_threads": 1} | settings))
        return made[-1]

    yield make
    for attack in made:
        attack.close()


def check(outcomes, cycles):
    faults = {(o.robot, o.adversary): (o.faults(), o.first_fault) for o in outcomes if o.faults()}
    assert faults == {}
    assert sum(o.cycles for o in outcomes) >= cycles
    for o in outcomes:
        # Otherwise it would prove nothing.
        assert o.episodes and o.moving_cycles > 0.2 * o.cycles, o
        assert o.human_speed_m_s > 1.999, o
    reached = sum(o.reached for o in outcomes)
    assert reached > 0.3 * sum(o.episodes for o in outcomes), "they hardly ever reached the robot"
    assert any(o.contacts for o in outcomes)
    assert min(o.closest_moving_m for o in outcomes) < 0.06, "nobody came close to a robot that moved"
    assert max(o.torque_share for o in outcomes) < 1.0
    assert max(o.tracking_error_m for o in outcomes) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("robot", sorted(ROBOTS))
def test_nobody_is_touched_by_a_moving_robot(attacks, robot):
    outcomes = attacks.attack(robot, CYCLES, seed=1)
    assert [o.adversary for o in outcomes] == list(attacks.ADVERSARIES)
    check(outcomes, CYCLES)


@pytest.mark.nightly
@pytest.mark.parametrize("robot", sorted(ROBOTS))
def test_nobody_is_touched_by_a_moving_robot_all_night(attacks, robot):
    check(attacks.attack(robot, 400_000, seed=2), 400_000)


@pytest.mark.slow
def test_without_the_shield_the_same_people_are_hit(attacks):
    outcomes = attacks.attack("panda", 20_000, seed=1, shield="OFF")
    for o in outcomes:
        assert o.critical and o.overlaps_moving and o.first_fault, o
    assert sum(o.critical for o in outcomes) > 0.5 * sum(o.contacts for o in outcomes)


def test_people_keep_the_speed_bound_and_the_shape_of_their_bodies(attacks, one):
    """Positions of all joints, cycle by cycle: never faster than 2 m/s, and bones keep their length."""
    from hrg_pipeline.human.body import PARENTS

    attack = one("panda", 5)
    for episode in range(len(attack.kinds)):
        attack._begin(0, episode)
        foes = attack._foes
        before, lengths, fastest = foes.pos[0].copy(), None, 0.0
        for k in range(1, 150):
            foes.length[0] = k
            attack._work(np.array([0]))
            pos = foes.pos[0].copy()
            fastest = max(fastest, np.linalg.norm(pos - before, axis=1).max() / 0.004)
            before = pos
            bones = np.linalg.norm(pos[1:] - pos[list(PARENTS[1:])], axis=1)
            lengths = bones if lengths is None else lengths
            assert np.abs(bones - lengths).max() < 1e-9
            assert np.abs(np.linalg.norm(foes.quat[0], axis=1) - 1.0).max() < 1e-9
        assert 1.999 < fastest < 2.0 + 1e-9 or foes.clock[0] < 150


def test_an_episode_is_repeated_by_its_number(one):
    first, second = one("panda", 3), one("panda", 3, num_envs=3, n_threads=2)
    first.play([4, 0, 7, 2, 1, 3, 5, 6])
    second.play([7, 2, 4])
    for i, k in ((2, 0), (3, 1), (0, 2)):
        assert first._foes.clock[i] == second._foes.clock[k] > 0
        assert (first._foes.pos[i] == second._foes.pos[k]).all()
        assert (first.engine.q[i] == second.engine.q[k]).all()


def test_a_command_beyond_its_limit_is_noticed(one):
    """Commands pushed by a hair in mid-flight: finite differences must show it."""
    attack = one("panda", 3)
    attack._begin(0, 0)
    attack._foes.length[0] = 60
    attack._work(np.array([0]))
    assert attack._foes.moving[0] > 0 and attack._foes.limit_violations[0] == 0
    attack._foes.commands[0, :, 0] += 1e-4
    attack._foes.length[0] = 61
    attack._work(np.array([0]))
    assert attack._foes.limit_violations[0] > 0


def test_the_closest_approach_is_measured_on_the_capsules(one):
    """Against plain numpy: sampled points of both axes."""
    attack = one("panda", 3)
    engine, foes = attack.engine, attack._foes
    model = engine.shield
    for episode in range(4):
        attack._begin(0, episode)
        foes.length[0] = 40
        attack._work(np.array([0]))
        foes.pos[0] += engine.eef_pos[0] + [0.0, 0.3, 0.0] - foes.pos[0, 23]  # close, so that distances are exact
        foes.closest[0], foes.length[0] = np.inf, 41
        here = foes.pos[0].copy()
        attack._work(np.array([0]))
        if not np.isfinite(foes.closest[0]):
            continue  # the robot did not move
        points = foes.points[0]
        share = np.linspace(0.0, 1.0, 60)[:, None]
        arm = points[:, 0, None] + share * (points[:, 1] - points[:, 0])[:, None]
        person = here[model.proximal][:, None] + share * (here[model.distal] - here[model.proximal])[:, None]
        gaps = np.linalg.norm(arm[:, None, :, None] - person[None, :, None], axis=-1).min(axis=(2, 3))
        gaps -= model.capsule_radius[:, None] + model.body_radius
        assert foes.closest[0] == pytest.approx(gaps.min(), abs=2e-3)
        ends, frames = np.zeros_like(points), np.zeros((engine.dof, 4, 3))
        place_capsules(model, frames, engine._arrays.command[0, 0], ends)
        assert (ends == foes.wanted[0]).all()


def test_an_arm_that_a_person_struck_is_not_held_against_the_robot(one):
    """A head or an elbow hits a resting link; 12 ms later the arm, sent flying, meets the person again."""
    attack = one("panda", 0, num_envs=1)
    attack.play([3436])
    outcome = next(o for o in attack.outcomes.values() if o.episodes)
    assert outcome.contacts == 1 and outcome.faults() == {}
    assert outcome.fastest_contact_m_s < 1e-3
    assert np.abs(attack.engine.data(0).qvel).max() > 1.0


@pytest.mark.parametrize("robot", sorted(ROBOTS))
def test_every_part_of_a_robot_can_touch_a_person(robot):
    """Or contacts with it are never counted: robosuite gives many geoms only one of MuJoCo's two contact flags."""
    from hrg_pipeline.engine.scene import build_scene
    from hrg_pipeline.physics.contacts import GEOM_GRIPPER, GEOM_HUMAN, GEOM_ROBOT

    scene = build_scene(robot, 1.75, 1.0, None)
    model, kinds = scene.model, scene.geom_class
    people = np.flatnonzero(kinds == GEOM_HUMAN)
    deaf = [
        model.body(model.geom_bodyid[geom]).name
        for geom in np.flatnonzero(np.isin(kinds, (GEOM_ROBOT, GEOM_GRIPPER)))
        if not (
            (model.geom_contype[geom] & model.geom_conaffinity[people]).any()
            or (model.geom_conaffinity[geom] & model.geom_contype[people]).any()
        )
    ]
    assert deaf == []


def test_fingers_do_not_move_into_a_person(one):
    """A person reaches the gripper of a resting Panda while it opens: contact at 19 mm/s, safe are 10."""
    attack = one("panda", 1, fingers=True)
    attack.play([112, 140])
    assert sum(o.critical for o in attack.outcomes.values()) == 0


@pytest.mark.slow
def test_the_report_of_a_soak(tmp_path, attacks):
    import subprocess

    file = tmp_path / "deep" / "soak.json"
    words = ["--cycles", "4000", "--robots", "panda", "--json", str(file)]
    done = subprocess.run(
        [sys.executable, str(FOLDER / "soak.py"), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(file.read_text())
    assert report["cycles"] >= 4000 and report["faults"] == report["critical_contacts"] == 0
    assert report["cycles_per_s_core"] > 0
    assert Counter(row["adversary"] for row in report["rows"]) == Counter(attacks.ADVERSARIES)
    for word in ("panda", "hand_on_table", "fastest mm/s", "torque %", "assumptions", "No fault"):
        assert word in done.stdout


def test_a_fault_makes_the_soak_fail(monkeypatch, capsys, attacks):
    monkeypatch.syspath_prepend(str(FOLDER))
    import soak

    hit = attacks.Outcome("panda", "chase", cycles=10, critical=1, first_fault="robot panda, seed 0, episode 3")
    monkeypatch.setattr(attacks, "attack", lambda *words, **settings: [hit])
    assert soak.main(["--cycles", "10", "--robots", "panda"]) == 1
    assert "FAULT panda chase: critical contacts: 1; first: robot panda, seed 0, episode 3" in capsys.readouterr().out
    assert soak.main(["--robots", "r2d2"]) == 2
    assert "r2d2" in (error := capsys.readouterr().err) and "panda" in error
