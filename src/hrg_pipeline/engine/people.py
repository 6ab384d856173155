"""The humans of N environments: who they are, what they play, when they wait."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.engine.arrays import EnvArrays
from hrg_pipeline.engine.scene import HUMAN_PREFIX, Scene
from hrg_pipeline.errors import MotionError
from hrg_pipeline.human import playback as pb
from hrg_pipeline.human.body import BODY_NAMES, N_BODIES, girth_widths, stature_of
from hrg_pipeline.human.curves import make_records, motion_frame
from hrg_pipeline.human.derivatives import SCRATCH, motion_state_at
from hrg_pipeline.human.motion_set import PERTURBATION_SIGMAS, ClipFacts, MotionSet
from hrg_pipeline.human.params import HumanParams
from hrg_pipeline.human.procedural import ACCELERATION_SHARE
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Rows

Array = NDArray[np.float64]
Members = NDArray[np.int64] | NDArray[np.bool_]


class People:
    """The human beside the robot, one in every environment.

    Args:
        scene: the scene, whose skeleton plays the motions.
        human: what is chosen about the human.
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
        self._size = HumanSize(scene.model)
        self._girth = human.girth
        self._stature = stature_of(scene.skeleton)
        self._stages = sorted({stage for facts in motions.clips for stage in facts.loops})
        self._scratch = np.zeros((N_BODIES, SCRATCH))

    # What tasks ask: arrays with the environment as first axis.

    @property
    def time(self) -> Array:
        """Time in the clip (N,) [s]."""
        return self._arrays.human_clock[:, pb.TIME].copy()

    @property
    def delay(self) -> Array:
        """How much later than without loops the human is (N,) [s]."""
        clock = self._arrays.human_clock
        return np.asarray(clock[:, pb.LINEAR] - clock[:, pb.TIME])

    @property
    def is_looping(self) -> NDArray[np.bool_]:
        """Whether the human waits in a loop (N,)."""
        return np.asarray(self._arrays.human_stage[:, 1] == pb.LOOPING)

    @property
    def is_finished(self) -> NDArray[np.bool_]:
        """Whether the clip has come to its end, which is then held (N,)."""
        return np.asarray(self.time >= self.motions.library.length_s[self._arrays.clip])

    def facts(self, i: int) -> ClipFacts:
        """Return what is known about the clip of environment ``i``."""
        return self.motions.clips[int(self._arrays.clip[i])]

    def stature(self, i: int) -> float:
        """Body height of the human of environment ``i`` [m]."""
        return float(self._stature * self._arrays.human_person[i, pb.SCALE])

    def point(self, i: int, point: Array) -> Array:
        """Where a point of the clip, such as its target, is in the world of environment ``i`` (3,) [m].

        The height of a target stays: it is the table's or the robot's, not the human's.
        """
        x, y, cos, sin, scale = self._arrays.human_frame[i]
        turn = np.array([[cos * cos - sin * sin, -2.0 * cos * sin], [2.0 * cos * sin, cos * cos - sin * sin]])
        return np.concatenate(([x, y] + scale * turn @ point[:2], point[2:]))

    def motion(self, i: int) -> tuple[Array, Array, Array]:
        """Position [m], velocity [m/s] and acceleration [m/s²] of every joint now, (24, 3) each, world frame.

        They are exact: derivatives of the curve that is played, at the pace at which it is.
        """
        pos, vel, acc = (np.zeros((N_BODIES, 3)) for _ in range(3))
        clock = self._arrays.human_clock[i]
        frame = self._arrays.human_frame[i]
        _state(self.records, self._arrays.clip[i], clock[pb.TIME], frame, self._scratch, pos, vel, acc)
        flow, change = clock[pb.FLOW], clock[pb.FLOW_CHANGE]
        return pos, vel * flow, acc * flow * flow + vel * change

    # Loops.

    def start_loop(self, members: Members, stage: str) -> None:
        """Let people wait: each plays the loop of the stage from the moment when its clip is at the loop's anchor.

        Args:
            members: which environments, as indices or as a mask (N,).
            stage: name of the loop in their clips.

        Raises:
            MotionError: a clip has no such loop.
        """
        for i in self._indices(members):
            facts = self.facts(i)
            if stage not in facts.loops:
                known = ", ".join(facts.loops) or "none"
                raise MotionError(f"clip '{facts.name}' has no loop '{stage}'; it has: {known}")
            self._arrays.human_stage[i] = list(facts.loops).index(stage), 0

    def release_loop(self, members: Members) -> None:
        """Let people go on from where they are."""
        self._arrays.human_stage[self._indices(members)] = pb.NEVER, 0

    # Episodes.

    def begin(self, i: int, rng: np.random.Generator) -> None:
        """Draw the human of an episode: clip, offset, stature, girth, and how loops differ from the recorded ones."""
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
        self.place(i, clip, offset, stature, girth, factors)

    def place(
        self,
        i: int,
        clip: int,
        offset: Array,
        stature_m: float | None = None,
        girth: float | None = None,
        factors: dict[str, Array] | None = None,
    ) -> None:
        """Put a person at the start of a clip.

        Args:
            i: environment.
            clip: index of the clip.
            offset: x [m], y [m], yaw [rad] of the motion (3,).
            stature_m: body height [m]; default that of the scene. Others only where sizes vary.
            girth: factor of girth; default that of the scene.
            factors: of the amplitudes and speeds (2, k) of each loop; default 1.
        """
        arrays, facts = self._arrays, self.motions.clips[clip]
        scale = (stature_m or self._stature) / self._stature
        tempo, change = pb.tempo_of(facts.shares, scale, _SHARE_MAX)
        arrays.clip[i] = clip
        arrays.human_frame[i] = motion_frame(self.motions.library, clip, offset, scale)
        arrays.human_person[i] = tempo, change, scale, self._girth if girth is None else girth
        pb.new_clock(arrays.human_clock[i], arrays.human_stage[i], tempo)
        arrays.human_loops[i] = 0.0
        for k, (stage, loop) in enumerate(facts.loops.items()):
            one = (factors or {}).get(stage, np.ones((2, len(loop.speeds))))
            shares = facts.loop_shares[stage]
            arrays.human_loops[i, k] = pb.perturbed_loop(loop, one[0], one[1], shares, scale, tempo)
        self.resize(i)

    def resize(self, i: int) -> None:
        """Give the physics of environment ``i`` the size of its person, if sizes vary."""
        if self._models:
            self.dress(i, self._models[i], self._size)

    def dress(self, i: int, model: mujoco.MjModel, size: HumanSize) -> None:
        """Give another model, such as the one for pictures, the size of the person of environment ``i``."""
        scale, girth = self._arrays.human_person[i, [pb.SCALE, pb.BUILD]]
        size.apply(model, float(scale), float(girth) / self._girth)

    def _indices(self, members: Members) -> NDArray[np.int64]:
        if members.dtype == np.bool_:
            return np.flatnonzero(members)
        return np.asarray(members, dtype=np.int64)


