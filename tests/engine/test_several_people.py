"""Several people at one table: who stands where, that nobody depends on another, and what the robot touches."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np
import pytest

from hrg_pipeline.engine.engine import Engine
from hrg_pipeline.engine.places import place_of
from hrg_pipeline.engine.scene import TABLE_SIZE, human_prefix
from hrg_pipeline.envs.picture import SceneView
from hrg_pipeline.human.body import BODY_INDEX, BODY_NAMES
from hrg_pipeline.human.curves import motion_frame
from hrg_pipeline.human.playback import BUILD, SCALE
from hrg_pipeline.physics.contacts import GEOM_HUMAN, ContactFlag

Make = Callable[..., Engine]
VARIED = {"stature_range": (1.6, 1.9), "build_range": (0.9, 1.15)}


def begin(engine: Engine, seed: int = 3) -> list[np.random.Generator]:
    rngs = [np.random.default_rng([seed, i]) for i in range(engine.num_envs)]
    for i, rng in enumerate(rngs):
        engine.reset(i, np.array(engine.robot.home_qpos), rng)
    return rngs


def go_on(engine: Engine, n_steps: int, seed: int = 5) -> bytes:
    """Everything that happens in some steps of random actions."""
    actions = np.random.default_rng(seed).uniform(-1.0, 1.0, (n_steps, engine.num_envs, engine.dof + 1))
    seen = []
    for action in actions:
        engine.step(action)
        arrays = engine._arrays
        seen += [engine.q, engine.dq, arrays.human_pos, arrays.human_clock, arrays.human_time]
        seen += [engine.contact_counters, arrays.human_touched]
    return b"".join(array.tobytes() for array in seen)


def test_one_person_draws_and_stands_as_ever(make_engine: Make) -> None:
    """By hand: first the clip, then the offset, and nothing else."""
    engine = make_engine()
    (rng,) = begin(engine)
    same = np.random.default_rng([3, 0])
    clip = int(same.integers(4))
    half = np.array(engine.human_params.human_rand)
    offset = same.uniform(-half, half)
    assert engine._arrays.clip[0].tolist() == [clip]
    scale = float(engine._arrays.human_person[0, 0, SCALE])
    frame = motion_frame(engine.people.motions.library, clip, offset, scale)
    assert engine._arrays.human_frame[0].tobytes() == frame.tobytes()
    assert rng.bit_generator.state == same.bit_generator.state
    assert engine._arrays.human_pos.shape == (1, 1, 24, 3)


def test_the_first_person_does_not_notice_others(make_engine: Make) -> None:
    """Who does not give way lives alone: the same bytes whoever else is there."""
    alone, crowd = make_engine("OFF"), make_engine("OFF", count=4)
    for engine in (alone, crowd):
        begin(engine)
    for _ in range(30):
        before = crowd._arrays.human_pos[0].copy()
        for engine in (alone, crowd):
            engine.step(np.zeros((1, engine.dof + 1)))
        for name in ("clip", "human_pos", "human_quat", "human_frame", "human_clock", "human_loops", "human_time"):
            one, four = (getattr(engine._arrays, name)[0] for engine in (alone, crowd))
            assert one[0].tobytes() == four[0].tobytes(), name
        moved = np.linalg.norm(crowd._arrays.human_pos[0] - before, axis=2).max(axis=1)
    assert (moved > 0.0).all()


def test_everybody_has_their_own_time(make_engine: Make) -> None:
    engine = make_engine(count=2)
    people = engine.people
    for person, clip in enumerate((1, 2)):
        people.place(0, clip, np.zeros(3), person=person)
    engine._arrays.human_clock[0, 1, 0] = 2.0
    engine.step(np.zeros((1, engine.dof + 1)))
    assert people.time.tolist() == people.time_of(0).tolist() == pytest.approx([0.1])
    assert people.time_of(1).tolist() == pytest.approx([2.1])
    assert (people.facts(0).name, people.facts(0, 1).name) == ("reach/1", "reach/2")
    for person in range(2):
        np.testing.assert_array_equal(people.motion(0, person)[0], engine.human_pose(0, person)[0])


@pytest.mark.parametrize("human", [{}, VARIED], ids=["alike", "varied"])
def test_the_same_seed_gives_the_same_bytes_whatever_the_threads(make_engine: Make, human: dict[str, object]) -> None:
    seen = []
    for n_threads in (1, 3):
        engine = make_engine(num_envs=3, n_threads=n_threads, gives_way=True, count=2, **human)
        begin(engine)
        seen.append(go_on(engine, 25))
    assert seen[0] == seen[1]


def test_a_saved_state_holds_everybody(make_engine: Make) -> None:
    engine = make_engine("OFF", num_envs=2, gives_way=True, count=2, **VARIED)
    begin(engine)
    go_on(engine, 20, seed=1)
    saved = [engine.get_state(i) for i in range(2)]
    first = go_on(engine, 20)
    begin(engine, seed=9)  # other people in between must leave no trace
    go_on(engine, 3)
    for i, state in enumerate(saved):
        engine.set_state(i, state)
    assert go_on(engine, 20) == first


def test_everybody_is_of_their_own_size(make_engine: Make) -> None:
    engine = make_engine(count=4, **VARIED)
    begin(engine)
    statures = [engine.people.stature(0, person) for person in range(4)]
    girths = engine._arrays.human_person[0, :, BUILD].tolist()
    assert len(set(statures)) > 1 and len(set(girths)) == 4
    plain, model = engine.scene.model, engine._models[0]
    for person, stature in enumerate(statures):
        head = plain.geom(human_prefix(person) + "Head").id
        np.testing.assert_allclose(model.geom_size[head], stature / 1.75 * plain.geom_size[head])


@pytest.mark.parametrize("person", range(4))
def test_a_touch_is_flagged_with_who_and_where(make_engine: Make, person: int) -> None:
    engine = make_engine("OFF", count=4)
    begin(engine)
    pos, _ = engine.human_pose(0, person)
    gaps = engine.eef_pos[0] - pos
    engine._arrays.human_frame[0, person, :2] += gaps[np.abs(gaps[:, 2]).argmin(), :2]
    flags, touched = 0, np.zeros((4, 24), dtype=bool)
    for _ in range(3):
        engine.step(np.zeros((1, engine.dof + 1)))
        flags |= int(engine.contact_flags[0])
        touched |= engine.touched_bodies[0]
    assert flags & (ContactFlag.HUMAN | ContactFlag.HUMAN_CRIT)
    assert touched.any(axis=1).tolist() == [k == person for k in range(4)]


def test_every_geom_knows_whose_it_is(make_engine: Make) -> None:
    engine = make_engine(count=4)
    model, scene = engine.scene.model, engine._constants
    classes = engine._arrays.geom_class[0]
    assert ((classes == GEOM_HUMAN) == (scene.geom_person >= 0)).all()
    assert ((scene.geom_person >= 0) == (scene.geom_human_body >= 0)).all()
    for person in range(4):
        geoms = np.flatnonzero(scene.geom_person == person)
        names = [model.geom(geom).name for geom in geoms]
        assert names == [human_prefix(person) + BODY_NAMES[k] for k in scene.geom_human_body[geoms]]
        assert sorted(scene.geom_human_body[geoms]) == list(range(24))


def test_everybody_works_at_their_own_side_of_the_table(make_engine: Make) -> None:
    """Nobody stands in table or robot, and the edge of the table is as far for everybody."""
    engine = make_engine("OFF", count=4)
    half = 0.5 * np.array(TABLE_SIZE[:2])
    sides = np.array([[1, 0], [0, 1], [0, -1], [-1, 0]])
    body = [BODY_INDEX[name] for name in ("Pelvis", "L_Knee", "R_Knee", "L_Ankle", "R_Ankle")]
    begin(engine)
    for _ in range(100):
        engine.step(np.zeros((1, engine.dof + 1)))
        x_y = engine._arrays.human_pos[0][:, body, :2]
        assert (np.abs(x_y) > half).any(axis=2).all()
    for clip in range(4):
        for person in range(4):
            engine.people.place(0, clip, np.zeros(3), person=person)
        engine._arrays.human_clock[0, :, 0] = 5.0
        engine.step(np.zeros((1, engine.dof + 1)))
        pelvis = engine._arrays.human_pos[0, :, 0, :2]
        beyond = (pelvis * sides).sum(axis=1) - np.abs(sides) @ half
        np.testing.assert_allclose(beyond, beyond[0], atol=1e-9)


def test_a_point_of_a_clip_is_turned_with_its_person(make_engine: Make) -> None:
    engine = make_engine(count=4)
    for person in range(4):
        engine.people.place(0, 0, np.array([0.1, 0.05, 0.2]), person=person)
    x, y, z = engine.people.point(0, np.array([0.4, 0.1, 0.9]))
    wanted = [(x, y), (-y, x + 0.25), (y, -x - 0.25), (-x, -y)]
    for person, corner in enumerate(wanted):
        point = engine.people.point(0, np.array([0.4, 0.1, 0.9]), person)
        np.testing.assert_allclose(point, [*corner, z], atol=1e-12)
        assert place_of(person).shape == (3,)


def test_pictures_show_everybody_in_their_own_clothes(make_engine: Make) -> None:
    engine = make_engine(count=4, **VARIED)
    begin(engine)
    view = SceneView(engine)
    model = view.render_model
    data = mujoco.MjData(model)
    view.copy_render_state(0, data)
    mujoco.mj_kinematics(model, data)
    colours = []
    for person in range(4):
        chest = model.body(human_prefix(person) + "Chest").id
        np.testing.assert_array_equal(data.xpos[chest], engine.human_pose(0, person)[0][BODY_INDEX["Chest"]])
        looks = [g for g in range(model.ngeom) if model.geom_bodyid[g] == chest and model.geom_matid[g] >= 0]
        colours.append(tuple(model.mat_rgba[model.geom_matid[looks[0]]]))
    assert len(set(colours)) == 4
    capsules = view.human_capsules(0)
    assert capsules.shape == (4 * 24, 7)
    for person in range(4):
        pos, _ = engine.human_pose(0, person)
        np.testing.assert_array_equal(capsules[24 * person : 24 * (person + 1), :3], pos[engine.shield.proximal])
