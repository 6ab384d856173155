"""The last lines of a run name what it left, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro_datasets.json import JSONDataset

from hrg_pipeline.datasets import ReplayBufferDataset
from hrg_pipeline.tracking.summary import summarize


@pytest.mark.parametrize("arrays", [{}, {"rewards": np.ones(3)}], ids=["empty", "filled"])
def test_a_replay_buffer_is_named_only_where_there_is_one(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    catalog = DataCatalog(
        {
            "parameters": MemoryDataset({"run": {"id": "run-1"}}),
            "replay_buffer": ReplayBufferDataset(filepath=str(tmp_path / "replay_buffer.npz")),
            "evaluation_metrics": JSONDataset(filepath=str(tmp_path / "metrics.json")),
        }
    )
    catalog["replay_buffer"].save(arrays)
    catalog["evaluation_metrics"].save({"success_rate": 0.5, "n_episodes": 2})
    lines = summarize(catalog, tmp_path, 61.0, {}).splitlines()
    assert lines[0] == "run-1 finished in 1 min 1 s"
    assert any(line.split() == ["success", "rate", "0.50"] for line in lines)
    assert any("replay_buffer.npz" in line for line in lines) == bool(arrays)
