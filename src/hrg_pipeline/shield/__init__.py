"""The safety shield: pure numerics."""
