"""Attacks on one robot: episodes of adversaries in many environments at once, and what came of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adversaries import (
    ACCELERATION,
    ADVERSARIES,
    DELAY_CYCLES,
    FEET_FIRST,
    FIRST_LATE,
    HAND_ON_TABLE,
    HISTORY,
    N_DRAWS,
    SENSOR_ERROR_M,
    SMOOTH,
    SPEED,
    _run_episodes,
)
from hrg_pipeline.engine.engine import Engine
from hrg_pipeline.engine.scene import CYCLE_S, TABLE_OFFSET
from hrg_pipeline.engine.step import observe_end
from hrg_pipeline.engine.threads import Crew
from hrg_pipeline.human.body import BODY_INDEX, BODY_NAMES, N_BODIES
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.human.playback import TIME
from hrg_pipeline.physics.contacts import N_CRITICAL, N_HUMAN
from hrg_pipeline.physics.records import columns, make_rows
from hrg_pipeline.shield.model import ASSUMPTIONS
from hrg_pipeline.shield.params import ShieldParams

SAFE_VEL = 0.01
"""A contact point faster than this makes a contact critical [m/s], as in the engine's default."""
EPISODE_CYCLES = 300
_LEGS = tuple(BODY_INDEX[f"{side}_{name}"] for side in "LR" for name in ("Knee", "Ankle", "Toe"))
_HAND_RADIUS_M = 0.05
_BROKEN_ON_PURPOSE = {"blink": {"measurement_finite", "measurement_fresh"}}
"""Assumptions that an adversary breaks: they are counted, and no fault."""


@dataclass(frozen=True)
class Group:
    """People of one sort against one sort of shield."""

    name: str
    share: float
    """Of the cycles."""
    mode: str = "SSM"
    """``SSM`` or ``PFL``."""
    model: str = "energy"
    """What PFL limits: ``energy`` or ``iso_ts_15066``."""
    smooth: bool = False
    """Whether people keep the acceleration bound too, and the shield uses it."""
    late: bool = False
    """Whether the sensor is late and wrong, and the shield knows; decides which adversaries attack."""
    people: int = 1


GROUPS = (
    Group("ssm", 0.40),
    Group("ssm_late", 0.10, late=True),
    Group("ssm_smooth", 0.15, smooth=True),
    Group("ssm_two", 0.05, smooth=True, people=2),
    Group("pfl", 0.05, mode="PFL"),
    Group("pfl_smooth", 0.15, mode="PFL", smooth=True),
    Group("pfl_iso", 0.05, mode="PFL", model="iso_ts_15066", smooth=True),
    Group("pfl_late", 0.05, mode="PFL", smooth=True, late=True),
)
"""What a soak runs, one after the other."""


@dataclass
class Outcome:
    """What one adversary achieved against one robot."""

    robot: str
    adversary: str
    group: str = "ssm"
    mode: str = "SSM"
    smooth: bool = False
    episodes: int = 0
    cycles: int = 0
    seconds: float = 0.0
    """Wall time of these cycles on all threads together."""
    moving_cycles: int = 0
    """Cycles that began with a commanded speed."""
    unsafe_cycles: int = 0
    reached: int = 0
    """Episodes in which a body capsule overlapped a robot capsule; with SSM it must rest by then."""
    contacts: int = 0
    """Times that the person and the robot really touched."""
    critical: int = 0
    overlaps_moving: int = 0
    """Times that a person's capsules overlapped the robot's in a cycle in which a speed was commanded."""
    harmful: int = 0
    """Those in which the command carried more than the body part bears, free to move away."""
    harm_share: float = 0.0
    """The largest share of it that was carried."""
    limit_violations: int = 0
    """Cycles whose command exceeds a limit, by finite differences."""
    bumps: int = 0
    """Episodes that ended with the arm at the table or at itself."""
    unstable: int = 0
    reanchors: int = 0
    fastest_contact_m_s: float = 0.0
    closest_moving_m: float = np.inf
    tracking_error_m: float = 0.0
    torque_share: float = 0.0
    human_speed_m_s: float = 0.0
    human_acceleration_m_s2: float = 0.0
    shares: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """Largest commanded speed, acceleration and jerk over their limits."""
    assumptions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ASSUMPTIONS, 0))
    """Cycles before the first touch in which each assumption was violated."""
    first_fault: str | None = None
    """Which episode broke the claim first, as ``Attack`` can repeat it."""

    def faults(self) -> dict[str, int]:
        """Return what must not happen and did, by name."""
        found = {
            "critical contacts": self.critical,
            "command limits": self.limit_violations,
            "contacts with table, base or itself": self.bumps,
            "unstable physics": self.unstable,
            "people too fast": int(self.human_speed_m_s > SPEED * (1.0 + 1e-9)),
        }
        if self.mode == "PFL":
            found["overlaps beyond what is bearable"] = self.harmful
        else:
            found["capsules that overlap while moving"] = self.overlaps_moving
        if self.smooth:
            found["people too sudden"] = int(self.human_acceleration_m_s2 > ACCELERATION * (1.0 + 1e-6))
        on_purpose = _BROKEN_ON_PURPOSE.get(self.adversary, set())
        found |= {f"assumption {name}": n for name, n in self.assumptions.items() if name not in on_purpose}
        return {name: n for name, n in found.items() if n}


