"""The pipeline that imports recorded motion: what it stores, prints and refuses."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from kedro.framework.startup import bootstrap_project

from hrg_pipeline import cli
from hrg_pipeline.human.clip import Clip
from tests.human.recorded.files import animation, write_pickle

ROOT = Path(__file__).parents[2]
# Kedro looks at typed parameters in a way that pydantic no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_fields' attribute:DeprecationWarning")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, with the shipped configuration and two recordings, as the working folder."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf", ignore=shutil.ignore_patterns("local"))
    (tmp_path / "conf" / "local").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "src" / "hrg_pipeline").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    with warnings.catch_warnings():
        # Warnings of Kedro's own start-up are not what is tested here.
        warnings.simplefilter("ignore")
        bootstrap_project(ROOT)
    write_pickle(tmp_path / "mocap" / "A" / "0.pkl", animation(n=120, seed=1, size=0.3))
    write_pickle(tmp_path / "mocap" / "A" / "1.pkl", animation(n=120, seed=2, size=0.3))
    (tmp_path / "mocap" / "A" / "bad.pkl").write_bytes(b"cos\nsystem\n.")
    return tmp_path


def run(params: str) -> Result:
    return CliRunner().invoke(cli.cli, ["run", "--pipeline", "import_motion", "--params", params])


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_becomes_clips_and_a_report(project: Path) -> None:
    result = run("motion.source=mocap")
    assert result.exit_code == 0, result.output
    stored = project / "data" / "02_intermediate" / "motion" / "mocap"
    assert sorted(files(stored)) == ["a/0.npz", "a/1.npz"]
    assert Clip.load(stored / "a" / "1.npz").name == "a/1"
    report = pd.read_csv(project / "data" / "08_reporting" / "motion" / "mocap" / "import.csv")
    assert list(report["file"]) == ["A/0.pkl", "A/1.pkl", "A/bad.pkl"]
    assert report["status"].tolist()[2] == "failed"
    assert (report["speed_after"].dropna() <= 2.0).all()
    table = (project / "data" / "08_reporting" / "motion" / "mocap" / "import.md").read_text()
    assert table.count("\n|") == 5
    assert "os.system" in table
    for words in ("A/0.pkl", "1 failed", "02_intermediate/motion/mocap", "import.csv"):
        assert words in result.output
    assert not (project / "data" / "06_models").exists(), "an import is no training run"
    assert not (project / "mlflow.db").exists()


def test_what_is_stored_is_replaced_only_when_asked(project: Path) -> None:
    assert run("motion.source=mocap/A/0.pkl,motion.name=mine").exit_code == 0
    folder = project / "data"
    before = files(folder)
    again = run("motion.source=mocap/A/1.pkl,motion.name=mine")
    assert again.exit_code == 1
    assert "already holds imported clips; choose another motion.name, or motion.overwrite=true" in again.output
    assert again.output.count("\n") == 1
    assert files(folder) == before
    assert run("motion.source=mocap/A/1.pkl,motion.name=other").exit_code == 0
    assert run("motion.source=mocap/A/1.pkl,motion.name=mine,motion.overwrite=true").exit_code == 0
    stored = sorted(files(folder / "02_intermediate"))
    assert stored == ["motion/mine/a/1.npz", "motion/other/a/1.npz"]


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ("run.seed=1", "motion.source is not set"),
        ("motion.source=nowhere", "'nowhere' does not exist"),
        ("motion.source=mocap/A/bad.pkl", "'bad.pkl' asks for 'os.system'"),
        ("motion.source=mocap/A/0_info.json", "recordings end in .pkl, .bvh"),
        ("motion.source=mocap,motion.stature_m=3", "motion.stature_m = 3 (command line)"),
        ("motion.source=mocap,motion.name=../x", "motion.name"),
        ("motion.sorce=mocap", "Did you mean 'source'?"),
    ],
)
def test_what_cannot_be_imported_is_one_line_and_leaves_nothing(project: Path, params: str, part: str) -> None:
    result = run(params)
    assert result.exit_code == 1
    errors = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert part in errors[0]
    assert not (project / "data" / "02_intermediate").exists()


def test_a_folder_of_which_nothing_can_be_imported_fails(project: Path) -> None:
    for number in (0, 1):
        (project / "mocap" / "A" / f"{number}.pkl").write_bytes(b"")
    result = run("motion.source=mocap")
    assert result.exit_code == 1
    assert "none of 3 files can be imported; the first: 'A/0.pkl' is not a complete pickle" in result.output
