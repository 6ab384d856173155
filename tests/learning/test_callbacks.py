from __future__ import annotations

import math

import pytest

from hrg_pipeline.learning.callbacks import EpisodeWindow, TrainingCurve


def test_curve_has_a_row_per_moment_and_a_column_per_metric():
    curve = TrainingCurve()
    curve.log({"b": 1.0}, step=10)
    curve.log({"b": 2.0, "a": 3.0}, step=20)
    frame = curve.to_frame()
    assert list(frame.columns) == ["step", "a", "b"]
    assert frame["step"].tolist() == [10, 20]
    assert math.isnan(frame["a"][0]) and frame["a"][1] == 3.0


def test_a_curve_without_rows_is_an_empty_table():
    assert list(TrainingCurve().to_frame().columns) == ["step"]


def test_window_keeps_the_last_episodes_only():
    window = EpisodeWindow(size=2)
    for value in (100.0, 1.0, 3.0):
        window.add({"r": value})
    assert window.mean("r") == 2.0


def test_values_that_are_not_finite_or_not_there_do_not_spoil_a_mean():
    window = EpisodeWindow()
    assert window.mean("min_human_distance") is None
    window.add({"min_human_distance": math.inf})
    assert window.mean("min_human_distance") is None
    window.add({"min_human_distance": 0.5})
    window.add({})
    assert window.mean("min_human_distance") == pytest.approx(0.5)
