"""Each benchmark prints a table and writes its figures as flat keys."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from hrg_pipeline.engine.threads import available_cores

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


def run(name, *words, check=True):
    command = [sys.executable, str(FOLDER / name), *words]
    return subprocess.run(command, capture_output=True, text=True, check=check)


@pytest.fixture(scope="module")
def measure():
    found = importlib.util.spec_from_file_location("measure", FOLDER / "measure.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_throughput_compares_with_mujoco_and_robosuite(tmp_path):
    file = tmp_path / "deep" / "throughput.json"
    done = run("throughput.py", "--repetitions", "1", "--steps", "8", "--robots", "panda", "--json", str(file))
    figures = json.loads(file.read_text())
    published = {
        "shielded_steps_per_s_1env",
        "shielded_steps_per_s_8env",
        "engine_over_mj_step",
        "shielded_over_mj_step",
        "ratio_to_robosuite_lift",
        "python_share_16env",
        "mb_per_env",
        "reset_ms",
        "clips_per_s_slowest_family",
    }
    assert published <= figures.keys()
    assert ("thread_scaling_2_over_1" in figures) == (available_cores() > 1)
    assert [key for key, value in figures.items() if not (math.isfinite(value) and value > 0.0)] == []
    assert done.stderr == ""
    words = (
        "mj_step",
        "shield OFF, 1 env",
        "shield SSM, 8 envs",
        "robosuite Lift",
        "median",
        "min",
        "1 thread",
        "human",
    )
    for word in words:
        assert word in done.stdout


@pytest.mark.parametrize(("option", "choice"), [("--robots", "panda"), ("--only", "scaling")])
def test_an_unknown_choice_names_those_there_are(option, choice):
    done = run("throughput.py", option, "r2d2", check=False)
    assert done.returncode != 0
    assert "r2d2" in done.stderr and choice in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_overlap_compares_a_round_with_its_halves(tmp_path):
    file = tmp_path / "overlap.json"
    run("overlap.py", "--repetitions", "1", "--rounds", "3", "--envs", "2", "--json", str(file))
    figures = json.loads(file.read_text())
    assert set(figures) == {
        *(f"{name}_ms" for name in ("simulation", "learning", "in_turn", "together")),
        "overlap_over_longer_half",
        "overlap_over_in_turn",
    }
    assert min(figures.values()) > 0.0


@pytest.mark.slow
def test_startup_measures_the_commands(tmp_path):
    file = tmp_path / "startup.json"
    done = run("startup.py", "--repetitions", "1", "--skip-first-step", "--json", str(file))
    figures = json.loads(file.read_text())
    assert set(figures) == {"kedro_version_s", "kedro_registry_list_s", "kedro_config_show_s", "import_envs_s"}
    assert min(figures.values()) > 0.0
    assert "kedro registry list" in done.stdout


def test_motion_measures_every_family_and_counts_violations(tmp_path):
    from hrg_pipeline.human.families import FAMILIES

    file = tmp_path / "motion.json"
    words = ("--repetitions", "1", "--clips", "1", "--violations", str(len(FAMILIES)))
    done = run("motion.py", *words, "--json", str(file))
    figures = json.loads(file.read_text())
    rates = {f"clips_per_s_{family}" for family in FAMILIES}
    assert set(figures) == rates | {"clips_per_s_slowest_family", "audited_clips", "clips_with_violations"}
    assert figures["clips_per_s_slowest_family"] == min(figures[key] for key in rates) > 0.0
    assert (figures["audited_clips"], figures["clips_with_violations"]) == (len(FAMILIES), 0)
    assert "with violations" in done.stdout


@pytest.mark.slow
def test_shield_measures_cycles_and_planning_apart(tmp_path):
    file = tmp_path / "shield.json"
    done = run("shield.py", "--repetitions", "1", "--cycles", "2000", "--json", str(file))
    figures = json.loads(file.read_text())
    published = {"ssm_us_median", "ssm_us_p99", "ssm_us_max", "batch64_us", "plan_us_median"}
    assert published <= figures.keys()
    assert [key for key, value in figures.items() if not (math.isfinite(value) and value > 0.0)] == []
    assert figures["ssm_us_median"] <= figures["ssm_us_p99"] <= figures["ssm_us_max"]
    for word in ("24 bodies", "planning", "median", "p99", "robot moves in"):
        assert word in done.stdout


@pytest.mark.parametrize("name", ["throughput.py", "scaling.py", "overlap.py", "startup.py", "motion.py", "shield.py"])
def test_nothing_is_measured_without_a_repetition(name):
    done = run(name, "--repetitions", "0", check=False)
    assert done.returncode != 0
    assert "--repetitions" in done.stderr.splitlines()[-1]


def test_measurements_take_turns(measure):
    seen = []

    def measurement(name, seconds):
        seen.append(name)
        return {name: seconds}

    assert measure.interleaved([partial(measurement, "a", 1.0), partial(measurement, "b", 2.0)], 2) == {
        "a": [1.0, 1.0],
        "b": [2.0, 2.0],
    }
    assert seen == ["a", "b", "a", "b"]


def test_a_ratio_compares_neighbours_and_ignores_one_disturbed_repetition(measure):
    samples = {"slow": [2.0, 200.0, 6.0], "fast": [1.0, 100.0, 1.0]}
    assert measure.median_ratio(samples, "slow", "fast") == 2.0


@pytest.mark.slow
def test_liveness_compares_modes_and_costs_nothing_without_people(tmp_path):
    file = tmp_path / "liveness.json"
    done = run("liveness.py", "--episodes", "1", "--goals", "1", "--scenarios", "far,working", "--json", str(file))
    figures = json.loads(file.read_text())
    for mode in ("off", "ssm", "pfl"):
        assert figures[f"far_{mode}_interventions_per_min"] == figures[f"far_{mode}_lost_percent"] == 0.0
        assert figures[f"far_{mode}_mean_path_speed"] == 1.0
        assert figures[f"working_{mode}_reached_percent"] == 100.0
    for word in ("far, SSM", "working, PFL", "interventions per min"):
        assert word in done.stdout
    failed = run("liveness.py", "--scenarios", "crowd", check=False)
    assert failed.returncode != 0 and "crowd" in failed.stderr and "leaning_in" in failed.stderr
