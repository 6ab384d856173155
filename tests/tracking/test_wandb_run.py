"""W&B in its offline mode; skipped where the extra is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hrg_pipeline.config.params import TrackingParams
from hrg_pipeline.errors import ConfigError
from hrg_pipeline.tracking.backends import OPENERS, Start

PROGRAM = """
import sys
from pathlib import Path
from hrg_pipeline.config.params import TrackingParams
from hrg_pipeline.tracking.backends import OPENERS, Start

project = Path(sys.argv[1])
wishes = TrackingParams(experiment_name="reach", tags={"who": "me"})
run = OPENERS["wandb"](Start(project, "key-1", "name-1", "group-1", wishes, {"hrg.run_key": "key-1"}))
run.log_params({"run": {"seed": 3}})
for step in range(3):
    run.log({"rollout/ep_rew_mean": 1000.5 + step}, 100 * step)
run.log_text("some: text", "config/parameters.yml")
(project / "policy.zip").write_text("weights")
run.log_file(project / "policy.zip", "model")
settings = run._run.settings
print(settings.project, run._run.group, run._run.name, list(run._run.tags), run.where, sep="|")
run.end("FINISHED")
"""


@pytest.mark.slow
def test_an_offline_run_keeps_everything_below_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "data/08_reporting/key-1/wandb"
    (run,) = folder.glob("offline-run-*")
    assert done.stdout.strip().splitlines()[-1] == f"reach|group-1|name-1|['who=me']|wandb sync {run}"
    assert (run / "files/config/parameters.yml").read_text() == "some: text"
    assert (run / "files/model/policy.zip").read_text() == "weights"
    (record,) = run.glob("*.wandb")
    content = record.read_bytes()
    for word in (b"rollout/ep_rew_mean", b"1002.5", b"env_steps", b"hrg.run_key"):
        assert word in content


def test_without_the_extra_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ConfigError, match=r"pip install 'hrg_pipeline\[wandb\]'"):
        OPENERS["wandb"](Start(tmp_path, "key-1", "name", "group", TrackingParams(), {}))
