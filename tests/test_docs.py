"""What the documentation says about files and parameters is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from hrg_pipeline.config.params import RunParams, TrackingParams
from hrg_pipeline.config.schema import defaults_of
from hrg_pipeline.experts.pick_place_human import PickPlaceHumanExpertParams
from hrg_pipeline.human.recorded.params import MotionImportParams
from hrg_pipeline.robots.params import RobotParams
from hrg_pipeline.tasks.params import TaskParams
from hrg_pipeline.tasks.reach_human import ReachHumanParams
from hrg_pipeline.tasks.registry import TASKS
from hrg_pipeline.wrappers.params import WrapperParams

PROJECT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "conf/*.md", "benchmarks/*.md", "notebooks/*.md", "src/**/*.md")
    for page in PROJECT.glob(pattern)
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
ROW = re.compile(r"^\| `([a-z_.]+)` \| `(.+?)` \|", re.MULTILINE)
DOCUMENTED = {
    "robot": (RobotParams, "docs/configuration.md"),
    "wrappers": (WrapperParams, "docs/configuration.md"),
    "run": (RunParams, "docs/configuration.md"),
    "tracking": (TrackingParams, "docs/configuration.md"),
    "motion": (MotionImportParams, "docs/motion.md"),
    "environment": (ReachHumanParams, "docs/tasks/reach_human.md"),
    "expert": (PickPlaceHumanExpertParams, "docs/experts.md"),
}
OTHER_TASKS = sorted(set(TASKS) - {"ReachHuman"})


def anchors(page):
    """The anchors of a page's headings, as a forge makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leaves(values, path):
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}", value


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_every_relative_link_leads_somewhere(page):
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        file = page.parent / target if target else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("section", sorted(DOCUMENTED))
def test_every_parameter_is_documented_with_its_default(section):
    model, page = DOCUMENTED[section]
    rows = {name: yaml.safe_load(text) for name, text in ROW.findall((PROJECT / page).read_text(encoding="utf-8"))}
    documented = {name: value for name, value in rows.items() if name.startswith(f"{section}.")}
    assert documented == dict(leaves(defaults_of(model), section))


@pytest.mark.parametrize("task", OTHER_TASKS)
def test_a_task_documents_what_it_adds_to_all_tasks(task):
    page = PROJECT / f"docs/tasks/{re.sub(r'(?<!^)(?=[A-Z])', '_', task).lower()}.md"
    documented = {name: yaml.safe_load(text) for name, text in ROW.findall(page.read_text(encoding="utf-8"))}
    shared, own = (dict(leaves(defaults_of(model), "environment")) for model in (TaskParams, TASKS[task]))
    assert documented == {name: value for name, value in own.items() if name not in shared or shared[name] != value}


def test_every_page_can_be_reached_from_the_index():
    index = PROJECT / "docs" / "index.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text())}
    assert sorted(page for page in (PROJECT / "docs").rglob("*.md") if page not in linked | {index}) == []


def test_every_gap_of_the_reference_shield_has_tests_that_exist():
    text = (PROJECT / "docs/shield.md").read_text(encoding="utf-8")
    page = text.partition("\n## Gaps of the reference shield\n")[2]
    tests = re.findall(r"`([a-z_/]+\.py)(?:::(test_\w+))?`", page)
    assert len(tests) > 25
    for file, name in tests:
        source = (PROJECT / "tests" / file).read_text(encoding="utf-8")
        assert not name or f"\ndef {name}(" in source, f"{file}::{name}"
    rows = re.findall(r"^\| ([\w, ]+) \|", page, re.MULTILINE)
    numbers = {int(n) for row in rows for n in re.findall(r"\d+", row)}
    assert numbers == set(range(1, 29)) - {27}, "the reference text numbers its gaps 1 to 28, without 27"
