"""Objects rest, are teleported without speed, hang in hands without jerks, and are saved exactly."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.engine.engine import Engine
from hrg_pipeline.engine.furnish import held_capsule
from hrg_pipeline.engine.layout import HandWeld, Layout, Marker, SceneObject, Shape
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.physics.contacts import GEOM_ALLOWED, GEOM_STATIC
from hrg_pipeline.shield.held import hold_object, release_object
from hrg_pipeline.shield.params import ShieldParams

CUBE = SceneObject("cube", (Shape("box", (0.02, 0.02, 0.02), mass_kg=0.064),))
TOOL = SceneObject(
    "tool",
    (
        Shape("cylinder", (0.015, 0.1), mass_kg=0.1),
        Shape("box", (0.04, 0.02, 0.02), pos=(0.0, 0.0, 0.12), mass_kg=0.2),
    ),
)
IN_HAND = HandWeld("tool", "R_Hand", "tool", pos=(0.0, 0.0, -0.1), quat=(0.70710678, 0.0, 0.70710678, 0.0))
LAYOUT = Layout(
    objects=(CUBE, TOOL),
    markers=(Marker("goal", Shape("sphere", (0.02,))),),
    welds=(IN_HAND,),
)
ON_TABLE = np.array([0.35, 0.4, 0.84])
STILL = np.zeros((2, 8))


@pytest.fixture(scope="module")
def engine():
    made = Engine(
        "panda",
        HumanParams(motion=MotionParams(n_clips=2)),
        ShieldParams(),
        num_envs=2,
        n_threads=1,
        seed=0,
        horizon_s=10.0,
        safe_vel=0.01,
        debounce_s=0.01,
        layout=LAYOUT,
    )
    yield made
    made.close()


@pytest.fixture
def begun(engine):
    for i in range(2):
        engine.reset(i, np.array(engine.robot.home_qpos), np.random.default_rng(i))
        engine.objects.place(i, 0, ON_TABLE)
    return engine


def test_an_object_put_on_the_table_rests_there(begun):
    for _ in range(10):
        begun.step(STILL)
    objects = begun.objects
    assert np.abs(objects.pos[:, 0] - ON_TABLE).max() < 5e-4
    assert np.abs(objects.vel[:, 0]).max() < 1e-3
    assert objects.on_table[:, 0].all()
    assert (begun.contact_flags == 0).all()


def test_a_teleported_object_has_no_speed(begun):
    begun.objects.place(0, 0, np.array([0.35, 0.4, 1.2]))
    begun.step(STILL)
    assert abs(begun.objects.vel[0, 0, 2]) > 0.5, "it falls"
    begun.objects.place(0, 0, ON_TABLE)
    assert (begun.objects.vel[0, 0] == 0.0).all()
    begun.step(STILL)
    assert np.abs(begun.objects.pos[0, 0] - ON_TABLE).max() < 5e-4


def test_an_object_hangs_in_a_hand_without_a_jerk(begun):
    objects = begun.objects
    objects.attach(0, 0)
    hand, turn = objects.hand_pose(0, "R_Hand")
    np.testing.assert_allclose(objects.pos[0, 1], hand + turn.apply(IN_HAND.pos), atol=1e-12)
    assert objects.is_attached(0, 0)
    assert not objects.is_attached(1, 0)
    for _ in range(20):
        begun.step(STILL)
        hand, turn = objects.hand_pose(0, "R_Hand")
        assert np.linalg.norm(objects.pos[0, 1] - hand - turn.apply(IN_HAND.pos)) < 0.05
        assert np.linalg.norm(objects.vel[0, 1, :3]) < 2.5
        assert 0.0 < objects.weld_force[0] < 60.0, "the tool weighs 3 N"
        assert objects.weld_force[1] == 0.0
    objects.detach(0, 0)
    begun.step(STILL)
    assert objects.weld_force[0] == 0.0
    assert objects.vel[0, 1, 2] < -0.5, "it falls"


def test_environments_with_objects_go_on_exactly_from_a_saved_state(begun):
    begun.objects.attach(0, 0)
    actions = np.random.default_rng(0).uniform(-1, 1, (12, 2, 8))
    for action in actions[:4]:
        begun.step(action)
    state = begun.get_state(0)
    seen = []
    for _ in range(2):
        for action in actions[4:]:
            begun.step(action)
        objects = begun.objects
        seen.append((objects.pos[0].tobytes(), objects.vel[0].tobytes(), begun.q[0].tobytes(), objects.weld_force[0]))
        begun.set_state(0, state)
    assert seen[0] == seen[1]


def test_a_new_episode_forgets_the_hand(begun):
    begun.objects.attach(0, 0)
    begun.reset(0, np.array(begun.robot.home_qpos), np.random.default_rng(0))
    assert not begun.objects.is_attached(0, 0)


def test_objects_may_be_touched_and_props_may_not(engine):
    scene = engine.scene
    classes = {
        int(scene.geom_class[g]) for g in range(scene.model.ngeom) if scene.model.geom_bodyid[g] in scene.objects
    }
    assert classes == {GEOM_ALLOWED}
    table = scene.model.body("table").geomadr[0]
    assert scene.geom_class[table] == GEOM_STATIC


def test_markers_are_in_pictures_only(engine):
    scene = engine.scene
    names = {scene.model.body(b).name for b in range(scene.model.nbody)}
    assert "marker_goal" not in names
    assert scene.render_model.body("marker_goal").mocapid[0] >= 0


def test_a_capsule_encloses_all_parts_of_a_held_object():
    start, end, radius = held_capsule(TOOL)
    for part in TOOL.parts:
        signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).T
        for corner in signs * part.half_lengths + np.array(part.pos):
            share = np.clip((corner - start) @ (end - start) / ((end - start) @ (end - start)), 0.0, 1.0)
            assert np.linalg.norm(corner - start - share * (end - start)) <= radius + 1e-9


def test_what_one_robot_holds_is_nothing_to_the_others(engine):
    rng = np.random.default_rng(0)
    places = rng.uniform(engine.robot.q_min, engine.robot.q_max, (200, engine.dof))
    before = [engine.is_clear(q) for q in places]
    assert 0 < sum(before) < len(before)
    hold_object(engine.shield, engine.shields, 0, np.zeros(3), np.array([0.0, 0.0, 0.5]), 0.3, 1.0)
    assert [engine.is_clear(q) for q in places] == before
    release_object(engine.shield, engine.shields, 0)
