"""What both handovers share: the hammer, the hands it is held in, who is drawn to take part, observations, rewards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.spatial.transform import Rotation

from hrg_pipeline.engine.layout import GHOST, Colour, HandWeld, Layout, Marker, SceneObject, Shape
from hrg_pipeline.errors import ModelError, MotionError
from hrg_pipeline.human.body import BODY_NAMES
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.tasks.base import Task
from hrg_pipeline.tasks.observations import HUMAN, norm, observe_gripper, observe_human, observe_object, observe_robot
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.reaching import Reach

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

HAMMER = 0
"""Index of the hammer among the objects."""
HALF_HEIGHT_M = 0.02
"""Of handle and head alike: the hammer lies flat on the table."""
GRIP_AHEAD_M = 0.21
"""From the gripper's place on the handle, the origin of the hammer's frame, to the person's, along its x [m]."""
LIFT_M = 0.12
"""The gripper also gets to as far as this above the place of the handover [m]."""
FREE_OF_FOOT_M = (0.36, 0.28, 1.05)
"""The head keeps clear of the robot's pedestal while the gripper is at least so far ahead, aside, or up [m]."""
FREE_OF_ARM_M = (0.12, 0.22, 0.12)
"""Who holds a hand out does not run into the gripper at its start if the gripper's place in the handover is at least so
far ahead of it, aside of it, or below it [m]."""
_HANDLE, _HEAD = (0.15, 0.015, HALF_HEIGHT_M), (0.02, 0.05, HALF_HEIGHT_M)
_HANDLE_X, _HEAD_X = 0.10, -0.07
_HANDLE_KG, _HEAD_KG = 0.08, 0.16
_WOOD: Colour = (0.76, 0.58, 0.36, 1.0)
_IRON: Colour = (0.30, 0.32, 0.36, 1.0)

HANDS = ("left", "right")
"""Names of the hands in clips, in the order of the welds."""
_BODIES = ("L_Hand", "R_Hand")
_PALMS = np.array([[0.0, -0.02, -0.042], [0.0, 0.02, -0.042]])
"""Middle of a handle in either hand, in the frame of the hand's body [m]: 2 cm behind the knuckles, on the palm, whose
skin is 2.4 cm from the axis of the hand."""
_DRAWS = 300


def hammer() -> SceneObject:
    """Return the hammer.

    Its handle lies along x, the head at the end of smaller x; the origin, in the handle next to the head, is where a
    gripper takes it, a centimetre from its centre of mass.
    """
    handle = Shape("box", _HANDLE, pos=(_HANDLE_X, 0.0, 0.0), mass_kg=_HANDLE_KG, friction=3.0, colour=_WOOD)
    head = Shape("box", _HEAD, pos=(_HEAD_X, 0.0, 0.0), mass_kg=_HEAD_KG, colour=_IRON)
    return SceneObject("hammer", (handle, head))


HANDOVER_SHIELD = ShieldParams(
    type="PFL", obstacles=("table", "base", "walls", "floor"), obstacle_gripper=False, gripper_distance_m=0.0
)
"""Contact is what a handover is about: the arm touches people with no more energy than they bear. The gripper and what
it holds reach down to the table, and fingers move beside a hand."""


def giving_hands(family: str) -> HumanParams:
    """Return people of a motion family; they come from a little to the side, and do not shy away from the arm."""
    return HumanParams(human_rand=(0.0, 0.2, 0.1), gives_way=False, motion=MotionParams(families=(family,)))


class HandoverParams(TaskParams):
    """What both handovers have."""

    shield: ShieldParams = HANDOVER_SHIELD
    collision_reward: float = -1.0
    """Added in a step with an illegal collision (static, robot itself, or critical human contact)."""
    horizon: int = Field(default=1000, ge=1)
    """Steps until the episode is truncated (1 step = 0.1 s)."""
    object_gripped_reward: float = -0.25
    """Sparse reward of a step in which the robot grips the hammer, and nothing better holds."""
    object_weight: float = Field(default=0.1, ge=0.0)
    """Weight of the dense term -weight * ||desired - achieved goal|| [1/m]."""
    gripper_weight: float = Field(default=0.02, ge=0.0)
    """Weight of the dense term -weight * ||hammer - end effector|| [1/m]."""


