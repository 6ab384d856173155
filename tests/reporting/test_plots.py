from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hrg_pipeline.errors import HrgError
from hrg_pipeline.reporting.plots import LEARNING_PANELS, evaluation_figure, learning_curve_figure


def _curve(n: int = 20) -> pd.DataFrame:
    columns = [line.column for panel in LEARNING_PANELS for line in panel.lines]
    steps = np.arange(1, n + 1) * 500
    return pd.DataFrame({"step": steps} | {name: np.linspace(0.0, 1.0, n) for name in columns})


def _episodes(n: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "return": rng.normal(size=n),
            "success": np.arange(n) % 4 != 0,
            "failure": 0,
            "n_collisions_human": np.arange(n) % 2,
            "min_human_distance": rng.uniform(size=n),
        }
    )


def _picture(figure, path):
    figure.savefig(path, dpi=50)
    image = np.asarray(Image.open(path).convert("RGB"), dtype=float)
    assert image.shape[0] > 150
    assert image.shape[1] > 300
    return image


def test_learning_curve_is_a_picture_that_shows_the_data(tmp_path):
    flat, risen = _curve(), _curve()
    flat["rollout/ep_rew_mean"] = 0.0
    a = _picture(learning_curve_figure(flat, title="run"), tmp_path / "a.png")
    b = _picture(learning_curve_figure(risen, title="run"), tmp_path / "b.png")
    assert np.abs(a - b).max() > 100


def test_learning_curve_draws_what_was_logged_at_its_steps():
    curve = _curve()
    curve.loc[::2, "rollout/success_rate"] = np.nan
    success = learning_curve_figure(curve).axes[1].lines[0]
    assert list(success.get_xdata()) == list(curve["step"][1::2])
    assert not np.isnan(success.get_ydata()).any()


@pytest.mark.parametrize("rows", [0, 1])
def test_learning_curve_of_a_run_that_hardly_began(rows, tmp_path):
    _picture(learning_curve_figure(_curve(rows)), tmp_path / "a.png")
    _picture(learning_curve_figure(pd.DataFrame({"step": [100] * rows})), tmp_path / "b.png")


def test_learning_curve_needs_steps():
    with pytest.raises(HrgError, match="step"):
        learning_curve_figure(pd.DataFrame({"x": [1]}))


def test_evaluation_is_a_picture_that_shows_the_data(tmp_path):
    worse = _episodes()
    worse["success"] = False
    a = _picture(evaluation_figure(_episodes()), tmp_path / "a.png")
    b = _picture(evaluation_figure(worse), tmp_path / "b.png")
    assert np.abs(a - b).max() > 100


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"return": [1.0]}),
        _episodes(1),
        _episodes(5).assign(min_human_distance=np.inf),
        _episodes(5).assign(**{"return": 2.0}),
    ],
)
def test_evaluation_of_little_is_still_a_picture(table, tmp_path):
    _picture(evaluation_figure(table), tmp_path / "a.png")


def test_evaluation_needs_an_episode():
    with pytest.raises(HrgError, match="at least one episode"):
        evaluation_figure(_episodes(0))


def test_figures_need_no_display_and_leave_pyplot_alone():
    code = (
        "import sys, pandas as pd; from hrg_pipeline.reporting.plots import learning_curve_figure as f;"
        "f(pd.DataFrame({'step': [1]})); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PATH": "", "MPLBACKEND": "TkAgg"})
