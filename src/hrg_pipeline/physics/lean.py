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
) -> set[tuple[int, int]]:
    """Return the pairs among ``bodies`` that touch, or nearly touch, in random joint configurations.

    Args:
        model: the scene.
        bodies: body ids to pair (B,).
        joints: ids of the hinge and slide joints to sample uniformly in their ranges (J,).
        n_samples: number of configurations.
        seed: seed of the sampling.

    Returns:
        Sorted pairs of body ids.
    """
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    data = mujoco.MjData(model)
    margins = model.geom_margin.copy()
    model.geom_margin[:] = _NEAR_M
    ranges = model.jnt_range[joints]
    samples = generator.uniform(ranges[:, 0], ranges[:, 1], (n_samples, len(joints)))
    seen = np.zeros((model.nbody, model.nbody), dtype=np.bool_)
    try:
        _mark_touching(
            model._address,
            data._address,
            data.qpos,
            model.jnt_qposadr[joints].astype(np.int64),
            samples,
            model.geom_bodyid.astype(np.int64),
            seen,
        )
    finally:
        model.geom_margin[:] = margins
    wanted = set(bodies.tolist())
    return {(int(a), int(b)) for a, b in np.argwhere(seen | seen.T) if a < b and int(a) in wanted and int(b) in wanted}


def exclude_never_touching(spec: mujoco.MjSpec, robot_bodies: list[str], n_samples: int, seed: int) -> int:
    """Exclude the robot's body pairs that never come near each other from collision detection.

    Returns:
        How many pairs were excluded.
    """
    model = spec.compile()
    ids = np.array([model.body(name).id for name in robot_bodies])
    owned = np.isin(model.jnt_bodyid, ids)
    simple = np.isin(model.jnt_type, (mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE))
    touching = touching_body_pairs(model, ids, np.flatnonzero(owned & simple), n_samples, seed)
    count = 0
    for k, first in enumerate(robot_bodies):
        for second in robot_bodies[k + 1 :]:
            pair = tuple(sorted((model.body(first).id, model.body(second).id)))
            if pair not in touching:
                spec.add_exclude(bodyname1=first, bodyname2=second)
                count += 1
    return count


@kernel
def _mark_touching(
    model: int,
    data: int,
    qpos: np.ndarray,
    qpos_address: np.ndarray,
    samples: np.ndarray,
    geom_body: np.ndarray,
    seen: np.ndarray,
) -> None:
    for k in range(samples.shape[0]):
        for j in range(samples.shape[1]):
            qpos[qpos_address[j]] = samples[k, j]
        c.mj_kinematics(model, data)
        c.mj_comPos(model, data)
        c.mj_collision(model, data)
        for n in range(c.contact_count(data)):
            geoms = c.contact_geoms(c.contact_address(data, n))
            seen[geom_body[geoms[0]], geom_body[geoms[1]]] = True


def without_contacts(model: mujoco.MjModel, geoms: NDArray[np.int64]) -> mujoco.MjModel:
    """Copy a model and leave some bodies out of collision detection; any mjData of one fits the other.

    Args:
        model: compiled model.
        geoms: ids of all geoms of those bodies.
    """
    copied = copy.copy(model)
    bodies = model.geom_bodyid[geoms]
    for flags in (copied.geom_contype, copied.geom_conaffinity):
        flags[geoms] = 0
    for flags in (copied.body_contype, copied.body_conaffinity):
        flags[bodies] = 0
    return copied
