"""CollaborativeStacking: a person and the robot build a stack of four cubes in turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.spatial.transform import Rotation

from hrg_pipeline.engine.layout import Colour, HandWeld, Layout, SceneObject, Shape
from hrg_pipeline.errors import ConfigError, ModelError
from hrg_pipeline.human.body import BODY_NAMES
from hrg_pipeline.human.params import HumanParams, MotionParams
from hrg_pipeline.shield.params import ShieldParams
from hrg_pipeline.tasks.base import Array, Bools, Task
from hrg_pipeline.tasks.observations import HUMAN, norm, observe_gripper, observe_human, observe_robot
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.pick_place_human import TABLE_SHIELD
from hrg_pipeline.tasks.reaching import Reach

if TYPE_CHECKING:
    from hrg_pipeline.engine.engine import Engine

CUBE_M, CUBE_KG = 0.045, 0.091
"""Edge length [m], and mass at 1000 kg/m^3, of every cube."""
A, B, LEFT, RIGHT = range(4)
"""Indices of the cubes: the robot's two, and those in the person's left and right hand."""
HANDS, _BODIES = ("left", "right"), ("L_Hand", "R_Hand")
HOVER_M = 0.12
"""Cubes and stack are where the gripper also gets to this far above them [m]."""
APART_M = 0.12
"""Middles of the robot's cubes are at least this far apart [m]."""
BESIDE_STACK_M = 0.26
"""And this far from the place of the stack [m]."""
DROP_M = 0.003
"""The person lets a cube go this far above what it is to lie on [m]."""
_DRAWS = 300
_NOBODY = -1
_ROBOT_COLOUR: Colour = (0.20, 0.65, 0.32, 1.0)
_HUMAN_COLOUR: Colour = (0.85, 0.55, 0.20, 1.0)
_WAITS = (("wait_for_second", 2), ("wait_for_fourth", 4))
"""Loops of the clips, which are phases too, and how high the stack is afterwards."""


STACKING_SHIELD = TABLE_SHIELD.model_copy(update={"gripper_distance_m": 0.05})
"""People who wait have their hands a forearm from the stack, where fingers must still open."""


class CollaborativeStackingParams(TaskParams):
    """Places, rewards and scene of CollaborativeStacking."""

    env_id: Literal["CollaborativeStacking"] = "CollaborativeStacking"
    horizon: int = Field(default=3000, ge=1)
    """Steps until the episode is truncated (1 step = 0.1 s)."""
    goal_dist: float = Field(default=0.025, gt=0.0)
    """A cube lies on the stack when it is this close to its place there along every axis [m]."""
    room_m: float = Field(default=0.26, ge=0.0)
    """The person goes on once the end effector is this far from the cube that it has put down [m]."""
    task_reward: float = 2.0
    """Reward of the step in which the stack is complete and the person has left."""
    second_cube_at_target_reward: float = 0.0
    """Sparse reward of a step with the second cube in its place."""
    fourth_cube_at_target_reward: float = 1.0
    """Sparse reward of a step with the fourth cube in its place."""
    stack_toppled_reward: float = -10.0
    """Reward of the step in which the stack topples, which ends the episode."""
    object_gripped_reward: float = 0.75
    """Added in a step in which one of the robot's cubes is gripped."""
    object_weight: float = Field(default=0.1, ge=0.0)
    """Weight of the dense term -weight * ||target - cube|| [1/m]."""
    gripper_weight: float = Field(default=0.02, ge=0.0)
    """Weight of the dense term -weight * ||cube - end effector|| [1/m]."""
    object_x_m: tuple[float, float] = (0.32, 0.44)
    """Range of x that the robot's cubes are put into [m]."""
    object_y_m: tuple[float, float] = (-0.35, 0.35)
    """The same for y."""
    stack_x_m: tuple[float, float] = (0.35, 0.52)
    """Range of x that stacks are in: nobody comes who builds one elsewhere [m]."""
    stack_y_m: tuple[float, float] = (-0.3, 0.3)
    """The same for y."""
    shield: ShieldParams = STACKING_SHIELD
    human: HumanParams = HumanParams(
        human_rand=(0.02, 0.1, 0.1), motion=MotionParams(families=("collaborative_stacking",))
    )


