"""MuJoCo: its C functions for numba, model pruning, contact flags, rendering."""