class Handover(Task):
    """A person and the robot hand a hammer over; the last phase is ``complete``."""

    params: HandoverParams
    state: ClassVar[tuple[str, ...]] = ("_target",)
    observation_groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "object-state": (
            "gripper_aperture",
            *HUMAN,
            "object_pos",
            "object_quat",
            "vec_eef_to_object",
            "quat_eef_to_object",
            "object_gripped",
        ),
        "robot0_proprio-state": ("robot0_eef_pos", "robot0_gripper_qpos", "robot0_gripper_qvel"),
        "goal-state": (
            "phase",
            "target_pos",
            "vec_object_to_target",
            "vec_eef_to_target",
            "vec_eef_to_next_objective",
        ),
    }
    loop: ClassVar[str]
    """The loop in which the person waits with the hand held out."""

    def __init__(self, params: TaskParams, engine: Engine) -> None:
        from hrg_pipeline.robots.ik import forward

        super().__init__(params, engine)
        self._reach = Reach(engine)
        self._start = forward(engine.arm, self._reach.start_pose[None]).pos[0]
        self._target = np.zeros((engine.num_envs, 3))

    @classmethod
    def layout(cls, params: TaskParams) -> Layout:
        """Return the hammer, both hands that may hold it, and a marker for the target."""
        welds = tuple(
            HandWeld(hand, body, "hammer", pos=(float(palm[0]), float(palm[1]), float(palm[2])))
            for hand, body, palm in zip(HANDS, _BODIES, _PALMS, strict=True)
        )
        marker = Marker("target", Shape("sphere", (0.02,), colour=GHOST))
        return Layout(objects=(hammer(),), markers=(marker,), welds=welds)

    @property
    def start_pose(self) -> Array:
        """The gripper points straight down in front of the robot (n,) [rad]."""
        return self._reach.start_pose

    def sample_start(self, i: int, rng: np.random.Generator) -> Array:
        """Return the start pose."""
        return self.start_pose

    def begin(self, i: int, rng: np.random.Generator) -> None:
        """Let somebody come who holds a hand out within reach of the gripper."""
        for weld in range(len(HANDS)):
            self.engine.objects.detach(i, weld)
        for _ in range(_DRAWS):
            if self._can_meet(self.meeting_point(i)):
                return
            self.engine.next_person(i, rng)
        raise ModelError(f"none of {_DRAWS} people held a hand out to where the gripper reaches, pointing down")

    def next_goal(self, i: int, rng: np.random.Generator) -> None:
        """Begin the next handover, with another person."""
        self.phase[i] = 0
        self.engine.next_person(i, rng)
        self.begin(i, rng)
        self.sample_goal(i, rng)

    def hand(self, i: int) -> int:
        """Index of the hand that holds, or will hold, the hammer; it is that of the weld, too.

        Raises:
            MotionError: the clip is none of a handover.
        """
        facts = self.engine.people.facts(i)
        if facts.hand not in HANDS or self.loop not in facts.loops or len(facts.keyframes_s) < 2:
            raise MotionError(
                f"clip '{facts.name}' needs a hand, two keyframes and a loop '{self.loop}'; "
                "choose a family of handovers with environment.human.motion.families"
            )
        return HANDS.index(facts.hand)

    def palm(self, i: int) -> Array:
        """Middle of a handle that lies in the hand now (3,) [m], world."""
        hand = self.hand(i)
        pos, turn = self.engine.objects.hand_pose(i, _BODIES[hand])
        return np.asarray(pos + turn.apply(_PALMS[hand]))

    def meeting_point(self, i: int) -> Array:
        """Where the gripper holds the hammer while its level handle is in the hand that is held out (3,) [m]."""
        pos, turn = self._held_out(i)
        return np.asarray(pos + turn.apply(_PALMS[self.hand(i)]) - np.array([GRIP_AHEAD_M, 0.0, 0.0]))

    def place_in_hand(self, i: int) -> tuple[Array, Array]:
        """How a hand holds the hammer so that it is level, and its head toward the robot, when it is held out.

        Returns:
            Position (3,) [m] and orientation wxyz (4,) of the hammer in the frame of the hand's body.
        """
        pos, turn = self._held_out(i)
        return turn.inv().apply(self.meeting_point(i) - pos), turn.inv().as_quat(scalar_first=True)

    def observe(self) -> dict[str, Array]:
        """Return every sensor."""
        engine = self.engine
        eef, seen = engine.eef_pos, observe_object(engine, HAMMER, "object")
        gripped, thing = engine.objects.gripped[:, HAMMER, None], seen["object_pos"]
        return {
            **observe_robot(engine),
            **observe_gripper(engine),
            **observe_human(engine),
            **seen,
            "object_gripped": gripped.astype(np.float64),
            "phase": np.eye(len(self.phases))[self.phase],
            "target_pos": self._target.copy(),
            "vec_object_to_target": self._target - thing,
            "vec_eef_to_target": self._target - eef,
            "vec_eef_to_next_objective": np.where(gripped, self._target, thing) - eef,
        }

    def info(self, observation: Mapping[str, Array]) -> dict[str, NDArray[Any]]:
        """Return whether the robot grips the hammer, and how far it is from the end effector [m], each (N,)."""
        return {
            "object_gripped": observation["object_gripped"][:, 0] > 0.0,
            "eef_to_object_m": norm(observation["vec_eef_to_object"]),
        }

    def success(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Bools:
        """Tell whose handover is complete: the person has done all that there was to do."""
        return np.asarray(info["phase"] == self.phases.index("complete"))

    def dense_terms(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> dict[str, Array]:
        """Return the terms of both distances."""
        return {
            "object_distance": -self.params.object_weight * norm(achieved - desired),
            "gripper_distance": -self.params.gripper_weight * info["eef_to_object_m"],
        }

    def _can_meet(self, place: Array) -> bool:
        """Whether the gripper gets to a place (3,) [m], and nobody who comes there runs into it before."""
        ahead, aside, up = place - self._start
        clear = bool((np.array([ahead, abs(aside), -up]) >= FREE_OF_ARM_M).any())
        if not (clear and (np.abs(place) >= FREE_OF_FOOT_M).any()):
            return False
        both = np.stack([place, place + np.array([0.0, 0.0, LIFT_M])])
        return bool(self._reach.configurations(both)[1].all())

    def _hold_loosely(self, phase: str) -> None:
        """In a phase, let the hands of those whose gripper holds the hammer too give way to it.

        A hand that moves a little would else pull at the arm: every step the hand takes the hammer as it then is.
        """
        both = (self.phase == self.phases.index(phase)) & (self.engine.objects.held == HAMMER)
        for i in np.flatnonzero(both).tolist():
            self.engine.objects.grasp(i, self.hand(i))

    def _held_out(self, i: int) -> tuple[Array, Rotation]:
        """Position (3,) [m] and orientation of the hand in the middle of the time that it is held out for."""
        body = BODY_NAMES.index(_BODIES[self.hand(i)])
        pos, quat = self.engine.people.pose_at(i, self.engine.people.facts(i).loops[self.loop].anchor_s)
        return pos[body], Rotation.from_quat(quat[body], scalar_first=True)
