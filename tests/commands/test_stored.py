"""Which stored runs a word means, and what is read of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hrg_pipeline.commands.stored import load_run, select_runs, stored_runs
from hrg_pipeline.errors import IntegrityError, RunNotFoundError

from .projects import VERSION, store_run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    store_run(tmp_path, "sac-seed0", seed=0, tracking={"group": "sweep1"})
    store_run(tmp_path, "sac-seed1", seed=1, tracking={"tags": {"note": "first", "n": 3}})
    store_run(tmp_path, "ppo-seed2", "ppo", seed=2, tracking={"group": "sweep1"})
    return tmp_path


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["sac-seed1"], ["sac-seed1"]),
        (["*seed0", "ppo*"], ["sac-seed0", "ppo-seed2"]),
        (["sac"], ["sac-seed0", "sac-seed1"]),
        (["sweep1"], ["sac-seed0", "ppo-seed2"]),
        (["note=first"], ["sac-seed1"]),
        (["first"], ["sac-seed1"]),
        (["n=3"], ["sac-seed1"]),
        ([f"{2:032x}"], ["ppo-seed2"]),
        (["ppo", "sweep1"], ["ppo-seed2", "sac-seed0"]),
    ],
)
def test_a_word_is_a_key_a_pattern_an_experiment_a_group_a_tag_or_an_id(project, words, keys):
    assert sorted(run.key for run in select_runs(project, words)) == sorted(keys)


def test_models_in_a_folder_elsewhere_are_found(project, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (project / "data/06_models").rename(elsewhere)
    assert {run.key for run in select_runs(project, [str(elsewhere)])} == {"sac-seed0", "sac-seed1", "ppo-seed2"}
    (one,) = select_runs(project, [str(elsewhere / "sac-seed1")])
    assert (one.seed, one.models) == (1, elsewhere / "sac-seed1")


def test_a_word_that_means_nothing_names_what_there_is(project):
    with pytest.raises(RunNotFoundError, match=r"'sarc' is no stored run.*experiments: ppo, sac; newest runs: "):
        select_runs(project, ["sac", "sarc"])
    with pytest.raises(RunNotFoundError, match="experiments: none"):
        select_runs(project / "empty", ["x"])


def test_the_newest_evaluation_is_read(project):
    newer = project / "data/08_reporting/sac-seed0/episodes.parquet/2027-01-01T00.00.00.000Z/episodes.parquet"
    newer.parent.mkdir()
    old = newer.parents[1] / VERSION / "episodes.parquet"
    old.rename(newer)
    old.write_bytes(b"no table")
    (run,) = select_runs(project, ["sac-seed0"])
    data = load_run(run)
    assert (len(data.episodes), data.steps, data.wall_time_s, data.task) == (20, 3000, 10.0, "ReachHuman")
    assert data.parameters["tracking.group"] == "sweep1"


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("06_models/sac-seed0/training_curve.parquet", "cannot be read as a table"),
        ("06_models/sac-seed0/training_record.json", "cannot be read as JSON"),
        (f"08_reporting/sac-seed0/episodes.parquet/{VERSION}/episodes.parquet", "cannot be read as a table"),
    ],
)
def test_a_damaged_file_is_named(project, file, part):
    (project / "data" / file).write_bytes(b"\x00damaged")
    (run,) = select_runs(project, ["sac-seed0"])
    with pytest.raises(IntegrityError, match=part) as error:
        load_run(run)
    assert Path(file).name in str(error.value)


def test_a_run_whose_configuration_is_damaged_is_listed_all_the_same(project):
    (project / "data/06_models/sac-seed0/parameters.yml").write_text("{")
    (project / "data/06_models/sac-seed0/mlflow_run.json").write_text("[]")
    run = next(run for run in stored_runs(project) if run.key == "sac-seed0")
    assert (run.experiment, run.seed, run.group, run.tags, run.mlflow_id) == ("custom", 0, None, {}, None)
