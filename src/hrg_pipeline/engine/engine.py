"""The engine: N environments of one scene, stepped by threads that run compiled code."""

from __future__ import annotations

import copy
import hashlib
from functools import lru_cache
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.engine.arrays import make_env_arrays, make_scene_arrays
from hrg_pipeline.engine.layout import Layout
from hrg_pipeline.engine.nails import Nails
from hrg_pipeline.engine.objects import Objects
from hrg_pipeline.engine.obstacles import static_pairs
from hrg_pipeline.engine.people import Members, People
from hrg_pipeline.engine.scene import BARE, CYCLE_S, CYCLES_PER_STEP, build_scene
from hrg_pipeline.engine.sizes import sizes_vary
from hrg_pipeline.engine.step import begin_step, observe_end, run_chunk
from hrg_pipeline.engine.threads import Crew
from hrg_pipeline.engine.watched import motion_limits, robot_geometry, watched_bodies
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.human.body import BODY_NAMES
from hrg_pipeline.human.motion_set import MotionSet, make_motion_set
from hrg_pipeline.human.params import HumanParams
from hrg_pipeline.physics.contacts import GEOM_ALLOWED, GEOM_GRIPPER, GEOM_HUMAN, GEOM_ROBOT
from hrg_pipeline.robots.gripper_model import closing_direction
from hrg_pipeline.robots.ik import forward, make_arm, start_configuration
from hrg_pipeline.shield.factory import make_shield_model, make_shield_state
from hrg_pipeline.shield.model import ASSUMPTIONS, MODES, SAFE, VERDICTS
from hrg_pipeline.shield.params import ShieldParams, ShieldType
from hrg_pipeline.shield.shield import reset_shield
from hrg_pipeline.shield.static import configuration_gap

Array = NDArray[np.float64]

ACTION_SCALE = 0.2
"""Joint step of a full action, from the measured angle [rad]."""
MOTION_STREAM = 1_000_000
"""Branch of the seed tree that the motion library grows from; no environment has so high an index."""
_REACHABLE_M = 0.002
"""Configurations this much clearer than the shield asks for can be reached, and left [m]."""
_AHEAD_M, _AHEAD_STEPS = 0.05, 11
_ROOM_RAD = 0.1
"""So far every joint alone can turn either way from a free configuration [rad]."""
_AFTER_HORIZON_S = 1.0
_SHORTEST_MOTION_S, _LONGEST_MOTION_S = 4.0, 600.0
_PHYSICS_STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)


