"""People whose true motion is known beside what a sensor says of them."""

from __future__ import annotations

import numpy as np

from tests.shield.cases import look_at, place_around
from tests.shield.motions import chase, swing, unit

DT = 0.004
LIMB = (16, 18, 20, 22)
"""Left shoulder to hand."""


class Seen:
    """A person who was seen twice, not quite where and when they really were, and where they really are since."""

    def __init__(self, world, state, rng, axes, far: float) -> None:
        model, params = world.model, world.params
        self.world, self.rng = world, rng
        self.v_max, self.a_max = np.array(model.human_v_max), world.bodies.a_max
        if not params.use_acceleration_bounds:
            self.a_max = np.full_like(self.a_max, np.inf)
        self.pos = place_around(rng, 1, axes, far)[0]
        self.stiff = params.trunk_speed_max_m_s < 2.0
        speed = self.v_max.min() if self.stiff else self.v_max[:, None]
        way = rng.normal(size=3) if rng.uniform() < 0.3 else axes.mean((0, 1)) - self.pos[LIMB[0]]
        self.vel = unit(way if self.stiff else rng.normal(size=(24, 3))) * speed * rng.uniform(0.0, 1.0)
        self.straight = rng.uniform() < 0.5  # as fast as can be, towards one place, and all the sensor's faults help
        goal = axes.mean((0, 1))
        if self.straight and not self.stiff:
            self.vel = unit(goal - self.pos) * self.v_max[:, None]
        self.goal = goal
        gap = rng.choice([0.004, 0.02, 0.06])
        ages = rng.uniform(0.0, params.measurement_delay_s) + rng.uniform(0.0, params.measurement_jitter_s, 2)
        ages = np.minimum(ages + self.straight, params.measurement_delay_s)
        stamps = np.array([1.0, 1.0 + gap])
        true = stamps - ages
        for stamp, instant in zip(stamps, true, strict=True):
            wrong = self.pos - goal if self.straight else rng.normal(size=(24, 3))
            wrong = unit(wrong) * params.measurement_error_m
            there = self.pos + (instant - true[1]) * self.vel
            assert look_at(world, state, 0, stamp, (there + wrong)[None], stamp)
        assert state.violations.sum() == 0
        self.time = stamps[1] + rng.uniform(0.0, params.measurement_period_s + 0.008)
        self.age = self.time - true[1]

    def motion(self, axes, times) -> np.ndarray:
        """Positions (T, 24, 3) at times from now, running for a place where the robot will be."""
        rng = self.rng
        steps = int(np.ceil((self.age + times[-1]) / DT)) + 1
        if self.stiff:
            length = sum(np.linalg.norm(self.pos[a] - self.pos[b]) for a, b in zip(LIMB[1:], LIMB[:-1], strict=True))
            turn = (2.0 - np.linalg.norm(self.vel)) / length
            rate = (self.a_max.min() - turn**2 * length) / length
            moved = swing(rng, self.pos, list(LIMB), LIMB[0], self.vel, turn, rate, DT, steps)
        else:
            when = axes[rng.integers(len(axes))]
            ends = when[rng.integers(len(when))]
            share = rng.uniform(size=(24, 1))
            targets = ends[0] + share * (ends[1] - ends[0])
            if rng.uniform() < 0.5:  # the nearest points of any link
                targets = np.array([closest(when, joint) for joint in self.pos])
            if self.straight:
                targets = np.tile(self.goal, (24, 1))
            moved = chase(self.pos, self.vel, targets, self.v_max, self.a_max, DT, steps)
        at = (self.age + times) / DT
        k = np.minimum(at.astype(int), steps - 1)
        return moved[k] + (at - k)[:, None, None] * (moved[k + 1] - moved[k])


def closest(axes, point) -> np.ndarray:
    grid = axes[:, None, 0] + np.linspace(0.0, 1.0, 21)[None, :, None] * (axes[:, 1] - axes[:, 0])[:, None]
    grid = grid.reshape(-1, 3)
    return grid[((grid - point) ** 2).sum(1).argmin()]
