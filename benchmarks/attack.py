"""Attacks on one robot: episodes of adversaries in many environments at once, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adversaries import (
    ADVERSARIES,
    DELAY_CYCLES,
    FEET_FIRST,
    FIRST_LATE,
    HAND_ON_TABLE,
    HISTORY,
    LIMIT_TOLERANCE,
    N_DRAWS,
    SENSOR_ERROR_M,
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
from hrg_pipeline.physics.contacts import N_CRITICAL
from hrg_pipeline.physics.records import columns, make_rows
from hrg_pipeline.shield.model import ASSUMPTIONS
from hrg_pipeline.shield.params import ShieldParams

SAFE_VEL = 0.01
"""A contact point faster than this makes a contact critical [m/s], as in the engine's default."""
EPISODE_CYCLES = 300
_LATE_SHARE = 0.2
_LEGS = tuple(BODY_INDEX[f"{side}_{name}"] for side in "LR" for name in ("Knee", "Ankle", "Toe"))
_HAND_RADIUS_M = 0.05
_BROKEN_ON_PURPOSE = {"blink": {"measurement_finite", "measurement_fresh"}}
"""Assumptions that an adversary breaks: they are counted, and no fault."""


@dataclass
class Outcome:
    """What one adversary achieved against one robot."""

    robot: str
    adversary: str
    episodes: int = 0
    cycles: int = 0
    moving_cycles: int = 0
    """Cycles that began with a commanded speed."""
    unsafe_cycles: int = 0
    reached: int = 0
    """Episodes in which a body capsule overlapped a robot capsule; it must rest by then."""
    contacts: int = 0
    """Episodes in which the person and the robot really touched."""
    critical: int = 0
    overlaps_moving: int = 0
    """Cycles in which a robot capsule overlapped a body capsule and a speed was commanded."""
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
            "capsules that overlap while moving": self.overlaps_moving,
            "command limits": self.limit_violations,
            "unstable physics": self.unstable,
            "people too fast": int(self.human_speed_m_s > SPEED * (1.0 + 1e-9)),
        }
        on_purpose = _BROKEN_ON_PURPOSE.get(self.adversary, set())
        found |= {f"assumption {name}": n for name, n in self.assumptions.items() if name not in on_purpose}
        return {name: n for name, n in found.items() if n}


