"""Tracking of runs: what is recorded, where, and how to find it again."""

from hrg_pipeline.tracking.links import experiment_link, newest_run_link, run_link, ui_address
from hrg_pipeline.tracking.provenance import sha256_of
from hrg_pipeline.tracking.session import MetricSink, NullSink, current_sink, end_interrupted_run
from hrg_pipeline.tracking.store import tracking_uri

__all__ = [
    "MetricSink",
    "NullSink",
    "current_sink",
    "end_interrupted_run",
    "experiment_link",
    "newest_run_link",
    "run_link",
    "sha256_of",
    "tracking_uri",
    "ui_address",
]
