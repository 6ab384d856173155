"""The shield's data: what it knows about robot and human, and what it remembers per environment."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.records import Rows

Float = NDArray[np.float64]
Int = NDArray[np.int64]

OFF, SSM, PFL = range(3)
MODES: Final = {"OFF": OFF, "SSM": SSM, "PFL": PFL}

ASSUMPTIONS: Final = (
    "measurement_finite",
    "measurement_fresh",
    "human_speed",
    "human_acceleration",
    "robot_state_finite",
    "tracking",
    "plan_consistent",
    "clear_at_start",
    "contact",
)
"""What is checked in every cycle; columns of ``ShieldState.violations``."""
(
    MEASUREMENT_FINITE,
    MEASUREMENT_FRESH,
    HUMAN_SPEED,
    HUMAN_ACCELERATION,
    ROBOT_STATE_FINITE,
    TRACKING,
    PLAN_CONSISTENT,
    CLEAR_AT_START,
    CONTACT,
) = range(len(ASSUMPTIONS))

VERDICTS: Final = ("safe", "assumption", "no_stop", "human", "obstacle")
"""Why a proposal was released or not; values of ``ShieldState.verdict``."""
SAFE, ASSUMPTION, NO_STOP, HUMAN, OBSTACLE = range(len(VERDICTS))

INTERVALS: Final = 16
"""Largest number of time intervals of the second verification level; a power of two."""
DEPTHS: Final = 6
"""Times that the horizon can be halved, and one more for the pairs of the shortest intervals."""
INTERVAL_S: Final = 0.02
"""Longest of the shortest intervals, unless that would make too many [s]."""

ENERGY, ISO = range(2)
PFL_MODELS: Final = {"energy": ENERGY, "iso_ts_15066": ISO}

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
    capsule_is_gripper: Int
    """1 for the gripper's (L,)."""


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

    @property
    def a_max(self) -> Float:
        """Largest joint accelerations (J,) [m/s²]."""

    @property
    def parent(self) -> Int:
        """Joint that each joint's bone begins at (J,); -1: none."""

    @property
    def root(self) -> Int:
        """Joint, an ancestor of the distal one, that a body hangs on by rigid bones (B,); -1: none."""

    @property
    def neighbour(self) -> Int:
        """1 for bodies that are near each other by anatomy (B, B)."""


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
    """Everything constant, for all environments.

    n joints, L capsules, the last one for a held object; P people with J joints and B capsules each; O obstacles.
    """

    mode: int
    """OFF, SSM or PFL: what environments start with."""
    sample_time: float
    """Ts [s]."""
    # The measurement of the human.
    delay: float
    """Largest age of a measurement when it arrives [s]."""
    jitter: float
    """Width of the range that all these ages lie in [s]."""
    age_tolerance: float
    """A measurement older than delay plus this is stale [s]."""
    measurement_error: Float
    """(J,) [m]."""
    jump_tolerance: float
    """Rounding allowed in the check of the human's speed [m]."""
    use_acceleration: bool
    """Whether COMBINED sets are used, and the bounds behind them checked."""
    # The robot.
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
    # The human.
    people: int
    """P."""
    proximal: Int
    """(B,)."""
    distal: Int
    """(B,)."""
    body_radius: Float
    """(B,) [m]."""
    body_radius_top: float
    """The largest of them [m]."""
    human_v_max: Float
    """(J,) [m/s]."""
    human_a_max: Float
    """(J,) [m/s²]."""
    human_v_top: float
    """The largest speed [m/s]."""
    human_error_top: float
    """The largest error of a measured position [m]."""
    body_v_max: Float
    """The larger of the speeds of a body's two joints (B,) [m/s]."""
    body_error: Float
    """The larger of their errors (B,) [m]."""
    parent: Int
    """(J,)."""
    root: Int
    """Joint that the POS set of a body is around (B,); -1 where that set is never the smallest."""
    # Obstacles, see ``static``.
    n_boxes: int
    """O."""
    box_pos: Float
    """(O, 3) [m]."""
    box_rot: Float
    """(O, 3, 3)."""
    box_half: Float
    """(O, 3) [m]."""
    box_applies: Int
    """Which capsules keep clear of which obstacle (O, L)."""
    n_self: int
    """S."""
    self_pairs: Int
    """Capsules that keep clear of each other (S, 2)."""
    self_slack: Float
    """By how much they may overlap and the links in them are still apart (S,) [m]."""
    static_margin: float
    """[m]"""
    # Power and force limiting, see ``energy`` and ``contacts``.
    has_energy: bool
    """Whether masses are known, without which there is no PFL."""
    payload: float
    """Heaviest held object that ``speed_limit`` holds for [kg]."""
    pfl_model: int
    """ENERGY or ISO."""
    contact_type: Int
    """What each capsule touches with, index into ``contact_limits.CONTACT_TYPES`` (L,)."""
    energy_limit: Float
    """Unconstrained and constrained, by contact type and body (2, 5, B) [J]."""
    speed_limit: Float
    """Unconstrained and constrained, by body (2, B) [m/s]."""
    body_neighbour: Int
    """Bodies that are near each other by anatomy, so that nothing is clamped between them (B, B)."""
    link_neighbour: Int
    """Capsules that are near each other in most configurations (L, L)."""
    link_mass: Float
    """(n,) [kg]."""
    link_centre: Float
    """(n, 3) [m]."""
    link_inertia: Float
    """(n, 3, 3) [kg m²]."""
    link_axis: Float
    """(n, 3)."""
    armature: Float
    """(n,) [kg m²]."""
    inertia_top: Float
    """(n,) [kg m²]."""
    centre_rho: Float
    """(n, n) [m]."""
    record: Rows
    """The memory of all of the above (1,): what kernels take."""
