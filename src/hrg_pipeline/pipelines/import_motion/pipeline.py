"""The names that connect the import to what it stores."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from hrg_pipeline.pipelines.import_motion import nodes


def create_pipeline() -> Pipeline:
    """Return the one node that imports."""
    return Pipeline(
        [
            Node(
                nodes.import_motion,
                inputs="params:motion",
                outputs={"clips": "motion_clips", "report": "motion_report", "table": "motion_report_table"},
                name="import_motion",
            )
        ],
        tags="import_motion",
    )
