"""How long a checkpoint holds up the training, and how long it takes in the background.

    python benchmarks/checkpoint.py [--json FILE] [--repetitions N] [--transitions N] [--save-freq N]

benchmarks/README.md says how to read it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import one_thread_for_linear_algebra, print_table, write_json

if TYPE_CHECKING:
    from hrg_pipeline.learning.vec_env import EngineVecEnv

N_ENVS = 8
KEYS = ("object-state", "goal_difference")


def measure(model: Any, vec_env: EngineVecEnv, rows: int, added: int) -> dict[str, float]:
    """Take a checkpoint of a full buffer, another one later, and read that back."""
    import numpy as np

    from hrg_pipeline.learning import checkpoint_state
    from hrg_pipeline.learning.checkpoint_store import CheckpointStore, Keep
    from hrg_pipeline.learning.checkpoint_writer import CheckpointWriter
    from hrg_pipeline.learning.replay_rows import fill_buffer

    times: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = CheckpointStore(folder)
        with CheckpointWriter(store, Keep(), {}) as writer:
            for name, n_rows in (("first", rows), ("next", rows + added)):
                model.replay_buffer.pos = n_rows % model.replay_buffer.buffer_size
                began = time.perf_counter()
                snapshot = checkpoint_state.take(model, vec_env, {})
                writer.save(n_rows * N_ENVS, snapshot, model.replay_buffer, n_rows)
                times[f"{name}_pause_s"] = time.perf_counter() - began
                writer.wait()
                times[f"{name}_written_s"] = time.perf_counter() - began
        began = time.perf_counter()
        manifest = store.find()
        files = {name: store.read(manifest, name) for name in manifest.files}
        checkpoint_state.put_back(model, vec_env, files)
        pieces = ((one.first, dict(np.load(store.segment_path(one)))) for one in manifest.segments)
        fill_buffer(model.replay_buffer, rows + added, pieces)
        times["resume_s"] = time.perf_counter() - began
        times["megabytes"] = sum(segment.bytes for segment in manifest.segments) / 1e6
    return times


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=None, help="file for the figures")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--transitions", type=int, default=1_000_000, help="in the replay buffer")
    parser.add_argument("--save-freq", type=int, default=20_000, help="transitions between two checkpoints")
    options = parser.parse_args()
    one_thread_for_linear_algebra()
    import numpy as np
    from stable_baselines3.common.logger import Logger

    from hrg_pipeline.envs import EnvSpec
    from hrg_pipeline.learning.agent import build_model
    from hrg_pipeline.learning.determinism import contained_randomness
    from hrg_pipeline.learning.params import SACParams
    from hrg_pipeline.learning.storage import COLUMNS
    from hrg_pipeline.learning.vec_env import EngineVecEnv
    from hrg_pipeline.robots.params import RobotParams
    from hrg_pipeline.tasks.reach_human import ReachHumanParams
    from hrg_pipeline.wrappers.attach import attach_wrappers
    from hrg_pipeline.wrappers.params import WrapperParams

    spec = attach_wrappers(EnvSpec.create(RobotParams(), ReachHumanParams()), WrapperParams(), KEYS)
    params = SACParams(buffer_size=options.transitions, device="cpu")
    samples: list[dict[str, float]] = []
    with contained_randomness():
        vec_env = EngineVecEnv(spec.make_vector(N_ENVS, seed=0))
        model: Any = build_model(params, vec_env)
        model.set_logger(Logger(folder=None, output_formats=[]))
        model._last_obs = vec_env.reset()
        rng = np.random.default_rng(0)
        for name in COLUMNS.values():
            column = getattr(model.replay_buffer, name)
            column[:] = rng.standard_normal(column.shape)
        model.replay_buffer.full = True
        rows = model.replay_buffer.buffer_size
        for _ in range(options.repetitions):
            samples.append(measure(model, vec_env, rows, options.save_freq // N_ENVS))
        vec_env.close()
    keys = list(samples[0])
    figures = {key: statistics.median(sample[key] for sample in samples) for key in keys}
    figures |= {f"worst_{key}": max(sample[key] for sample in samples) for key in keys if key.endswith("pause_s")}
    labels = {
        "first_pause_s": "pause, whole buffer [s]",
        "worst_first_pause_s": "the same, worst [s]",
        "first_written_s": "written, whole buffer [s]",
        "next_pause_s": "pause, what was added [s]",
        "worst_next_pause_s": "the same, worst [s]",
        "next_written_s": "written, what was added [s]",
        "resume_s": "checked and read back [s]",
        "megabytes": "replay buffer [MB]",
    }
    print_table(("checkpoint", "value"), [(label, f"{figures[key]:.3f}") for key, label in labels.items()])
    write_json(options.json, figures | {"transitions": options.transitions, "repetitions": options.repetitions})


if __name__ == "__main__":
    main()