class HumanSize:
    """Sizes of the human's geoms in a model, to be scaled without compiling it again.

    Args:
        model: as compiled; its sizes are remembered.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        bodies = {model.body(HUMAN_PREFIX + name).id: k for k, name in enumerate(BODY_NAMES)}
        self._geoms = np.array([g for g in range(model.ngeom) if int(model.geom_bodyid[g]) in bodies])
        self._owner = np.array([bodies[int(model.geom_bodyid[g])] for g in self._geoms])
        self._is_capsule = model.geom_type[self._geoms] == mujoco.mjtGeom.mjGEOM_CAPSULE
        self._nodes = np.array(
            [model.body_bvhadr[b] + k for b in bodies for k in range(model.body_bvhnum[b])], dtype=np.int64
        )
        self._bodies = np.array(list(bodies))
        self._size = model.geom_size[self._geoms].copy()
        self._pos = model.geom_pos[self._geoms].copy()
        self._aabb = model.geom_aabb[self._geoms].copy()
        self._bound = model.geom_rbound[self._geoms].copy()
        self._centre = model.body_ipos[self._bodies].copy()
        self._boxes = model.bvh_aabb[self._nodes].copy()

    def apply(self, model: mujoco.MjModel, scale: float, girth: float) -> None:
        """Write the sizes of a person.

        Args:
            model: whose sizes are written.
            scale: stature over that of the remembered sizes.
            girth: girth over that of the remembered sizes.
        """
        widths = girth_widths(girth)[self._owner]
        along = np.where(self._is_capsule, widths[:, 1], widths[:, 0])
        model.geom_size[self._geoms] = scale * self._size * np.stack((widths[:, 0], along, widths[:, 0]), axis=1)
        model.geom_pos[self._geoms] = scale * self._pos
        # Boxes and balls around the geoms only need to be large enough.
        most = scale * np.maximum(widths.max(axis=1), 1.0)
        model.geom_aabb[self._geoms, :3] = scale * self._aabb[:, :3]
        model.geom_aabb[self._geoms, 3:] = most[:, None] * self._aabb[:, 3:]
        model.geom_rbound[self._geoms] = self._bound * most
        model.body_ipos[self._bodies] = scale * self._centre
        model.bvh_aabb[self._nodes, :3] = scale * self._boxes[:, :3]
        model.bvh_aabb[self._nodes, 3:] = scale * max(girth, 1.0) * self._boxes[:, 3:]


def sizes_vary(human: HumanParams) -> bool:
    """Tell whether people of different episodes differ in size, so that every environment needs its own mjModel."""
    return human.stature_range is not None or human.build_range is not None


_SHARE_MAX = 1.001 * ACCELERATION_SHARE
"""Clips are made to use up to this; what rounding adds must not slow them down."""


@kernel
def _state(
    records: Rows, clip: int, t: float, frame: Array, scratch: Array, pos: Array, vel: Array, acc: Array
) -> None:
    motion_state_at(records[clip], t, frame, scratch, pos, vel, acc)
