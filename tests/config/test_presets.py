"""`environment=<task>_reference` has the values that human-robot-gym trains with."""

from __future__ import annotations

from pathlib import Path

import pytest

from hrg_pipeline.tasks.registry import TASKS, snake_case
from tests.config.test_shipped import FOLDERS, composed

NO_SPREAD = [0.0, 0.0, 0.0]
# horizon, safe_vel, done_at_success, goal_dist, shield, spread of people
VALUES = {
    "reach_human": (100, 0.01, True, 0.1, "SSM", NO_SPREAD),
    "reach_human_cart": (100, 0.01, True, 0.05, "SSM", NO_SPREAD),
    "pick_place_human": (1000, 0.001, False, 0.1, "SSM", NO_SPREAD),
    "pick_place_close_human": (1000, 0.001, False, 0.1, "SSM", NO_SPREAD),
    "pick_place_pointing_human": (500, 0.001, False, 0.1, "SSM", NO_SPREAD),
    "robot_human_handover": (1000, 0.001, True, 0.06, "PFL", [0.0, 0.2, 0.1]),
    "human_robot_handover": (1000, 0.001, True, 0.1, "PFL", [0.0, 0.2, 0.1]),
    "human_object_inspection": (1000, 0.001, False, 0.1, "SSM", [0.0, 0.5, 0.0]),
    "collaborative_lifting": (5000, 0.001, True, None, "SSM", NO_SPREAD),
    "collaborative_stacking": (3000, 0.001, True, 0.025, "SSM", [0.02, 0.1, 0.1]),
    "collaborative_hammering": (1000, 0.001, False, None, "SSM", NO_SPREAD),
}


@pytest.mark.parametrize("task", sorted(VALUES))
def test_a_preset_has_the_values_of_the_reference(task: str, tmp_path: Path) -> None:
    environment = composed(f"environment={task}_reference", tmp_path)["environment"]
    names = ("horizon", "safe_vel", "done_at_success", "goal_dist")
    found = (
        *(environment.get(name) for name in names),
        environment["shield"]["type"],
        environment["human"]["human_rand"],
    )
    assert found == VALUES[task]
    assert environment["human"]["gives_way"] is False


def test_every_task_of_the_reference_has_a_preset() -> None:
    assert set(VALUES) <= {snake_case(name) for name in TASKS}
    assert {f"{task}_reference" for task in VALUES} <= set(FOLDERS.choices("groups/environment"))
