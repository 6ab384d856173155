"""Composed, checked configuration: groups, experiments, overrides, typed parameters."""
