"""Learning with stable-baselines3."""
