"""The table of several policies under several conditions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hrg_pipeline.reporting.evaluation_table import as_text, evaluation_table
from hrg_pipeline.reporting.robust import interquartile_mean
from hrg_pipeline.reporting.statistics import wilson_rate

from .runs import episodes


def part(condition: str, policy: str, run: str, success: float, step: int | None = None) -> pd.DataFrame:
    table = episodes(success, seed=len(run)).assign(condition=condition, policy=policy, run=run)
    return table.assign(step=pd.array([step] * len(table), dtype="Int64"))


@pytest.fixture(scope="module")
def table():
    parts = [part("shield=OFF", "sac", f"sac-seed{'1' * k}", 0.2 * k) for k in range(1, 5)]
    parts += [part("shield=OFF", "expert", "sac-seed0", 1.0), part("shield=SSM", "sac", "sac-seed0", 0.5, 2000)]
    return evaluation_table(pd.concat(parts, ignore_index=True))


def test_rows_come_in_order_and_pool_the_runs_of_a_policy(table):
    assert table[["condition", "policy", "runs", "episodes"]].to_numpy().tolist() == [
        ["shield=OFF", "sac", 4, 80],
        ["shield=OFF", "expert", 1, 20],
        ["shield=SSM", "sac", 1, 20],
    ]
    assert table["success_rate"].tolist() == pytest.approx([0.5, 1.0, 0.5])


def test_several_runs_have_an_interval_over_runs_one_run_one_over_episodes(table):
    several, expert, _ = (row for _, row in table.iterrows())
    assert (several["success_rate_low"], several["success_rate_high"]) == pytest.approx((0.3, 0.7), abs=0.06)
    expected = wilson_rate(20, 20)
    assert (expert["success_rate_low"], expert["success_rate_high"]) == (expected.low, expected.high)


def test_the_interquartile_mean_is_over_episodes(table):
    returns = episodes(1.0, seed=len("sac-seed0"))["return"]
    row = table.iloc[1]
    assert row["return_iqm"] == pytest.approx(float(interquartile_mean(returns)))
    assert row["return_iqm_low"] < row["return_iqm"] < row["return_iqm_high"]


def test_the_text_has_a_line_a_row_and_names_the_step_where_there_is_one(table):
    lines = as_text(table).splitlines()
    assert len(lines) == 2 + 3
    assert "| shield=SSM | sac | 2000 | 1 | 20 | 50%" in lines[4]
    assert "final" in lines[2]
    assert "step" not in as_text(table.assign(step=pd.NA)).splitlines()[0]
    assert not np.any([("nan" in line) for line in lines])
