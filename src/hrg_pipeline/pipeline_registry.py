"""The pipelines by name."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from hrg_pipeline.pipelines import demonstrate, evaluate, import_motion, reproduce, train


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline; written out, because looking for them costs start-up time."""
    training = train.create_pipeline()
    return {
        "train": training,
        "evaluate": evaluate.create_pipeline(),
        "demonstrate": demonstrate.create_pipeline(),
        "import_motion": import_motion.create_pipeline(),
        "reproduce": reproduce.create_pipeline(),
        "__default__": training,
    }
