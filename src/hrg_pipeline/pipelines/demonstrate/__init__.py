"""Lets an expert do a task, and measures how often it succeeds."""

from hrg_pipeline.pipelines.demonstrate.pipeline import create_pipeline

__all__ = ["create_pipeline"]
