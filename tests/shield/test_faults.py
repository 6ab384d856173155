"""Sensors that drop out, repeat, run backwards, jump or lie about the time, against a slow and obvious checker."""

from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.shield.goals import plan_goal
from hrg_pipeline.shield.params import ShieldParams
from tests.shield import reference
from tests.shield.test_safety import Truth
from tests.shield.toys import JOINTS, TS, Rig, general_arm, human_at, planar_arm

V_MAX = 2.0
TOLERATED_CYCLES = 2
"""A measurement that stays away is believed for so many cycles, and reckoned to be as old as it is."""
FAR = human_at(6.0)
EXACT = ShieldParams(use_acceleration_bounds=False)
LATE = ShieldParams(measurement_error_m=0.02, measurement_delay_s=0.02, use_acceleration_bounds=False)


class Sensor:
    """What arrives in the k-th cycle of a fault: positions and time stamp, made of the true ones."""

    def __init__(self, kind: str, pos, time: float) -> None:
        self.kind, self.first, self.since = kind, pos.copy(), time

    def __call__(self, k: int, pos, time: float):
        if self.kind == "drops_out":
            return np.full_like(pos, np.nan), np.nan
        if self.kind == "repeats":
            return self.first, self.since - TS
        if self.kind == "runs_backwards":
            return pos, self.since - (k + 2) * TS
        if self.kind == "jumps":
            return pos + np.array([0.0, 0.5 * (k + 1), 0.0]), time
        if self.kind == "one_nan":
            return np.where(np.arange(pos.size).reshape(pos.shape) == 3 * 17 + k % 3, np.nan, pos), time
        if self.kind == "infinite":
            return np.where(np.arange(len(pos))[:, None] == k % len(pos), np.inf, pos), time
        if self.kind == "no_stamp":
            return pos, np.nan
        if self.kind == "from_the_future":
            return pos, time + 0.1 + k * TS
        assert self.kind == "stale"
        return pos, time - 0.5


KINDS = (
    "drops_out", "repeats", "runs_backwards", "jumps", "one_nan", "infinite", "no_stamp", "from_the_future", "stale",
)  # fmt: skip


