"""The map in three dimensions, drawn by OpenGL."""
