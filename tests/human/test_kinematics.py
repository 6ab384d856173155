from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hrg_pipeline.human.body import PARENTS, make_skeleton
from hrg_pipeline.human.kinematics import forward_kinematics


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([0.0, 1e-9, 1e-4, 0.5, 3.0, 10.0]))
def test_agrees_with_a_slow_reference(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    skeleton = make_skeleton(rng.uniform(1.5, 2.0))
    posture = rng.normal(size=75) * scale
    posture.reshape(25, 3)[rng.random(25) < 0.3] = 0.0
    pos, quat = np.zeros((24, 3)), np.zeros((24, 4))
    forward_kinematics(skeleton, posture, pos, quat)

    frames: list[Rotation] = []
    for body, parent in enumerate(PARENTS):
        local = Rotation.from_rotvec(posture[3 + 3 * body : 6 + 3 * body])
        frame = local if parent < 0 else frames[parent] * local
        place = posture[:3] if parent < 0 else pos[parent] + frames[parent].apply(skeleton.offset[body])
        frames.append(frame)
        np.testing.assert_allclose(pos[body], place, atol=1e-12)
        np.testing.assert_allclose(
            Rotation.from_quat(quat[body, [1, 2, 3, 0]]).as_matrix(), frame.as_matrix(), atol=1e-12
        )
    np.testing.assert_allclose(np.linalg.norm(quat, axis=1), 1.0, atol=1e-12)
