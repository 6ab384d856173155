"""Loops, sizes and exact motion of the humans of an engine, and that a saved state holds all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest

from hrg_pipeline.engine.engine import Engine
from hrg_pipeline.engine.scene import CYCLE_S, HUMAN_PREFIX, build_scene
from hrg_pipeline.envs.picture import SceneView
from hrg_pipeline.errors import MotionError
from hrg_pipeline.human.body import BODY_INDEX, BODY_NAMES, make_shield_bodies, make_skeleton
from hrg_pipeline.human.clip import Loop
from hrg_pipeline.human.params import HumanParams
from hrg_pipeline.shield.params import ShieldParams
from tests.human.test_motion_set import waving

LOOPS = {"wait": Loop(0.9, (0.2, 0.1), (0.6, 0.4)), "again": Loop(2.0, (0.15,), (1.0,))}
Make = Callable[..., Engine]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for k, speed in enumerate((0.6, 0.9)):
        waving(f"wave/{k}", speed=speed, loops=LOOPS, target=(0.4, 0.1, 0.9)).save(folder / f"{k}.npz")
    return folder


@pytest.fixture
def make(clips: Path) -> Iterator[Make]:
    made: list[Engine] = []

    def build(num_envs: int = 1, n_threads: int = 1, **human: Any) -> Engine:
        params = HumanParams.model_validate({"motion": {"source": str(clips)}, **human})
        engine = Engine(
            "panda",
            params,
            ShieldParams(),
            num_envs=num_envs,
            n_threads=n_threads,
            seed=0,
            horizon_s=10.0,
            safe_vel=0.01,
            debounce_s=0.01,
        )
        made.append(engine)
        for i in range(num_envs):
            engine.reset(i, np.array(engine.robot.home_qpos), np.random.default_rng(i))
        return engine

    yield build
    for engine in made:
        engine.close()


def _step(engine: Engine, n: int = 1) -> None:
    for _ in range(n):
        engine.step(np.zeros((engine.num_envs, engine.dof + 1)))


def test_only_those_who_are_asked_wait_and_their_delay_stays(make: Make) -> None:
    engine = make(num_envs=3)
    people = engine.people
    people.start_loop(np.array([False, True, False]), "wait")
    _step(engine, 15)
    assert people.is_looping.tolist() == [False, True, False]
    assert people.time[0] == pytest.approx(1.5)
    assert abs(people.time[1] - 0.9) < 0.45
    people.release_loop(np.array([1]))
    _step(engine, 5)
    delay = people.delay[1]
    _step(engine, 3)
    assert people.delay[1] == pytest.approx(delay, abs=1e-9)
    assert people.delay[[0, 2]].tolist() == pytest.approx([0.0, 0.0], abs=1e-9)
    assert not people.is_finished[0]
    _step(engine, 30)
    assert people.is_finished.tolist() == [True, True, True]
    assert people.time.tolist() == [3.0, 3.0, 3.0]


def test_episodes_loop_in_different_ways(make: Make) -> None:
    engine = make(num_envs=4)
    loops = engine._arrays.human_loops[:, 0, 0]
    assert len(np.unique(loops[:, 4])) == 4
    for factors in (loops[:, 4] / 0.2, loops[:, 5] / 0.1):
        assert (factors <= 1.1**3).all()
        assert (factors >= 1.1**-3).all()


def test_a_stage_that_the_clip_does_not_have_is_named(make: Make) -> None:
    with pytest.raises(MotionError, match=r"clip 'wave/\d' has no loop 'dance'; it has: wait, again"):
        make().people.start_loop(np.array([0]), "dance")


def test_others_wait_on_their_own(make: Make) -> None:
    engine = make(num_envs=2, count=2)
    people = engine.people
    people.start_loop(np.array([1]), "wait", person=1)
    _step(engine, 15)
    assert people.loops_of(1).tolist() == [False, True]
    assert not people.is_looping.any()
    people.release_loop(np.array([True, True]), person=1)
    _step(engine, 5)
    assert not people.loops_of(1).any()
    assert people.delay_of(1)[1] > 0.1
    assert people.delay.tolist() == people.delay_of(0).tolist() == pytest.approx([0.0, 0.0], abs=1e-9)
    _step(engine, 25)
    assert people.has_finished(1).tolist() == [True, False] or people.has_finished(1).all()


def test_velocity_and_acceleration_are_those_of_what_is_seen(make: Make) -> None:
    engine = make()
    people = engine.people
    people.start_loop(np.array([0]), "wait")
    hand = BODY_INDEX["R_Hand"]
    track, told = [], []
    for _ in range(25):
        _step(engine)
        pos, vel, _ = people.motion(0)
        np.testing.assert_array_equal(pos, engine.human_pose(0)[0])
        track.append(pos[hand])
        told.append(vel[hand])
    rough = (np.array(track[2:]) - np.array(track[:-2])) / 0.2
    np.testing.assert_allclose(np.array(told)[1:-1], rough, atol=0.15)
    assert np.linalg.norm(told, axis=1).max() > 0.1


@pytest.mark.parametrize("phase", ["before", "looping", "stepping back", "leaving", "second", "over"])
def test_a_saved_state_goes_on_exactly_in_every_phase_of_a_clip(make: Make, phase: str) -> None:
    engine = make(num_envs=2, stature_range=(1.6, 1.9), build_range=(0.9, 1.15))
    people, one = engine.people, np.array([1])
    rng = np.random.default_rng(3)
    people.start_loop(one, "wait")
    _step(engine, {"before": 4, "second": 20}.get(phase, 14))
    if phase in ("leaving", "over"):
        people.release_loop(one)
        _step(engine, 1 if phase == "leaving" else 40)
    if phase == "stepping back":
        engine._arrays.human_clock[1, 0, 2] = -1.0
        _step(engine, 3)
    if phase == "second":
        people.start_loop(one, "again")
        _step(engine, 9)
    actions = rng.uniform(-1.0, 1.0, (50, 2, engine.dof + 1))
    saved = engine.get_state(1)

    def go_on() -> bytes:
        rows = []
        for k, action in enumerate(actions):
            if k == 20:
                people.release_loop(one)
            engine.step(action)
            rows.append(np.concatenate([engine.q[1], engine.dq[1], engine.human_pose(1)[0].ravel(), people.time]))
            rows.append(engine.contact_counters[1].astype(float))
        return np.concatenate([row[:-2] if row.size > 10 else row for row in rows]).tobytes()

    first = go_on()
    for _ in range(2):  # another person in between must leave no trace
        engine.reset(1, np.array(engine.robot.home_qpos), np.random.default_rng(9))
        _step(engine, 2)
    engine.set_state(1, saved)
    assert go_on() == first


def test_sizes_vary_without_compiling_and_match_a_compiled_model(make: Make) -> None:
    engine = make(num_envs=3, stature_range=(1.5, 2.0), build_range=(0.85, 1.2))
    assert len({int(a) for a in engine._arrays.model}) == 3
    for i in range(3):
        girth = float(engine._arrays.human_person[i, 0, 3])
        wanted = build_scene("panda", engine.people.stature(i), girth).model
        model = engine._models[i]
        for name in BODY_NAMES:
            geom = model.geom(HUMAN_PREFIX + name).id
            for field in ("geom_size", "geom_pos", "geom_quat"):
                np.testing.assert_allclose(getattr(model, field)[geom], getattr(wanted, field)[geom], atol=1e-12)
            assert model.geom_rbound[geom] >= wanted.geom_rbound[geom] - 1e-12
            assert (model.geom_aabb[geom, 3:] >= wanted.geom_aabb[geom, 3:] - 1e-12).all()
            body = model.body(HUMAN_PREFIX + name).id
            box, theirs = (m.bvh_aabb[m.body_bvhadr[body]] for m in (model, wanted))
            centres = [b[:3] + m.body_ipos[body] for b, m in ((box, model), (theirs, wanted))]
            np.testing.assert_allclose(*centres, atol=1e-12)
            np.testing.assert_array_equal(model.body_iquat[body], wanted.body_iquat[body])
            assert (box[3:] >= theirs[3:] - 1e-12).all()
    again = engine._models[0].geom_size.copy()
    for k in range(20):
        engine.reset(1, np.array(engine.robot.home_qpos), np.random.default_rng(k))
    np.testing.assert_array_equal(engine._models[0].geom_size, again)
    assert 1.5 <= engine.people.stature(1) <= 2.0


def test_contacts_with_a_resized_person_are_those_of_a_compiled_one(make: Make) -> None:
    engine = make(stature_range=(1.5, 2.0), build_range=(0.85, 1.2))
    rng = np.random.default_rng(1)
    seen = 0
    for trial in range(2):
        engine.reset(0, np.array(engine.robot.home_qpos), rng)
        stature, girth = engine.people.stature(0), float(engine._arrays.human_person[0, 0, 3])
        wanted = build_scene("panda", stature, girth).model
        ours, theirs = mujoco.MjData(engine._models[0]), mujoco.MjData(wanted)
        for _ in range(20):
            qpos = np.array(engine.data(0).qpos)
            qpos[:7] += rng.normal(size=7) * 0.3
            for model, data in ((engine._models[0], ours), (wanted, theirs)):
                data.qpos[:] = qpos
                data.mocap_pos[:] = engine.human_pose(0)[0] - [rng.uniform(0.3, 0.9), 0.0, 0.0]
                data.mocap_quat[:] = engine.human_pose(0)[1]
                if model is wanted:
                    data.mocap_pos[:] = ours.mocap_pos
                mujoco.mj_forward(model, data)
            assert ours.ncon == theirs.ncon, trial
            np.testing.assert_allclose(np.sort(ours.contact.dist), np.sort(theirs.contact.dist), atol=1e-9)
            seen += ours.ncon
    assert seen > 15


def test_the_shield_covers_everybody_who_can_come(make: Make) -> None:
    engine = make(stature_range=(1.5, 2.0), build_range=(0.85, 1.2))
    for stature in np.linspace(1.5, 2.0, 6):
        for girth in np.linspace(0.85, 1.2, 5):
            needed = make_shield_bodies(make_skeleton(stature, girth)).radius
            assert (engine.shield.body_radius >= needed - 1e-12).all()


def test_one_model_serves_all_while_nobody_differs(make: Make) -> None:
    engine = make(num_envs=3, build="heavy", stature_m=1.9)
    assert len({int(a) for a in engine._arrays.model}) == 1
    assert engine.people.stature(2) == pytest.approx(1.9)
    assert CYCLE_S == 0.004


def test_looks_are_only_looks() -> None:
    scene = build_scene("panda", 1.75)
    lean, full = scene.model, scene.render_model
    bodies = [full.body(HUMAN_PREFIX + name).id for name in BODY_NAMES]
    human = np.flatnonzero(np.isin(full.geom_bodyid, bodies))
    touching = human[(full.geom_contype[human] > 0) | (full.geom_conaffinity[human] > 0)]
    assert len(touching) == 24
    assert len(human) > 60
    for geom in touching:
        twin = lean.geom(full.geom(geom).name).id
        np.testing.assert_array_equal(full.geom_size[geom], lean.geom_size[twin])
        np.testing.assert_array_equal(full.geom_pos[geom], lean.geom_pos[twin])


def test_pictures_show_everybody_in_their_size(make: Make) -> None:
    engine = make(num_envs=2, stature_range=(1.5, 2.0), build_range=(0.85, 1.2))
    plain = build_scene("panda", 1.75).render_model
    view = SceneView(engine)
    data = mujoco.MjData(view.render_model)
    head = [g for g in range(plain.ngeom) if plain.geom_bodyid[g] == plain.body(HUMAN_PREFIX + "Head").id]
    before = plain.geom_size[head].copy()
    for i in (0, 1, 0):
        view.copy_render_state(i, data)
        scale = engine.people.stature(i) / 1.75
        np.testing.assert_allclose(view.render_model.geom_size[head], scale * before, atol=1e-12)
        np.testing.assert_array_equal(data.mocap_pos[view._mocap[0]], engine.human_pose(i)[0])
    np.testing.assert_array_equal(plain.geom_size[head], before)
