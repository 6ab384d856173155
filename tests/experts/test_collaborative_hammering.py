"""The expert of CollaborativeHammering decides from where the hammer's face is, and from what the person does."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.experts.collaborative_hammering import (
    CollaborativeHammeringExpert,
    CollaborativeHammeringExpertParams,
)

APPROACH, PRESENT, RETREAT, COMPLETE = np.eye(4)
PARAMS = CollaborativeHammeringExpertParams()
AT = (0.44, 0.1, 1.1)
BACK = [-0.1, -0.1, 0.1]


@pytest.mark.parametrize(
    ("phase", "nail", "direction"),
    [
        (APPROACH, [1.0, 0.2, -0.1], BACK),
        (PRESENT, [0.1, 0.2, -0.3], [0.1, 0.2, -0.24]),  # hover above the nail
        (PRESENT, [0.1, 0.0, 0.1], [0.0, 0.0, 0.16]),  # straight up first
        (PRESENT, [0.0, 0.0, -0.06], [0.0, 0.0, -0.06]),  # go down
        (PRESENT, [0.0, 0.0, 0.0], [0.0, 0.0, -PARAMS.press_m]),
        (PRESENT, [0.02, 0.0, 0.0], [0.0, 0.0, 0.06]),  # slipped off
        (RETREAT, [0.0, 0.0, 0.0], BACK),
        (COMPLETE, [1.0, 0.0, 0.0], BACK),
    ],
)
def test_it_waits_comes_over_the_nail_presses_and_goes_back(phase, nail, direction):
    expert = CollaborativeHammeringExpert(PARAMS, action_limit=1.0)
    observation = {
        "phase": phase[None],
        "robot0_eef_pos": np.array([AT]),
        "vec_hammer_to_nail": np.array([nail]),
    }
    np.testing.assert_allclose(expert.motion(observation)[0], direction, atol=1e-9)
    assert expert.gripper(observation)[0] == 1.0
