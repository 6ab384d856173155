"""Builds the environment, trains in it, stores and checks what came out, evaluates it."""

from hrg_pipeline.pipelines.train.pipeline import create_pipeline

__all__ = ["create_pipeline"]
