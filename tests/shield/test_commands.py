from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.shield.goals import plan_goal
from tests.shield.toys import TS, Rig, general_arm, human_at, planar_arm


@pytest.mark.parametrize("geometry", [planar_arm(), general_arm()])
@pytest.mark.parametrize("reach", [0.3, 1.5])
def test_commands_keep_their_limits_and_never_jump(geometry, reach):
    """Goals every 25 cycles and a human who appears and vanishes, from finite differences of the commands."""
    rig = Rig(geometry)
    rng = np.random.default_rng(3)
    far, near = human_at(6.0), human_at(0.2, -0.1, 0.7)
    commands, path = [], []
    blink = 0
    for k in range(6000):
        if k % 25 == 0:
            plan_goal(rig.model, rig.state, rig.i, np.clip(rig.q + rng.uniform(-reach, reach, rig.n), -2.4, 2.4))
            blink = rng.integers(3)
        rig.state.human_seen[rig.i] = 0  # blinking breaks no assumption
        rig.step(near if blink == 0 and (k % 25 < 15 or k // 25 % 2) else far)
        if rig.state.replan_wanted[rig.i]:
            plan_goal(rig.model, rig.state, rig.i)
        commands.append(rig.state.command[rig.i].copy())
        path.append(rig.speed)
    q, dq, ddq, _ = np.moveaxis(np.array(commands), 1, 0)
    assert np.abs(dq).max() <= 1.0 + 1e-6
    assert np.abs(ddq).max() <= 10.0 + 1e-6
    assert np.abs(np.diff(q, axis=0)).max() <= TS * (1.0 + 1e-6)
    assert np.abs(np.diff(dq, axis=0)).max() <= TS * 10.0 * (1 + 1e-6)
    assert np.abs(np.diff(ddq, axis=0)).max() <= TS * 400.0 * (1 + 1e-6)
    # No stalls: position follows from speed and acceleration, error of the order of jerk.
    predicted = q[:-1] + TS * dq[:-1] + TS**2 / 2 * ddq[:-1]
    assert np.abs(q[1:] - predicted).max() <= 400 * TS**3 / 6 * 1.001
    assert rig.state.violations.sum() == 0
    assert min(path) == 0.0 and (np.array(path) == 1.0).mean() > 0.1
    assert np.ptp(q, axis=0).min() > 0.2
