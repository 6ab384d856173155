"""Kills a training at random moments with SIGKILL, resumes it each time, and compares it with one that was let be.

python tests/kill_and_resume.py --kills 20
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

PROJECT = Path(__file__).parents[1]
STEPS_PER_KILL = 240
SETTINGS = (
    "run.n_envs=2,run.n_test_episodes=1,run.record_video=false,run.log_interval=100,run.save_freq=100",
    "run.eval_freq=400,environment.horizon=20,environment.human.motion.n_clips=2,algorithm.learning_starts=100",
    "algorithm.buffer_size=600,tracking.backends=[]",
)
MODELS = Path("data/06_models")
PATIENCE_S = 900.0


def copy_project(target: Path) -> Path:
    """Make a project with all that a run needs, and nothing that other runs left."""
    shutil.copytree(PROJECT / "conf", target / "conf", ignore=shutil.ignore_patterns("local"))
    (target / "conf/local").mkdir()
    (target / "src").mkdir()
    shutil.copytree(PROJECT / "requirements", target / "requirements")
    shutil.copy(PROJECT / "pyproject.toml", target)
    return target


def start(project: Path, parameters: str) -> subprocess.Popen[bytes]:
    """Start a training."""
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    # This package and not a copy: its kernels are compiled already.
    environment["PYTHONPATH"] = str(PROJECT / "src")
    command = [sys.executable, "-m", "kedro", "run", "--pipeline", "train", "--params", parameters]
    return subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a training that must end well."""
    _, errors = process.communicate(timeout=PATIENCE_S)
    if process.returncode:
        raise SystemExit(f"the training failed: {errors.decode()}")


def wait_for_training(process: subprocess.Popen[bytes], lock: Path, since: float) -> None:
    """Wait until a training holds the lock of its checkpoints, which it takes just before the first step."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if lock.exists() and lock.stat().st_mtime > since:
            return
        if process.poll() is not None:
            finish(process)
            raise SystemExit("the training ended before it was killed")
        time.sleep(0.02)
    raise SystemExit(f"no training began within {PATIENCE_S:.0f} s")


def newest(folder: Path, name: str) -> Path:
    """Return the newest version of a stored file."""
    return sorted(folder.glob(f"{name}/*/{name}"))[-1]


def differences(project: Path, one: str, other: str) -> list[str]:
    """Compare what two runs stored, to the bit; returns what differs."""
    from stable_baselines3 import SAC

    from hrg_pipeline.pipelines.reproduce.comparison import compare_buffers, compare_curves, compare_weights, weights_of

    folders = [project / MODELS / key for key in (one, other)]
    models = [SAC.load(newest(folder, "policy.zip"), device="cpu") for folder in folders]
    weights = compare_weights(*(weights_of(model) for model in models))
    states = [model.critic.optimizer.state_dict()["state"] for model in models]
    same = all(torch.equal(states[0][k][name], states[1][k][name]) for k in states[0] for name in states[0][k])
    buffers = [dict(np.load(newest(folder, "replay_buffer.npz"))) for folder in folders]
    curves = [pd.read_parquet(folder / "training_curve.parquet") for folder in folders]
    found = [weights, None if same else "optimisers differ", compare_buffers(*buffers), compare_curves(*curves)]
    return [text for text in found if text]


def kill_and_resume(project: Path, kills: int, seed: int) -> tuple[list[str], list[int]]:
    """Train once undisturbed, once with kills.

    Returns:
        What differs in the end, and the newest checkpoint after each kill (0: none yet).
    """
    moments = random.Random(seed)
    settings = ",".join((*SETTINGS, f"run.n_steps={STEPS_PER_KILL * kills}"))
    began = time.time()
    whole = start(project, f"run.id=whole,{settings}")
    wait_for_training(whole, project / MODELS / "whole/checkpoints/.lock", began)
    first = time.monotonic()
    while not (project / MODELS / "whole/policy.zip").exists() and whole.poll() is None:
        time.sleep(0.02)
    duration_s = time.monotonic() - first
    finish(whole)
    print(f"undisturbed: {duration_s:.1f} s of training", flush=True)
    reached: list[int] = []
    checkpoints = project / MODELS / "killed/checkpoints"
    for k in range(kills):
        began = time.time()
        complete = list(checkpoints.glob("step-*/manifest.json"))
        stored = (project / MODELS / "killed/parameters.yml").exists()
        if stored and not complete:
            # Killed before its first checkpoint: there is nothing to go on from, so it starts over.
            stored = False
        process = start(project, "run.resume=killed" if stored else f"run.id=killed,{settings}")
        wait_for_training(process, checkpoints / ".lock", began)
        time.sleep(moments.uniform(0.0, 1.4 * duration_s / kills))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        steps = [int(path.parent.name[5:]) for path in checkpoints.glob("step-*/manifest.json")]
        reached.append(max(steps, default=0))
        print(f"kill {k + 1}: newest checkpoint {reached[-1]}", flush=True)
    finish(start(project, "run.resume=killed" if reached[-1] else f"run.id=killed,{settings}"))
    return differences(project, "whole", "killed"), reached


def main() -> None:
    """Run the check from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="how often the training is killed")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found, reached = kill_and_resume(copy_project(Path(folder) / "project"), options.kills, options.seed)
    print(f"{len(reached)} kills in {time.monotonic() - began:.0f} s, checkpoints reached: {reached}")
    if found:
        raise SystemExit("\n".join(found))
    print("weights, optimisers, replay buffer and curve are equal to the bit")


if __name__ == "__main__":
    main()
