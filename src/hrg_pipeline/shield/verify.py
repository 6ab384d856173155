"""The proof that robot and human stay apart until standstill."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.shield.distance import segment_distance_sq
from hrg_pipeline.shield.model import INTERVALS, ShieldModel, ShieldState
from hrg_pipeline.shield.path import path_state
from hrg_pipeline.shield.reach import capsule_ends, forward_kinematics, human_growth, interval_capsule
from hrg_pipeline.shield.trajectory import ltt_at


@kernel
def _edge(
    model: ShieldModel,
    ltt: NDArray[np.float64],
    s: float,
    joints: NDArray[np.float64],
    frames: NDArray[np.float64],
    points: NDArray[np.float64],
) -> None:
    """Capsule ends (L, 2, 3) at a path position of a trajectory; joints and frames are scratch."""
    ltt_at(ltt, s, joints)
    forward_kinematics(model.base_pos, model.base_rot, model.joint_pos, model.joint_rot, joints[0], frames)
    capsule_ends(frames, model.capsule_link, model.capsule_ends, points)


@kernel
def _suspicious_pairs(
    model: ShieldModel,
    points: NDArray[np.float64],
    alpha: NDArray[np.float64],
    ds: float,
    pos: NDArray[np.float64],
    bodies: NDArray[np.float64],
    elapsed: float,
    axis: NDArray[np.float64],
    pairs: NDArray[np.int64],
) -> int:
    """First level: the whole horizon as one interval; returns the number of pairs that may touch.

    The pairs are written as ``capsule * B + body``. Only the first and the last edge in ``points`` are read.
    """
    count = 0
    count_bodies = model.proximal.shape[0]
    for k in range(points.shape[1]):
        bow = alpha[k] * ds * ds / 8.0
        around = interval_capsule(points[0, k], points[INTERVALS, k], bow, axis)
        around += model.capsule_radius[k] + model.allowance
        x = 0.5 * (axis[0, 0] + axis[1, 0])
        y = 0.5 * (axis[0, 1] + axis[1, 1])
        z = 0.5 * (axis[0, 2] + axis[1, 2])
        half = 0.5 * np.sqrt(
            (axis[0, 0] - axis[1, 0]) ** 2 + (axis[0, 1] - axis[1, 1]) ** 2 + (axis[0, 2] - axis[1, 2]) ** 2
        )
        ball = bodies[count_bodies]
        spheres = around + half + ball[3] + model.measurement_error + model.human_v_top * elapsed
        if (x - ball[0]) ** 2 + (y - ball[1]) ** 2 + (z - ball[2]) ** 2 > spheres * spheres:
            continue
        for b in range(count_bodies):
            first = model.proximal[b]
            second = model.distal[b]
            growth = human_growth(model.human_v_max, first, second, elapsed, model.measurement_error)
            radii = around + model.body_radius[b] + growth
            spheres = radii + half + bodies[b, 3]
            centres = (x - bodies[b, 0]) ** 2 + (y - bodies[b, 1]) ** 2 + (z - bodies[b, 2]) ** 2
            if centres > spheres * spheres:
                continue
            if segment_distance_sq(axis[0], axis[1], pos[first], pos[second]) > radii * radii:
                continue
            pairs[count] = k * count_bodies + b
            count += 1
    return count


@kernel
def verify_plan(
    model: ShieldModel,
    state: ShieldState,
    i: int,
    slot: int,
    start: NDArray[np.float64],
    phases: NDArray[np.float64],
    total: float,
    age: float,
) -> bool:
    """Whether a path plan keeps the robot apart from wherever the human may be, until standstill.

    Both sets cover the same wall-clock interval ``[0, total]`` from now. Where the path does not move, and
    past the end of the trajectory, the robot stands still, which counts as safe.

    Args:
        model: The shield's model.
        state: The shield's memory, with the measurement in it and ``bodies`` up to date.
        i: Environment.
        slot: Trajectory slot that the plan runs on.
        start: ``s, s', s''`` now (3,).
        phases: Durations and jerks (PLAN_PHASES, 2).
        total: Time until standstill [s].
        age: Time since the true instant of the measurement, at most [s].

    Returns:
        True only if every pair is proven apart; False on any number that is not finite.
    """
    if not (np.isfinite(total) and total >= 0.0 and np.isfinite(age)):
        return False
    end = state.ltt_duration[i, slot]
    s_first = min(start[0], end)
    s_last = min(path_state(start, phases, total, total)[0], end)
    if s_last == s_first:
        return True
    ltt = state.ltt[i, slot]
    alpha = state.ltt_alpha[i, slot]
    joints = state.joints[i, 0]
    frames = state.frames[i]
    points = state.points[i]
    pos = state.human_pos[i]
    axis = state.axis[i]
    pairs = state.pairs[i]
    _edge(model, ltt, s_first, joints, frames, points[0])
    _edge(model, ltt, s_last, joints, frames, points[INTERVALS])
    count = _suspicious_pairs(model, points, alpha, s_last - s_first, pos, state.bodies[i], age + total, axis, pairs)
    if count == 0:
        return True
    for k in range(1, INTERVALS):
        s = path_state(start, phases, total, total * k / INTERVALS)[0]
        _edge(model, ltt, min(s, end), joints, frames, points[k])
    bodies = model.proximal.shape[0]
    s_before = s_first
    for k in range(INTERVALS):
        elapsed = total * (k + 1) / INTERVALS
        s_after = min(path_state(start, phases, total, elapsed)[0], end)
        ds = s_after - s_before
        s_before = s_after
        if ds == 0.0:
            continue
        for index in range(count):
            capsule = pairs[index] // bodies
            body = pairs[index] % bodies
            bow = alpha[capsule] * ds * ds / 8.0
            around = interval_capsule(points[k, capsule], points[k + 1, capsule], bow, axis)
            first = model.proximal[body]
            second = model.distal[body]
            growth = human_growth(model.human_v_max, first, second, age + elapsed, model.measurement_error)
            radii = around + model.capsule_radius[capsule] + model.allowance + model.body_radius[body] + growth
            if not segment_distance_sq(axis[0], axis[1], pos[first], pos[second]) > radii * radii:
                return False
    return True