class Attack:
    """People of all kinds against one robot.

    Args:
        robot: name of the arm.
        seed: root of the seed tree; every episode has its own branch, whatever the number of environments or threads.
        late: whether the sensor is late and wrong, and the shield knows; decides which adversaries attack.
        shield: ``SSM`` or ``OFF``.
        fingers: whether the gripper opens and closes meanwhile; the shield only holds it while somebody is near.
        num_envs: environments.
        n_threads: threads; None: one per core.
    """

    def __init__(
        self,
        robot: str,
        seed: int,
        *,
        late: bool = False,
        shield: str = "SSM",
        fingers: bool = False,
        num_envs: int = 32,
        n_threads: int | None = None,
    ) -> None:
        sensor = {"measurement_error_m": SENSOR_ERROR_M, "measurement_delay_s": DELAY_CYCLES * CYCLE_S} if late else {}
        self.engine = Engine(
            robot,
            HumanParams(gives_way=False, motion=MotionParams(n_clips=8)),
            ShieldParams.model_validate({"type": shield, **sensor}),
            num_envs=num_envs,
            n_threads=1,
            seed=seed,
            horizon_s=10.0,
            safe_vel=SAFE_VEL,
            debounce_s=0.01,
        )
        self.robot, self.seed, self.late, self.fingers = robot, seed, late, fingers
        self.kinds = list(range(FIRST_LATE, len(ADVERSARIES)) if late else range(FIRST_LATE))
        self.outcomes = {kind: Outcome(robot, ADVERSARIES[kind]) for kind in self.kinds}
        self._next = 0
        self._rows = make_rows(num_envs, _foe_fields(self.engine))
        self._foes: Any = _Views(columns(self._rows))
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
        self._crew.run()
        for i, episode in enumerate(episodes):
            self._settle(i, episode)

    def close(self) -> None:
        """Stop the threads."""
        self._crew.close()
        self.engine.close()

    def _work(self, members: np.ndarray) -> None:
        engine = self.engine
        records = engine._constants.record, engine._arrays.rows, engine.shield.record, engine.shields.rows
        _run_episodes(*records, self._rows, members)

    def _begin(self, i: int, episode: int) -> None:
        engine, foes = self.engine, self._foes
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(int(self.late), episode)))
        engine.reset(i, self._free_start(rng), rng)
        self._rows[i] = np.zeros((), self._rows.dtype)
        kind = self.kinds[episode % len(self.kinds)]
        foes.kind[i], foes.length[i], foes.closest[i] = kind, EPISODE_CYCLES, np.inf
        foes.draws[i] = rng.random(N_DRAWS)
        directions = rng.standard_normal((foes.directions.shape[1], 3))
        foes.directions[i] = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        foes.toward[i] = rng.choice([-1.0, 1.0], engine.dof) * rng.uniform(0.5, 1.0, engine.dof)
        foes.steady[i], foes.stride[i] = rng.integers(2), rng.choice([0.2, 0.2, 1.0])
        foes.gripper[i] = rng.choice([-1.0, 0.0, 1.0]) * self.fingers
        foes.attacks[i] = 1
        self._pose(i, kind, rng)
        foes.measured[i] = foes.pos[i]

    def _free_start(self, rng: np.random.Generator) -> np.ndarray:
        home = np.array(self.engine.robot.home_qpos)
        for _ in range(20):
            start = home + rng.uniform(-0.5, 0.5, len(home))
            if self.engine.is_free(start, 0.02):
                return start
        return home

    def _pose(self, i: int, kind: int, rng: np.random.Generator) -> None:
        """Put a person in a posture of the motion library somewhere around the robot, out of reach."""
        engine, foes = self.engine, self._foes
        arrays = engine._arrays
        arrays.human_clock[i, 0, TIME] = rng.uniform(0.0, 10.0)
        observe_end(engine._constants, arrays, engine.people.records, i)
        pos, quat = engine.human_pose(i)
        yaw = _quaternion([0.0, 0.0, 1.0], rng.uniform(-np.pi, np.pi))
        turn = yaw
        body = int(rng.integers(N_BODIES))
        around = np.array([*rng.uniform(-0.3, 0.3, 2), rng.uniform(0.9, 1.3)])
        direction = rng.standard_normal(3) * [1.0, 1.0, 0.3]
        place = around + rng.uniform(0.8, 1.6) * direction / np.linalg.norm(direction)
        if kind == FEET_FIRST:
            tilt = rng.uniform(-0.6, 0.6) + np.pi / 2
            turn = _multiply(yaw, _quaternion([*rng.standard_normal(2), 0.0], tilt))
            foes.attacks[i] = np.isin(np.arange(N_BODIES), _LEGS)
            body = int(rng.choice(_LEGS))
        elif kind == HAND_ON_TABLE:
            side = rng.choice(["L", "R"])
            hand = [name in (f"{side}_Elbow", f"{side}_Wrist", f"{side}_Hand") for name in BODY_NAMES]
            foes.attacks[i] = hand
            body = BODY_INDEX[f"{side}_Hand"]
            angle, away = rng.uniform(-np.pi, np.pi), rng.uniform(0.35, 0.9)
            grip = engine.eef_pos[i]
            place = np.array(
                [grip[0] + away * np.cos(angle), grip[1] + away * np.sin(angle), TABLE_OFFSET[2] + _HAND_RADIUS_M]
            )
            foes.wait[i], foes.slides[i] = rng.integers(120), rng.integers(2)
        elif kind != 0 and rng.random() < 0.3:
            foes.wait[i] = rng.integers(100)
        centre = pos[body].copy()
        rotation = _matrix(turn)
        foes.pos[i] = (pos - centre) @ rotation.T + place
        foes.quat[i] = _multiply(turn, quat)

    def _settle(self, i: int, episode: int) -> None:
        """Add what happened in an episode to its adversary's outcome."""
        foe, arrays = self._rows[i], self.engine._arrays
        outcome = self.outcomes[int(foe["kind"])]
        outcome.episodes += 1
        outcome.cycles += int(foe["clock"])
        outcome.moving_cycles += int(foe["moving"])
        outcome.unsafe_cycles += int(foe["unsafe"])
        outcome.reached += int(foe["reached"])
        outcome.contacts += int(foe["touched"] > 0)
        outcome.critical += int(arrays.contact_counters[i, N_CRITICAL] > 0)
        outcome.overlaps_moving += int(foe["overlaps"])
        outcome.limit_violations += int(foe["limit_violations"])
        outcome.bumps += int(foe["bumped"])
        outcome.unstable += int(arrays.failure[i] != 0)
        outcome.reanchors += int(foe["reanchors"])
        outcome.fastest_contact_m_s = max(outcome.fastest_contact_m_s, float(foe["speed"]))
        outcome.closest_moving_m = min(outcome.closest_moving_m, float(foe["closest"]))
        outcome.tracking_error_m = max(outcome.tracking_error_m, float(foe["tracking"]))
        outcome.torque_share = max(outcome.torque_share, float(foe["torque"]))
        outcome.human_speed_m_s = max(outcome.human_speed_m_s, float(foe["fastest"]))
        outcome.shares = [max(a, float(b)) for a, b in zip(outcome.shares, foe["shares"], strict=True)]
        for name, count in zip(ASSUMPTIONS, foe["violations"], strict=True):
            outcome.assumptions[name] += int(count)
        if outcome.first_fault is None and outcome.faults():
            outcome.first_fault = f"robot {self.robot}, seed {self.seed}, late {self.late}, episode {episode}"


