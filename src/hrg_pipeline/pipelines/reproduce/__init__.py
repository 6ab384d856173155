"""Trains a stored run once more from its configuration, and says whether it is the same to the bit."""

from hrg_pipeline.pipelines.reproduce.pipeline import create_pipeline

__all__ = ["create_pipeline"]
