"""The layer cache."""
