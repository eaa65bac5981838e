"""Activations of samples on disk."""