class Attack:
    """People of all kinds against one robot.

    Args:
        robot: name of the arm.
        seed: root of the seed tree; every episode has its own branch, whatever the number of environments or threads.
        group: who attacks what; its share is not used. Default: ``ssm``.
        off: whether the shield is switched off; what happens is judged by the same criteria.
        fingers: whether the gripper opens and closes meanwhile; the shield only holds it while somebody is near.
        num_envs: environments.
        n_threads: threads; None: one per core.
    """

    def __init__(
        self,
        robot: str,
        seed: int,
        group: str = "ssm",
        *,
        off: bool = False,
        fingers: bool = False,
        num_envs: int = 32,
        n_threads: int | None = None,
    ) -> None:
        self.group = next(one for one in GROUPS if one.name == group)
        self.engine = _make_engine(robot, seed, self.group, num_envs)
        if off:
            self.engine.set_shield_type(np.arange(num_envs), "OFF")
        self.robot, self.seed, self.fingers = robot, seed, fingers
        self.kinds = list(range(FIRST_LATE))
        if self.group.late:
            self.kinds = list(range(FIRST_LATE, len(ADVERSARIES)))
        elif self.group.smooth:
            self.kinds = list(SMOOTH)
        self.outcomes = {
            kind: Outcome(robot, ADVERSARIES[kind], group, self.group.mode, self.group.smooth) for kind in self.kinds
        }
        self._next = 0
        people = self.group.people
        self._rows = make_rows(num_envs * people, _foe_fields())
        self._watch_rows = make_rows(num_envs, _watch_fields(self.engine))
        self._foes: Any = _Views(columns(self._rows))
        """One row per person, those of an environment one after the other."""
        self._watches: Any = _Views(columns(self._watch_rows))
        self._work(np.zeros(0, dtype=np.int64))  # compiles
        self._crew = Crew(num_envs, n_threads, self._work)

    @property
    def cycles(self) -> int:
        """Cycles done so far."""
        return sum(outcome.cycles for outcome in self.outcomes.values())

    def run(self, cycles: int, progress: Callable[[int], object] = lambda n: None) -> list[Outcome]:
        """Run whole episodes until at least so many cycles are done.

        Args:
            cycles: how many.
            progress: is told how many cycles have been done since it was last called.
        """
        while self.cycles < cycles:
            before = self.cycles
            episodes = list(range(self._next, self._next + self.engine.num_envs))
            self._next += len(episodes)
            self.play(episodes)
            progress(self.cycles - before)
        return list(self.outcomes.values())

    def play(self, episodes: Sequence[int]) -> None:
        """Run episodes by their numbers, one per environment."""
        for i, episode in enumerate(episodes):
            self._begin(i, episode)
        started = time.perf_counter()
        self._crew.run()
        per_cycle = (time.perf_counter() - started) / max(self._watches.clock[: len(episodes)].sum(), 1)
        for i, episode in enumerate(episodes):
            self._settle(i, episode, per_cycle)

    def close(self) -> None:
        """Stop the threads."""
        self._crew.close()
        self.engine.close()

    def _work(self, members: np.ndarray) -> None:
        engine = self.engine
        records = engine._constants.record, engine._arrays.rows, engine.shield.record, engine.shields.rows
        _run_episodes(*records, self._rows, self._watch_rows, members)

    def _begin(self, i: int, episode: int) -> None:
        engine, watches = self.engine, self._watches
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(int(self.group.late), episode)))
        engine.reset(i, self._free_start(rng), rng)
        self._watch_rows[i] = np.zeros((), self._watch_rows.dtype)
        watches.length[i], watches.closest[i] = EPISODE_CYCLES, np.inf
        watches.draws[i] = rng.random(N_DRAWS)
        watches.toward[i] = rng.choice([-1.0, 1.0], engine.dof) * rng.uniform(0.5, 1.0, engine.dof)
        watches.steady[i], watches.stride[i] = rng.integers(2), rng.choice([0.2, 0.2, 1.0])
        watches.gripper[i] = rng.choice([-1.0, 0.0, 1.0]) * self.fingers
        for person in range(self.group.people):
            self._begin_person(i, person, self.kinds[(episode + person) % len(self.kinds)], rng)

    def _begin_person(self, i: int, person: int, kind: int, rng: np.random.Generator) -> None:
        foes, row = self._foes, i * self.group.people + person
        self._rows[row] = np.zeros((), self._rows.dtype)
        foes.kind[row], foes.smooth[row] = kind, self.group.smooth
        foes.draws[row] = rng.random(N_DRAWS)
        directions = rng.standard_normal((foes.directions.shape[1], 3))
        foes.directions[row] = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        foes.attacks[row] = 1
        self._pose(i, person, kind, rng)
        self._watches.measured[i, person] = foes.pos[row]

    def _free_start(self, rng: np.random.Generator) -> np.ndarray:
        home = np.array(self.engine.robot.home_qpos)
        for _ in range(20):
            start = home + rng.uniform(-0.5, 0.5, len(home))
            if self.engine.is_free(start, 0.02):
                return start
        return home

    def _pose(self, i: int, person: int, kind: int, rng: np.random.Generator) -> None:
        """Put a person in a posture of the motion library somewhere around the robot, out of reach."""
        engine, foes, row = self.engine, self._foes, i * self.group.people + person
        arrays = engine._arrays
        arrays.human_clock[i, person, TIME] = rng.uniform(0.0, 10.0)
        observe_end(engine._constants, arrays, engine.people.records, i)
        pos, quat = engine.human_pose(i, person)
        yaw = _quaternion([0.0, 0.0, 1.0], rng.uniform(-np.pi, np.pi))
        turn = yaw
        body = int(rng.integers(N_BODIES))
        around = np.array([*rng.uniform(-0.3, 0.3, 2), rng.uniform(0.9, 1.3)])
        direction = rng.standard_normal(3) * [1.0, 1.0, 0.3]
        place = around + rng.uniform(0.8, 1.6) * direction / np.linalg.norm(direction)
        if kind == FEET_FIRST:
            tilt = rng.uniform(-0.6, 0.6) + np.pi / 2
            turn = _multiply(yaw, _quaternion([*rng.standard_normal(2), 0.0], tilt))
            foes.attacks[row] = np.isin(np.arange(N_BODIES), _LEGS)
            body = int(rng.choice(_LEGS))
        elif kind == HAND_ON_TABLE:
            side = rng.choice(["L", "R"])
            hand = [name in (f"{side}_Elbow", f"{side}_Wrist", f"{side}_Hand") for name in BODY_NAMES]
            foes.attacks[row] = hand
            body = BODY_INDEX[f"{side}_Hand"]
            angle, away = rng.uniform(-np.pi, np.pi), rng.uniform(0.35, 0.9)
            grip = engine.eef_pos[i]
            place = np.array(
                [grip[0] + away * np.cos(angle), grip[1] + away * np.sin(angle), TABLE_OFFSET[2] + _HAND_RADIUS_M]
            )
            foes.wait[row], foes.slides[row] = rng.integers(120), rng.integers(2)
        elif kind != 0 and rng.random() < 0.3:
            foes.wait[row] = rng.integers(100)
        centre = pos[body].copy()
        rotation = _matrix(turn)
        foes.pos[row] = (pos - centre) @ rotation.T + place
        foes.quat[row] = _multiply(turn, quat)

    def _settle(self, i: int, episode: int, per_cycle: float) -> None:
        """Add what happened in an episode to its adversary's outcome."""
        watch, arrays = self._watch_rows[i], self.engine._arrays
        people = self._rows[i * self.group.people : (i + 1) * self.group.people]
        outcome = self.outcomes[int(people[0]["kind"])]
        outcome.episodes += 1
        outcome.cycles += int(watch["clock"])
        outcome.seconds += per_cycle * int(watch["clock"])
        outcome.moving_cycles += int(watch["moving"])
        outcome.unsafe_cycles += int(watch["unsafe"])
        outcome.reached += int(watch["reached"])
        touches, critical = arrays.contact_counters[i, [N_HUMAN, N_CRITICAL]]
        outcome.contacts += int(touches + critical)
        outcome.critical += int(critical > 0)
        outcome.overlaps_moving += int(watch["overlaps"])
        outcome.harmful += int(watch["harmful"])
        outcome.limit_violations += int(watch["limit_violations"])
        outcome.bumps += int(watch["bumped"])
        outcome.unstable += int(arrays.failure[i] != 0)
        outcome.reanchors += int(watch["reanchors"])
        outcome.harm_share = max(outcome.harm_share, float(watch["harm"]))
        outcome.fastest_contact_m_s = max(outcome.fastest_contact_m_s, float(watch["speed"]))
        outcome.closest_moving_m = min(outcome.closest_moving_m, float(watch["closest"]))
        outcome.tracking_error_m = max(outcome.tracking_error_m, float(watch["tracking"]))
        outcome.torque_share = max(outcome.torque_share, float(watch["torque"]))
        outcome.human_speed_m_s = max(outcome.human_speed_m_s, float(people["fastest"].max()))
        outcome.human_acceleration_m_s2 = max(outcome.human_acceleration_m_s2, float(people["hardest"].max()))
        outcome.shares = [max(a, float(b)) for a, b in zip(outcome.shares, watch["shares"], strict=True)]
        for name, count in zip(ASSUMPTIONS, watch["violations"], strict=True):
            outcome.assumptions[name] += int(count)
        if outcome.first_fault is None and outcome.faults():
            words = f"'{self.robot}', {self.seed}, '{self.group.name}'{', fingers=True' if self.fingers else ''}"
            outcome.first_fault = f"Attack({words}).play([{episode}])"


