"""What can be chosen about a run and its tracking."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

RUN_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""A run key is a folder name: letters, digits, dot, dash, underscore."""

Positive = Annotated[int, Field(ge=1)]
Interval = Positive | tuple[Positive, Literal["step", "episode"]]
"""``n`` or ``[n, step]``: steps of all environments together; ``[n, episode]``: episodes that end."""


class RunParams(BaseModel):
    """Size, seeds and evaluation of one run."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    id: str | None = Field(default=None, pattern=RUN_ID_PATTERN, max_length=128)
    """Key of the run; null: a new one. That of a stored run, or its MLflow id, brings its configuration."""
    resume: str | None = Field(default=None, pattern=RUN_ID_PATTERN, max_length=128)
    """Run whose training goes on from its newest checkpoint, by key or MLflow id; it brings its configuration."""
    load_step: Annotated[int, Field(ge=1)] | Literal["final", "best"] | None = None
    """Checkpoint to go on from with ``resume``: its step, best, or final (null too): the newest that is intact."""
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
    log_interval: Interval = 1000
    """Environment steps between two points of the training curve, or ``[n, episode]``: episodes that end."""
    log_info_keys: tuple[Annotated[str, Field(min_length=1)], ...] | None = None
    """Values of the last step of an episode that are logged besides return, length and success; null: those of
    ``safety/``."""
    save_freq: int = Field(default=20_000, ge=0)
    """Environment steps between two checkpoints; 0: none are written, and the run cannot be resumed."""
    keep_last: int = Field(default=3, ge=1)
    """Checkpoints that are kept: so many of the newest, and the best where ``eval_freq`` is set."""
    keep_every: int | None = Field(default=None, ge=1)
    """Keep the first checkpoint at or after every so many environment steps as well; null: no more."""
    eval_freq: int | None = Field(default=None, ge=1)
    """Environment steps between two evaluations while training goes on, ``n_test_episodes`` each; null: none."""
    resetting_interval: int | None = Field(default=None, ge=1)
    """Environment steps between two resets of networks and optimisers; none in the last half interval; null: never."""
    verbose: bool = True
    """Show progress on the console."""
    record_video: bool = True
    """Record one evaluation episode where offscreen rendering works."""


class TrackingParams(BaseModel):
    """What is recorded of a run, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    backends: tuple[Literal["mlflow", "tensorboard", "wandb"], ...] = ("mlflow",)
    """Where runs are tracked, any combination; an empty list: nowhere. ``tracking=[a,b]`` is short for it."""
    store: bool = True
    """Keep models, tables and figures in ``data/``; false: nothing is written anywhere, for trying things out."""
    experiment_name: str = Field(default="hrg_pipeline", min_length=1)
    """MLflow experiment, or W&B project, that collects the runs."""
    group: str | None = Field(default=None, min_length=1)
    """Name of runs that belong together, nested under one run of that name in MLflow; null: the experiment of the
    configuration, without nesting."""
    run_name: str | None = Field(default=None, min_length=1)
    """Name of the run; null: the run key."""
    entity: str | None = Field(default=None, min_length=1)
    """User or team in W&B; null: your default there."""
    tags: dict[str, str] = {}
    """Your own tags on the run; add one with ``+tracking.tags.<name>=<text>``."""
    upload_replay_buffer: bool = False
    """Copy the replay buffer into the run's files; else only its path and hash are logged."""
    register_model: bool = True
    """Register the stored policy as a new version of a model in MLflow."""
    model_name: str | None = Field(default=None, pattern=r"^[^/:@]+$")
    """Name of that model; null: the experiment of the configuration, or the group without one."""
    log_batch_seconds: float = Field(default=5.0, gt=0.0)
    """Metrics are sent to MLflow in batches, at most this far apart [s]."""

    @model_validator(mode="after")
    def _nothing_is_tracked_that_is_not_stored(self) -> Self:
        if self.backends and not self.store:
            raise ValueError("tracking.store=false needs tracking.backends=[]; tracking=debug sets both")
        return self
