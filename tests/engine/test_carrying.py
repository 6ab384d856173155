"""What robot and person carry together: ball joints that give, objects taken into the gripper."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.engine.engine import Engine
from hrg_pipeline.engine.furnish import held_capsule
from hrg_pipeline.engine.layout import HandWeld, Layout, SceneObject, Shape
from hrg_pipeline.errors import ModelError
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.physics.contacts import GEOM_HELD
from hrg_pipeline.shield.params import ShieldParams

KG, STIFFNESS, GRAVITY = 0.3, 300.0, 9.81
BALL = SceneObject("ball", (Shape("sphere", (0.016,), mass_kg=KG, friction=3.0),))
ROD = SceneObject(
    "rod",
    (Shape("box", (0.3, 0.01, 0.01), pos=(0.3, 0.0, 0.0), mass_kg=KG),),
    held_part=((0.0, -0.01, -0.01), (0.2, 0.01, 0.01)),
)
IN_HAND = HandWeld("rod", "R_Hand", "rod", (0.0, 0.0, 0.0), ball=(0.0, 0.0, 0.0), spring=(STIFFNESS, 20.0))
LAYOUT = Layout(objects=(BALL, ROD), welds=(IN_HAND,))
STILL = np.zeros((1, 8))
CLOSE = np.eye(8)[7:]


@pytest.fixture(scope="module")
def engine():
    family = MotionParams(n_clips=2, families=("collaborative_lifting",))
    people = HumanParams(human_rand=(0.0, 0.0, 0.0), gives_way=False, motion=family)
    rest = {"num_envs": 1, "n_threads": 1, "seed": 0, "horizon_s": 10.0, "safe_vel": 0.01, "debounce_s": 0.01}
    made = Engine("panda", people, ShieldParams(), layout=LAYOUT, **rest)
    yield made
    made.close()


@pytest.fixture
def begun(engine):
    engine.reset(0, np.array(engine.robot.home_qpos), np.random.default_rng(0))
    return engine


def test_what_is_taken_is_held_from_the_start_and_stays(begun):
    objects = begun.objects
    objects.take(0, 0, begun.eef_pos[0])
    assert objects.gripped[0, 0]
    assert objects.held[0] == 0
    for _ in range(10):
        begun.step(CLOSE)
    assert objects.gripped[0, 0]
    assert np.linalg.norm(objects.pos[0, 0] - begun.eef_pos[0]) < 5e-3
    assert (begun._arrays.geom_class[0, objects._geoms[0]] == GEOM_HELD).all()


def test_what_is_not_between_the_fingers_cannot_be_taken(begun):
    with pytest.raises(ModelError, match="the gripper closes beside 'ball'"):
        begun.objects.take(0, 0, begun.eef_pos[0] + np.array([0.0, 0.0, 0.3]))


def test_a_hand_holds_by_a_ball_joint_without_torque_and_gives_like_a_spring(begun):
    """A rod that is held at one end swings, and is never farther from the hand than a few times its sag at rest."""
    objects = begun.objects
    objects.attach(0, 0)
    hand = objects.hand_pose(0, "R_Hand")[0]
    np.testing.assert_allclose(objects.pos[0, 1], hand, atol=1e-12)
    before = objects.quat[0, 1].copy()
    for _ in range(8):
        begun.step(STILL)
        assert objects.weld_force[0] < 5.0 * KG * GRAVITY
        sag = np.linalg.norm(objects.pos[0, 1] - objects.hand_pose(0, "R_Hand")[0])
        assert sag < 4.0 * KG * GRAVITY / STIFFNESS
    assert abs(objects.quat[0, 1] @ before) < np.cos(0.25), "it has turned by more than half a radian"


def test_only_the_held_part_of_an_object_is_in_its_capsule():
    start, end, radius = held_capsule(ROD)
    np.testing.assert_allclose(sorted([start[0], end[0]]), [0.0, 0.2])
    assert radius < 0.02


def test_a_person_can_be_put_elsewhere_at_the_start(begun):
    before = begun.human_position("Head")[0]
    begun.move_person(0, np.array([0.1, -0.2]))
    np.testing.assert_allclose(begun.human_position("Head")[0] - before, [0.1, -0.2, 0.0], atol=1e-12)
    begun.step(STILL)
    assert begun.shield_info()["assumption/human_speed"][0] == 0
