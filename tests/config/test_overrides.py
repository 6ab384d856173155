"""What can be written after ``--params``, and given by a Python caller."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrg_pipeline.config.overrides import parse_params, split_items
from hrg_pipeline.errors import ConfigError

from .conftest import Compose


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("1_000_000", 1_000_000),
        ("08", 8),
        ("1e-3", 1e-3),
        ("5.0e-4", 5e-4),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("true", True),
        ("OFF", "OFF"),
        ("yes", "yes"),
        ("null", None),
        ("2024-01-01", "2024-01-01"),
        ("12:30", "12:30"),
        ("a=b", "a=b"),
        ("[a,b]", ["a", "b"]),
        ("[[1,2],[3]]", [[1, 2], [3]]),
        ("{a: 1, b: [2,3]}", {"a": 1, "b": [2, 3]}),
        ("'a,b'", "a,b"),
        ("it's", "it's"),
        ("${run.seed}", "${run.seed}"),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert parse_params(f"x.y=0,a.b={text},c.d=1") == {"x.y": 0, "a.b": value, "c.d": 1}


def test_spaces_and_empty_items_do_not_matter() -> None:
    assert parse_params(" run.seed = 1 , ,run.n_envs=2,") == {"run.seed": 1, "run.n_envs": 2}
    assert parse_params("") == {}


def test_a_run_id_stays_text() -> None:
    assert parse_params("run.id=12345678901234567890123456e12345")["run.id"].endswith("e12345")


@pytest.mark.parametrize("text", ["a=]", "a=[1}", "a='x", "a=(1,2"])
def test_brackets_and_quotes_must_match(text: str) -> None:
    with pytest.raises(ConfigError):
        split_items(text)


words = st.text("abc_.[]", min_size=1).filter(lambda text: text.count("[") == text.count("]") == 0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(words, st.lists(st.integers(), min_size=1)), unique_by=lambda item: item[0]))
def test_lists_of_any_length_come_through(items: list[tuple[str, list[int]]]) -> None:
    text = ",".join(f"{key}={values}" for key, values in items)
    assert parse_params(text) == dict(items)


@pytest.mark.parametrize(
    "params",
    [
        {"robot": "panda", "run.n_envs": 3},
        {"select": {"robot": "panda"}, "run": {"n_envs": 3}},
        {"select.robot": "panda", "run": {"n_envs": 3}},
    ],
)
def test_python_callers_may_nest_or_write_dots(composed: Compose, params: dict[str, Any]) -> None:
    parameters = composed(params).parameters
    assert parameters["run"]["n_envs"] == 3
    assert parameters["select"]["robot"] == "panda"


def test_one_key_in_two_spellings_is_given_twice(composed: Compose) -> None:
    with pytest.raises(ConfigError, match="twice"):
        composed({"run": {"seed": 1}, "run.seed": 2})


def test_choice_with_values_of_its_group(composed: Compose) -> None:
    algorithm = composed("select.algorithm=ppo,algorithm.n_epochs=3").parameters["algorithm"]
    assert (algorithm["name"], algorithm["n_epochs"]) == ("ppo", 3)


def test_own_tags(composed: Compose) -> None:
    def tags(params: str | dict[str, Any]) -> Any:
        return composed(params).parameters["tracking"]["tags"]

    assert tags("+tracking.tags.note=first,+tracking.tags.n=3") == {"note": "first", "n": "3"}
    assert tags("tracking.tags={note: first}") == {"note": "first"}
    assert tags({"tracking": {"tags": {"note": "first"}}}) == {"note": "first"}


def test_a_list_replaces_the_one_below(composed: Compose) -> None:
    parameters = composed("run.obs_keys=[goal_difference],algorithm.policy_kwargs.net_arch=[4]").parameters
    assert parameters["run"]["obs_keys"] == ["goal_difference"]
    assert parameters["algorithm"]["policy_kwargs"]["net_arch"] == [4]


def test_no_experiment(composed: Compose) -> None:
    assert composed("experiment=null").parameters["environment"]["goal_dist"] == 0.1


def test_places_to_track_in_are_a_list_in_place_of_a_choice(composed):
    def backends(params):
        return composed(params).parameters["tracking"]["backends"]

    assert backends("tracking=[mlflow,tensorboard]") == ["mlflow", "tensorboard"]
    assert backends("tracking=[]") == []
    assert backends({"tracking": ["wandb"]}) == ["wandb"]
    with pytest.raises(ConfigError, match=r"tracking\.backends"):
        composed("tracking=[mlflow,nowhere]")
    with pytest.raises(ConfigError, match="given twice"):
        composed("tracking=[mlflow],tracking.backends=[wandb]")


def test_what_is_not_stored_is_not_tracked(composed):
    with pytest.raises(ConfigError, match=r"tracking.store=false needs tracking.backends=\[\]"):
        composed("tracking.store=false")
