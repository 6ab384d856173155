"""The names that connect an expert to its episodes."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from hrg_pipeline.pipelines.demonstrate import nodes
from hrg_pipeline.pipelines.train.nodes import build_env


def create_pipeline() -> Pipeline:
    """Return build_env → attach_expert → demonstrate."""
    return Pipeline(
        [
            Node(build_env, inputs=["params:robot", "params:environment"], outputs="env_spec", name="build_env"),
            Node(
                nodes.attach_expert,
                inputs=["env_spec", "params:wrappers", "params:expert"],
                outputs="wrapped_env_spec",
                name="attach_expert",
            ),
            Node(
                nodes.demonstrate,
                inputs=["wrapped_env_spec", "params:wrappers", "params:expert", "params:run"],
                outputs={
                    "episodes": "episodes",
                    "metrics": "evaluation_metrics",
                    "figure": "evaluation_plot",
                    "video": "episode_video",
                },
                name="demonstrate",
            ),
        ],
        tags="demonstrate",
    )
