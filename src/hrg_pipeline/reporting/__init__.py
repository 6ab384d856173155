"""Statistics, plots and videos of runs."""
