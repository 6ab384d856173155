"""The film of an evaluation's first episode."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hrg_pipeline.config.params import RunParams
from hrg_pipeline.datasets.video_dataset import Video
from hrg_pipeline.pipelines.types import EnvSpec


def film_episode(spec: EnvSpec, policy: Callable[[Any, int], Callable[[Any], Any]], run: RunParams) -> Video:
    """Film the first episode of an evaluation.

    Args:
        spec: What to make the environment from.
        policy: Gives, for an environment and the episode's seed, a function from observations to actions.
        run: Says whether, and with which seed.
    """
    if not run.record_video:
        return Video(note="No video: run.record_video is false.\n")
    from hrg_pipeline.learning.determinism import contained_randomness
    from hrg_pipeline.learning.evaluation import episode_seed
    from hrg_pipeline.reporting.video import record_episode

    env = spec.make_vector(num_envs=1, seed=run.eval_seed, n_threads=1)
    seed = episode_seed(run.eval_seed, run.start_index)
    try:
        with tempfile.TemporaryDirectory() as folder, contained_randomness():
            path = Path(folder) / "episode.mp4"
            recorded = record_episode(env, policy(env, seed), path, seed=seed)
            return Video(note=f"{recorded.note}\n") if recorded.note else Video(mp4=path.read_bytes())
    finally:
        env.close()