class Engine:
    """Robot, people and shield for ``num_envs`` environments.

    Where a person is asked for, 0 is the one who takes part in the task; others are passers-by.

    Args:
        robot_name: which arm.
        human: the people and how they move.
        shield: mode and assumptions of the shield.
        num_envs: how many environments.
        n_threads: threads that step them; None means one per core.
        seed: root of the seed tree (motion library).
        horizon_s: length of an episode; motions last at least as long [s].
        safe_vel: speed above which a human contact is critical [m/s].
        debounce_s: gap that separates two human contacts [s].
        gripper: which gripper; None means the arm's own.
        layout: what the task puts into the scene.
    """

    def __init__(
        self,
        robot_name: str,
        human: HumanParams,
        shield: ShieldParams,
        *,
        num_envs: int,
        n_threads: int | None,
        seed: int,
        horizon_s: float,
        safe_vel: float,
        debounce_s: float,
        gripper: str | None = None,
        layout: Layout = BARE,
    ) -> None:
        self.scene = build_scene(robot_name, human.stature_m, human.girth, gripper, human.count, layout)
        self.robot = self.scene.robot
        self.num_envs = num_envs
        self.dof = self.robot.dof
        self.human_params = human
        shared = self.scene.model
        self._models = [copy.copy(shared) if sizes_vary(human) else shared for _ in range(num_envs)]
        self._datas = [mujoco.MjData(model) for model in self._models]
        self._qpos = [data.qpos for data in self._datas]
        self._probe_model = copy.copy(self.scene.model)
        self._probe = mujoco.MjData(self._probe_model)
        self._constants = make_scene_arrays(self.scene, safe_vel, debounce_s, human.gives_way)
        self._arrays = make_env_arrays(self.scene, self._models, self._datas)
        motions = _motion_set(human, horizon_s, seed)
        self.people = People(self.scene, human, motions, self._arrays, self._models)
        self.shield = make_shield_model(
            robot_geometry(self.scene),
            watched_bodies(human),
            shield,
            motion_limits(self.scene),
            CYCLE_S,
            people=human.count,
            statics=static_pairs(self.scene, shield.obstacles, gripper=shield.obstacle_gripper, held=True),
            inertias=self.scene.inertias,
            joint_names=BODY_NAMES,
        )
        self.shields = make_shield_state(self.shield, num_envs)
        self._empty_hand = make_shield_state(self.shield, 1)
        self.arm = make_arm(shared, self.scene.chain, self.scene.arm_joints, self.robot)
        guards = self.shield, self.shields
        self.objects = Objects(self.scene, self.people, self.arm, self._arrays, self._models, self._datas, *guards)
        self.nails = Nails(self.scene, self.objects, self._datas)
        self._crew = Crew(num_envs, n_threads, self._run)
        self._gripper_actions = np.zeros(num_envs)
        self._goals = np.zeros((num_envs, self.dof))
        self._interventions = np.zeros(num_envs, dtype=np.int64)
        self._gripper_span = self._gripper_joint_span()
        for i in range(num_envs):
            for person in range(human.count):
                self.people.place(i, 0, np.zeros(3), person=person)
            self._start(i, np.array(self.robot.home_qpos))

    # Observations: views of the state at the end of the last step, one row per environment.

    @property
    def q(self) -> Array:
        """Measured joint angles (N, n) [rad]."""
        return self._arrays.q.copy()

    @property
    def dq(self) -> Array:
        """Measured joint speeds (N, n) [rad/s]."""
        return self._arrays.dq.copy()

    @property
    def eef_pos(self) -> Array:
        """Grip site in the world (N, 3) [m]."""
        return self._arrays.eef_pos.copy()

    @property
    def eef_rot(self) -> Array:
        """Axes of the grip site in the world (N, 3, 3)."""
        return forward(self.arm, self._arrays.q).rot

    @property
    def eef_vel(self) -> Array:
        """Velocity of the grip site in the world (N, 3) [m/s]."""
        jacobian = forward(self.arm, self._arrays.q).jacobian[:, :3]
        return np.asarray((jacobian @ self._arrays.dq[:, :, None])[:, :, 0])

    @property
    def contact_flags(self) -> NDArray[np.int64]:
        """OR of the contact flags of the last step (N,)."""
        return self._arrays.contact_flags

    @property
    def contact_counters(self) -> NDArray[np.int64]:
        """Contacts of the episode: static, robot, human, critical (N, 4)."""
        return self._arrays.contact_counters

    @property
    def failure(self) -> NDArray[np.int64]:
        """Index into ``arrays.FAILURES`` (N,)."""
        return self._arrays.failure

    @property
    def time(self) -> Array:
        """Time since the episode began (N,) [s]."""
        return np.asarray(self._arrays.clock * CYCLE_S)

    @property
    def torque_share(self) -> Array:
        """Largest share of a joint's torque limit asked for in the last step (N,)."""
        return self._arrays.torque_share

    @property
    def touched_bodies(self) -> NDArray[np.bool_]:
        """Which bodies of which person the robot touched in the last step (N, P, 24)."""
        masks = self._arrays.human_touched[:, :, None]
        return np.asarray(masks >> np.arange(len(BODY_NAMES)) & 1, dtype=np.bool_)

    def human_positions(self, bodies: NDArray[np.int64], person: int = 0) -> Array:
        """Positions of bodies' joints in the world (N, k, 3) [m], by their index in ``BODY_NAMES`` (k,)."""
        return self._arrays.human_pos[:, person, bodies]

    def human_position(self, body: str, person: int = 0) -> Array:
        """Position of a body's joint in the world (N, 3) [m]."""
        return self._arrays.human_pos[:, person, BODY_NAMES.index(body)].copy()

    def human_pose(self, i: int, person: int = 0) -> tuple[Array, Array]:
        """Return positions (24, 3) [m] and orientations wxyz (24, 4) of a person's bodies."""
        return self._arrays.human_pos[i, person].copy(), self._arrays.human_quat[i, person].copy()

    @property
    def gripper_qpos(self) -> Array:
        """Positions of the finger joints, the driven ones first (N, h) [m] or [rad]."""
        return np.array([qpos[self._gripper_span[0]] for qpos in self._qpos])

    @property
    def gripper_qvel(self) -> Array:
        """Their speeds (N, h) [m/s] or [rad/s]."""
        return np.array([data.qvel[self.scene.gripper_joints.dof] for data in self._datas])

    def gripper_opening(self) -> Array:
        """Mean opening of the fingers, 0 closed to 1 open (N,)."""
        addresses, closed, opened = self._gripper_span
        fingers = np.array([qpos[addresses] for qpos in self._qpos])
        shares = (fingers - closed) / (opened - closed)
        return np.asarray(shares.sum(axis=1) / shares.shape[1])

    def shield_info(self) -> dict[str, NDArray[Any]]:
        """Return what the shield did in this episode; every value (N,)."""
        state = self.shields
        violations = state.violations.copy()
        return {
            "failsafe_interventions": self._interventions.copy(),
            "min_human_distance": self._arrays.min_distance.copy(),
            "time_slowed_s": state.slowed_cycles * CYCLE_S,
            "time_stopped_s": state.stopped_cycles * CYCLE_S,
            "mean_path_speed": state.speed_sum / np.maximum(state.moving_cycles, 1),
            "max_tracking_error_m": state.tracking_top.max(axis=1),
            "max_measurement_age_s": state.age_top.copy(),
            "contact_speed_max_m_s": self._arrays.contact_speed.copy(),
            "contact_energy_max_j": self._arrays.contact_energy.copy(),
            "contact_normal_energy_max_j": self._arrays.contact_normal_energy.copy(),
            **{f"verdict/{name}": state.verdict_cycles[:, k].copy() for k, name in enumerate(VERDICTS) if k != SAFE},
            **{f"assumption/{name}": violations[:, k] for k, name in enumerate(ASSUMPTIONS)},
        }

    def set_shield_type(self, members: Members, shield_type: ShieldType) -> None:
        """Choose what the shield does in some environments, also amid an episode.

        What was released before was not proven for another mode: its claim holds from the next safe verdict, or the
        next standstill, on.

        Args:
            members: which environments, as indices or as a mask (N,).
            shield_type: OFF, SSM or PFL.

        Raises:
            ConfigError: there is no such mode.
        """
        if shield_type not in MODES:
            raise ConfigError(f"unknown shield type '{shield_type}'; choose one of {', '.join(MODES)}")
        self.shields.mode[members] = MODES[shield_type]

    def reset(self, i: int, start: Array, rng: np.random.Generator) -> None:
        """Start an episode: the arm at rest at ``start`` (clipped to its limits), motions drawn from the library.

        Args:
            i: environment.
            start: joint angles (n,) [rad].
            rng: where the choice of motions and their offsets come from.
        """
        q = np.clip(start, self.robot.q_min, self.robot.q_max)
        self.people.begin(i, rng)
        self._start(i, q)

    def next_person(self, i: int, rng: np.random.Generator) -> None:
        """Amid an episode, let the people come anew: other motions, from their beginning.

        Nobody walks from where one motion ends to where the next begins, so the shield forgets whom it has seen, and
        takes the next measurement for its first.

        Args:
            i: environment.
            rng: where the choice of motions and their offsets come from.
        """
        self.people.begin(i, rng)
        self._forget_people(i)

    def move_person(self, i: int, shift: Array) -> None:
        """Let the person who takes part stand elsewhere, at the start of their motion.

        Args:
            i: environment.
            shift: x and y in the world (2,) [m].
        """
        self.people.move(i, shift)
        self._forget_people(i)

    def _forget_people(self, i: int) -> None:
        """Make the shield take the next measurement for its first."""
        self.shields.human_seen[i] = 0
        observe_end(self._constants, self._arrays, self.people.records, i)

    def step(self, actions: Array) -> None:
        """Advance all environments by 0.1 s.

        Args:
            actions: joint steps and gripper, in [-1, 1] (N, n + 1).
        """
        actions = np.ascontiguousarray(actions, dtype=np.float64)
        begin_step(self._arrays, self.shield, self.shields, actions, ACTION_SCALE, self._goals, self._gripper_actions)
        self._crew.run()
        self._interventions += self.shields.intervened
        self.objects.look()

    def start_pose(self, pos: Array, tilt: float = 0.0, polish: bool = False) -> Array:
        """Find a configuration with the gripper pointing down at a place, in which the shield lets the arm stand.

        Args:
            pos: wanted for the grip site, in the world (3,) [m]; where an arm cannot do that, the gripper is farther
                ahead, by as many steps of 5 cm as it takes.
            tilt: how far the gripper is turned from pointing down toward +x; pi / 2: it points ahead [rad].
            polish: also find what is far from the home pose.

        Returns:
            Joint angles (n,) [rad].

        Raises:
            ModelError: if there is none within half a metre either.
        """
        closing, home = closing_direction(self.scene.model, self.robot.gripper), np.array(self.robot.home_qpos)
        places = [np.asarray(pos) + np.array([_AHEAD_M * k, 0.0, 0.0]) for k in range(_AHEAD_STEPS)]
        return start_configuration(self.arm, home, places, closing, self.is_clear, tilt, polish)

    def is_free(self, q: Array, clearance_m: float) -> bool:
        """Tell whether a configuration keeps clear of table and pedestal and does not touch the arm itself.

        So that the shield lets the arm go there, and around there, the shield's capsules keep clear as well, by its own
        margin, also if any joint turns by 0.1 rad.

        Args:
            q: joint angles (n,) [rad].
            clearance_m: distance to table and pedestal; links of the arm may come closer than this to each other,
                since neighbours always do, but not touch [m].
        """
        if not self.is_clear(q):
            return False
        data = self._probe
        self._probe_model.geom_margin[:] = clearance_m
        data.qpos[self._constants.arm_qpos] = q
        mujoco.mj_fwdPosition(self._probe_model, data)
        classes = self.scene.geom_class[data.contact.geom]
        robot = np.isin(classes, (GEOM_ROBOT, GEOM_GRIPPER))
        gripper = (classes == GEOM_GRIPPER).all(axis=1)
        human = np.isin(classes, (GEOM_HUMAN, GEOM_ALLOWED)).any(axis=1)
        apart = robot.all(axis=1) & (data.contact.dist >= 0.0)
        if bool((robot.any(axis=1) & ~gripper & ~human & ~apart).any()):
            return False
        turns = _ROOM_RAD * np.eye(self.dof)
        return all(self.is_clear(q + turn) for turn in (*turns, *-turns))

    def is_clear(self, q: Array) -> bool:
        """Tell whether the shield would let an arm with nothing in its gripper stand in a configuration."""
        gap = configuration_gap(self.shield.record, self._empty_hand.rows, 0, q)
        return gap > self.shield.static_margin + _REACHABLE_M

    def get_state(self, i: int) -> dict[str, Any]:
        """Return everything that decides environment ``i``'s future (its random streams belong to the caller)."""
        size = mujoco.mj_stateSize(self.scene.model, _PHYSICS_STATE)
        physics = np.empty(size)
        mujoco.mj_getState(self.scene.model, self._datas[i], physics, _PHYSICS_STATE)
        return {
            "physics": physics,
            "arrays": {
                k: v[i].copy()
                for k, v in self._arrays._asdict().items()
                if k not in ("model", "data", "fields", "rows")
            },
            "shield": {k: v[i].copy() for k, v in self.shields._asdict().items() if k != "rows"},
            "interventions": int(self._interventions[i]),
            "objects": self.objects.get_state(i),
        }

    def set_state(self, i: int, state: dict[str, Any]) -> None:
        """Put environment ``i`` back into a state of ``get_state``; it then goes on exactly as it did."""
        mujoco.mj_setState(self.scene.model, self._datas[i], state["physics"], _PHYSICS_STATE)
        for target, rows in ((self._arrays, state["arrays"]), (self.shields, state["shield"])):
            for name, row in rows.items():
                getattr(target, name)[i] = row
        self._interventions[i] = state["interventions"]
        self.people.resize(i)
        self.objects.set_state(i, state["objects"])
        mujoco.mj_forward(self._models[i], self._datas[i])

    def data(self, i: int) -> mujoco.MjData:
        """Return the simulator's state of environment ``i`` (read it, do not change it)."""
        return self._datas[i]

    def model_sha256(self) -> str:
        """Hash of the compiled physics model."""
        buffer = np.empty(mujoco.mj_sizeModel(self.scene.model), dtype=np.uint8)
        mujoco.mj_saveModel(self.scene.model, None, buffer)
        return hashlib.sha256(buffer.tobytes()).hexdigest()

    def close(self) -> None:
        """Stop the threads."""
        self._crew.close()

    def _run(self, members: NDArray[np.int64]) -> None:
        """Run some environments through the step."""
        run_chunk(
            self._constants,
            self._arrays,
            self.shield,
            self.shields,
            self.people.records,
            members,
            self._goals,
            self._gripper_actions,
            CYCLES_PER_STEP,
        )

    def _start(self, i: int, q: Array) -> None:
        data, arrays, constants = self._datas[i], self._arrays, self._constants
        mujoco.mj_resetData(self._models[i], data)
        data.qpos[constants.arm_qpos] = q
        fingers, closed, opened = self._gripper_span
        data.qpos[fingers] = 0.5 * (closed + opened)
        for name in (
            "clock",
            "cycle",
            "contact_flags",
            "contact_counters",
            "contact_pairs",
            "human_touched",
            "failure",
            "gripper",
        ):
            getattr(arrays, name)[i] = 0
        self.objects.begin(i)
        for name in ("torque_share", "weld_force", "contact_speed", "contact_energy", "contact_normal_energy"):
            getattr(arrays, name)[i] = 0.0
        arrays.human_event[i] = (np.inf, 0.0, 0.0)
        arrays.own_limits[i] = np.inf
        arrays.min_distance[i] = np.inf
        self._interventions[i] = 0
        reset_shield(self.shield, self.shields, i, q)
        observe_end(constants, arrays, self.people.records, i)
        mujoco.mj_forward(self._models[i], data)

    def _gripper_joint_span(self) -> tuple[NDArray[np.int64], Array, Array]:
        """Return qpos addresses of the finger joints and their positions when closed and when open (h,)."""
        joints = self.scene.gripper_joints
        return joints.qpos, joints.qpos_closed, joints.qpos_opened


@lru_cache(maxsize=8)
def _motion_set(human: HumanParams, horizon_s: float, seed: int) -> MotionSet:
    tree = np.random.SeedSequence(seed, spawn_key=(MOTION_STREAM,))
    duration = min(max(horizon_s + _AFTER_HORIZON_S, _SHORTEST_MOTION_S), _LONGEST_MOTION_S)
    return make_motion_set(human, duration, tree)
