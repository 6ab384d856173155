"""People: body model, motion, where each body is at each instant."""
