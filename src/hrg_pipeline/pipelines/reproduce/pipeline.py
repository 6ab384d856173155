"""The names that connect the nodes of the repetition."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from hrg_pipeline.pipelines.reproduce import nodes
from hrg_pipeline.pipelines.train import nodes as training


def create_pipeline() -> Pipeline:
    """Return: build and train again, evaluate again, compare with what is stored."""
    compared = ("spec", "curve", "replay_buffer", "policy", "record", "episodes")
    stored = ("wrapped_env_spec", "training_curve", "replay_buffer", "policy", "training_record", "episodes")
    return Pipeline(
        [
            Node(
                training.build_env,
                inputs=["params:robot", "params:environment"],
                outputs="repeated_bare_spec",
                name="build_env_again",
            ),
            Node(
                training.attach_wrappers,
                inputs=["repeated_bare_spec", "params:wrappers", "params:run"],
                outputs="repeated_spec",
                name="attach_wrappers_again",
            ),
            Node(
                nodes.train_again,
                inputs=["repeated_spec", "params:algorithm", "params:run", "training_record"],
                outputs={
                    "policy": "repeated_policy",
                    "replay_buffer": "repeated_replay_buffer",
                    "normalisation": "repeated_normalisation",
                    "curve": "repeated_curve",
                    "record": "repeated_record",
                },
                name="train_again",
            ),
            Node(
                nodes.evaluate_again,
                inputs=["repeated_spec", "repeated_policy", "repeated_normalisation", "params:run", "episodes"],
                outputs="repeated_episodes",
                name="evaluate_again",
            ),
            Node(
                nodes.gather,
                inputs=dict(zip(compared, (f"repeated_{name}" for name in compared), strict=True)),
                outputs="repeated_run",
                name="gather_repeated",
            ),
            Node(
                nodes.gather,
                inputs=dict(zip(compared, stored, strict=True)),
                outputs="stored_run",
                name="gather_stored",
            ),
            Node(
                nodes.compare_with_stored,
                inputs=["repeated_run", "stored_run", "provenance", "manifest"],
                outputs="reproduction",
                name="compare_with_stored",
            ),
            Node(nodes.require_equal, inputs="reproduction", outputs=None, name="require_equal"),
        ],
        tags="reproduce",
    )
