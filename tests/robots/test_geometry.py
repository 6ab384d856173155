"""Chains and capsules agree with the simulator for every robot."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from hrg_pipeline.robots.capsules import capsule_volume, fit_capsule, held_capsule, segment_distances
from hrg_pipeline.robots.geometry import body_vertices, box_corners
from hrg_pipeline.robots.model import ARM_PREFIX, GRIPPER_PREFIX
from tests.robots.conftest import chain_frames, random_poses

LOOSEST = 4.0
"""Largest ratio of the volume of a body's capsules to that of its convex hull."""
LOOSEST_ARM = 2.7


def farthest_outside(scene, n, seed):
    """How far any collision vertex of what moves is outside all capsules, over random poses [m], and how many are."""
    model, capsules = scene.model, scene.capsules
    carried = {model.jnt_bodyid[scene.arm_joints[0]]}
    for body in range(model.nbody):
        if model.body_parentid[body] in carried:
            carried.add(body)
    vertices = {b: body_vertices(model, b) for b in sorted(carried)}
    worst, count = -np.inf, sum(len(v) for v in vertices.values())
    for q, _, data in random_poses(scene, n, seed, spread=0.05):
        frames = chain_frames(scene.chain, q)
        ends = [
            (frames[j][0] + frames[j][1] @ a, frames[j][0] + frames[j][1] @ b)
            for j, a, b in zip(capsules.joint, capsules.start, capsules.end, strict=True)
        ]
        for body, local in vertices.items():
            if len(local):
                points = data.xpos[body] + local @ data.xmat[body].reshape(3, 3).T
                gaps = [segment_distances(points, a, b) - r for (a, b), r in zip(ends, capsules.radius, strict=True)]
                worst = max(worst, np.min(gaps, axis=0).max())
    return worst, count


def test_the_chain_is_the_simulators(scene):
    for q, _, data in random_poses(scene, 20, seed=0):
        for (position, rotation), joint in zip(chain_frames(scene.chain, q), scene.arm_joints, strict=True):
            body = scene.model.jnt_bodyid[joint]
            np.testing.assert_allclose(position, data.xpos[body], atol=1e-9)
            np.testing.assert_allclose(rotation, data.xmat[body].reshape(3, 3), atol=1e-9)


def test_every_moving_vertex_is_inside_a_capsule(scene):
    worst, count = farthest_outside(scene, 10, seed=1)
    assert count > 100
    assert worst <= 0.0


def test_every_gripper_on_another_arm_is_inside_its_capsules(gripper_scene):
    worst, _ = farthest_outside(gripper_scene, 10, seed=2)
    assert worst <= 0.0


def test_capsules_are_tight(scene):
    capsules = scene.capsules
    for name in set(capsules.body):
        mine = [k for k, body in enumerate(capsules.body) if body == name]
        assert len(mine) <= 2
        volume = sum(capsule_volume(capsules.start[k], capsules.end[k], capsules.radius[k]) for k in mine)
        limit = LOOSEST if name == "gripper" else LOOSEST_ARM
        assert volume <= limit * capsules.hull_volume[mine[0]], name


def test_all_parts_that_move_and_collide_have_capsules(scene):
    model, links = scene.model, {scene.model.body(scene.model.jnt_bodyid[j]).name for j in scene.arm_joints}
    with_geoms = {name for name in links if len(body_vertices(model, model.body(name).id))}
    assert with_geoms | {"gripper"} == set(scene.capsules.body)
    prefixes = {name.split("_")[0] + "_" for name in scene.capsules.body if name != "gripper"}
    assert prefixes == {ARM_PREFIX}
    assert any(model.body(b).name.startswith(GRIPPER_PREFIX) for b in range(model.nbody))


def test_capsules_enclose_random_clouds_tightly():
    rng = np.random.default_rng(0)
    for _ in range(5):
        points = rng.standard_normal((40, 3)) * rng.uniform(0.02, 0.2, 3)
        start, end, radius = fit_capsule(points)
        assert segment_distances(points, start, end).max() <= radius
        ball = np.linalg.norm(points - points.mean(axis=0), axis=1).max()
        assert capsule_volume(start, end, radius) <= 4 / 3 * np.pi * ball**3 * 1.01


def test_a_held_object_is_enclosed_where_it_is():
    rng = np.random.default_rng(3)
    rotation = Rotation.random(random_state=rng).as_matrix()
    centre = np.array([0.1, -0.2, 0.3])
    half = np.array([0.02, 0.03, 0.15])
    start, end, radius = held_capsule("box", half, centre, rotation)
    inside = centre + (rng.uniform(-1, 1, (500, 3)) * half) @ rotation.T
    corners = centre + box_corners(half) @ rotation.T
    assert segment_distances(np.concatenate([inside, corners]), start, end).max() <= radius
    assert radius < 1.1 * np.hypot(0.02, 0.03)

    start, end, radius = held_capsule("cylinder", np.array([0.03, 0.1]), centre, rotation)
    angle, height, share = rng.uniform(0, 2 * np.pi, 500), rng.uniform(-0.1, 0.1, 500), rng.uniform(0, 1, 500)
    local = np.stack([0.03 * share * np.cos(angle), 0.03 * share * np.sin(angle), height], axis=1)
    assert segment_distances(centre + local @ rotation.T, start, end).max() <= radius
    assert capsule_volume(start, end, radius) < 2.0 * np.pi * 0.03**2 * 0.2


def test_every_link_can_touch_the_table_and_the_other_links(scene):
    model, table = scene.model, scene.model.geom("table_collision").id
    links = [g for g in range(model.ngeom) if model.body(model.geom_bodyid[g]).name.startswith(ARM_PREFIX)]
    assert len(links) > 5
    for geom in links:
        for other in (table, *links):
            assert model.geom_contype[geom] & model.geom_conaffinity[other]
