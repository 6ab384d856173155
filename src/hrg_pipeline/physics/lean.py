"""From a full scene to one that only has what moves or touches."""

from __future__ import annotations

import copy

import mujoco
import numpy as np
from numpy.typing import NDArray

from hrg_pipeline.physics import mujoco_c as c
from hrg_pipeline.physics.jit import kernel

_MEMORY_BYTES = 16 << 20
"""Head room for contacts and constraints: an overflow inside compiled code cannot be caught."""
_NEAR_M = 0.01
"""Geoms that come this close while sampling count as touching."""


def strip_visuals(spec: mujoco.MjSpec) -> None:
    """Delete everything that neither collides nor moves: visual geoms, their assets, cameras, lights, sensors.

    Unused mesh assets alone cost a fifth of a step, because MuJoCo clears their bounding volumes on every call.
    Air resistance is switched off. Body inertias must be given explicitly in the MJCF (they are, in robosuite).
    """
    for geom in [g for g in spec.geoms if g.contype == 0 and g.conaffinity == 0]:
        spec.delete(geom)
    used = {geom.meshname for geom in spec.geoms if geom.meshname}
    for mesh in [m for m in spec.meshes if m.name not in used]:
        spec.delete(mesh)
    for geom in spec.geoms:
        geom.material = ""
    for group in (spec.cameras, spec.lights, spec.sensors, spec.materials, spec.textures):
        for element in list(group):
            spec.delete(element)
    spec.option.density = 0.0
    spec.option.viscosity = 0.0
    spec.memory = _MEMORY_BYTES


def touching_body_pairs(
    model: mujoco.MjModel, bodies: np.ndarray, joints: np.ndarray, n_samples: int, seed: int
) -> dict[tuple[int, int], int]:
    """Count for each pair of ``bodies`` the random joint configurations in which they touch, or nearly touch.

    Args:
        model: the scene.
        bodies: body ids to pair (B,).
        joints: ids of the hinge and slide joints to sample uniformly in their ranges (J,).
        n_samples: number of configurations.
        seed: seed of the sampling.

    Returns:
        Counts by sorted pairs of body ids; pairs that never touched are left out.
    """
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    data = mujoco.MjData(model)
    margins = model.geom_margin.copy()
    model.geom_margin[:] = _NEAR_M
    ranges = model.jnt_range[joints]
    samples = generator.uniform(ranges[:, 0], ranges[:, 1], (n_samples, len(joints)))
    last_seen = np.full((model.nbody, model.nbody), -1, dtype=np.int64)
    counts = np.zeros((model.nbody, model.nbody), dtype=np.int64)
    try:
        _mark_touching(
            model._address,
            data._address,
            data.qpos,
            model.jnt_qposadr[joints].astype(np.int64),
            samples,
            model.geom_bodyid.astype(np.int64),
            last_seen,
            counts,
        )
    finally:
        model.geom_margin[:] = margins
    wanted = set(bodies.tolist())
    pairs = [(int(a), int(b)) for a, b in np.argwhere(counts)]
    return {(a, b): int(counts[a, b]) for a, b in pairs if a in wanted and b in wanted}


def exclude_constant_pairs(spec: mujoco.MjSpec, robot_bodies: list[str], n_samples: int, seed: int) -> int:
    """Exclude the robot's body pairs that never come near each other, or always touch, from collision detection.

    Returns:
        How many pairs were excluded.
    """
    model = spec.compile()
    ids = np.array([model.body(name).id for name in robot_bodies])
    owned = np.isin(model.jnt_bodyid, ids)
    simple = np.isin(model.jnt_type, (mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE))
    counts = touching_body_pairs(model, ids, np.flatnonzero(owned & simple), n_samples, seed)
    changing = {pair for pair, count in counts.items() if count < n_samples}
    known = {(min(e.bodyname1, e.bodyname2), max(e.bodyname1, e.bodyname2)) for e in spec.excludes}
    excluded = 0
    for k, first in enumerate(robot_bodies):
        for second in robot_bodies[k + 1 :]:
            pair = tuple(sorted((model.body(first).id, model.body(second).id)))
            if pair not in changing and (min(first, second), max(first, second)) not in known:
                spec.add_exclude(bodyname1=first, bodyname2=second)
                excluded += 1
    return excluded


@kernel
def _mark_touching(
    model: int,
    data: int,
    qpos: np.ndarray,
    qpos_address: np.ndarray,
    samples: np.ndarray,
    geom_body: np.ndarray,
    last_seen: np.ndarray,
    counts: np.ndarray,
) -> None:
    for k in range(samples.shape[0]):
        for j in range(samples.shape[1]):
            qpos[qpos_address[j]] = samples[k, j]
        c.mj_kinematics(model, data)
        c.mj_comPos(model, data)
        c.mj_collision(model, data)
        for n in range(c.contact_count(data)):
            geoms = c.contact_geoms(c.contact_address(data, n))
            first, second = geom_body[geoms[0]], geom_body[geoms[1]]
            first, second = min(first, second), max(first, second)
            if last_seen[first, second] < k:
                last_seen[first, second] = k
                counts[first, second] += 1


def without_contacts(model: mujoco.MjModel, geoms: NDArray[np.int64], bits: int = 0) -> mujoco.MjModel:
    """Copy a model and leave some bodies out of collision detection; any mjData of one fits the other.

    Args:
        model: compiled model.
        geoms: ids of all geoms of those bodies.
        bits: types that they still collide with; 0: none.
    """
    copied = copy.copy(model)
    bodies = model.geom_bodyid[geoms]
    copied.geom_contype[geoms] = copied.body_contype[bodies] = 0
    copied.geom_conaffinity[geoms] = copied.body_conaffinity[bodies] = bits
    return copied