class _Views:
    """Columns of a structured array as attributes."""

    def __init__(self, views: dict[str, Any]) -> None:
        self.__dict__.update(views)


def attack(
    robot: str,
    cycles: int,
    seed: int,
    *,
    shield: str = "SSM",
    fingers: bool = False,
    num_envs: int = 32,
    n_threads: int | None = None,
    progress: Callable[[int], object] = lambda n: None,
) -> list[Outcome]:
    """Run all adversaries against a robot, those with a late sensor in a fifth of the cycles.

    Args:
        robot: name of the arm.
        cycles: how many, at least.
        seed: root of the seed tree.
        shield: ``SSM`` or ``OFF``.
        fingers: whether the gripper opens and closes meanwhile.
        num_envs: environments.
        n_threads: threads; None: one per core.
        progress: is told how many cycles have been done since it was last called.
    """
    outcomes: list[Outcome] = []
    for late, share in ((False, 1.0 - _LATE_SHARE), (True, _LATE_SHARE)):
        one = Attack(robot, seed, late=late, shield=shield, fingers=fingers, num_envs=num_envs, n_threads=n_threads)
        try:
            outcomes += one.run(round(share * cycles), progress)
        finally:
            one.close()
    return outcomes


def _foe_fields(engine: Engine) -> dict[str, np.ndarray]:
    """Make the memory of one person, and of what is watched while they attack."""
    n, capsules, bodies = engine.dof, len(engine.shield.capsule_link), len(engine.shield.proximal)
    floats: dict[str, tuple[int, ...]] = {
        "pos": (N_BODIES, 3),
        "quat": (N_BODIES, 4),
        "before": (N_BODIES, 3),
        "past": (HISTORY, N_BODIES, 3),
        "measured": (N_BODIES, 3),
        "stamp": (),
        "draws": (N_DRAWS,),
        "directions": (64, 3),
        "aim": (3,),
        "toward": (n,),
        "goal": (n,),
        "stride": (),
        "gripper": (),
        "points": (capsules, 2, 3),
        "wanted": (capsules, 2, 3),
        "frames": (n, 4, 3),
        "bodies": (bodies + 1, 4),
        "commands": (3, 3, n),
        "shares": (3,),
        "speed": (),
        "closest": (),
        "tracking": (),
        "torque": (),
        "fastest": (),
    }
    ints: dict[str, tuple[int, ...]] = {
        **dict.fromkeys(("kind", "clock", "length", "next_draw", "body", "wait", "busy", "wanders", "slides"), ()),
        **dict.fromkeys(
            ("blinks", "blank", "steady", "touched", "reached", "bumped", "moving", "unsafe", "overlaps"), ()
        ),
        **dict.fromkeys(("limit_violations", "reanchors"), ()),
        "attacks": (N_BODIES,),
        "nearest": (2,),
        "violations": (len(ASSUMPTIONS),),
    }
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


__all__ = ["ADVERSARIES", "LIMIT_TOLERANCE", "SAFE_VEL", "Attack", "Outcome", "attack"]
