"""What the robot can sweep while it follows a path, and what the human can reach meanwhile."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row


@kernel
def forward_kinematics(
    base_pos: NDArray[np.float64],
    base_rot: NDArray[np.float64],
    joint_pos: NDArray[np.float64],
    joint_rot: NDArray[np.float64],
    q: NDArray[np.float64],
    frames: NDArray[np.float64],
) -> None:
    """Poses of all moving bodies of a serial chain, world frame.

    Args:
        base_pos: (3,) [m].
        base_rot: (3, 3).
        joint_pos: Joint i's anchor in the frame of body i-1 (n, 3) [m]; a body's frame sits on its joint's
            anchor.
        joint_rot: (n, 3, 3, 3): the fixed rotation F of joint i, F K and F K², K the cross-product matrix of
            its axis, so that the rotation is F + sin(q) F K + (1 - cos(q)) F K² (Rodrigues).
        q: (n,) [rad].
        frames: (n, 4, 3): three rows of the rotation, then the position [m]; written.
    """
    a00, a01, a02 = base_rot[0, 0], base_rot[0, 1], base_rot[0, 2]
    a10, a11, a12 = base_rot[1, 0], base_rot[1, 1], base_rot[1, 2]
    a20, a21, a22 = base_rot[2, 0], base_rot[2, 1], base_rot[2, 2]
    px, py, pz = base_pos[0], base_pos[1], base_pos[2]
    for i in range(q.shape[0]):
        s = np.sin(q[i])
        c = 1.0 - np.cos(q[i])
        f = joint_rot[i]
        x, y, z = joint_pos[i, 0], joint_pos[i, 1], joint_pos[i, 2]
        px, py, pz = (
            px + a00 * x + a01 * y + a02 * z,
            py + a10 * x + a11 * y + a12 * z,
            pz + a20 * x + a21 * y + a22 * z,
        )
        for k in range(3):
            x = f[0, 0, k] + s * f[1, 0, k] + c * f[2, 0, k]
            y = f[0, 1, k] + s * f[1, 1, k] + c * f[2, 1, k]
            z = f[0, 2, k] + s * f[1, 2, k] + c * f[2, 2, k]
            frames[i, 0, k] = a00 * x + a01 * y + a02 * z
            frames[i, 1, k] = a10 * x + a11 * y + a12 * z
            frames[i, 2, k] = a20 * x + a21 * y + a22 * z
        a00, a01, a02 = frames[i, 0, 0], frames[i, 0, 1], frames[i, 0, 2]
        a10, a11, a12 = frames[i, 1, 0], frames[i, 1, 1], frames[i, 1, 2]
        a20, a21, a22 = frames[i, 2, 0], frames[i, 2, 1], frames[i, 2, 2]
        frames[i, 3, 0], frames[i, 3, 1], frames[i, 3, 2] = px, py, pz


@kernel
def capsule_ends(
    frames: NDArray[np.float64],
    link: NDArray[np.int64],
    local: NDArray[np.float64],
    count: int,
    points: NDArray[np.float64],
) -> None:
    """World positions of the ends of the first ``count`` capsules.

    Args:
        frames: From ``forward_kinematics`` (n, 4, 3).
        link: Index of the joint that moves each capsule (L,).
        local: Ends in that body's frame (L, 2, 3) [m].
        count: How many.
        points: (L, 2, 3) [m], written.
    """
    for i in range(count):
        frame = frames[link[i]]
        for end in range(2):
            x, y, z = local[i, end, 0], local[i, end, 1], local[i, end, 2]
            for r in range(3):
                points[i, end, r] = frame[3, r] + frame[r, 0] * x + frame[r, 1] * y + frame[r, 2] * z


@kernel
def place_links(
    model: Row, row: Row, q: NDArray[np.float64], frames: NDArray[np.float64], points: NDArray[np.float64]
) -> None:
    """World poses of the links and positions of the capsule ends in a configuration.

    Args:
        model: Record of the shield's model.
        row: The environment's row of the shield's memory.
        q: (n,) [rad].
        frames: As from ``forward_kinematics`` (n, 4, 3), written.
        points: (L, 2, 3) [m], written.
    """
    forward_kinematics(model.base_pos, model.base_rot, model.joint_pos, model.joint_rot, q, frames)
    capsule_ends(frames, model.capsule_link, row.capsule_ends, row.n_capsules, points)


@kernel
def place_capsules(model: Row, row: Row, q: NDArray[np.float64], points: NDArray[np.float64]) -> None:
    """The capsule ends alone, see ``place_links``; the link frames stay in ``row.frames``."""
    place_links(model, row, q, row.frames, points)


def reach_bounds(
    joint_pos: NDArray[np.float64], link: NDArray[np.int64], local: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Upper bounds, over all configurations, of the distance from a joint to any point of a capsule's axis.

    The distance between consecutive anchors never changes, so the sum of these lengths along the chain plus
    the distance of the farther end is a bound by the triangle inequality.

    Args:
        joint_pos: (n, 3) as in ``forward_kinematics`` [m].
        link: (L,).
        local: (L, 2, 3) [m].

    Returns:
        rho (L, n) [m]; 0 for joints that do not move the capsule.
    """
    length = np.linalg.norm(joint_pos, axis=1)
    rho = np.zeros((len(link), len(joint_pos)))
    for i, last in enumerate(link):
        end = np.linalg.norm(local[i], axis=1).max()
        for j in range(last + 1):
            rho[i, j] = end + length[j + 1 : last + 1].sum()
    return rho


