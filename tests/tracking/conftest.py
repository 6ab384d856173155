"""A store to track in, without paying for its tables in every test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hrg_pipeline.tracking import session
from hrg_pipeline.tracking.store import DATABASE, URI_VARIABLE, open_client

# Of MLflow against the SQLAlchemy of the lock file; nothing of ours.
IGNORED = ("ignore:The ``noload`` loader:DeprecationWarning",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of this folder use MLflow's store."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for rule in IGNORED:
                item.add_marker(pytest.mark.filterwarnings(rule))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with MLflow's tables, which take seconds to create."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(URI_VARIABLE, raising=False)
        open_client(folder)
    return folder / DATABASE


@pytest.fixture
def project(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project folder with an empty store; nothing is tracked before and after."""
    monkeypatch.delenv(URI_VARIABLE, raising=False)
    shutil.copy(empty_database, tmp_path / DATABASE)
    session.close_run(session.KILLED)
    yield tmp_path
    session.close_run(session.KILLED)
