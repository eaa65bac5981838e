"""The map: drawing, picking, rings and trajectories."""