class _Views:
    """Columns of a structured array as attributes."""

    def __init__(self, views: dict[str, Any]) -> None:
        self.__dict__.update(views)


def attack(
    robot: str,
    cycles: int,
    seed: int,
    *,
    groups: Sequence[Group] = GROUPS,
    off: bool = False,
    fingers: bool = False,
    num_envs: int = 32,
    n_threads: int | None = None,
    progress: Callable[[int], object] = lambda n: None,
) -> list[Outcome]:
    """Run all adversaries of some groups against a robot.

    Args:
        robot: name of the arm.
        cycles: how many, at least; groups have them by their shares.
        seed: root of the seed tree.
        groups: who attacks.
        off: whether the shield is switched off.
        fingers: whether the gripper opens and closes meanwhile.
        num_envs: environments.
        n_threads: threads; None: one per core.
        progress: is told how many cycles have been done since it was last called.
    """
    outcomes: list[Outcome] = []
    total = sum(group.share for group in groups)
    for group in groups:
        one = Attack(robot, seed, group.name, off=off, fingers=fingers, num_envs=num_envs, n_threads=n_threads)
        try:
            outcomes += one.run(round(group.share / total * cycles), progress)
        finally:
            one.close()
    return outcomes


def _make_engine(robot: str, seed: int, group: Group, num_envs: int) -> Engine:
    sensor = (
        {"measurement_error_m": SENSOR_ERROR_M, "measurement_delay_s": DELAY_CYCLES * CYCLE_S} if group.late else {}
    )
    shield = {"type": group.mode, "pfl": {"model": group.model}, "use_acceleration_bounds": group.smooth, **sensor}
    return Engine(
        robot,
        HumanParams(count=group.people, gives_way=False, motion=MotionParams(n_clips=8)),
        ShieldParams.model_validate(shield),
        num_envs=num_envs,
        n_threads=1,
        seed=seed,
        horizon_s=10.0,
        safe_vel=SAFE_VEL,
        debounce_s=0.01,
    )


