"""What is done to a model: capture its layers, replace them, sample."""
