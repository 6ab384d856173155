from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hrg_pipeline.errors import HrgError
from hrg_pipeline.human.body import (
    BODY_INDEX,
    BODY_NAMES,
    PARENTS,
    make_shield_bodies,
    make_shield_bodies_for,
    make_skeleton,
    stature_of,
)
from hrg_pipeline.human.kinematics import POSTURE_SIZE, forward_kinematics


def _surface_points(rng: np.random.Generator, a: np.ndarray, b: np.ndarray, radius: float, n: int) -> np.ndarray:
    normals = rng.normal(size=(n, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    share = rng.choice([0.0, 0.5, 1.0], size=(n, 1))
    return a + share * (b - a) + radius * normals


def _distance_to_segments(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    along = end - start
    length_sq = np.maximum(np.sum(along**2, axis=1), 1e-12)
    share = np.clip(np.einsum("nbj,bj->nb", points[:, None] - start, along) / length_sq, 0.0, 1.0)
    return np.linalg.norm(points[:, None] - start - share[..., None] * along, axis=2)


@settings(max_examples=25, deadline=None)
@given(
    stature=st.one_of(st.sampled_from([1.5, 1.75, 2.0]), st.floats(1.5, 2.0)),
    girth=st.one_of(st.sampled_from([0.85, 1.0, 1.2]), st.floats(0.85, 1.2)),
    seed=st.integers(0, 2**32 - 1),
    spread=st.floats(0.0, 2.0),
)
def test_shield_encloses_every_capsule_in_every_pose(stature: float, girth: float, seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    skeleton = make_skeleton(stature, girth)
    bodies = make_shield_bodies(skeleton)
    posture = rng.normal(size=POSTURE_SIZE) * spread
    pos, quat = np.zeros((24, 3)), np.zeros((24, 4))
    forward_kinematics(skeleton, posture, pos, quat)
    rotations = Rotation.from_quat(quat[:, [1, 2, 3, 0]]).as_matrix()
    for body in range(24):
        a = pos[body] + rotations[body] @ skeleton.geom_a[body]
        b = pos[body] + rotations[body] @ skeleton.geom_b[body]
        points = _surface_points(rng, a, b, skeleton.geom_radius[body], 30)
        gap = _distance_to_segments(points, pos[bodies.proximal], pos[bodies.distal]) - bodies.radius
        assert gap.min(axis=1).max() < 0.0, BODY_NAMES[body]


def test_topology_and_proportions() -> None:
    assert len(BODY_NAMES) == len(PARENTS) == 24
    assert all(parent < body for body, parent in enumerate(PARENTS))
    skeleton = make_skeleton(1.80)
    assert stature_of(skeleton) == pytest.approx(1.80)
    pos, quat = np.zeros((24, 3)), np.zeros((24, 4))
    forward_kinematics(skeleton, np.zeros(POSTURE_SIZE), pos, quat)
    lowest = (pos + np.minimum(skeleton.geom_a, skeleton.geom_b))[:, 2] - skeleton.geom_radius
    highest = (pos + np.maximum(skeleton.geom_a, skeleton.geom_b))[:, 2] + skeleton.geom_radius
    assert highest.max() - lowest.min() == pytest.approx(1.80, abs=0.005)
    # Drillis & Contini at 1.80 m: upper arm .335, forearm .263, thigh .441, shank .443 m.
    for name, length in (("L_Elbow", 0.335), ("R_Wrist", 0.263), ("L_Knee", 0.441), ("R_Ankle", 0.443)):
        assert np.linalg.norm(skeleton.offset[BODY_INDEX[name]]) == pytest.approx(length, abs=1e-3)


def test_one_cover_encloses_everybody_of_a_range() -> None:
    cover = make_shield_bodies_for((1.5, 2.0), (0.85, 1.2))
    for stature in np.linspace(1.5, 2.0, 11):
        for girth in np.linspace(0.85, 1.2, 8):
            needed = make_shield_bodies(make_skeleton(stature, girth))
            assert (cover.radius >= needed.radius - 1e-12).all()
            np.testing.assert_array_equal(cover.proximal, needed.proximal)
    one = make_shield_bodies_for((1.8, 1.8), (1.0, 1.0))
    np.testing.assert_array_equal(one.radius, make_shield_bodies(make_skeleton(1.8)).radius)


def test_girth_changes_trunk_and_limbs_and_neither_joints_nor_height() -> None:
    slim, heavy = make_skeleton(1.7, 0.89), make_skeleton(1.7, 1.13)
    np.testing.assert_array_equal(slim.offset, heavy.offset)
    same = [BODY_INDEX[name] for name in ("Head", "Neck", "L_Ankle", "R_Toe", "L_Wrist", "R_Hand")]
    np.testing.assert_array_equal(slim.geom_radius[same], heavy.geom_radius[same])
    rest = np.setdiff1d(np.arange(24), [*same, *(BODY_INDEX[n] for n in ("R_Ankle", "L_Toe", "R_Wrist", "L_Hand"))])
    assert (heavy.geom_radius[rest] > 1.2 * slim.geom_radius[rest]).all()
    chest = BODY_INDEX["Chest"]
    assert heavy.geom_a[chest, 1] > slim.geom_a[chest, 1]


def test_left_and_right_mirror_each_other() -> None:
    skeleton = make_skeleton(1.66, 1.1)
    for name in BODY_NAMES:
        if name.startswith("L_"):
            left, right = BODY_INDEX[name], BODY_INDEX["R" + name[1:]]
            mirror = np.array([1.0, -1.0, 1.0])
            for field in (skeleton.offset, skeleton.geom_a, skeleton.geom_b):
                np.testing.assert_array_equal(field[left], field[right] * mirror)


@pytest.mark.parametrize("stature", [1.5, 1.75, 2.0])
def test_shield_keeps_the_published_radii_and_bounds(stature: float) -> None:
    bodies = make_shield_bodies(make_skeleton(stature))
    least = {
        "L_Shoulder": 0.1,
        "R_Elbow": 0.066,
        "L_Wrist": 0.103,
        "R_Hand": 0.103,
        "Chest": 0.217,
        "Head": 0.217,
    }
    for name, radius in least.items():
        assert bodies.radius[BODY_INDEX[name]] >= radius
    bound = {
        "Pelvis": 20,
        "L_Knee": 30,
        "Spine": 25,
        "Chest": 20,
        "Neck": 25,
        "R_Thorax": 25,
        "Head": 25,
        "R_Hand": 50,
    }
    for name, a_max in bound.items():
        assert bodies.a_max[BODY_INDEX[name]] == a_max
    assert (bodies.v_max == 2.0).all()
    assert bodies.proximal.dtype == bodies.distal.dtype == np.int64


@pytest.mark.parametrize("stature", [1.49, 2.01, float("nan")])
def test_stature_out_of_range_is_one_clear_line(stature: float) -> None:
    with pytest.raises(HrgError, match=r"stature_m is .*\[1.5, 2.0\]"):
        make_skeleton(stature)
