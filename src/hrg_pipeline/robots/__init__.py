"""Arms: one data record per robot, capsules from the collision meshes."""