class Checker:
    """Follows a shield from outside: finite differences of its commands, and the plan it proved last."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.limits = rig.model.limits
        self.commands = [rig.q] * 4
        self.proven = None
        self.age = 0

    def look(self) -> None:
        """Check the command of the cycle that has just been decided."""
        rig, s, i = self.rig, self.rig.state, self.rig.i
        self.commands = [*self.commands[-3:], rig.q]
        q = np.array(self.commands)
        for order, limit in ((1, self.limits[:, 2]), (2, self.limits[:, 5]), (3, self.limits[:, 6])):
            change = np.abs(np.diff(q, n=order, axis=0)) / TS**order
            assert (change <= limit * (1 + 1e-5)).all(), (order, change, limit)
        assert ((q >= self.limits[:, 0] - 1e-9) & (q <= self.limits[:, 1] + 1e-9)).all()
        if s.safe[i]:
            phases = s.plan_phases[i].copy()
            self.proven = s.plan_start[i].copy(), phases, s.ltt[i, s.active[i]].copy()
            self.duration = float(s.ltt_duration[i, s.active[i]])
            self.age = 0
        self.age += 1

    def expected(self):
        """Where the last proven plan says that the robot is now (n,), and whether it rests there for good."""
        start, phases, ltt = self.proven
        s, _ = reference.path_position(start, phases, self.age * TS)
        total = phases[:, 0].sum()
        return reference.trajectory(ltt, min(s, self.duration)), self.age * TS >= total - 1e-12


def moving(geometry, params, rng) -> tuple[Rig, Checker]:
    """A robot in full motion, somewhere on its way, with nobody near."""
    rig = Rig(geometry, params)
    checker = Checker(rig)
    delay = rig.model.delay
    rig.step(FAR, human_time=rig.time - delay)
    plan_goal(rig.model, rig.state, rig.i, rng.uniform(0.8, 2.0, rig.n) * rng.choice([-1.0, 1.0], rig.n))
    for _ in range(int(rng.integers(20, 200))):
        rig.step(FAR, human_time=rig.time - delay)
        checker.look()
    assert np.abs(rig.dq).max() > 0.0
    return rig, checker


@pytest.mark.parametrize("params", [None, LATE], ids=["exact", "late"])
@pytest.mark.parametrize("geometry", [planar_arm(), general_arm()], ids=["planar", "general"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_faulty_sensor_stops_the_robot_on_its_last_proven_plan(kind, geometry, params):
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(2):
        rig, checker = moving(geometry, params, rng)
        delay = rig.model.delay
        sensor = Sensor(kind, FAR, rig.time - delay)
        rest = None
        for k in range(300):
            measured, stamp = sensor(k, FAR, rig.time - delay)
            rig.step(measured, human_time=stamp)
            if rig.state.replan_wanted[rig.i]:
                plan_goal(rig.model, rig.state, rig.i)
            checker.look()
            assert rig.state.safe[rig.i] == 0 or (kind == "repeats" and k < TOLERATED_CYCLES)
            q, at_rest = checker.expected()
            assert np.abs(rig.q - q).max() < 1e-9
            if at_rest:
                rest = rig.q if rest is None else rest
                assert (rig.dq == 0.0).all() and (rig.q == rest).all(), "it moved without being able to see"
        assert rest is not None
        for _ in range(1200):
            rig.step(FAR, human_time=rig.time - delay)
            if rig.state.replan_wanted[rig.i]:
                plan_goal(rig.model, rig.state, rig.i)
            checker.look()
        assert np.allclose(rig.q, rig.state.goal[rig.i], atol=1e-6), "it never went on"


@pytest.mark.parametrize("kind", ["robot_position", "robot_speed"])
def test_a_robot_that_does_not_know_where_it_is_stops_too(kind):
    rig, checker = moving(general_arm(), None, np.random.default_rng(1))
    rest = None
    for k in range(300):
        nan = np.where(np.arange(rig.n) == k % rig.n, np.nan, 0.0)
        rig.step(FAR, **({"q_meas": rig.q + nan} if kind == "robot_position" else {"dq_meas": rig.dq + nan}))
        checker.look()
        q, at_rest = checker.expected()
        assert rig.state.safe[rig.i] == 0 and np.abs(rig.q - q).max() < 1e-9
        if at_rest:
            rest = rig.q if rest is None else rest
            assert (rig.q == rest).all()
    assert rest is not None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_spoilt_number_in_the_shields_memory_becomes_a_command(value):
    """Each array of numbers in turn is overwritten in full motion; the robot goes on within its limits, or stands."""
    made, _ = moving(planar_arm(), None, np.random.default_rng(3))
    memory, now = made.state.rows.copy(), made.time
    names = [name for name, view in made.state._asdict().items() if name != "rows" and view.dtype == np.float64]
    assert len(names) > 40
    for name in names:
        made.state.rows[:] = memory
        made.time = now
        before = made.q
        getattr(made.state, name)[made.i] = value
        for _ in range(150):
            made.step(FAR, q_meas=before, dq_meas=np.zeros(made.n))
            if made.state.replan_wanted[made.i]:
                plan_goal(made.model, made.state, made.i)
            assert np.isfinite(made.state.command[made.i]).all(), name
            assert np.abs(made.q - before).max() <= TS * (1.0 + 1e-6), name
            before = made.q


def hunt_with_faults(cycles: int, seed: int, params: ShieldParams | None) -> dict[str, float]:
    """A person who runs at the robot at the assumed bound while the sensor fails again and again."""
    rng = np.random.default_rng(seed)
    rig = Rig(planar_arm() if seed % 2 else general_arm(seed), params, v_max=V_MAX)
    truth, checker = Truth(rig), Checker(rig)
    delay = round(rig.model.delay / TS)
    kinds = [kind for kind in KINDS if kind not in ("jumps", "from_the_future")]
    human, history = human_at(3.0), []
    sensor, left, seen, moved, touched = None, 0, 0, 0, 0
    for k in range(cycles):
        if k % 400 == 0:  # the person is somewhere else; nobody measured how they got there
            rig = Rig(rig.geometry, params, rng.uniform(-1.5, 1.5, rig.n), V_MAX)
            truth.rig, checker = rig, Checker(rig)
            human = human_at(*rng.uniform([-2, -2, 0.2], [2, 2, 1.5]))
            history, left = [human] * (delay + 1), 0
        if k % 25 == 0:
            plan_goal(rig.model, rig.state, rig.i, np.clip(rig.q + rng.uniform(-1.0, 1.0, rig.n), -2.4, 2.4))
        if left == 0 and rng.random() < 0.03:
            sensor, left = Sensor(str(rng.choice(kinds)), history[-1 - delay], rig.time - delay * TS), rng.integers(40)
            seen = 0
        truth.place(rig.q)
        distance = truth.distance(human)
        touched += distance < 0.0
        moved += bool((rig.dq != 0.0).any())
        assert distance >= 0.0 or (rig.dq == 0.0).all(), (k, sensor and sensor.kind, distance)
        measured, stamp = history[-1 - delay], rig.time - delay * TS
        if left > 0:
            measured, stamp = sensor(seen, measured, stamp)
            left, seen = left - 1, seen + 1
        rig.step(measured, human_time=stamp)
        if rig.state.replan_wanted[rig.i]:
            plan_goal(rig.model, rig.state, rig.i)
        checker.look()
        way = truth.nearest(human) - human
        way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
        if rng.random() < 0.3:
            way[rng.integers(JOINTS) :] *= 0.0
        human = human + TS * V_MAX * way
        history = [*history[-delay - 1 :], human]
    return {"moved": moved / cycles, "touched": touched / cycles}


@pytest.mark.parametrize(("seed", "params"), [(0, EXACT), (1, LATE)])
def test_nobody_is_touched_by_a_moving_robot_while_sensors_fail(seed, params):
    result = hunt_with_faults(4000, seed, params)
    assert result["moved"] > 0.02 and result["touched"] > 0.02


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(2, 8))
def test_nobody_is_touched_by_a_moving_robot_while_sensors_fail_all_night(seed):
    result = hunt_with_faults(25_000, seed, LATE if seed % 4 < 2 else EXACT)
    assert result["moved"] > 0.02 and result["touched"] > 0.02


def test_this_test_can_fail():
    with pytest.raises(AssertionError):
        hunt_with_faults(4000, 1, ShieldParams(type="OFF"))


def test_one_stamp_from_the_future_does_not_stop_the_robot_until_then():
    rig, _ = moving(planar_arm(), None, np.random.default_rng(0))
    rig.step(FAR, human_time=rig.time + 10.0)
    assert rig.state.safe[rig.i] == 0
    for _ in range(50):
        rig.step(FAR)
    assert rig.state.safe[rig.i] == 1, "good measurements again for 0.2 s"


def test_a_jump_is_not_forgiven_after_one_cycle():
    """The sensor sees a person, and 4 m farther off, 4 ms later. Nobody walks that fast."""
    rig, _ = moving(planar_arm(), None, np.random.default_rng(0))
    for k in range(100):
        jumped = FAR + np.array([0.0, 4.0, 0.0])
        rig.step(jumped)
        assert rig.state.safe[rig.i] == 0, f"believed again after {k} cycles; 4 m take {4.0 / V_MAX:.0f} s"


def test_a_stamp_from_the_past_does_not_excuse_a_jump():
    """One old stamp makes the time since the last measurement long, and any jump after it plausible."""
    rig, _ = moving(planar_arm(), None, np.random.default_rng(0))
    rig.step(FAR, human_time=rig.time - 10.0)
    assert rig.state.safe[rig.i] == 0
    rig.step(FAR + np.array([0.0, 4.0, 0.0]))
    assert rig.state.safe[rig.i] == 0, "4 m in 4 ms"
