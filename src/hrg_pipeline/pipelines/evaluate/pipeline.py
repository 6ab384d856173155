"""The names that connect the evaluation to a stored run."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from hrg_pipeline.pipelines.evaluate import nodes


def create_pipeline() -> Pipeline:
    """Return the one node that evaluates; its inputs are all stored, so it also runs by itself."""
    return Pipeline(
        [
            Node(
                nodes.evaluate,
                inputs=[
                    "wrapped_env_spec",
                    "policy",
                    "normalisation",
                    "training_curve",
                    "manifest",
                    "params:run",
                ],
                outputs={
                    "episodes": "episodes",
                    "metrics": "evaluation_metrics",
                    "learning_curve": "learning_curve_plot",
                    "figure": "evaluation_plot",
                    "video": "episode_video",
                },
                name="evaluate",
            )
        ],
        tags="evaluate",
    )
