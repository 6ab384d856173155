"""A model card tells what a policy is, how it was made, how good and how safe it was."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from hrg_pipeline.reporting.model_card import CURVE_POINTS, build_card, card_page

PARAMETERS = {"experiment": "tiny", "run": {"obs_keys": ["a"], "n_test_episodes": 50, "eval_seed": 7}}
SPEC = {
    "robot": {"name": "panda"},
    "task": {"env_id": "ReachHuman", "shield": {"type": "SSM"}, "human": {"count": 2}},
    "wrappers": [{"name": "time_limit"}],
    "fingerprint": {"motion_sha256": "aa", "model_sha256": "bb", "observation_space": "Box", "action_space": "Box"},
}
MANIFEST = {
    "run_key": "tiny-<1>",
    "algorithm": "sac",
    "created": "2026-01-01T00:00:00+00:00",
    "action_sha256": "cc",
    "spec_sha256": "dd",
    "seeds": {"run": 0},
    "steps": 1000,
    "git": {"commit": "ee", "dirty": "false"},
    "files": {"policy.zip/v1/policy.zip": {"sha256": "ff"}, "replay_buffer.npz": {"sha256": "gg"}},
}
METRICS = {
    "success_rate": 0.9,
    "success_rate_low": 0.8,
    "success_rate_high": 0.95,
    "collision_rate": 0.0,
    "collision_rate_low": 0.0,
    "collision_rate_high": 0.07,
    "contacts_critical_total": 0,
    "min_human_distance_lowest": float("nan"),
}


@pytest.fixture
def curve():
    steps = range(0, 1001)
    return pd.DataFrame({"step": steps, "rollout/success_rate": [s / 1000 for s in steps], "train/loss": 1.0})


def test_the_card_has_intervals_and_keeps_safety_apart(curve):
    card = build_card(PARAMETERS, SPEC, MANIFEST, curve, METRICS)
    assert card["evaluation"] == {"success_rate": {"value": 0.9, "low": 0.8, "high": 0.95}}
    assert card["safety"]["collision_rate"] == {"value": 0.0, "low": 0.0, "high": 0.07}
    assert set(card["safety"]) == {"collision_rate", "contacts_critical_total"}
    assert card["evaluated"] == {"episodes": 50, "seed": 7}


def test_the_card_says_where_policy_and_data_come_from(curve):
    card = build_card(PARAMETERS, SPEC, MANIFEST, curve, None)
    assert card["model"]["file_sha256"] == "ff" and card["environment"]["spec_sha256"] == "dd"
    assert card["data"] == {"human": {"count": 2}, "motion_sha256": "aa", "replay_buffer_sha256": "gg"}
    assert card["origin"]["git"] == {"commit": "ee", "dirty": "false"}
    assert card["configuration"] == PARAMETERS
    assert card["evaluation"] == {} and card["evaluated"] is None


def test_the_curve_is_thinned_and_ends_where_the_training_did(curve):
    kept = build_card(PARAMETERS, SPEC, MANIFEST, curve, None)["training"]["curve"]
    assert len(kept["step"]) <= CURVE_POINTS and kept["step"][-1] == 1000
    assert kept["rollout/success_rate"][-1] == 1.0
    assert "train/loss" not in kept


def test_metrics_of_several_conditions_keep_their_names(curve):
    metrics = {"SSM": METRICS, "OFF": {"success_rate": 1.0}}
    card = build_card(PARAMETERS, SPEC, MANIFEST, curve, metrics)
    assert card["evaluation"]["OFF/success_rate"] == {"value": 1.0}
    assert "SSM/collision_rate" in card["safety"]


def test_the_page_stands_by_itself_and_nothing_in_it_is_taken_for_markup(curve):
    card = json.loads(json.dumps(build_card(PARAMETERS, SPEC, MANIFEST, curve, METRICS), allow_nan=False))
    page = card_page(card, curve)
    assert "tiny-&lt;1&gt;" in page and "<1>" not in page
    assert "0.9   95 % interval [0.8, 0.95]" in page
    assert "<th>shield.type</th><td>SSM</td>" in page
    assert "data:image/png;base64," in page
    assert re.findall(r"""(?:src|href)=['"](?!data:)""", page) == []
    assert "Not evaluated yet" in card_page(build_card(PARAMETERS, SPEC, MANIFEST, curve, None), curve)
