"""Data folders: models, samples, pictures."""
