"""The shield's data: what it knows about robot and human, and what it remembers per environment."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.records import Rows

Float = NDArray[np.float64]
Int = NDArray[np.int64]

OFF: Final = 0
SSM: Final = 1
MODES: Final = {"OFF": OFF, "SSM": SSM}

ASSUMPTIONS: Final = (
    "measurement_finite",
    "measurement_fresh",
    "human_speed",
    "robot_state_finite",
    "tracking",
    "plan_consistent",
)
"""What is checked in every cycle; columns of ``ShieldState.violations``."""
MEASUREMENT_FINITE, MEASUREMENT_FRESH, HUMAN_SPEED, ROBOT_STATE_FINITE, TRACKING, PLAN_CONSISTENT = range(6)

INTERVALS: Final = 6
"""Number of time intervals of the second verification level."""

NO_CANDIDATE, FROM_REST, RESCALED, KEEP_SPEED = range(4)
"""How a candidate starts: at standstill; with s' = 1 and the true joint speeds; with the present s', s''."""


class RobotGeometry(NamedTuple):
    """A serial arm of n revolute joints and L capsules. Metres; rotations as matrices (3, 3)."""

    base_pos: Float
    """Frame that the first joint's body is fixed in before it turns (3,), world."""
    base_rot: Float
    """(3, 3), world."""
    joint_pos: Float
    """Body i at joint angle 0 in the frame of body i-1 (n, 3)."""
    joint_rot: Float
    """Its rotation there (n, 3, 3)."""
    joint_axis: Float
    """Joint axis in the frame of body i (n, 3); need not be of unit length."""
    joint_anchor: Float
    """A point of the joint axis in the frame of body i (n, 3)."""
    q_min: Float
    """(n,) [rad]."""
    q_max: Float
    """(n,) [rad]."""
    capsule_link: Int
    """Index of the joint whose body carries the capsule (L,)."""
    capsule_p1: Float
    """(L, 3), in that body's frame."""
    capsule_p2: Float
    """(L, 3)."""
    capsule_radius: Float
    """(L,)."""


class HumanBodies(Protocol):
    """Capsules between measured joints; ``human.body.ShieldBodies`` is one."""

    @property
    def proximal(self) -> Int:
        """Joint index (B,)."""

    @property
    def distal(self) -> Int:
        """Joint index (B,)."""

    @property
    def radius(self) -> Float:
        """(B,) [m]."""

    @property
    def v_max(self) -> Float:
        """Largest joint speeds (J,) [m/s]."""


class MotionLimits(NamedTuple):
    """Limits of the commands, the same for all joints or one per joint (n,)."""

    v_max: float | Float = 1.0
    """[rad/s]"""
    a_max_ltt: float | Float = 2.0
    """Of a planned trajectory [rad/s²]."""
    j_max_ltt: float | Float = 15.0
    """Of a planned trajectory [rad/s³]."""
    a_max: float | Float = 10.0
    """Of the command, stops included [rad/s²]."""
    j_max: float | Float = 400.0
    """Of the command [rad/s³]."""


class ShieldModel(NamedTuple):
    """Everything constant, for all environments: n joints, L capsules; human: J joints, B capsules."""

    mode: int
    """OFF or SSM."""
    sample_time: float
    """Ts [s]."""
    delay: float
    """Largest age of a measurement when it arrives [s]."""
    age_tolerance: float
    """A measurement older than delay plus this is stale [s]."""
    measurement_error: float
    """[m]"""
    jump_tolerance: float
    """Rounding allowed in the check of the human's speed [m]."""
    tracking_error: float
    """[m]"""
    allowance: float
    """Tracking error and numerical margin, added to every robot radius [m]."""
    hidden: float
    """How much closer than measured a human may be, by error and delay of the measurement [m]."""
    gripper_distance: float
    """Fingers are held while the measured human is closer than this; -inf: never [m]."""
    rest_speed: float
    """A measured joint below this is at rest [rad/s]."""
    reanchor_cycles: int
    """Cycles at rest without tracking after which the command is set to the measured configuration."""
    base_pos: Float
    """(3,) [m]."""
    base_rot: Float
    """(3, 3)."""
    joint_pos: Float
    """Joint anchors, each in the frame before (n, 3) [m]."""
    joint_rot: Float
    """Rodrigues matrices (n, 3, 3, 3), see ``forward_kinematics``."""
    limits: Float
    """(n, 7), columns ``trajectory.LIM_*``."""
    capsule_link: Int
    """(L,)."""
    capsule_ends: Float
    """In the frame of their body, whose origin is the joint's anchor (L, 2, 3) [m]."""
    capsule_radius: Float
    """(L,) [m]."""
    rho: Float
    """Reach of each joint (L, n) [m], see ``reach_bounds``."""
    proximal: Int
    """(B,)."""
    distal: Int
    """(B,)."""
    body_radius: Float
    """(B,) [m]."""
    human_v_max: Float
    """(J,) [m/s]."""
    human_v_top: float
    """The largest of them [m/s]."""
    body_v_max: Float
    """The larger of the speeds of a body's two joints (B,) [m/s]."""
    reach: Float
    """The largest rho of each joint (n,) [m]."""
    record: Rows
    """The memory of all of the above (1,): what kernels take."""


