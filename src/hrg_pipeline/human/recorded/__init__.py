"""Recorded motion: reading it, mapping it to our body, repairing it, keeping it within the bounds."""
