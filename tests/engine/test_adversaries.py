"""The attacks of `make soak`, in small: nobody is touched by a robot that may not move, nor harder than they bear."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from hrg_pipeline.physics.jit import kernel
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
    faults = {(o.robot, o.group, o.adversary): (o.faults(), o.first_fault) for o in outcomes if o.faults()}
    assert faults == {}
    assert sum(o.cycles for o in outcomes) >= cycles
    for o in outcomes:
        # Otherwise it would prove nothing.
        assert o.episodes and o.moving_cycles > 0.2 * o.cycles, o
    for group in {o.group for o in outcomes}:
        members = [o for o in outcomes if o.group == group]
        assert max(o.human_speed_m_s for o in members) > 1.999
        assert not members[0].smooth or max(o.human_acceleration_m_s2 for o in members) > 19.99
        assert sum(o.reached for o in members) > 0.3 * sum(o.episodes for o in members), "they hardly ever reached it"
    assert any(o.contacts for o in outcomes)
    ssm, pfl = ([o for o in outcomes if o.mode == mode] for mode in ("SSM", "PFL"))
    assert min(o.closest_moving_m for o in ssm) < 0.06, "nobody came close to a robot that moved"
    assert sum(o.overlaps_moving for o in pfl) > 100, "nobody met a robot that moved"
    assert max(o.harm_share for o in pfl) > 0.1
    assert max(o.torque_share for o in outcomes) < 1.0
    assert max(o.tracking_error_m for o in outcomes) < 0.01


def all_but_two(attacks):
    """Groups of one person; two of them, another scene with kernels of its own, attack the Panda only."""
    return [group for group in attacks.GROUPS if group.people == 1]


@pytest.mark.slow
@pytest.mark.parametrize("robot", sorted(ROBOTS))
def test_nobody_is_hurt_by_a_shielded_robot(attacks, robot):
    outcomes = attacks.attack(robot, CYCLES, seed=1, groups=all_but_two(attacks), num_envs=16)
    sorts = {o.group: [] for o in outcomes}
    for o in outcomes:
        sorts[o.group].append(o.adversary)
    late = ["late_chase", "late_hover"]
    assert sorts["ssm"] == sorts["pfl"] == [name for name in attacks.ADVERSARIES if name not in late]
    assert sorts["ssm_late"] == sorts["pfl_late"] == late
    assert sorts["ssm_smooth"] == ["chase", "crossing", "hover", "feet_first", "to_gripper", "dashes"]
    check(outcomes, CYCLES)


@pytest.mark.slow
def test_nobody_is_hurt_where_two_attack_at_once(attacks, one):
    attack = one("panda", 1, "ssm_two")
    outcomes = attack.run(2_000)
    assert {o.adversary: o.faults() for o in outcomes if o.faults()} == {}
    assert sum(o.reached for o in outcomes) > 0.3 * sum(o.episodes for o in outcomes)
    begun = attack._rows["clock"] > 25
    assert begun.mean() > 0.5 and (attack._rows["fastest"][begun] > 1.0).mean() > 0.9


@pytest.mark.parametrize(("group", "episode"), [("ssm", 16047), ("pfl", 1355), ("pfl_smooth", 626)])
def test_who_leans_against_the_first_link_does_not_send_it_flying(one, group, episode):
    """It turns about an axis through itself, so nothing but the softness of the person gives way.

    Who walks on at 2 m/s turns it at 4 rad/s; a rigid person made it thousands.
    """
    attack = one("panda", 1, group, num_envs=1)
    attack.play([episode])
    outcomes = [o for o in attack.outcomes.values() if o.episodes]
    assert [(o.contacts > 0, o.faults()) for o in outcomes] == [(True, {})]
    assert np.abs(attack.engine._arrays.dq).max() < 10.0


@pytest.mark.nightly
@pytest.mark.parametrize("robot", sorted(ROBOTS))
def test_nobody_is_hurt_by_a_shielded_robot_all_night(attacks, robot):
    check(attacks.attack(robot, 400_000, seed=2), 400_000)


@pytest.mark.slow
def test_without_the_shield_the_same_people_are_hit(attacks):
    groups = [group for group in attacks.GROUPS if group.name in ("ssm", "ssm_smooth", "ssm_late")]
    outcomes = attacks.attack("panda", 20_000, seed=1, groups=groups, off=True)
    for o in outcomes:
        assert o.critical and o.overlaps_moving and o.first_fault, o
    assert sum(o.critical for o in outcomes) > 0.5 * sum(o.contacts for o in outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pfl_smooth", "pfl_iso", "pfl_late"])
def test_without_the_shield_the_robot_carries_more_than_they_bear(attacks, name):
    groups = [group for group in attacks.GROUPS if group.name == name]
    outcomes = attacks.attack("panda", 6_000, seed=1, groups=groups, off=True)
    hurt = [o for o in outcomes if o.harm_share > 1.2 and "overlaps beyond what is bearable" in o.faults()]
    assert len(hurt) > 0.5 * len(outcomes)


def test_people_keep_the_speed_bound_and_the_shape_of_their_bodies(attacks, one):
    """Positions of all joints, cycle by cycle: never faster than 2 m/s, and bones keep their length."""
    from hrg_pipeline.human.body import PARENTS

    attack = one("panda", 5)
    for episode in range(len(attack.kinds)):
        path, quat = walk(attack, episode)
        steps = np.linalg.norm(np.diff(path, axis=0), axis=2)
        assert steps.max() / 0.004 < 2.0 + 1e-9
        assert steps.max() / 0.004 > 1.999 or len(path) < 150
        bones = np.linalg.norm(path[:, 1:] - path[:, list(PARENTS[1:])], axis=2)
        assert np.abs(bones - bones[0]).max() < 1e-9
        assert np.abs(np.linalg.norm(quat, axis=2) - 1.0).max() < 1e-9


def test_smooth_people_keep_the_acceleration_bound_too(one):
    """Second differences of positions: never more than 20 m/s^2, the smallest bound that the shield assumes."""
    attack = one("panda", 5, "ssm_smooth")
    assert attack.engine.shield.human_a_max.min() == 20.0
    hardest = []
    for episode in range(len(attack.kinds)):
        path, _ = walk(attack, episode)
        assert np.linalg.norm(np.diff(path, axis=0), axis=2).max() / 0.004 < 2.0 + 1e-9
        hardest.append(np.linalg.norm(np.diff(path, n=2, axis=0), axis=2).max() / 0.004**2)
    assert max(hardest) < 20.0 + 1e-6
    assert min(hardest) > 19.99


def walk(attack, episode):
    """Positions and orientations of a person in every cycle of an episode."""
    attack._begin(0, episode)
    foes, watches = attack._foes, attack._watches
    path, quat = [foes.pos[0].copy()], [foes.quat[0].copy()]
    for k in range(1, 150):
        watches.length[0] = k
        attack._work(np.array([0]))
        if watches.clock[0] < k:
            break
        path.append(foes.pos[0].copy())
        quat.append(foes.quat[0].copy())
    return np.array(path), np.array(quat)


def test_an_episode_is_repeated_by_its_number(one):
    first, second = one("panda", 3), one("panda", 3, num_envs=3, n_threads=2)
    first.play([4, 0, 7, 2, 1, 3, 5, 6])
    second.play([7, 2, 4])
    for i, k in ((2, 0), (3, 1), (0, 2)):
        assert first._watches.clock[i] == second._watches.clock[k] > 0
        assert (first._foes.pos[i] == second._foes.pos[k]).all()
        assert (first.engine.q[i] == second.engine.q[k]).all()


def test_a_command_beyond_its_limit_is_noticed(one):
    """Commands pushed by a hair in mid-flight: finite differences must show it."""
    attack = one("panda", 3)
    attack._begin(0, 0)
    watches = attack._watches
    watches.length[0] = 30
    attack._work(np.array([0]))
    assert watches.clock[0] == 30, "the episode ended before: begin another"
    assert watches.moving[0] > 0 and watches.limit_violations[0] == 0
    watches.commands[0, :, 0] += 1e-4
    watches.length[0] = 31
    attack._work(np.array([0]))
    assert watches.limit_violations[0] > 0


@kernel
def _place(models, rows, q, points):
    place_capsules(models[0], rows[0], q, points)


def test_the_closest_approach_is_measured_on_the_capsules(one):
    """Against plain numpy: sampled points of both axes."""
    attack = one("panda", 3)
    engine, foes, watches = attack.engine, attack._foes, attack._watches
    model = engine.shield
    for episode in range(4):
        attack._begin(0, episode)
        watches.length[0] = 40
        attack._work(np.array([0]))
        foes.pos[0] += engine.eef_pos[0] + [0.0, 0.3, 0.0] - foes.pos[0, 23]  # close, so that distances are exact
        watches.closest[0], watches.length[0] = np.inf, 41
        here = foes.pos[0].copy()
        attack._work(np.array([0]))
        if not np.isfinite(watches.closest[0]):
            continue  # the robot did not move
        points = watches.points[0, :-1]  # nothing is held
        share = np.linspace(0.0, 1.0, 60)[:, None]
        arm = points[:, 0, None] + share * (points[:, 1] - points[:, 0])[:, None]
        person = here[model.proximal][:, None] + share * (here[model.distal] - here[model.proximal])[:, None]
        gaps = np.linalg.norm(arm[:, None, :, None] - person[None, :, None], axis=-1).min(axis=(2, 3))
        gaps -= model.capsule_radius[:-1, None] + model.body_radius
        assert watches.closest[0] == pytest.approx(gaps.min(), abs=2e-3)
        ends = np.zeros_like(watches.points[0])
        _place(model.record, engine.shields.rows, engine._arrays.command[0, 0], ends)
        assert (ends == watches.wanted[0]).all()


def test_what_the_robot_carries_is_its_kinetic_energy_over_the_limit_of_the_body(one):
    """A person is put into the gripper of a Panda in mid-flight: by MuJoCo's mass matrix and the limits' table."""
    from hrg_pipeline.human.body import BODY_INDEX
    from hrg_pipeline.shield.contact_limits import CONTACT_TYPES, energy_limits

    attack = one("panda", 3, "pfl", off=True)
    engine, foes, watches = attack.engine, attack._foes, attack._watches
    attack._begin(0, 0)
    watches.length[0] = 30
    attack._work(np.array([0]))
    hand, head = BODY_INDEX["R_Hand"], BODY_INDEX["Head"]
    foes.pos[0] = [100.0, 0.0, 0.0] + np.arange(24)[:, None] * [10.0, 0.0, 0.0]
    foes.attacks[0] = 0
    foes.attacks[0, hand] = 1
    foes.pos[0, hand] = watches.points[0, -2].mean(axis=0)
    watches.length[0] = 31
    attack._work(np.array([0]))
    energy = mass_energy(engine)
    touched = np.flatnonzero((engine.shield.proximal == hand) | (engine.shield.distal == hand))
    limits = energy_limits("strict")[0][CONTACT_TYPES.index("edge")]
    least = min(limits[touched].min(), limits[hand])
    assert watches.overlaps[0] > 0
    assert watches.harm[0] == pytest.approx(energy / least, rel=0.02)
    assert limits[head] < least


def mass_energy(engine):
    """Kinetic energy of the arm as commanded at the start of the cycle, by MuJoCo."""
    import mujoco

    scene, arrays = engine.scene, engine._arrays
    data = mujoco.MjData(scene.model)
    qpos = [int(scene.model.joint(j).qposadr[0]) for j in scene.arm_joints]
    dofs = [int(scene.model.joint(j).dofadr[0]) for j in scene.arm_joints]
    data.qpos[:] = engine.data(0).qpos
    data.qpos[qpos] = arrays.command[0, 0]
    mujoco.mj_forward(scene.model, data)
    full = np.zeros((scene.model.nv, scene.model.nv))
    mujoco.mj_fullM(scene.model, full, data.qM)
    dq = arrays.command[0, 1]
    return 0.5 * dq @ full[np.ix_(dofs, dofs)] @ dq


def test_an_arm_that_a_person_struck_is_neither_sent_flying_nor_held_against_the_robot(one):
    """A head or an elbow hits a resting link."""
    attack = one("panda", 0, num_envs=1)
    attack.play([829])
    outcome = next(o for o in attack.outcomes.values() if o.episodes)
    assert outcome.contacts > 0 and outcome.faults() == {}
    assert outcome.fastest_contact_m_s < 1e-3
    assert 0.1 < np.abs(attack.engine.data(0).qvel).max() < 5.0


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
    """A person reaches the gripper of a resting Panda while it moves: were it not held, it would hit each of them."""
    attack = one("panda", 1, fingers=True)
    attack.play([31, 49, 62, 165, 338, 381, 384, 397])
    assert sum(o.critical for o in attack.outcomes.values()) == 0


@pytest.mark.slow
def test_the_report_of_a_soak(tmp_path, attacks):
    import subprocess

    file = tmp_path / "deep" / "soak.json"
    words = ["--cycles", "4000", "--robots", "panda", "--groups", "ssm,pfl_smooth", "--json", str(file)]
    done = subprocess.run(
        [sys.executable, str(FOLDER / "soak.py"), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(file.read_text())
    assert report["cycles"] >= 4000 and report["faults"] == report["critical_contacts"] == 0
    assert report["cycles_per_s_core"] > 0
    assert {row["group"] for row in report["rows"]} == {"ssm", "pfl_smooth"}
    for word in ("panda", "hand_on_table", "fastest mm/s", "harm %", "torque %", "assumptions", "No fault"):
        assert word in done.stdout


def test_a_fault_makes_the_soak_fail(monkeypatch, capsys, attacks):
    monkeypatch.syspath_prepend(str(FOLDER))
    import soak

    hit = attacks.Outcome("panda", "chase", cycles=10, critical=1, first_fault="robot panda, seed 0, episode 3")
    monkeypatch.setattr(attacks, "attack", lambda *words, **settings: [hit])
    assert soak.main(["--cycles", "10", "--robots", "panda"]) == 1
    assert (
        "FAULT panda ssm chase: critical contacts: 1; first: robot panda, seed 0, episode 3" in capsys.readouterr().out
    )
    assert soak.main(["--groups", "crowd"]) == 2
    assert "crowd" in (error := capsys.readouterr().err) and "pfl_smooth" in error
    assert soak.main(["--robots", "r2d2"]) == 2
    assert "r2d2" in (error := capsys.readouterr().err) and "panda" in error
