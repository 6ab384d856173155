"""Nails stay where they stick, yield to more than their friction along their axis only, and stop when they are in."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from hrg_pipeline.engine.engine import Engine
from hrg_pipeline.engine.layout import Layout, Nail, SceneObject, Shape
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.shield.params import ShieldParams

FRICTION_N, DEPTH_M = 20.0, 0.02
BOARD = SceneObject("board", (Shape("box", (0.2, 0.1, 0.015), mass_kg=10.0),))
HEAD = Shape("cylinder", (0.012, 0.003), pos=(0.0, 0.0, -0.003), mass_kg=0.01)
LAYOUT = Layout(objects=(BOARD,), nails=(Nail("nail", "board", (HEAD,), 0.041, DEPTH_M, FRICTION_N),))
AT = np.array([0.5, 0.4, 0.836])
QUARTER = np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])


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
        engine.objects.place(i, 0, AT, QUARTER)
        engine.nails.place(i, 0, 0.1, -0.05)
    return engine


def push(engine, force, steps):
    """Push the nails (3,) [N], world, for so many steps."""
    nail = engine.scene.model.body("object_nail").id
    for i in range(2):
        engine.data(i).xfrc_applied[nail, :3] = force
    for _ in range(steps):
        engine.step(np.zeros((2, engine.dof + 1)))
    for i in range(2):
        engine.data(i).xfrc_applied[nail] = 0.0


def test_a_nail_is_where_it_was_stuck_into_its_turned_board(begun):
    expected = AT + np.array([0.05, 0.1, 0.041])
    np.testing.assert_allclose(begun.nails.pos[:, 0], np.tile(expected, (2, 1)), atol=1e-9)
    begun.nails.place(1, 0, 0.1, -0.05, 0.5 * DEPTH_M)
    np.testing.assert_allclose(begun.nails.pos[1, 0], expected - [0.0, 0.0, 0.5 * DEPTH_M], atol=1e-9)
    np.testing.assert_allclose(begun.nails.depth, [[0.0], [0.5 * DEPTH_M]])
    data = begun.data(1)
    mujoco.mj_kinematics(begun.scene.model, data)
    np.testing.assert_allclose(data.body("object_nail").xpos, begun.nails.pos[1, 0], atol=1e-9)


def test_friction_holds_it_against_less_and_lets_it_go_against_more(begun):
    push(begun, [0.0, 0.0, -0.75 * FRICTION_N], 20)
    assert begun.nails.depth.max() < 2e-4, "it creeps"
    push(begun, [0.0, 0.0, -1.5 * FRICTION_N], 20)
    np.testing.assert_allclose(begun.nails.depth, DEPTH_M, atol=2e-4)
    push(begun, [0.0, 0.0, 0.0], 5)
    np.testing.assert_allclose(begun.nails.depth, DEPTH_M, atol=2e-4)


def test_it_does_not_move_across(begun):
    before = begun.nails.pos - begun.objects.pos
    push(begun, [5.0, 5.0, 0.0], 10)
    np.testing.assert_allclose(begun.nails.pos - begun.objects.pos, before, atol=2e-4)


def test_a_nail_is_saved_with_its_environment(begun):
    push(begun, [0.0, 0.0, -1.5 * FRICTION_N], 1)
    state, depth = begun.get_state(0), begun.nails.depth[0, 0]
    assert 0.0 < depth
    begun.nails.place(0, 0, 0.0, 0.0)
    begun.set_state(0, state)
    assert begun.nails.depth[0, 0] == depth
