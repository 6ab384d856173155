"""An object in the gripper: part of the robot while it is held."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.errors import MotionError
from hrg_pipeline.physics.jit import kernel
from hrg_pipeline.physics.records import Row, Rows
from hrg_pipeline.shield.energy_bounds import energy_curvature
from hrg_pipeline.shield.model import ISO, ShieldModel
from hrg_pipeline.shield.reach import curvature_bound, reach_bounds
from hrg_pipeline.shield.state import ShieldState
from hrg_pipeline.shield.static import inner_first


@kernel
def bound_trajectory(model: Row, row: Row, slot: int) -> None:
    """Bound what the robot's points and its energy do along a trajectory, from its largest speeds and accelerations."""
    q_s, q_ss, q_sss = row.ltt_extremes[slot, 0], row.ltt_extremes[slot, 1], row.ltt_extremes[slot, 2]
    for k in range(row.capsule_radius.shape[0]):
        row.ltt_alpha[slot, k] = curvature_bound(row.rho[k], q_s, q_ss, 0)
    for s in range(model.n_self):
        inner, outer = inner_first(model, s)
        first = model.capsule_link[inner] + 1
        row.ltt_pair_alpha[slot, s] = curvature_bound(row.rho[outer], q_s, q_ss, first)
    if model.has_energy:
        row.ltt_energy_curvature[slot] = energy_curvature(model, row, q_s, q_ss, q_sss)


@kernel
def _renew_reach(row: Row) -> None:
    """Bring ``reach`` up to date, and forget distances that an object may have changed."""
    for j in range(row.reach.shape[0]):
        row.reach[j] = 0.0
        for k in range(row.n_capsules):
            row.reach[j] = max(row.reach[j], row.rho[k, j])
    row.distance_bound[:] = -np.inf
    row.nearest[:] = 0


@kernel
def drop_held(model: Row, row: Row) -> None:
    """Hold nothing; see ``release_object``."""
    capsules = row.capsule_radius.shape[0]
    row.n_capsules = capsules - 1
    for k in range(capsules):
        row.capsule_radius[k] = model.capsule_radius[k]
        for end in range(2):
            for x in range(3):
                row.capsule_ends[k, end, x] = model.capsule_ends[k, end, x]
        for j in range(row.reach.shape[0]):
            row.rho[k, j] = model.rho[k, j]
    row.held_mass = 0.0
    row.held_radius_gyration = 0.0
    row.held_centre[:] = 0.0
    row.held_rho[:] = 0.0
    _renew_reach(row)


@kernel
def _take(
    models: Rows,
    rows: Rows,
    i: int,
    ends: NDArray[np.float64],
    radius: float,
    rho: NDArray[np.float64],
    mass: float,
    gyration: float,
) -> None:
    model, row = models[0], rows[i]
    last = row.capsule_radius.shape[0] - 1
    row.n_capsules = last + 1
    row.capsule_radius[last] = radius
    row.held_mass = mass
    row.held_radius_gyration = gyration
    for x in range(3):
        row.held_centre[x] = 0.5 * (ends[0, x] + ends[1, x])
        row.capsule_ends[last, 0, x] = ends[0, x]
        row.capsule_ends[last, 1, x] = ends[1, x]
    for j in range(rho.shape[0]):
        row.rho[last, j] = rho[j]
        row.held_rho[j] = rho[j]
    _renew_reach(row)
    for slot in range(2):
        bound_trajectory(model, row, slot)


@kernel
def _drop(models: Rows, rows: Rows, i: int) -> None:
    drop_held(models[0], rows[i])
    for slot in range(2):
        bound_trajectory(models[0], rows[i], slot)


def hold_object(
    model: ShieldModel,
    state: ShieldState,
    i: int,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    radius: float,
    mass_kg: float,
) -> None:
    """Let the robot hold an object: a capsule fixed to the last link, part of all sets from the next proposal on.

    A plan that was proven before does not cover it; take and release objects at rest, or accept that until the next
    safe verdict.

    Args:
        model: The shield's model.
        state: The shield's memory; row ``i`` is changed.
        i: Environment.
        start: One end of the capsule's axis in the frame of the last joint's anchor (3,) [m].
        end: The other end (3,) [m].
        radius: Of the capsule [m].
        mass_kg: Of the object; its centre of mass is taken to be the capsule's middle.

    Raises:
        MotionError: A number is not finite, radius or mass are negative, or the object is heavier than the two-body
            model of ISO/TS 15066 was told.
    """
    good = np.shape(start) == np.shape(end) == (3,) and np.isfinite([start, end]).all()
    if not (good and 0.0 <= radius < np.inf and 0.0 <= mass_kg < np.inf):
        raise MotionError(
            f"a held object needs two finite ends (3,), a radius and a mass that are not negative, got {start}, {end}, "
            f"radius {radius}, mass {mass_kg}"
        )
    if model.pfl_model == ISO and mass_kg > model.payload:
        raise MotionError(
            f"a held object of {mass_kg} kg is heavier than shield.pfl.payload_kg = {model.payload}, for which the "
            "speed limits of ISO/TS 15066 were computed"
        )
    ends = np.array([start, end], dtype=np.float64)
    last = np.array([len(model.limits) - 1])
    rho = reach_bounds(model.joint_pos, last, ends[None])[0]
    # No point of the capsule is farther from its middle than this, so neither is its radius of gyration larger.
    gyration = 0.5 * float(np.linalg.norm(ends[1] - ends[0])) + radius
    _take(model.record, state.rows, i, ends, float(radius), rho, float(mass_kg), gyration)


def release_object(model: ShieldModel, state: ShieldState, i: int) -> None:
    """Let the robot hold nothing.

    Args:
        model: The shield's model.
        state: The shield's memory; row ``i`` is changed.
        i: Environment.
    """
    _drop(model.record, state.rows, i)
