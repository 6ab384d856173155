"""The people of N environments: who they are, what they play, when they wait."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.engine.arrays import EnvArrays
from hrg_pipeline.engine.places import stand
from hrg_pipeline.engine.scene import Scene
from hrg_pipeline.engine.sizes import HumanSize, sizes_vary
from hrg_pipeline.errors import MotionError
from hrg_pipeline.human import playback as pb
from hrg_pipeline.human.body import N_BODIES, stature_of
from hrg_pipeline.human.curves import make_records, motion_frame, place_pose
from hrg_pipeline.human.derivatives import SCRATCH, motion_state_at
from hrg_pipeline.human.motion_set import PERTURBATION_SIGMAS, ClipFacts, MotionSet
from hrg_pipeline.human.params import HumanParams
from hrg_pipeline.human.procedural import ACCELERATION_SHARE
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Rows

Array = NDArray[np.float64]
Members = NDArray[np.int64] | NDArray[np.bool_]


class People:
    """The people beside the robot, equally many in every environment.

    Person 0 takes part in the task, and is meant where nobody is named; others work at other sides of the table.

    Args:
        scene: the scene, whose skeleton plays the motions.
        human: what is chosen about them.
        motions: the clips.
        arrays: state of the environments; this writes what begins with ``human_`` and ``clip``.
        models: mjModel of each environment; distinct ones where ``sizes_vary(human)``.
    """

    def __init__(
        self, scene: Scene, human: HumanParams, motions: MotionSet, arrays: EnvArrays, models: list[mujoco.MjModel]
    ) -> None:
        self.motions = motions
        self.records = make_records(motions.library, scene.skeleton)
        self._human = human
        self._arrays = arrays
        self._models = models if sizes_vary(human) else []
        self._sizes = [HumanSize(scene.model, person) for person in range(human.count)]
        self._girth = human.girth
        self._stature = stature_of(scene.skeleton)
        self._stages = sorted({stage for facts in motions.clips for stage in facts.loops})
        self._scratch = np.zeros((N_BODIES, SCRATCH))

    # What tasks ask: arrays with the environment as first axis.

    @property
    def time(self) -> Array:
        """Time in the clip of person 0 (N,) [s]."""
        return self.time_of()

    @property
    def delay(self) -> Array:
        """How much later than without loops person 0 is (N,) [s]."""
        return self.delay_of()

    @property
    def is_looping(self) -> NDArray[np.bool_]:
        """Whether person 0 waits in a loop (N,)."""
        return self.loops_of()

    @property
    def is_finished(self) -> NDArray[np.bool_]:
        """Whether the clip of person 0 has come to its end, which is then held (N,)."""
        return self.has_finished()

    def time_of(self, person: int = 0) -> Array:
        """Time in the clip of a person (N,) [s]."""
        return self._arrays.human_clock[:, person, pb.TIME].copy()

    def delay_of(self, person: int = 0) -> Array:
        """How much later than without loops a person is (N,) [s]."""
        clock = self._arrays.human_clock[:, person]
        return np.asarray(clock[:, pb.LINEAR] - clock[:, pb.TIME])

    def loops_of(self, person: int = 0) -> NDArray[np.bool_]:
        """Whether a person waits in a loop (N,)."""
        return np.asarray(self._arrays.human_stage[:, person, 1] == pb.LOOPING)

    def length(self, i: int, person: int = 0) -> float:
        """Length of the clip of a person of environment ``i`` [s]."""
        return float(self.motions.library.length_s[self._arrays.clip[i, person]])

    def has_finished(self, person: int = 0) -> NDArray[np.bool_]:
        """Whether the clip of a person has come to its end, which is then held (N,)."""
        return np.asarray(self.time_of(person) >= self.motions.library.length_s[self._arrays.clip[:, person]])

    def facts(self, i: int, person: int = 0) -> ClipFacts:
        """Return what is known about the clip of a person of environment ``i``."""
        return self.motions.clips[int(self._arrays.clip[i, person])]

    def stature(self, i: int, person: int = 0) -> float:
        """Body height of a person of environment ``i`` [m]."""
        return float(self._stature * self._arrays.human_person[i, person, pb.SCALE])

    def point(self, i: int, point: Array, person: int = 0) -> Array:
        """Where a point of a person's clip, such as its target, is in the world of environment ``i`` (3,) [m].

        The height of a target stays: it is the table's or the robot's, not the human's.
        """
        x, y, cos, sin, scale = self._arrays.human_frame[i, person]
        turn = np.array([[cos * cos - sin * sin, -2.0 * cos * sin], [2.0 * cos * sin, cos * cos - sin * sin]])
        return np.concatenate(([x, y] + scale * turn @ point[:2], point[2:]))

    def motion(self, i: int, person: int = 0) -> tuple[Array, Array, Array]:
        """Position [m], velocity [m/s] and acceleration [m/s²] of a person's joints now, (24, 3) each, world frame.

        They are exact: derivatives of the curve that is played, at the pace at which it is.
        """
        pos, vel, acc = (np.zeros((N_BODIES, 3)) for _ in range(3))
        clock = self._arrays.human_clock[i, person]
        frame = self._arrays.human_frame[i, person]
        _state(self.records, self._arrays.clip[i, person], clock[pb.TIME], frame, self._scratch, pos, vel, acc)
        flow, change = clock[pb.FLOW], clock[pb.FLOW_CHANGE]
        return pos, vel * flow, acc * flow * flow + vel * change

    def pose_at(self, i: int, time_s: float, person: int = 0) -> tuple[Array, Array]:
        """Where a person's bodies are at a time of their clip: positions (24, 3) [m], orientations wxyz (24, 4)."""
        pos, quat = np.zeros((N_BODIES, 3)), np.zeros((N_BODIES, 4))
        _pose(self.records, self._arrays.clip[i, person], time_s, self._arrays.human_frame[i, person], pos, quat)
        return pos, quat

    # Loops.

    def start_loop(self, members: Members, stage: str, person: int = 0) -> None:
        """Let people wait: each plays the loop of the stage from the moment when its clip is at the loop's anchor.

        Args:
            members: which environments, as indices or as a mask (N,).
            stage: name of the loop in their clips.
            person: who, in each of them.

        Raises:
            MotionError: a clip has no such loop.
        """
        for i in self._indices(members):
            facts = self.facts(i, person)
            if stage not in facts.loops:
                known = ", ".join(facts.loops) or "none"
                raise MotionError(f"clip '{facts.name}' has no loop '{stage}'; it has: {known}")
            self._arrays.human_stage[i, person] = list(facts.loops).index(stage), 0

    def release_loop(self, members: Members, person: int = 0) -> None:
        """Let people go on from where they are."""
        self._arrays.human_stage[self._indices(members), person] = pb.NEVER, 0

    # Episodes.

    def begin(self, i: int, rng: np.random.Generator) -> None:
        """Draw the people of an episode, person 0 first: what others draw changes nothing for those before them."""
        for person in range(self._human.count):
            self._begin_person(i, person, rng)

    def _begin_person(self, i: int, person: int, rng: np.random.Generator) -> None:
        """Draw a person: clip, offset, stature, girth, and how loops differ from the recorded ones."""
        human, motion = self._human, self._human.motion
        clip = int(rng.integers(len(self.motions.clips)))
        half = np.array(human.human_rand)
        offset = rng.uniform(-half, half)
        facts = self.motions.clips[clip]
        stature, girth = human.stature_m, human.girth
        if human.stature_range is not None:
            # Procedural motion is made for somebody; recorded motion is scaled to whoever comes.
            procedural = motion.source == "procedural"
            stature = facts.stature_m if procedural else float(rng.uniform(*human.stature_range))
        if human.build_range is not None:
            girth = float(rng.uniform(*human.build_range))
        factors = {}
        for stage, loop in facts.loops.items():
            draws = np.clip(rng.standard_normal((2, len(loop.speeds))), -PERTURBATION_SIGMAS, PERTURBATION_SIGMAS)
            bases = np.array([[motion.loop_amplitude_std_factor], [motion.loop_speed_std_factor]])
            factors[stage] = bases**draws
        self.place(i, clip, offset, stature, girth, factors, person)

    def place(
        self,
        i: int,
        clip: int,
        offset: Array,
        stature_m: float | None = None,
        girth: float | None = None,
        factors: dict[str, Array] | None = None,
        person: int = 0,
    ) -> None:
        """Put a person at the start of a clip, at their side of the table.

        Args:
            i: environment.
            clip: index of the clip.
            offset: x [m], y [m], yaw [rad] of the motion (3,), before it is turned to the person's side of the table.
            stature_m: body height [m]; default that of the scene. Others only where sizes vary.
            girth: factor of girth; default that of the scene.
            factors: of the amplitudes and speeds (2, k) of each loop; default 1.
            person: which one.
        """
        arrays, facts = self._arrays, self.motions.clips[clip]
        scale = (stature_m or self._stature) / self._stature
        tempo, change = pb.tempo_of(facts.shares, scale, _SHARE_MAX)
        arrays.clip[i, person] = clip
        arrays.human_frame[i, person] = stand(motion_frame(self.motions.library, clip, offset, scale), person)
        arrays.human_person[i, person] = tempo, change, scale, self._girth if girth is None else girth
        pb.new_clock(arrays.human_clock[i, person], arrays.human_stage[i, person], tempo)
        arrays.human_loops[i, person] = 0.0
        for k, (stage, loop) in enumerate(facts.loops.items()):
            one = (factors or {}).get(stage, np.ones((2, len(loop.speeds))))
            shares = facts.loop_shares[stage]
            arrays.human_loops[i, person, k] = pb.perturbed_loop(loop, one[0], one[1], shares, scale, tempo)
        self.resize(i)

    def move(self, i: int, shift: Array, person: int = 0) -> None:
        """Let a person do the same elsewhere: all their motion is shifted by x, y in the world (2,) [m]."""
        self._arrays.human_frame[i, person, :2] += shift

    def resize(self, i: int) -> None:
        """Give the physics of environment ``i`` the sizes of its people, if sizes vary."""
        if self._models:
            self.dress(i, self._models[i], self._sizes)

    def dress(self, i: int, model: mujoco.MjModel, sizes: Sequence[HumanSize]) -> None:
        """Give another model, such as the one for pictures, the sizes of the people of environment ``i``."""
        for person, size in zip(self._arrays.human_person[i], sizes, strict=True):
            size.apply(model, float(person[pb.SCALE]), float(person[pb.BUILD]) / self._girth)

    def _indices(self, members: Members) -> NDArray[np.int64]:
        if members.dtype == np.bool_:
            return np.flatnonzero(members)
        return np.asarray(members, dtype=np.int64)


_SHARE_MAX = 1.001 * ACCELERATION_SHARE
"""Clips are made to use up to this; what rounding adds must not slow them down."""


@kernel
def _pose(records: Rows, clip: int, t: float, frame: Array, pos: Array, quat: Array) -> None:
    place_pose(records[clip], t, frame, pos, quat)


@kernel
def _state(
    records: Rows, clip: int, t: float, frame: Array, scratch: Array, pos: Array, vel: Array, acc: Array
) -> None:
    motion_state_at(records[clip], t, frame, scratch, pos, vel, acc)
