"""Links of one arm that keep clear of each other, on real trajectories."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.shield.factory import make_shield_model, make_shield_state
from hrg_pipeline.shield.model import OBSTACLE, SAFE
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.shield.static_data import StaticPairs
from tests.shield import reference
from tests.shield.cases import BODIES, kernel_verdict, look_at, plan_somewhere, propose
from tests.shield.exact import capsule_axes, segment_distances, trajectory_at
from tests.shield.toys import TS, general_arm
from tests.shield.verification import World

MARGIN = 0.005
PAIRS = np.array([(a, b) for a in range(9) for b in range(a) if abs(min(a, 6) - min(b, 6)) > 1 and 8 not in (a, b)])
"""Capsules of the general arm on links that are not neighbours, either one first."""


@pytest.fixture(scope="module")
def world():
    geometry = general_arm()
    geometry = geometry._replace(capsule_radius=0.5 * geometry.capsule_radius)
    statics = StaticPairs((), np.zeros((0, 10), dtype=bool), PAIRS, np.zeros(len(PAIRS)))
    params = ShieldParams(type="SSM", obstacle_margin_m=MARGIN)
    model = make_shield_model(geometry, BODIES, params, None, TS, statics=statics)
    return World(geometry, BODIES, params, None, (), model)


def least_gap(world, case) -> float:
    """Smallest gap of any pair along the whole plan, by sampling."""
    radius, end = world.geometry.capsule_radius, case.state.ltt_duration[0, case.slot]
    path = [reference.path_position(case.start, case.phases, t)[0] for t in np.linspace(0.0, case.total, 60)]
    axes = np.array(
        [capsule_axes(world.geometry, trajectory_at(case.state.ltt[0, case.slot], min(s, end))[0]) for s in path]
    )
    a, b = PAIRS.T
    return float((segment_distances(axes[:, a], axes[:, b]) - radius[a] - radius[b]).min())


def test_proven_links_keep_apart_and_links_that_do_are_mostly_proven(world):
    rng = np.random.default_rng(0)
    refused, clear, agreed, near = 0, 0, 0, np.inf
    for seed in range(400):
        state = make_shield_state(world.model, 1)
        slot = plan_somewhere(world, state, 0, rng)
        case = propose(world, state, 0, slot, rng)
        assert look_at(world, state, 0, 0.0, np.full((1, 24, 3), 90.0), 0.0)
        verdict, gap = kernel_verdict(case), least_gap(world, case)
        assert verdict in (SAFE, OBSTACLE)
        if verdict == SAFE and state.static_inside[0] == 0:
            assert gap > MARGIN or state.path_edges[0, 0] == state.path_edges[0, -1], seed
            near = min(near, gap)
        refused += verdict == OBSTACLE
        clear += gap > MARGIN + 0.002
        agreed += gap > MARGIN + 0.002 and verdict == SAFE
    assert refused > 20 and near < MARGIN + 0.02
    assert agreed >= 0.98 * clear
