"""Nested parameters become names and texts that MLflow takes."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from hrg_pipeline.tracking.flatten import MAX_PARAM_LENGTH, flatten_metrics, flatten_params

NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
    lambda values: st.dictionaries(st.text(min_size=1, max_size=5), values, max_size=3),
    max_leaves=10,
)


def test_nested_names_are_joined_by_dots_and_lists_are_text() -> None:
    nested = {"run": {"obs_keys": ["a", "b"], "id": None, "verbose": True}, "robot": {"name": "panda"}}
    assert flatten_params(nested) == {
        "run.obs_keys": '["a", "b"]',
        "run.id": "null",
        "run.verbose": "true",
        "robot.name": "panda",
    }


def test_an_empty_section_stays_visible() -> None:
    assert flatten_params({"tags": {}}) == {"tags": "{}"}


def test_a_long_value_is_cut_visibly() -> None:
    text = flatten_params({"a": "x" * 7000})["a"]
    assert len(text) == MAX_PARAM_LENGTH
    assert text.endswith("x…")


def test_characters_that_mlflow_refuses_are_replaced() -> None:
    assert flatten_params({"a[0]": {"b@c": 1}}) == {"a_0_.b_c": "1"}


@given(st.dictionaries(st.text(min_size=1), NESTED, max_size=4))
def test_every_value_is_a_text_that_fits(nested: dict[str, object]) -> None:
    assert all(isinstance(text, str) and len(text) <= MAX_PARAM_LENGTH for text in flatten_params(nested).values())


def test_metrics_keep_finite_numbers_only() -> None:
    metrics = {"success_rate": 0.9, "n": 3, "name": "x", "gap": math.nan, "by": {"kind": 2.0}, "none": None}
    assert flatten_metrics(metrics, "evaluation") == {
        "evaluation/success_rate": 0.9,
        "evaluation/n": 3.0,
        "evaluation/by/kind": 2.0,
    }