class CollaborativeStacking(Task):
    """Build a stack of four cubes with a person, in turn.

    Scene: an arm on its pedestal, a table of 1.5 x 2.0 m, two cubes of 4.5 cm and 91 g on it for the robot, and one
    person, who brings one in each hand.

    Phases: `approach` until the person is there (first keyframe); `place_first`: they put a cube down (second);
    `wait_for_second`: they wait until the robot has put one on it and drawn back; `place_third`: they put their other
    one on top (fourth keyframe); `wait_for_fourth`: they wait for the robot's other one; `retreat`: they leave;
    `complete`: they are gone.

    | sensor | shape | unit, frame |
    |---|---|---|
    | `robot0_joint_pos`, `robot0_joint_vel` | n each | rad, rad/s |
    | `robot0_eef_pos` | 3 | m, world |
    | `robot0_gripper_qpos`, `robot0_gripper_qvel` | h each | finger joints, m or rad and per second |
    | `gripper_aperture` | 1 | 0 closed to 1 open |
    | `vec_eef_to_human_{lh,rh,head}` | 3 each | m, world axes |
    | `dist_eef_to_human_{lh,rh,head}` | 1 each | m |
    | `human_joint_pos` | 27 | m, world; nine joints |
    | `phase` | 7 | one-hot |
    | `all_objects_pos` | 12 | m, world; the robot's cubes, the left and the right hand's |
    | `vec_eef_to_all_objects` | 12 | m, world axes |
    | `object_pos`, `vec_eef_to_object` | 3 each | m, world; of the robot's next cube |
    | `object_gripped` | 1 | 1 while both sides of the gripper touch one of the robot's cubes |
    | `target_pos` | 3 | m, world; where it is to lie, while the person waits; else where it is |
    | `vec_object_to_target`, `vec_eef_to_target` | 3 each | m, world |
    | `vec_eef_to_next_objective` | 3 | m, to the target if the cube is gripped, else to the cube |

    Action: joint steps and gripper, or Cartesian steps and gripper through the wrapper `ik_position_delta`.
    Reward: sparse (`task_reward`, `stack_toppled_reward`, else `fourth_cube_at_target_reward`,
    `second_cube_at_target_reward` or -1, and `object_gripped_reward`); dense -`object_weight` * ||target - cube||
    - `gripper_weight` * ||cube - end effector||. Success: the person has left the complete stack. Failure: it topples.

    Version history: v0, first release.
    """

    params: CollaborativeStackingParams
    phases: ClassVar[tuple[str, ...]] = (
        "approach",
        "place_first",
        "wait_for_second",
        "place_third",
        "wait_for_fourth",
        "retreat",
        "complete",
    )
    state: ClassVar[tuple[str, ...]] = ("_stack",)
    observation_groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "object-state": (
            "gripper_aperture",
            *HUMAN,
            "all_objects_pos",
            "vec_eef_to_all_objects",
            "object_pos",
            "vec_eef_to_object",
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

    def __init__(self, params: TaskParams, engine: Engine) -> None:
        super().__init__(params, engine)
        for facts in engine.people.motions.clips:
            if facts.hand not in HANDS or len(facts.keyframes_s) != 5 or facts.target is None:
                raise ConfigError(
                    f"CollaborativeStacking: nobody stacks cubes in clip '{facts.name}'; "
                    "set environment.human.motion.families to [collaborative_stacking]"
                )
        self._reach = Reach(engine)
        self._stack = np.full((engine.num_envs, 4), _NOBODY)

    @classmethod
    def layout(cls, params: TaskParams) -> Layout:
        """Return the four cubes, and the hands that hold two of them."""
        half = (0.5 * CUBE_M,) * 3
        names = ("a", "b", *HANDS)
        colours = (_ROBOT_COLOUR, _ROBOT_COLOUR, _HUMAN_COLOUR, _HUMAN_COLOUR)
        cubes = tuple(
            SceneObject(f"cube_{name}", (Shape("box", half, mass_kg=CUBE_KG, colour=colour),))
            for name, colour in zip(names, colours, strict=True)
        )
        welds = tuple(
            HandWeld(hand, body, f"cube_{hand}", pos=(0.0, 0.0, -0.05))
            for hand, body in zip(HANDS, _BODIES, strict=True)
        )
        return Layout(objects=cubes, welds=welds)

    @property
    def start_pose(self) -> Array:
        """The gripper points straight down in front of the robot (n,) [rad]."""
        return self._reach.start_pose

    def sample_start(self, i: int, rng: np.random.Generator) -> Array:
        """Return the start pose."""
        return self.start_pose

    def begin(self, i: int, rng: np.random.Generator) -> None:
        """Let somebody come with two cubes who stacks within reach of the gripper, and put the robot's on the table.

        Raises:
            ModelError: if none of many does.
        """
        self._stack[i] = _NOBODY
        for _ in range(_DRAWS):
            if self._is_reachable(self._place_of_stack(i)):
                break
            self.engine.next_person(i, rng)
        else:
            raise ModelError(f"none of {_DRAWS} people built a stack where the gripper gets to, pointing down")
        for hand in range(len(HANDS)):
            self.engine.objects.attach(i, hand, *self._place_in_hand(i, hand))
        for cube, place in zip((A, B), self._draw_places(i, rng), strict=True):
            self.engine.objects.place(i, cube, place)

    def sample_goal(self, i: int, rng: np.random.Generator) -> None:
        """Nothing is drawn: the goal is on top of the stack."""

    def next_goal(self, i: int, rng: np.random.Generator) -> None:
        """Begin another stack, with another person."""
        self.phase[i] = 0
        self.engine.next_person(i, rng)
        self.begin(i, rng)

    def advance(self) -> None:
        """Go on to the next phase where its time has come."""
        people = self.engine.people
        self._go_on("approach", self._is_past_keyframe(0))
        for phase, keyframe, (loop, height) in zip(("place_first", "place_third"), (1, 3), _WAITS, strict=True):
            placed = self._go_on(phase, self._is_past_keyframe(keyframe))
            for i in placed.tolist():
                hand = self._hand(i, height - 2)
                self.engine.objects.detach(i, hand)
                self._stack[i, height - 2] = LEFT + hand
            people.start_loop(placed, loop)
            cube = self._next_cubes()
            stacked = self._go_on(loop, self._is_put_down(cube))
            self._stack[stacked, height - 1] = cube[stacked]
            people.release_loop(stacked)
        self._go_on("retreat", people.is_finished)

    def observe(self) -> dict[str, Array]:
        """Return every sensor."""
        engine, objects = self.engine, self.engine.objects
        robot, rows = observe_robot(engine), np.arange(engine.num_envs)
        eef, cube = robot["robot0_eef_pos"], objects.pos[rows, self._next_cubes()]
        gripped, target = np.asarray(objects.gripped[:, [A, B]].any(axis=1, keepdims=True)), self._targets()
        everything = objects.pos.reshape(engine.num_envs, -1)
        return {
            **robot,
            **observe_gripper(engine),
            **observe_human(engine),
            "phase": np.eye(len(self.phases))[self.phase],
            "all_objects_pos": everything.copy(),
            "vec_eef_to_all_objects": everything - np.tile(eef, (1, objects.count)),
            "object_pos": cube,
            "vec_eef_to_object": cube - eef,
            "object_gripped": gripped.astype(np.float64),
            "target_pos": target,
            "vec_object_to_target": target - cube,
            "vec_eef_to_target": target - eef,
            "vec_eef_to_next_objective": np.where(gripped, target, cube) - eef,
        }

    def achieved_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return where the robot's next cube is (N, 3) [m]."""
        return observation["object_pos"]

    def desired_goal(self, observation: Mapping[str, Array]) -> Array:
        """Return where it should be (N, 3) [m]."""
        return observation["target_pos"]

    def info(self, observation: Mapping[str, Array]) -> dict[str, NDArray[Any]]:
        """Return whether a cube is gripped, how far it is [m], how high the stack is, whether it has toppled (N,)."""
        return {
            "object_gripped": observation["object_gripped"][:, 0] > 0.0,
            "eef_to_object_m": norm(observation["vec_eef_to_object"]),
            "stack_height": (self._stack != _NOBODY).sum(axis=1),
            "stack_toppled": self._is_toppled(),
        }

    def success(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Bools:
        """Tell where the person has left a complete stack."""
        toppled = np.asarray(info["stack_toppled"], dtype=np.bool_)
        return np.asarray((info["phase"] == self.phases.index("complete")) & ~toppled)

    def failed(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Bools:
        """Tell which stacks have toppled."""
        return np.asarray(info["stack_toppled"], dtype=np.bool_)

    def sparse_reward(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> Array:
        """Return ``task_reward``, ``stack_toppled_reward``, or that of what is in place and gripped (N,)."""
        params, phase = self.params, info["phase"]
        near = np.abs(achieved - desired).max(axis=1) <= params.goal_dist
        second, fourth = ((phase > k) | ((phase == k) & near) for k in (self.phases.index(loop) for loop, _ in _WAITS))
        in_place = np.where(second, params.second_cube_at_target_reward, -1.0)
        in_place = np.where(fourth, params.fourth_cube_at_target_reward, in_place)
        otherwise = in_place + np.where(info["object_gripped"], params.object_gripped_reward, 0.0)
        otherwise = np.where(self.failed(achieved, desired, info), params.stack_toppled_reward, otherwise)
        return np.where(self.success(achieved, desired, info), params.task_reward, otherwise)

    def dense_terms(self, achieved: Array, desired: Array, info: Mapping[str, Array]) -> dict[str, Array]:
        """Return the terms of both distances."""
        return {
            "object_distance": -self.params.object_weight * norm(achieved - desired),
            "gripper_distance": -self.params.gripper_weight * info["eef_to_object_m"],
        }

    def _hand(self, i: int, turn: int) -> int:
        """Index of the hand whose cube comes first (turn 0) or third (turn 2); it is that of the weld, too."""
        first = HANDS.index(self.engine.people.facts(i).hand)
        return first if turn == 0 else 1 - first

    def _place_of_stack(self, i: int) -> Array:
        """Where the stack stands on the table (3,) [m]."""
        return self.engine.people.point(i, np.array(self.engine.people.facts(i).target))

    def _place_in_hand(self, i: int, hand: int) -> tuple[Array, Array]:
        """How a hand holds its cube so that it is level, and in its place, when it is let go.

        Returns:
            Position (3,) [m] and orientation wxyz (4,) of the cube in the frame of the hand's body.
        """
        level = 0 if self._hand(i, 0) == hand else 2
        body = BODY_NAMES.index(_BODIES[hand])
        pos, quat = self.engine.people.pose_at(i, self.engine.people.facts(i).keyframes_s[level + 1])
        turn = Rotation.from_quat(quat[body], scalar_first=True).inv()
        place = self._place_of_stack(i) + np.array([0.0, 0.0, (level + 0.5) * CUBE_M + DROP_M])
        return turn.apply(place - pos[body]), turn.as_quat(scalar_first=True)

    def _is_reachable(self, place: Array) -> bool:
        """Whether a stack is in its box, and the gripper gets to every place of it and above."""
        low, high = np.array([self.params.stack_x_m, self.params.stack_y_m]).T
        if not ((place[:2] >= low) & (place[:2] <= high)).all():
            return False
        heights = np.array([1.5 * CUBE_M, 3.5 * CUBE_M + HOVER_M])
        return bool(self._reach.configurations(place + heights[:, None] * np.array([0.0, 0.0, 1.0]))[1].all())

    def _draw_places(self, i: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw where the robot's cubes lie: apart, and away from the stack (3,) [m] each.

        Raises:
            ModelError: if there is no room for them.
        """
        height = self.engine.scene.layout.table_offset[2] + 0.5 * CUBE_M
        box = (self.params.object_x_m, self.params.object_y_m, (height, height))
        stack = self._place_of_stack(i)
        found: list[Array] = []
        for _ in range(_DRAWS):
            place = self._reach.sample(box, rng, HOVER_M)
            beside = np.hypot(*(place - stack)[:2]) >= BESIDE_STACK_M
            if beside and all(np.hypot(*(place - other)[:2]) >= APART_M for other in found):
                found.append(place)
                if len(found) == 2:
                    return found[0], found[1]
        raise ModelError(f"no room for two cubes beside the stack in the box {box} m")

    def _next_cubes(self) -> NDArray[np.int64]:
        """The robot's cube that comes next (N,): the held one, else the first that is not stacked, else the last."""
        held, free = self.engine.objects.held, [~(self._stack == cube).any(axis=1) for cube in (A, B)]
        cube = np.where(free[A], A, B)
        for k in (A, B):
            cube = np.where((held == k) & free[k], k, cube)
        # With both on the stack it is the one on top.
        return np.where(free[A] | free[B], cube, np.where(self._stack[:, 3] == A, A, B))

    def _targets(self) -> Array:
        """Where the next cube is to lie (N, 3) [m]: on the stack while the person waits, else where it is."""
        objects, rows = self.engine.objects, np.arange(self.engine.num_envs)
        target = objects.pos[rows, self._next_cubes()]
        for loop, height in _WAITS:
            waits = np.flatnonzero(self.phase == self.phases.index(loop))
            top = objects.pos[waits, self._stack[waits, height - 2]]
            target[waits] = top + np.array([0.0, 0.0, CUBE_M])
        return target

    def _is_put_down(self, cube: NDArray[np.int64]) -> Bools:
        """Whose next cube is in its place, with the gripper away from it (N,)."""
        objects, rows = self.engine.objects, np.arange(self.engine.num_envs)
        pos = objects.pos[rows, cube]
        there = np.abs(pos - self._targets()).max(axis=1) <= self.params.goal_dist
        away = norm(self.engine.eef_pos - pos) >= self.params.room_m
        return np.asarray(there & away & (objects.held != cube))

    def _is_toppled(self) -> Bools:
        """Where a cube that was put on the first one is no longer above it (N,)."""
        objects, rows = self.engine.objects, np.arange(self.engine.num_envs)
        heights = objects.pos[rows[:, None], np.maximum(self._stack, 0), 2]
        fallen = heights[:, 1:] < heights[:, :1] + 0.5 * CUBE_M
        return np.asarray((fallen & (self._stack[:, 1:] != _NOBODY)).any(axis=1))
