"""Reads recorded motion, repairs it, and stores it as clips with a report."""

from hrg_pipeline.pipelines.import_motion.pipeline import create_pipeline

__all__ = ["create_pipeline"]
