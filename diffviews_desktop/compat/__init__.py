"""Functions of the original system."""
