"""The names that connect the nodes of the training."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from hrg_pipeline.pipelines import evaluate
from hrg_pipeline.pipelines.train import nodes


def create_pipeline() -> Pipeline:
    """Return build_env → attach_wrappers → train → save_artifacts → evaluate."""
    return (
        Pipeline(
            [
                Node(
                    nodes.build_env,
                    inputs=["params:robot", "params:environment"],
                    outputs="env_spec",
                    name="build_env",
                ),
                Node(
                    nodes.attach_wrappers,
                    inputs=["env_spec", "params:wrappers", "params:run"],
                    outputs="wrapped_env_spec",
                    name="attach_wrappers",
                ),
                Node(
                    nodes.train,
                    inputs=["wrapped_env_spec", "params:algorithm", "params:run", "checkpoints"],
                    outputs={
                        "policy": "policy",
                        "replay_buffer": "replay_buffer",
                        "normalisation": "normalisation",
                        "curve": "training_curve",
                        "record": "training_record",
                    },
                    name="train",
                ),
                Node(
                    nodes.save_artifacts,
                    inputs=[
                        "wrapped_env_spec",
                        "policy",
                        "replay_buffer",
                        "normalisation",
                        "training_record",
                        "stored_files",
                        "provenance",
                        "params:run",
                    ],
                    outputs="manifest",
                    name="save_artifacts",
                ),
            ],
            tags="train",
        )
        + evaluate.create_pipeline()
    )