def _foe_fields() -> dict[str, np.ndarray]:
    """Make the memory of one person."""
    floats: dict[str, tuple[int, ...]] = {
        **dict.fromkeys(("pos", "before", "step"), (N_BODIES, 3)),
        "quat": (N_BODIES, 4),
        "velocity": (3,),
        "past": (HISTORY, N_BODIES, 3),
        "draws": (N_DRAWS,),
        "directions": (64, 3),
        "aim": (3,),
        **dict.fromkeys(("gap", "stamp", "fastest", "hardest"), ()),
    }
    words = ("kind", "smooth", "clock", "next_draw", "body", "wait", "busy", "wanders", "slides", "blinks", "blank")
    return _zeros(floats, {**dict.fromkeys(words, ()), "attacks": (N_BODIES,)})


def _watch_fields(engine: Engine) -> dict[str, np.ndarray]:
    """Make the memory of what the robot does in an episode, and of what is watched."""
    n, people = engine.dof, engine.shield.people
    capsules, bodies = len(engine.shield.capsule_link), len(engine.shield.proximal)
    floats: dict[str, tuple[int, ...]] = {
        "measured": (people, N_BODIES, 3),
        "stamps": (people,),
        "draws": (N_DRAWS,),
        "toward": (n,),
        "goal": (n,),
        "points": (capsules, 2, 3),
        "wanted": (capsules, 2, 3),
        "speeds": (capsules,),
        "bodies": (4, bodies + 1),
        "commands": (3, 3, n),
        "shares": (3,),
        **dict.fromkeys(("stride", "gripper", "speed", "closest", "tracking", "torque", "harm"), ()),
    }
    words = ("clock", "length", "next_draw", "steady", "touched", "reached", "bumped", "moving", "unsafe", "overlaps")
    ints: dict[str, tuple[int, ...]] = {
        **dict.fromkeys((*words, "harmful", "limit_violations", "reanchors"), ()),
        "nearest": (people, 2),
        "violations": (len(ASSUMPTIONS),),
    }
    return _zeros(floats, ints)


def _zeros(floats: dict[str, tuple[int, ...]], ints: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    return {name: np.zeros(shape) for name, shape in floats.items()} | {
        name: np.zeros(shape, dtype=np.int64) for name, shape in ints.items()
    }


def _quaternion(axis: Sequence[float], angle: float) -> np.ndarray:
    unit = np.asarray(axis) / np.linalg.norm(axis)
    return np.array([np.cos(angle / 2), *(np.sin(angle / 2) * unit)])


def _multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Product of a quaternion (4,) and quaternions (..., 4), wxyz."""
    w, v = a[0], a[1:]
    real = w * b[..., :1] - (b[..., 1:] @ v)[..., None]
    return np.concatenate((real, w * b[..., 1:] + b[..., :1] * v + b[..., 1:] @ _cross_matrix(v).T), axis=-1)


def _cross_matrix(v: np.ndarray) -> np.ndarray:
    return np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])


def _matrix(q: np.ndarray) -> np.ndarray:
    cross = _cross_matrix(q[1:])
    return np.eye(3) + 2.0 * q[0] * cross + 2.0 * cross @ cross


__all__ = ["ADVERSARIES", "GROUPS", "SAFE_VEL", "Attack", "Group", "Outcome", "attack"]
