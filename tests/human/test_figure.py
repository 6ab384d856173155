from __future__ import annotations

import numpy as np
import pytest

from hrg_pipeline.human.body import BODY_NAMES, make_skeleton
from hrg_pipeline.human.figure import SHOES, SKIN, shapes_of


@pytest.mark.parametrize("stature", [1.5, 1.75, 2.0])
def test_every_body_is_drawn_near_its_physics_capsule(stature: float) -> None:
    skeleton = make_skeleton(stature)
    for body, name in enumerate(BODY_NAMES):
        shapes = shapes_of(name, stature)
        assert shapes, name
        middle = 0.5 * (skeleton.geom_a[body] + skeleton.geom_b[body])
        span = np.linalg.norm(skeleton.geom_a[body] - skeleton.geom_b[body]) + 2.0 * skeleton.geom_radius[body]
        for shape in shapes:
            centre = np.array(shape.start)
            if shape.kind == "capsule":
                centre = 0.5 * (centre + shape.end)
            assert np.linalg.norm(centre - middle) < 0.6 * span + 0.02, name


def test_right_mirrors_left_and_skin_shows_where_it_should() -> None:
    for left, right in zip(shapes_of("L_Wrist", 1.8), shapes_of("R_Wrist", 1.8), strict=True):
        np.testing.assert_allclose(np.array(left.start) * [1.0, -1.0, 1.0], right.start)
    colours = {name: {shape.colour for shape in shapes_of(name, 1.8)} for name in BODY_NAMES}
    assert colours["L_Hand"] == {SKIN}
    assert SKIN in colours["Head"] and len(colours["Head"]) > 3
    assert SHOES in colours["R_Ankle"]
    assert SKIN not in colours["Chest"]


def test_the_head_is_as_high_as_the_person() -> None:
    top = max(shape.start[2] + shape.end[2] for shape in shapes_of("Head", 1.8) if shape.kind == "ellipsoid")
    assert top == pytest.approx(0.115 * 1.8, abs=0.01)
