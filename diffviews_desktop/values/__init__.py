"""What the parts of the program tell each other: frozen values, without Qt and without models."""
