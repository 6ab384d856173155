"""Motion clips are Kedro datasets, one by one and by the folder."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import yaml
from kedro.io import DataCatalog
from kedro.io.core import DatasetError

from hrg_pipeline.datasets import ClipDataset
from tests.human.test_motion_set import waving


def test_a_clip_comes_back_the_same_in_its_newest_version(tmp_path: Path) -> None:
    config = {
        "type": "hrg_pipeline.datasets.ClipDataset",
        "filepath": str(tmp_path / "clip.npz"),
        "versioned": True,
    }
    catalog = DataCatalog.from_config({"clip": config})
    catalog.save("clip", waving("wave/7", hand="left"))
    back = catalog.load("clip")
    assert (back.name, back.hand) == ("wave/7", "left")
    assert back.rotations.tobytes() == waving("wave/7").rotations.tobytes()


def test_the_catalog_entries_of_its_docstring_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = inspect.cleandoc(ClipDataset.__doc__ or "")
    blocks = [line for line in text.splitlines() if line.startswith("    ")]
    catalog = DataCatalog.from_config(yaml.safe_load("\n".join(line[4:] for line in blocks)))
    catalog.save("waving", waving("wave/1"))
    clips = catalog.load("clips")
    assert {name: load().name for name, load in clips.items()} == {"waving": "wave/1"}
    catalog.save("clips", {"second": waving("wave/2")})
    assert sorted(catalog.load("clips")) == ["second", "waving"]


def test_a_broken_file_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    path.write_bytes(b"no clip")
    with pytest.raises(DatasetError, match=r"clip.npz': not a stored clip"):
        ClipDataset(filepath=str(path)).load()