class ShieldState(NamedTuple):
    """Everything that changes, with a leading axis of environments. Saving ``rows`` saves the shield.

    The other fields are views of ``rows``; kernels take those, under the same names.
    """

    # The one verified plan: a trajectory slot and a path plan on it.
    active: Int
    """(N,) which of the two trajectory slots is in use; the other one holds the candidate."""
    ltt: Float
    """(N, 2, n, LTT_PHASES, 5)."""
    ltt_duration: Float
    """(N, 2) [s]."""
    ltt_limits: Float
    """(N, 2, 2): bounds A [1/s] of |s''| and J [1/s²] of |s'''|."""
    ltt_alpha: Float
    """(N, 2, L): bounds of |d²p/ds²| [m/s²]."""
    plan_start: Float
    """(N, 3): s, s', s'' at the start of the plan."""
    plan_phases: Float
    """(N, PLAN_PHASES, 2): durations [s] and jerks [1/s²]."""
    plan_total: Float
    """(N,) duration of the plan: the horizon it was verified for [s]."""
    plan_elapsed: Float
    """(N,) [s]."""
    path: Float
    """(N, 4): s, s', s'', s''' of the present command."""
    command: Float
    """(N, 4, n): q, q', q'', q''' of the present command [rad, s]."""
    # Goals.
    goal: Float
    """(N, n) [rad]."""
    goal_pending: Int
    """(N,) 1 while the goal is not the active trajectory's."""
    candidate: Int
    """(N,) NO_CANDIDATE, FROM_REST, RESCALED or KEEP_SPEED."""
    candidate_start: Float
    """(N, 2): s', s'' at the candidate's start."""
    attempts: Int
    """(N,) candidates for this goal that failed."""
    retry_in: Int
    """(N,) cycles until planning again is worth while; 0: nothing to wait for."""
    replan_wanted: Int
    """(N,) 1: call ``plan_goal`` with the stored goal."""
    # The human.
    human_pos: Float
    """(N, J, 3) last valid measurement [m]."""
    human_time: Float
    """(N,) its time [s]; NaN: never measured."""
    # What happened.
    safe: Int
    """(N,) verdict of the last cycle."""
    intervened: Int
    """(N,) 1 after any unsafe verdict; the caller clears it."""
    slowed_cycles: Int
    """(N,) cycles with 0 < s' < 0.99 while a motion was left."""
    stopped_cycles: Int
    """(N,) cycles with s' = 0 while a motion was left."""
    violations: Int
    """(N, len(ASSUMPTIONS)) cycles in which each assumption was violated."""
    reanchors: Int
    """(N,) times the command was set to the measured configuration."""
    refused_goals: Int
    """(N,) goals given up because no trajectory to them exists even from rest."""
    stuck_cycles: Int
    """(N,) cycles at rest with a broken tracking assumption, in a row."""
    min_distance: Float
    """(N,) measured robot to measured human, real radii [m]; exact below 1 m, above it only a lower bound.

    With the shield off it is exact below ``checks.CLOSE_M`` and else up to ``checks.STALE_CYCLES`` old.
    """
    distance_bound: Float
    """(N,) a lower bound of that distance in every cycle [m]."""
    distance_age: Int
    """(N,) cycles since ``min_distance`` was computed."""
    nearest: Int
    """(N, 2) capsule and body that were nearest then."""
    q_seen: Float
    """(N, n) measured configuration that ``distance_bound`` belongs to [rad]."""
    human_moved: Float
    """(N,) how far the last measurement is from the one before, at most [m]."""
    # Scratch; needs no saving.
    begin: Float
    """(N, 3, n): where a new trajectory begins."""
    begin_speed: Float
    """(N, 2): s', s'' that it would start with."""
    profile: Float
    """Phases of the candidate: durations and jerks (N, n, PROFILE_PHASES, 2)."""
    extremes: Float
    """(N, n, 5), see ``build_ltt``."""
    proposal_start: Float
    """(N, 3)."""
    proposal_phases: Float
    """(N, PLAN_PHASES, 2)."""
    joints: Float
    """(N, 3, 4, n): a trajectory's values, and two commands."""
    frames: Float
    """(N, n, 4, 3)."""
    points: Float
    """(N, INTERVALS + 1, L, 2, 3)."""
    bodies: Float
    """(N, B + 1, 4): midpoint and half length of the human capsules; centre and radius of a ball around all."""
    axis: Float
    """(N, 2, 3)."""
    pairs: Int
    """(N, L B)."""
    rows: Rows
    """(N,) the memory of all of the above."""
