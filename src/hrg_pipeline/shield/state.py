"""What the shield remembers per environment."""

from __future__ import annotations

from typing import NamedTuple

from hrg_pipeline.physics.records import Rows
from hrg_pipeline.shield.model import Float, Int


class ShieldState(NamedTuple):
    """Everything that changes, with a leading axis of environments. Saving ``rows`` saves the shield.

    The other fields are views of ``rows``; kernels take those, under the same names.
    """

    mode: Int
    """(N,) OFF, SSM or PFL."""
    # The robot's capsules; the last one is a held object.
    n_capsules: Int
    """(N,) L, or one less where nothing is held."""
    capsule_ends: Float
    """(N, L, 2, 3) [m]."""
    capsule_radius: Float
    """(N, L) [m]."""
    rho: Float
    """(N, L, n) [m]."""
    reach: Float
    """The largest rho of each joint (N, n) [m]."""
    held_mass: Float
    """(N,) [kg]."""
    held_centre: Float
    """In the frame of the last link (N, 3) [m]."""
    held_radius_gyration: Float
    """(N,) [m]."""
    held_rho: Float
    """Reach of each joint to that centre (N, n) [m]."""
    # The one verified plan: a trajectory slot and a path plan on it.
    active: Int
    """(N,) which of the two trajectory slots is in use; the other one holds the candidate."""
    ltt: Float
    """(N, 2, n, LTT_PHASES, 5)."""
    ltt_duration: Float
    """(N, 2) [s]."""
    ltt_limits: Float
    """(N, 2, 2): bounds A [1/s] of |s''| and J [1/s²] of |s'''|."""
    ltt_extremes: Float
    """(N, 2, 3, n): largest |q_s| [rad/s], |q_ss| [rad/s²] and |q_sss| [rad/s³]."""
    ltt_alpha: Float
    """(N, 2, L): bounds of |d²p/ds²| [m/s²]."""
    ltt_pair_alpha: Float
    """(N, 2, S): the same for pairs of the robot's capsules, as seen from the inner one's link [m/s²]."""
    ltt_energy_curvature: Float
    """(N, 2): ``energy_curvature`` of the trajectory."""
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
    # The people.
    human_pos: Float
    """(N, P, J, 3) last measurement that was believed [m]."""
    human_vel: Float
    """(N, P, J, 3) mean velocity between the last two of them [m/s]."""
    human_vel_error: Float
    """(N, P, J) how far the velocity may be from that one at the time of the last [m/s]."""
    human_time: Float
    """(N, P) its time [s]; NaN: never measured."""
    human_step: Float
    """(N, P) time between the last two [s]."""
    human_seen: Int
    """(N, P) 0: never measured, 1: once, 2: often enough to know a velocity."""
    human_smooth: Int
    """(N, P) 1 unless the last change of the velocity was more than the acceleration bounds allow."""
    human_moved: Float
    """(N, P) how far the last measurement is from the one before, at most [m]."""
    # What happened.
    safe: Int
    """(N,) verdict of the last cycle."""
    verdict: Int
    """(N,) the same with its reason, index into ``VERDICTS``."""
    intervened: Int
    """(N,) 1 after any unsafe verdict; the caller clears it."""
    verdict_cycles: Int
    """(N, len(VERDICTS)) cycles with each verdict."""
    slowed_cycles: Int
    """(N,) cycles with 0 < s' < 0.99 while a motion was left."""
    stopped_cycles: Int
    """(N,) cycles with s' = 0 while a motion was left."""
    moving_cycles: Int
    """(N,) cycles in which a motion was left."""
    speed_sum: Float
    """(N,) sum of s' over those."""
    violations: Int
    """(N, len(ASSUMPTIONS)) cycles in which each assumption was violated."""
    tracking_top: Float
    """(N, L) largest bound of how far any point of each capsule's axis was from where it was commanded [m]."""
    age_top: Float
    """(N,) largest age of a measurement that was used [s]."""
    reanchors: Int
    """(N,) times the command was set to the measured configuration."""
    refused_goals: Int
    """(N,) goals given up because no trajectory to them exists even from rest."""
    stuck_cycles: Int
    """(N,) cycles at rest with a broken tracking assumption, in a row."""
    static_inside: Int
    """(N,) 1 if a capsule was inside an obstacle's margin at the start of the last proposal that was looked at."""
    static_ref: Float
    """(N, L, 2, 3) where each capsule was when it was last compared with everything static [m]."""
    static_clear: Float
    """(N, L) how far it may be from there before that has to be done again [m]."""
    static_radius: Float
    """(N, L) its radius then [m]."""
    static_count: Int
    """(N,) number of capsules then."""
    min_distance: Float
    """(N,) measured robot to the nearest measured human, real radii [m]; exact below 1 m, above a lower bound.

    With the shield off it is exact below ``checks.CLOSE_M`` and else up to ``checks.STALE_CYCLES`` old.
    """
    person_distance: Float
    """(N, P) the same for each of them [m]."""
    distance_bound: Float
    """(N, P) a lower bound of that distance in every cycle [m]."""
    distance_age: Int
    """(N, P) cycles since it was computed."""
    nearest: Int
    """(N, P, 2) capsule and body that were nearest then."""
    q_seen: Float
    """(N, n) measured configuration that ``distance_bound`` belongs to [rad]."""
    culprit: Int
    """(N, 3): pair that refuted the last proof, with first and last edge of its interval; -1: none."""
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
    edge_frames: Float
    """(N, INTERVALS + 1, n, 4, 3): link frames that ``points`` come from, at edges."""
    path_edges: Float
    """(N, INTERVALS + 1): path positions at the edges of the intervals [s]."""
    bodies: Float
    """(N, P, 4, B + 1): midpoint and half length of the human capsules; centre and radius of a ball around all."""
    bodies_known: Int
    """(N, P) whether they belong to the last measurement."""
    grown: Float
    """(N, P, B): radii of the bodies over the whole horizon [m]."""
    spheres: Float
    """(N, B): see ``sphere_gaps`` [m²]."""
    axis: Float
    """(N, 2, 3)."""
    axes: Float
    """(N, L, 2, 3): enclosing segments in the present interval [m]."""
    around: Float
    """(N, L): radii of the robot's sets around them [m]; negative: not computed yet."""
    balls: Float
    """(N, 2, 4): centres and radii of two joints' balls [m]."""
    interval: Int
    """(N, 2): first and last edge of the interval that ``axes`` and ``around`` belong to."""
    edge_known: Int
    """(N, INTERVALS + 1): whether an edge is filled in."""
    open_pairs: Int
    """(N, DEPTHS, P L B): pairs of link and body part that are not closed yet, by depth of the interval."""
    open_count: Int
    """(N, DEPTHS)."""
    meets: Int
    """(N, P L B): whether a link may touch a body part in the present interval; -1: not looked at yet."""
    static_near: Int
    """(N, O L + S) which pairs were near then."""
    static_list: Int
    """(N, O L + S) their codes."""
    static_listed: Int
    """(N,) how many."""
    static_active: Int
    """(N, L)."""
    static_shift: Float
    """(N, L) [m]."""
    static_pairs: Int
    """(N, O L + S)."""
    static_start: Float
    """(N, O L + S) [m]."""
    static_normal: Float
    """(N, O L + S, 3)."""
    static_axes: Float
    """(N, 2, 2, 2, 3): axes of a pair of capsules at two edges [m]."""
    twists: Float
    """(N, n, 2, 3) angular velocity of each link and velocity of its joint's anchor, per path speed."""
    energy_axes: Float
    """(N, n, 3)."""
    energy_mass: Float
    """(N, n, n)."""
    energy_jacobian: Float
    """(N, 3, n)."""
    edge_norm: Float
    """(N, INTERVALS + 1): ``energy_norm`` at the edges; negative: not computed yet."""
    edge_speed: Float
    """(N, INTERVALS + 1, L): largest |dp/ds| of each capsule there [m/s]; negative: not computed yet."""
    rows: Rows
    """(N,) the memory of all of the above."""
