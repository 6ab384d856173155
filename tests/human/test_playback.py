"""Loops are what their formula says, never jump, keep the bounds, and leave an exact delay behind."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hrg_pipeline.human import playback as pb
from hrg_pipeline.human.clip import Loop

DT = 0.004
LOOP = Loop(2.0, (0.25, 0.15), (0.6, 0.4))
CALM = np.array([0.2, 0.1, 0.02])
ONES = np.ones(2)


class Clock:
    """One person's clock."""

    def __init__(
        self, loop: Loop = LOOP, shares: np.ndarray = CALM, length: float = 5.0, **factors: np.ndarray
    ) -> None:
        self.clock, self.stage = np.zeros(pb.CLOCK_SIZE), np.zeros(2, dtype=np.int64)
        tempo, change = pb.tempo_of(shares, 1.0, 0.95)
        self.person = np.array([tempo, change, 1.0, 1.0])
        self.loops = np.zeros((pb.MAX_LOOPS, pb.LOOP_SIZE))
        amplitude, speed = factors.get("amplitude", ONES), factors.get("speed", ONES)
        self.loops[1] = pb.perturbed_loop(loop, amplitude, speed, shares, 1.0, tempo)
        self.length = length
        pb.new_clock(self.clock, self.stage, tempo)

    def run(self, seconds: float, pace: float = 1.0) -> np.ndarray:
        """Times in the clip after every cycle."""
        times = []
        for _ in range(round(seconds / DT)):
            self.clock[pb.PACE] = pace
            pb.advance_clock(self.clock, self.stage, self.loops, self.person, self.length, DT)
            times.append(self.clock[pb.TIME])
        return np.array(times)

    def want(self, wanted: int) -> None:
        self.stage[:] = wanted, 0


def test_without_loops_time_passes_as_recorded_and_freezes_at_the_end() -> None:
    clock = Clock()
    np.testing.assert_allclose(clock.run(5.0), DT * np.arange(1, 1251), atol=1e-10)
    assert (clock.run(1.0) == 5.0).all()
    assert clock.clock[pb.LINEAR] == pytest.approx(6.0)
    assert clock.clock[pb.FLOW] == 0.0


def test_a_loop_begins_at_its_anchor_and_follows_the_formula() -> None:
    clock = Clock()
    clock.want(1)
    before = clock.run(2.0)
    assert before[-1] == pytest.approx(2.0)
    played = clock.run(8.0)
    t = 2.0 + DT * np.arange(1, 2001)
    formula = 2.0 + 0.25 * np.sin((t - 2.0) * 0.6 / 0.25) + 0.15 * np.sin((t - 2.0) * 0.4 / 0.15)
    np.testing.assert_allclose(played, formula, atol=1e-9)
    assert clock.stage.tolist() == [1, pb.LOOPING]


def test_a_perturbed_loop_is_reached_smoothly_and_then_exact() -> None:
    clock = Clock(amplitude=np.array([0.8, 1.3]), speed=np.array([0.77, 0.85]))
    clock.want(1)
    played = clock.run(10.0)
    t = DT * np.arange(1, 2501) - 2.0
    a, s = np.array([0.2, 0.195]), np.array([0.462, 0.34])
    formula = 2.0 + (a * np.sin(t[:, None] * s / a)).sum(axis=1)
    np.testing.assert_allclose(played[-1500:], formula[-1500:], atol=1e-6)
    rates = np.diff(played) / DT
    assert np.abs(np.diff(rates)).max() / DT <= clock.loops[1, pb.LOOP_CHANGE] + 1e-6


def test_released_it_goes_on_from_where_it_is_with_the_delay() -> None:
    clock = Clock()
    clock.want(1)
    clock.run(2.0 + 2.37)
    here, linear = clock.clock[pb.TIME], clock.clock[pb.LINEAR]
    clock.want(pb.NEVER)
    after = clock.run(1.0)
    assert abs(after[0] - here) <= 1.0 * DT + 1e-12
    settled_delay = clock.clock[pb.LINEAR] - clock.clock[pb.TIME]
    assert settled_delay == pytest.approx(linear - here, abs=0.3)
    more = clock.run(0.5)
    np.testing.assert_allclose(clock.clock[pb.LINEAR] - clock.clock[pb.TIME], settled_delay, atol=1e-9)
    np.testing.assert_allclose(np.diff(more), DT, atol=1e-12)


def test_a_loop_that_is_asked_for_late_catches_up() -> None:
    clock = Clock()
    clock.run(2.1)
    clock.want(1)
    played = clock.run(3.0)
    phase = 0.1 + DT * np.arange(1, 751)
    formula = 2.0 + 0.25 * np.sin(phase * 0.6 / 0.25) + 0.15 * np.sin(phase * 0.4 / 0.15)
    np.testing.assert_allclose(played[-250:], formula[-250:], atol=1e-6)
    assert np.abs(np.diff(played)).max() <= DT * clock.loops[1, pb.RATE_CAP] + 1e-12


def test_giving_way_slows_a_loop_and_stepping_back_leaves_and_finds_it_again() -> None:
    clock = Clock()
    clock.want(1)
    clock.run(3.0)
    slow = clock.run(1.0, pace=0.25)
    assert np.abs(np.diff(slow)).max() <= 0.25 * DT * clock.loops[1, pb.RATE_CAP] + 1e-12
    assert np.ptp(clock.run(1.0, pace=0.0)) == 0.0
    clock.clock[pb.WAITED] = -1.0
    back = clock.run(1.5, pace=-1.0)
    assert clock.stage[1] != pb.LOOPING
    assert back[-1] < 1.2
    clock.clock[pb.WAITED] = 0.0
    clock.run(4.0)
    assert clock.stage[1] == pb.LOOPING
    assert abs(clock.clock[pb.TIME] - 2.0) < 0.41


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_the_bounds_are_kept(seed: int) -> None:
    """The worst joint of the clip, at a random share of its bounds, through random starts and releases."""
    rng = np.random.default_rng(seed)
    shares = np.array([rng.uniform(0.05, 1.0), rng.uniform(0.02, 0.95), rng.uniform(0.005, 0.1)])
    loop = Loop(2.0, tuple(rng.uniform(0.1, 0.6, 2)), tuple(rng.uniform(0.1, 1.4, 2)))
    factors = 1.1 ** np.clip(rng.standard_normal((2, 2)), -3, 3)
    clock = Clock(loop, shares, amplitude=factors[0], speed=factors[1])
    flows = [clock.clock[pb.FLOW]]
    for _ in range(12):
        if clock.clock[pb.TIME] >= clock.length:
            break
        clock.want(int(rng.choice([pb.NEVER, 1])))
        for _ in range(int(rng.integers(20, 250))):
            if clock.run(DT)[0] >= clock.length:
                break  # there the clip itself is at rest
            flows.append(clock.clock[pb.FLOW])
    flow, change = np.array(flows)[:-1], np.diff(flows) / DT
    assert np.abs(flow).max() * shares[0] <= 1.0 + 1e-9
    assert (shares[1] * flow**2 + shares[2] * np.abs(change)).max() <= 1.0 + 1e-6


def test_a_larger_person_plays_fast_clips_more_slowly() -> None:
    tempo, _ = pb.tempo_of(np.array([0.95, 0.9, 0.05]), 2.0 / 1.5, 0.95)
    assert tempo == pytest.approx(min(1 / (0.95 * 4 / 3), math.sqrt(0.95 / (0.9 * 4 / 3))))
    assert pb.tempo_of(np.array([0.5, 0.9, 0.05]), 1.0, 0.95)[0] == 1.0
