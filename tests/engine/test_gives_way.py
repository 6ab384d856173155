"""A person who gives way halts before a standing arm, steps back, and never moves faster for it."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.engine.scene import CYCLE_S, CYCLES_PER_STEP
from hrg_pipeline.engine.step import run_chunk
from hrg_pipeline.human.body import BODY_NAMES

STRETCHED = np.array([0.0, 0.55, 0.0, -1.75, 0.0, 2.30, 0.785])
"""The gripper hangs over the place where people work."""


def stand_in_the_way(engine, clip, n_steps=100):
    """Return body positions of every cycle (n, 24, 3) while the arm stands still, and the paces of the motion (n,)."""
    rng = np.random.default_rng(0)
    engine.reset(0, STRETCHED, rng)
    arrays = engine._arrays
    engine.people.place(0, clip, np.zeros(3))
    positions, paces = [], []
    for _ in range(n_steps):
        arrays.cycle[0] = 0
        for k in range(1, CYCLES_PER_STEP + 1):
            run_chunk(
                engine._constants,
                arrays,
                engine.shield,
                engine.shields,
                engine.people.records,
                np.array([0]),
                STRETCHED[None],
                np.zeros(1),
                k,
            )
            positions.append(arrays.human_pos[0, 0].copy())
            paces.append(arrays.human_clock[0, 0, 1])
    return np.array(positions), np.array(paces), arrays.contact_counters[0].copy()


@pytest.fixture
def careful(make_engine):
    engine = make_engine(gives_way=True)
    return [stand_in_the_way(engine, clip) for clip in range(4)]


def test_no_one_touches_a_standing_arm(careful, make_engine):
    assert sum(counters[2] + counters[3] for _, _, counters in careful) == 0
    careless = make_engine(gives_way=False)
    assert sum(stand_in_the_way(careless, clip)[2][2] for clip in range(4)) > 0, "nobody came near: this proves nothing"


def test_people_halt_and_step_back(careful):
    paces = np.concatenate([p for _, p, _ in careful])
    assert paces.min() == -1.0
    assert paces.max() == 1.0
    assert np.abs(np.diff(careful[0][1])).max() <= 10.0 * CYCLE_S + 1e-12


def test_no_speed_bound_is_exceeded(careful):
    hands = [BODY_NAMES.index(name) for name in ("L_Hand", "R_Hand")]
    for positions, _, _ in careful:
        speeds = np.linalg.norm(np.diff(positions, axis=0), axis=2) / CYCLE_S
        assert speeds.max() <= 2.0
        assert speeds[:, hands].max() <= 1.6