@kernel
def curvature_bound(rho: NDArray[np.float64], q_s: NDArray[np.float64], q_ss: NDArray[np.float64], first: int) -> float:
    """Upper bound of |d²p/ds²| of every point p of a capsule's axis, from joint limits.

    With ``z_j`` the unit axis and ``o_j`` the origin of joint j, ``∂p/∂q_j = z_j × (p - o_j)`` and for j <= k
    ``∂²p/∂q_j∂q_k = z_j × (z_k × (p - o_k))``, so their norms are at most ``rho_j`` and ``rho_max(j,k)``, and
    ``|d²p/ds²| <= Σ_j rho_j |q_ss,j| + Σ_j Σ_k rho_max(j,k) |q_s,j| |q_s,k|``.

    Args:
        rho: From ``reach_bounds``, of the capsule (n,) [m].
        q_s: Largest joint speeds (n,) [rad/s].
        q_ss: Largest joint accelerations (n,) [rad/s²].
        first: The motion is seen from the link before this joint; 0: from the world.

    Returns:
        [m/s²].
    """
    total = 0.0
    before = 0.0
    for k in range(first, rho.shape[0]):
        total += rho[k] * (q_ss[k] + q_s[k] * (q_s[k] + 2.0 * before))
        before += q_s[k]
    return total


@kernel
def interval_capsule(a: NDArray[np.float64], b: NDArray[np.float64], bow: float, out: NDArray[np.float64]) -> float:
    """Enclosure of a capsule's axis while its ends move along curves.

    A curve with second derivative at most ``alpha`` stays within ``alpha ds²/8`` of the uniform motion along
    its chord, and the chord within half its length of its midpoint; points between the ends are convex
    combinations.

    Args:
        a: Ends at the start of the interval (2, 3) [m].
        b: Ends at its end (2, 3) [m].
        bow: ``alpha ds²/8`` [m].
        out: Ends of the enclosing segment (2, 3) [m], written.

    Returns:
        Radius around that segment [m].
    """
    chord_sq = 0.0
    for end in range(2):
        value = 0.0
        for k in range(3):
            out[end, k] = 0.5 * (a[end, k] + b[end, k])
            value += (b[end, k] - a[end, k]) ** 2
        if not value <= chord_sq:
            chord_sq = value
    return float(0.5 * np.sqrt(chord_sq) + bow)


@kernel
def human_growth(v_max: float, elapsed: float, error: float) -> float:
    """Radius of the ball that holds a joint later, by its largest speed alone (VEL set).

    A body between two joints is in the capsule around both measured joints whose radius is the larger ball's: points
    between the joints are convex combinations of them.

    Args:
        v_max: Largest speed [m/s].
        elapsed: Time since the true instant of the measurement, at most [s].
        error: Largest error of the measured position [m].
    """
    return float(error + v_max * elapsed)


@kernel
def combined_ball(
    pos: NDArray[np.float64],
    vel: NDArray[np.float64],
    bounds: tuple[float, float, float, float],
    begin: float,
    end: float,
    ball: NDArray[np.float64],
) -> None:
    """Ball that holds a joint during an interval, by bounds of its speed and acceleration (COMBINED set).

    Let ``x = n·v`` be the speed in direction n at the measurement. Later it is at most ``min(v_max, x + a t)``, so the
    joint gets no farther in that direction than ``H(x) = ∫₀^τ min(v_max, x + a t) dt``. H is concave in x with slope
    ``h = min(v_max / a, τ)`` at 0, hence ``H(x) <= H(0) + h x``: the support function of the ball with centre ``p + h
    v`` and radius ``H(0) = a (τ h - h²/2)``. An error of the velocity adds ``h e_v`` by the same line, one of the
    position ``e_p``. Since H is convex in τ, the hull of the balls at both ends of an interval holds everything
    between, and so does the last ball, widened until it holds the first one.

    Args:
        pos: Measured position (3,) [m].
        vel: Estimated velocity (3,) [m/s].
        bounds: Largest speed [m/s], largest acceleration [m/s²], error of position [m], error of velocity [m/s].
        begin: Time since the true instant of the measurement at the start of the interval, at least [s].
        end: The same at its end, at most [s].
        ball: Centre and radius (4,) [m], written.
    """
    v_max, a_max, error, velocity_error = bounds
    saturated = v_max / a_max
    first, last = min(saturated, begin), min(saturated, end)
    speed = np.sqrt(vel[0] * vel[0] + vel[1] * vel[1] + vel[2] * vel[2])
    at_begin = a_max * first * (begin - 0.5 * first) + velocity_error * first
    at_end = a_max * last * (end - 0.5 * last) + velocity_error * last
    for k in range(3):
        ball[k] = pos[k] + last * vel[k]
    ball[3] = max(at_end, at_begin + speed * (last - first)) + error
