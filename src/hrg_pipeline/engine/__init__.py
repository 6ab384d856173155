"""The scene, and one RL step as one compiled call."""
