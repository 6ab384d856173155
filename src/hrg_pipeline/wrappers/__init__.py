"""Gymnasium wrappers around the environments."""
