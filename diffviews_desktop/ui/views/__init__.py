"""The map, flat and solid."""
