"""Conditions of evaluations: what they change of an environment, and what they refuse."""

from __future__ import annotations

import pytest

from hrg_pipeline.envs.spec import EnvSpec
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.pipelines.evaluate.conditions import AXES, Condition, conditions
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams

SPEC = EnvSpec.create(
    RobotParams(name="panda", gripper="PandaGripper"), ReachHumanParams(human={"stature_range": (1.6, 1.9)})
)


def test_every_combination_comes_once_in_the_order_asked_for():
    names = [one.name for one in conditions({"shield": ["OFF", "SSM"], "split": ["train", "test"], "robot": []})]
    assert names == [
        "shield=OFF, split=train",
        "shield=OFF, split=test",
        "shield=SSM, split=train",
        "shield=SSM, split=test",
    ]
    assert [one.name for one in conditions({})] == ["as trained"]


def test_without_a_condition_nothing_is_changed():
    assert Condition().apply(SPEC) is SPEC


@pytest.mark.parametrize(
    ("axis", "value", "found"),
    [
        ("shield", "PFL", lambda spec: spec.task_params.shield.type),
        ("split", "test", lambda spec: spec.task_params.human.motion.split),
        ("motion", "data/clips", lambda spec: spec.task_params.human.motion.source),
        ("build", "heavy", lambda spec: spec.task_params.human.build),
        ("people", 2, lambda spec: spec.task_params.human.count),
        ("robot", "schunk", lambda spec: spec.robot.name),
    ],
)
def test_a_condition_changes_its_value_and_leaves_the_rest(axis, value, found):
    before = SPEC.model_dump_json()
    changed = Condition(((axis, value),)).apply(SPEC)
    assert found(changed) == value
    assert changed.task_params.human.stature_range == (1.6, 1.9)
    assert changed.task_params.shield.type == ("PFL" if axis == "shield" else "SSM")
    assert SPEC.model_dump_json() == before


def test_a_stature_replaces_the_range_it_would_be_drawn_from_and_a_robot_brings_its_gripper():
    changed = Condition((("stature", 1.95), ("robot", "schunk"))).apply(SPEC)
    assert changed.task_params.human.statures_m == (1.95, 1.95)
    assert changed.robot.gripper is None


@pytest.mark.parametrize(
    ("axes", "part"),
    [
        ({"shield": ["SMM"]}, "'SMM'"),
        ({"stature": [3.0]}, r"3\.0"),
        ({"robot": ["panada"]}, "schunk"),
        ({"split": ["tests"]}, "'tests'"),
        ({"shape": ["a"]}, f"choose from {', '.join(AXES)}"),
        ({"shield": ["SSM", "SSM"]}, "given twice"),
    ],
)
def test_what_cannot_be_is_one_line(axes, part):
    with pytest.raises(ConfigError, match=part) as error:
        [one.apply(SPEC) for one in conditions(axes)]
    assert "\n" not in str(error.value)
