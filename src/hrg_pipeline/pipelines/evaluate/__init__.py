"""Evaluates a stored run on fresh episodes."""

from hrg_pipeline.pipelines.evaluate.pipeline import create_pipeline

__all__ = ["create_pipeline"]
