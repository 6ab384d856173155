"""One file per task: parameters, observations, rewards, success."""
