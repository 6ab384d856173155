"""Noise has the spread and memory that it is said to have, whatever the time step."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.experts.noise import OrnsteinUhlenbeck


@pytest.mark.parametrize(("rate", "dt"), [(0.5, 0.1), (10.0, 0.1), (0.5, 1.0)])
def test_stationary_spread_and_memory(rate, dt):
    noise = OrnsteinUhlenbeck(400, rate, 0.3, dt, np.random.default_rng(0))
    values = np.array([noise.draw() for _ in range(int(20 / (rate * dt)) + 300)])[int(10 / (rate * dt)) :]
    assert values.std() == pytest.approx(0.3, rel=0.05)
    kept = (values[1:] * values[:-1]).mean() / values.var()
    assert kept == pytest.approx(np.exp(-rate * dt), abs=0.03)


def test_it_begins_at_zero_and_repeats_with_its_seed():
    draws = [OrnsteinUhlenbeck(3, 0.5, 0.3, 0.001, np.random.default_rng(7)).draw() for _ in range(2)]
    assert (draws[0] == draws[1]).all()
    assert np.abs(draws[0]).max() < 0.1
