"""Checkpoint files: one module a format. None of them runs anything that a file contains."""
