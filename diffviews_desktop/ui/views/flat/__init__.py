"""The map: drawing, picking, rings and runs."""
