"""What is watched while an agent trains: metrics over steps, and progress."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from stable_baselines3.common.callbacks import BaseCallback

from hrg_pipeline.learning.episode_info import SAFETY_KEYS
from hrg_pipeline.learning.progress import Progress

WINDOW_EPISODES = 100
"""Episodes behind every ``rollout/*`` and ``safety/*`` figure: the last so many that ended."""

_ROLLOUT_KEYS = {
    "rollout/ep_rew_mean": "r",
    "rollout/ep_len_mean": "l",
    "rollout/success_rate": "is_success",
}
EPISODE_METRICS = _ROLLOUT_KEYS | {f"safety/{key}": key for key in SAFETY_KEYS}
"""Metric name to the episode value it is the mean of."""

Interval = int | tuple[int, Literal["step", "episode"]]
"""``n`` or ``(n, "step")``: env steps of all environments together; ``(n, "episode")``: episodes that end."""


def episode_metrics(info_keys: Sequence[str] | None) -> dict[str, str]:
    """Return which means are logged: return, length, success, and the chosen info keys (None: those of safety)."""
    if info_keys is None:
        return EPISODE_METRICS
    return _ROLLOUT_KEYS | {f"{'safety' if key in SAFETY_KEYS else 'rollout'}/{key}": key for key in info_keys}


class MetricSink(Protocol):
    """Somewhere that metrics over steps go while an agent trains."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Take the metrics of one moment.

        Args:
            metrics: Finite numbers by name.
            step: Env steps so far, of all environments together.
        """


class TrainingCurve:
    """Every metric at every moment it was logged."""

    def __init__(self) -> None:
        self._rows: list[dict[str, float]] = []

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Take metrics of one moment (it is a ``MetricSink`` itself); a second time at one step completes its row."""
        if self._rows and self._rows[-1]["step"] == step:
            self._rows[-1] = {**self._rows[-1], **metrics}
        else:
            self._rows.append({"step": step, **metrics})

    def get_state(self) -> list[dict[str, float]]:
        """Return all rows."""
        return list(self._rows)

    def set_state(self, rows: list[dict[str, float]]) -> None:
        """Go on from the rows of ``get_state``."""
        self._rows = list(rows)

    def to_frame(self) -> pd.DataFrame:
        """One row a moment: ``step`` (int), then a float column per metric, NaN where it had no value."""
        names = sorted({name for row in self._rows for name in row} - {"step"})
        frame = pd.DataFrame(self._rows, columns=["step", *names])
        return frame.astype({"step": "int64", **dict.fromkeys(names, "float64")})


class EpisodeWindow:
    """The last episodes that ended.

    Args:
        size: How many are kept.
    """

    def __init__(self, size: int = WINDOW_EPISODES) -> None:
        self._episodes: deque[dict[str, Any]] = deque(maxlen=size)

    def add(self, episode: dict[str, Any]) -> None:
        """Take one episode's values, as in ``info["episode"]``."""
        self._episodes.append(episode)

    def get_state(self) -> list[dict[str, Any]]:
        """Return the episodes, the oldest first."""
        return list(self._episodes)

    def set_state(self, episodes: list[dict[str, Any]]) -> None:
        """Go on from the episodes of ``get_state``."""
        self._episodes.clear()
        self._episodes.extend(episodes)

    def mean(self, key: str) -> float | None:
        """Mean of the finite values of a key, None when there is none."""
        values = [float(episode[key]) for episode in self._episodes if key in episode]
        finite = [value for value in values if math.isfinite(value)]
        return float(np.mean(finite)) if finite else None


class MetricsCallback(BaseCallback):
    """Collects metrics every ``log_interval`` and hands them on.

    Args:
        sinks: Who gets them.
        log_interval: Between two moments.
        info_keys: Values of an episode's last step whose means are logged; None: those of safety.
    """

    def __init__(
        self, sinks: tuple[MetricSink, ...], log_interval: Interval, info_keys: Sequence[str] | None = None
    ) -> None:
        super().__init__()
        self._episode_metrics = episode_metrics(info_keys)
        self._episodes = 0
        self.window = EpisodeWindow()
        self._sinks = sinks
        self._log_interval, self._unit = log_interval if isinstance(log_interval, tuple) else (log_interval, "step")
        self._logged_step = 0
        self._logged_at = time.perf_counter()

    def _on_training_start(self) -> None:
        self._logged_at = time.perf_counter()

    def _on_step(self) -> bool:
        for i in np.flatnonzero(self.locals["dones"]):
            self.window.add(self.locals["infos"][i]["episode"])
            self._episodes += 1
        if self._unit == "episode":
            due = self._episodes >= self._log_interval
        else:
            due = self.num_timesteps // self._log_interval > self._logged_step // self._log_interval
        if due:
            self.flush()
        return True

    def flush(self) -> None:
        """Hand on what there is now; does nothing when nothing happened since the last time."""
        if self.num_timesteps == self._logged_step:
            return
        metrics = dict(self._metrics())
        self._logged_step, self._logged_at, self._episodes = self.num_timesteps, time.perf_counter(), 0
        self.hand_on(metrics, self.num_timesteps)

    def hand_on(self, metrics: Mapping[str, float], step: int) -> None:
        """Give metrics of one moment to all sinks."""
        for sink in self._sinks:
            sink.log(metrics, step)

    def get_state(self) -> dict[str, Any]:
        """Return what decides the next metrics."""
        return {"window": self.window.get_state(), "logged_step": self._logged_step, "episodes": self._episodes}

    def set_state(self, state: dict[str, Any], num_timesteps: int) -> None:
        """Go on from ``get_state`` at so many env steps."""
        self.window.set_state(state["window"])
        self._logged_step, self._episodes = state["logged_step"], state["episodes"]
        self.num_timesteps = num_timesteps
        self._logged_at = time.perf_counter()

    def _metrics(self) -> Iterator[tuple[str, float]]:
        for name, key in self._episode_metrics.items():
            mean = self.window.mean(key)
            if mean is not None:
                yield name, mean
        for name, value in self.logger.name_to_value.items():
            # The algorithms record their losses here; everything else in it is ours or of no use.
            if name.startswith("train/") and math.isfinite(value):
                yield name, float(value)
        elapsed = max(time.perf_counter() - self._logged_at, 1e-9)
        yield "time/fps", (self.num_timesteps - self._logged_step) / elapsed


class ProgressCallback(BaseCallback):
    """Moves a progress display.

    Args:
        progress: The display, counting env steps.
        window: Where reward and success come from.
    """

    def __init__(self, progress: Progress, window: EpisodeWindow) -> None:
        super().__init__()
        self._progress = progress
        self._window = window

    def _on_step(self) -> bool:
        if self._progress.due():
            self.show()
        return True

    def show(self) -> None:
        """Hand the present state to the display."""
        figures = {"reward": self._window.mean("r"), "success": self._window.mean("is_success")}
        self._progress.update(
            self.num_timesteps, {name: f"{value:.2f}" for name, value in figures.items() if value is not None}
        )
