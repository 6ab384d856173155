"""What a comparison of runs says, and the page that says it."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from hrg_pipeline.errors import HrgError
from hrg_pipeline.reporting.compare_page import TABLES, page, write_report
from hrg_pipeline.reporting.comparison import compare
from hrg_pipeline.reporting.curves import learning_curve
from hrg_pipeline.reporting.grouping import flatten, group_runs

from .runs import curve, run

GOOD, BAD = (0.9, 0.8, 0.7, 0.9, 0.8), (0.1, 0.2, 0.1, 0.3, 0.2)


@pytest.fixture(scope="module")
def found():
    runs = [run("sac", k, share) for k, share in enumerate(GOOD)]
    runs += [run("ppo", k, share, **{"algorithm.gamma": 0.99}) for k, share in enumerate(BAD)]
    return compare(group_runs(runs))


def test_runs_that_differ_in_seeds_alone_are_one_group():
    runs = [run(seed=k) for k in range(3)] + [run(seed=0, **{"algorithm.gamma": 0.99})]
    groups = group_runs(runs)
    assert [group.label for group in groups] == ["sac, algorithm.gamma=0.9", "sac, algorithm.gamma=0.99"]
    assert [len(group.runs) for group in groups] == [3, 1]


def test_what_only_the_run_itself_is_about_makes_no_group():
    runs = [run(seed=0, **{"run.verbose": True}), run(seed=1, **{"run.verbose": False, "tracking.group": "b"})]
    assert [group.label for group in group_runs(runs)] == ["sac"]


def test_an_experts_episodes_do_not_depend_on_the_algorithm():
    trained = run(seed=0, **{"expert.signal_to_noise": 1.0})
    experts = [
        dataclasses.replace(run("demo", k, **{"algorithm.gamma": 0.1 * k}), curve=None, wall_time_s=None)
        for k in range(2)
    ]
    assert [group.label for group in group_runs([trained, *experts])] == ["sac", "demo"]


def test_runs_are_grouped_as_asked():
    runs = [run("sac", 0), run("sac", 1, **{"algorithm.gamma": 0.99}), run("ppo", 0)]
    assert [group.label for group in group_runs(runs, "experiment")] == ["sac", "ppo"]
    assert len(group_runs(runs, "run")) == 3
    by_gamma = group_runs(runs, "algorithm.gamma")
    assert [(group.label, len(group.runs)) for group in by_gamma] == [
        ("algorithm.gamma=0.9", 2),
        ("algorithm.gamma=0.99", 1),
    ]
    with pytest.raises(HrgError, match=r"no run has a parameter 'algorithm\.gama'"):
        group_runs(runs, "algorithm.gama")


def test_nested_parameters_get_dotted_names():
    assert flatten({"a": {"b": {"c": 1}, "d": {}}, "e": [2]}) == {"a.b.c": 1, "a.d": {}, "e": [2]}


def test_curves_meet_on_the_steps_that_all_runs_have():
    tables = [curve(1.0, (1000, 3000)), curve(0.5, (2000, 4000)), curve(0.0, (500, 2500, 3500))]
    line = learning_curve(tables, "rollout/success_rate")
    assert line.steps.tolist() == [2000, 2500, 3000]
    np.testing.assert_allclose(line.runs[0], line.steps / 3000)
    np.testing.assert_allclose(line.middle, line.runs.mean(axis=0))
    assert (line.low <= line.middle).all() and (line.middle <= line.high).all()
    assert line.low[-1] == 0.0 and line.high[-1] > 0.9


def test_one_run_has_no_band_and_an_unknown_metric_no_curve():
    assert np.isnan(learning_curve([curve(1.0)], "rollout/success_rate").low).all()
    assert learning_curve([curve(1.0)], "rollout/nothing") is None
    assert learning_curve([curve(1.0, (10, 20)), curve(1.0, (30, 40))], "rollout/success_rate") is None


def test_the_better_group_is_told(found):
    assert found.labels == ["sac", "ppo"]
    score = found.scores["success_rate"]
    assert score.iqm["sac"].value == pytest.approx(np.mean([0.8, 0.8, 0.9]))
    assert score.iqm["ppo"].high < score.iqm["sac"].low
    (better,) = score.improvements
    assert (better.first, better.second, better.probability.value) == ("sac", "ppo", 1.0)
    assert (score.profiles["sac"].share >= score.profiles["ppo"].share).all()


def test_tables_have_groups_runs_and_the_parameters_that_differ(found):
    groups = found.groups.set_index("group")
    assert groups.loc["sac", "success_rate"] == pytest.approx(np.mean(GOOD))
    assert groups.loc["sac", "success_rate_low"] < np.mean(GOOD) < groups.loc["sac", "success_rate_high"]
    assert groups.loc["ppo", "wall_time_s"] == pytest.approx(14.0)
    assert groups.loc["ppo", "contacts_critical_total"] == 0
    assert len(found.runs) == 10
    assert found.differences.to_dict("records") == [{"parameter": "algorithm.gamma", "sac": "0.9", "ppo": "0.99"}]


def test_a_reader_is_warned(found):
    assert found.notes == []
    few = compare(group_runs([run("sac", 0), run("sac", 1), dataclasses.replace(run("ppo", 0), episodes=None)]))
    assert any("Fewer than five runs: sac, ppo" in note for note in few.notes)
    assert any("ppo-seed0" in note and "Not evaluated" in note for note in few.notes)
    other = compare(group_runs([run("sac", 0), run("ppo", 0, **{"environment.shield.type": "OFF"})]))
    assert any("environment.shield.type" in note for note in other.notes)


def test_returns_of_different_tasks_are_not_put_together():
    runs = [run("a", k, 0.5, **{"environment.env_id": task}) for k, task in enumerate(("ReachHuman", "Lift"))]
    both = compare(group_runs(runs, "experiment"))
    assert set(both.scores) == {"success_rate"}
    assert "return_iqm" not in both.groups


def test_what_was_trained_or_evaluated_only_still_makes_a_report(tmp_path):
    trained = dataclasses.replace(run("a", 0), episodes=None)
    shown = dataclasses.replace(run("b", 0), curve=None, wall_time_s=None, steps=None)
    for groups in ([trained], [shown], [trained, shown]):
        folder = tmp_path / "-".join(one.experiment for one in groups)
        folder.mkdir()
        assert all(file.stat().st_size > 0 for file in write_report(folder, compare(group_runs(groups)), "t", "m"))
    with pytest.raises(HrgError, match="at least one group"):
        compare([])


def test_the_page_needs_no_network_and_shows_every_section(found, tmp_path):
    text = page(found, "Comparison <1>", "made by a test")
    own = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"""(?:src|href)\s*=|@import|url\(""", own)
    assert text.count("<script") == text.count("</script>") and '<script type="module"' not in text
    assert len(text) > 3_000_000, "Plotly itself is in it"
    assert "Comparison &lt;1&gt;" in own and "algorithm.gamma" in own
    for title in ("Score", "Probability of improvement", "Learning curves", "Performance profiles", "Safety against"):
        assert f"<h2>{title}" in own
    files = write_report(tmp_path, found, "t", "m")
    assert [file.name for file in files] == ["report.html", "report.png", *(f"{name}.csv" for name in TABLES)]
    assert files[1].read_bytes().startswith(b"\x89PNG")


def test_the_same_runs_give_the_same_numbers(found):
    runs = [run("sac", k, share) for k, share in enumerate(GOOD)]
    runs += [run("ppo", k, share, **{"algorithm.gamma": 0.99}) for k, share in enumerate(BAD)]
    again = compare(group_runs(runs))
    assert again.scores["return"].iqm == found.scores["return"].iqm
    assert again.groups.equals(found.groups)
