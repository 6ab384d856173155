"""What can be chosen about a run and its tracking."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

RUN_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""A run key is a folder name: letters, digits, dot, dash, underscore."""


class RunParams(BaseModel):
    """Size, seeds and evaluation of one run."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    id: str | None = Field(default=None, pattern=RUN_ID_PATTERN, max_length=128)
    """Key of the run; null: a new one. That of a stored run, or its MLflow id, brings its configuration."""
    n_envs: int = Field(default=1, ge=1)
    """Environments stepped together."""
    n_threads: int | None = Field(default=None, ge=1)
    """Threads that step them; null: one per core, less the one that learns with ``overlap``."""
    overlap: bool = True
    """Update off-policy algorithms while the environments step; actions are then one update older."""
    n_steps: int = Field(default=1_000_000, ge=1)
    """Environment steps of the training, all environments together."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Root of every random number of the training."""
    n_test_episodes: int = Field(default=20, ge=1)
    """Episodes of the evaluation."""
    eval_seed: int = Field(default=100, ge=0, le=2**32 - 1)
    """Root of every random number of the evaluation."""
    start_index: int = Field(default=0, ge=0)
    """Index of the first evaluation episode; episode k is the same whichever is the first."""
    test_only: bool = False
    """Evaluate the stored run ``id`` instead of training."""
    eval: bool = False
    """Watch the stored run ``id``: ``test_only`` with one environment, which is shown while it moves."""
    obs_keys: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=("object-state", "goal_difference"), min_length=1
    )
    """Observations that the policy sees, in this order."""
    log_interval: int = Field(default=1000, ge=1)
    """Environment steps between two points of the training curve."""
    verbose: bool = True
    """Show progress on the console."""
    record_video: bool = True
    """Record one evaluation episode where offscreen rendering works."""


class TrackingParams(BaseModel):
    """What is written to MLflow: the store named by ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` here."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    backends: tuple[Literal["mlflow"], ...] = ("mlflow",)
    """Where runs are tracked; an empty list: nowhere."""
    experiment_name: str = Field(default="hrg_pipeline", min_length=1)
    """MLflow experiment that collects the runs."""
    group: str | None = Field(default=None, min_length=1)
    """Name of runs that belong together; in MLflow they are nested under one run of that name."""
    run_name: str | None = Field(default=None, min_length=1)
    """Name of the MLflow run; null: the run key."""
    tags: dict[str, str] = {}
    """Your own tags on the MLflow run; add one with ``+tracking.tags.<name>=<text>``."""
    upload_replay_buffer: bool = False
    """Copy the replay buffer into the MLflow artifacts; else only its path and hash are logged."""
    register_model: bool = True
    """Register the stored policy as a new version of the model named after the experiment."""
    log_batch_seconds: float = Field(default=5.0, gt=0.0)
    """Metrics are sent to MLflow in batches, at most this far apart [s]."""
