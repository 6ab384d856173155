"""Any words as configuration: a configuration comes out, or one clear error."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hrg_pipeline.config.compose import compose
from hrg_pipeline.config.overrides import parse_params, read_overrides
from hrg_pipeline.config.run_store import RunStore
from hrg_pipeline.config.schema import SECTIONS, defaults_of, section_classes
from hrg_pipeline.config.sources import ConfFolders
from hrg_pipeline.errors import ConfigError, HrgError

CONF = Path(__file__).parents[2] / "conf"
FOLDERS = ConfFolders(CONF, "base")
NOWHERE = RunStore(Path("/nowhere"))
CLASSES = section_classes(
    {"environment": {"env_id": "ReachHuman"}, "algorithm": {"name": "sac"}, "expert": {"name": "ReachHuman"}}
)
# A loop over cases of a tenth of a second each: their number is what keeps the test short.
few = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def leaves(values: Any, path: str) -> list[str]:
    if not isinstance(values, dict) or not values:
        return [path]
    return [path, *(leaf for key, value in values.items() for leaf in leaves(value, f"{path}.{key}"))]


KEYS = [leaf for name, model in CLASSES.items() for leaf in leaves(dict(defaults_of(model)), name)]
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
SIGNS = ["=", ",", "[", "]", "{", "}", "'", '"', "+", "${", "-", "1e", "x", " "]
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | words
    | st.sampled_from(["${run.seed}", "${nobody}", "${", "${oc.env:HOME}", "nan", "OFF", "1e400", "[", "§", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
keys = st.sampled_from([*KEYS, "experiment", "select", "select.robot", *SECTIONS]) | words
params = st.dictionaries(keys | keys.map(lambda key: f"+{key}"), values, max_size=3)


def told(error: HrgError) -> None:
    text = str(error)
    assert text and len(text) < 20_000 and "Traceback" not in text


@few
@given(params)
def test_any_values_for_any_keys_give_a_configuration_or_one_clear_error(given_params: dict[str, Any]) -> None:
    try:
        found = compose(FOLDERS, read_overrides(given_params), NOWHERE)
    except ConfigError as error:
        told(error)
    else:
        assert set(SECTIONS) <= set(found.parameters)


@settings(few, max_examples=300)
@given(st.lists(st.sampled_from([*KEYS, *SIGNS])).map("".join))
def test_any_text_on_the_command_line_is_read_or_refused(text: str) -> None:
    try:
        read_overrides(parse_params(text)).tree()
    except ConfigError as error:
        told(error)


@few
@given(st.dictionaries(st.sampled_from([*SECTIONS, "select", "experiment", "extends"]) | words, values, max_size=3))
def test_any_file_of_values_gives_a_configuration_or_one_clear_error(content: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder) / "conf"
        conf.mkdir()
        (conf / "base").symlink_to(CONF / "base")
        (conf / "local").mkdir()
        (conf / "local" / "parameters.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        try:
            compose(ConfFolders(conf), read_overrides({}), NOWHERE)
        except ConfigError as error:
            told(error)


BROKEN = (b"\xff\xfe\x00", b"a: [", b"\x00", b"- a\n- b\n", b"a: &x [*x]\n", b"%YAML 9.9\n---\na: 1")


@pytest.mark.parametrize("content", BROKEN)
def test_a_file_that_is_no_yaml_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "base").symlink_to(CONF / "base")
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "parameters.yml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"parameters\.yml"):
        compose(ConfFolders(tmp_path), read_overrides({}), NOWHERE)
