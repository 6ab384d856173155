from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hrg_pipeline.human.ik import bump, matrix_to_rotvec, min_jerk, rotvec_to_matrix, two_bone


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), angle=st.sampled_from([0.0, 1e-9, 1e-3, 1.0, 3.0]))
def test_rotation_vectors_and_matrices_are_inverse(seed: int, angle: float) -> None:
    axis = np.random.default_rng(seed).normal(size=(5, 3))
    rotvec = angle * axis / np.linalg.norm(axis, axis=1, keepdims=True)
    matrix = rotvec_to_matrix(rotvec)
    np.testing.assert_allclose(matrix, Rotation.from_rotvec(rotvec).as_matrix(), atol=1e-12)
    np.testing.assert_allclose(matrix_to_rotvec(matrix), rotvec, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.2, 0.99))
def test_two_bones_end_at_the_target_and_bend_to_the_pole(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    way = rng.normal(size=(4, 3))
    way *= share * 0.55 / np.linalg.norm(way, axis=1, keepdims=True)
    pole = rng.normal(size=(4, 3))
    root = rng.normal(size=(4, 3))
    upper, lower, flex = two_bone(root, root + way, pole, 0.3, 0.25)
    np.testing.assert_allclose(root + 0.3 * upper + 0.25 * lower, root + way, atol=1e-9)
    np.testing.assert_allclose(np.cos(flex), np.sum(upper * lower, axis=1), atol=1e-9)
    assert (np.sum((0.3 * upper - 0.5 * way) * np.cross(np.cross(way, pole), way), axis=1) > 0.0).all()


def test_a_target_out_of_reach_is_approached_along_its_line() -> None:
    upper, lower, _ = two_bone(np.zeros((1, 3)), np.array([[9.0, 0, 0]]), np.array([[0, 0, 1.0]]), 0.3, 0.25)
    np.testing.assert_allclose(0.3 * upper + 0.25 * lower, [[0.55 * 0.9995, 0.0, 0.0]], atol=1e-9)


def test_profiles() -> None:
    u = np.linspace(0.0, 1.0, 100001)
    s = min_jerk(u)
    assert (s[0], s[50000], s[-1]) == pytest.approx((0.0, 0.5, 1.0))
    assert np.gradient(s, u).max() == pytest.approx(1.875, rel=1e-6)
    assert bump(np.array([-1.0, 0.0, 0.5, 1.0, 2.0])) == pytest.approx([0.0, 0.0, 1.0, 0.0, 0.0])
